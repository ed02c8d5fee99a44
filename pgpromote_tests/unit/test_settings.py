"""The promotion read from the environment: defaults, settings without meaning, and late URLs."""

from datetime import timedelta
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
    assert (promotion.keep, promotion.keep_for, promotion.keep_after) == (2, None, timedelta(hours=24))


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


def test_what_is_kept_is_a_count_and_an_age() -> None:
    promotion = from_environment({"PGPROMOTE_KEEP": "0", "PGPROMOTE_KEEP_DAYS": "1.5"})
    assert (promotion.keep, promotion.keep_for) == (0, timedelta(hours=36))


@pytest.mark.parametrize("count", ["-1", "1.5", "two", "٣", "1e3", " 2", "9" * 10])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    with pytest.raises(ConfigError, match="PGPROMOTE_KEEP is"):
        from_environment({"PGPROMOTE_KEEP": count})


@pytest.mark.parametrize("days", ["0", "0.0", "-1", "nan", "inf", "1e3", "30d", "٣", "9" * 10])
def test_an_age_that_is_none_is_refused(days: str) -> None:
    with pytest.raises(ConfigError, match="PGPROMOTE_KEEP_DAYS is"):
        from_environment({"PGPROMOTE_KEEP_DAYS": days})


def test_safety_archives_lie_where_the_sensor_does_not_look() -> None:
    promotion = from_environment({"PGPROMOTE_DUMP_DIR": "/backups"})
    assert promotion.safety_dir == Path("/backups/safety")


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


@pytest.mark.parametrize("text", ["-1", "a day", "24h", "1e3", "999999"])
def test_the_hours_of_the_one_more_are_a_number(text: str) -> None:
    assert from_environment({"PGPROMOTE_KEEP_HOURS": "1.5"}).keep_after == timedelta(hours=1.5)
    with pytest.raises(ConfigError, match="PGPROMOTE_KEEP_HOURS is"):
        from_environment({"PGPROMOTE_KEEP_HOURS": text})
