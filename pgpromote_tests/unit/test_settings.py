"""The promotion read from the environment: defaults, settings without meaning, and late URLs."""

from pathlib import Path

import pytest

from pgpromote.postgres.errors import ConfigError, InvalidUrl
from pgpromote.promotion import from_environment

CANARY = "postgresql://me:Canary@host/"


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    promotion = from_environment({})
    assert promotion.name == "auction"
    assert promotion.archive_path == Path("data/postgres/auction_dev.dump").absolute()
    assert promotion.sql_path == Path("data/postgres/full.sql").absolute()
    assert (promotion.cron, promotion.timezone) == ("0 2 * * *", "UTC")
    assert (promotion.pg_bin, promotion.lock_database) == ((), "postgres")


def test_an_empty_setting_counts_as_not_set() -> None:
    assert from_environment({"PGPROMOTE_NAME": "", "PGPROMOTE_DUMP_DIR": ""}) == from_environment({})


def test_the_archive_is_named_after_the_promotion_and_lies_in_the_dump_directory() -> None:
    promotion = from_environment({"PGPROMOTE_NAME": "Shop_2", "PGPROMOTE_DUMP_DIR": "/backups"})
    assert promotion.archive_path == Path("/backups/Shop_2_dev.dump")


def test_several_tool_directories_are_kept_in_their_order() -> None:
    assert from_environment({"PGPROMOTE_PG_BIN": "/b:/a::"}).pg_bin == (Path("/b"), Path("/a"))


@pytest.mark.parametrize("name", ["../etc", "a b", "1st", "a/b", "ü", "a\n", "a'", "-x", "a.b"])
def test_a_name_that_could_leave_the_directory_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="PGPROMOTE_NAME"):
        from_environment({"PGPROMOTE_NAME": name})


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "utc+25", "Europe/"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ConfigError, match="PGPROMOTE_TIMEZONE"):
        from_environment({"PGPROMOTE_TIMEZONE": zone})


def test_urls_are_read_only_when_they_are_needed() -> None:
    promotion = from_environment({"DEV_DATABASE_URL": "nonsense"})
    assert promotion.name
    with pytest.raises(InvalidUrl, match="DEV_DATABASE_URL"):
        promotion.source()
    with pytest.raises(InvalidUrl, match="PROD_DATABASE_URL is not set"):
        promotion.target()


def test_a_restore_needs_no_source() -> None:
    assert from_environment({}).optional_source() is None


def test_the_audit_looks_at_prod_unless_told_otherwise() -> None:
    prod = {"PROD_DATABASE_URL": CANARY + "prod"}
    assert from_environment(prod).audited().name == "prod"
    assert from_environment({**prod, "DATABASE_URL": CANARY + "other"}).audited().name == "other"


def test_a_promotion_shown_to_somebody_holds_no_url() -> None:
    promotion = from_environment({"DEV_DATABASE_URL": CANARY + "dev", "PROD_DATABASE_URL": CANARY + "prod"})
    assert "Canary" not in repr(promotion)
