"""The promotion read from the environment: defaults, settings without meaning, and late URLs."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from pgpromote.postgres.archives.origin import Expected
from pgpromote.postgres.errors import ArchiveError, ConfigError, InvalidUrl
from pgpromote.settings import from_environment

CANARY = "postgresql://me:Canary@host/"


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    promotion = from_environment({})
    assert promotion.dump_dir == Path("data/postgres").absolute()
    assert (promotion.cron, promotion.timezone) == ("0 2 * * *", "UTC")
    assert (promotion.pg_bin, promotion.lock_database) == ((), "postgres")
    assert (promotion.keep, promotion.keep_for, promotion.keep_after) == (2, None, timedelta(hours=24))


def test_an_empty_setting_counts_as_not_set() -> None:
    assert from_environment({"PGPROMOTE_NAME": "", "PGPROMOTE_DUMP_DIR": ""}) == from_environment({})


def test_all_of_a_promotion_lies_in_a_directory_of_its_name_in_the_dump_directory() -> None:
    promotion = from_environment({"PGPROMOTE_NAME": "Shop_2", "PGPROMOTE_DUMP_DIR": "/backups"})
    assert promotion.archive_path == Path("/backups/Shop_2/Shop_2_dev.dump")
    assert promotion.sql_path == Path("/backups/Shop_2/full.sql")
    assert promotion.safety_dir == Path("/backups/Shop_2/safety")


@pytest.mark.parametrize(
    ("database", "name", "archive"),
    [
        ("shop", "shop", "shop/shop_dev.dump"),
        ("shop_dev", "shop_dev", "shop_dev/shop_dev.dump"),
        ("My-Shop.2", "My_Shop_2", "My_Shop_2/My_Shop_2_dev.dump"),
        ("1st", "db_1st", "db_1st/db_1st_dev.dump"),
        ("läden", "l_den", "l_den/l_den_dev.dump"),
        ("магазин", "db_8a1e7483", "db_8a1e7483/db_8a1e7483_dev.dump"),
        ("../etc", "db____etc", "db____etc/db____etc_dev.dump"),
        ("x" * 63, "x" * 63, f"{'x' * 63}/{'x' * 63}_dev.dump"),
    ],
)
def test_a_promotion_without_a_name_is_called_after_the_source_database(
    database: str, name: str, archive: str
) -> None:
    url = f"postgresql://me@host/{quote(database, safe='')}"
    promotion = from_environment({"DEV_DATABASE_URL": url, "PGPROMOTE_DUMP_DIR": "/backups"})
    assert promotion.name == name
    assert promotion.archive_path == Path("/backups") / archive
    changed = f"The promotion of {database} is called {name}; PGPROMOTE_NAME gives it another name."
    assert promotion.renamed == ("" if database == name else changed)


def test_a_given_name_goes_before_the_source_database() -> None:
    promotion = from_environment({"DEV_DATABASE_URL": CANARY + "my-shop", "PGPROMOTE_NAME": "till"})
    assert (promotion.name, promotion.renamed) == ("till", "")


NAMED = ("directory", "archive_path", "sql_path", "safety_dir")


@pytest.mark.parametrize("needed", NAMED)
def test_without_a_name_and_a_source_what_to_set_is_said(needed: str) -> None:
    with pytest.raises(ConfigError, match="neither PGPROMOTE_NAME nor DEV_DATABASE_URL is set") as raised:
        getattr(from_environment({"PROD_DATABASE_URL": CANARY + "prod"}), needed)
    assert "PGPROMOTE_NAME=shop" in raised.value.hint


@pytest.mark.parametrize("text", ["7412345678901234567", "7412345678901234567/16384", "0/1"])
def test_the_source_can_be_pinned_to_one_server_and_one_database(text: str) -> None:
    environment = {"PGPROMOTE_NAME": "shop", "PGPROMOTE_SOURCE_ID": text}
    assert from_environment(environment).expected("ab") == Expected("shop", text, "ab")


@pytest.mark.parametrize("text", ["shop", "7412345678901234567/", "/16384", "-1", "1/2/3", "٣", " 7"])
def test_a_source_identifier_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="PGPROMOTE_SOURCE_ID is"):
        from_environment({"PGPROMOTE_NAME": "shop", "PGPROMOTE_SOURCE_ID": text}).expected()


@pytest.mark.parametrize("left", ["shop_dev.dump", "auction_dev.dump"])
def test_an_archive_where_the_version_before_kept_it_is_found_and_told(tmp_path: Path, left: str) -> None:
    promotion = from_environment({"PGPROMOTE_NAME": "shop", "PGPROMOTE_DUMP_DIR": str(tmp_path)})
    assert promotion.own_archive() == promotion.archive_path
    (tmp_path / left).touch()
    with pytest.raises(ArchiveError, match="the version before kept one at") as raised:
        promotion.own_archive()
    assert f"pgpromote restore {tmp_path / left}" in raised.value.hint
    Path(promotion.directory).mkdir()
    Path(promotion.archive_path).touch()
    assert promotion.own_archive() == promotion.archive_path


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


WRONG = {
    "PGPROMOTE_NAME": "läden und mehr",
    "PGPROMOTE_TIMEZONE": "Mars/X",
    "PGPROMOTE_KEEP": "-1",
    "PGPROMOTE_KEEP_DAYS": "never",
    "PGPROMOTE_KEEP_HOURS": "a day",
    "PGPROMOTE_LOSS_BOUND": "150",
    "PGPROMOTE_STALL_MINUTES": "0",
    "PGPROMOTE_PROD_FREE": "200 apples",
    "PGPROMOTE_WAL_ROOM": "4",
    "PGPROMOTE_ADOPT": "perhaps",
}


@pytest.mark.parametrize("chosen", [[*WRONG], ["PGPROMOTE_KEEP", "PGPROMOTE_ADOPT"], ["PGPROMOTE_TIMEZONE"]])
def test_every_setting_without_meaning_is_named_at_once_with_what_it_takes(chosen: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        from_environment({name: WRONG[name] for name in chosen})
    told = str(refused.value)
    assert {name for name in WRONG if f"{name} is" in told} == {*chosen}
    assert ("settings have no meaning" in told) is (len(chosen) > 1)
    if "PGPROMOTE_KEEP" in chosen:
        assert "For example 2; 0 keeps none." in told
