"""The safety archives of prod: their names, their history, and which of them go."""

import fcntl
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.archives import archive, safety
from pgpromote.postgres.errors import ArchiveError
from pgpromote.postgres.model import Manifest
from pgpromote_tests.servers import Server

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONTENT = b"PGDMP and so on"
SHOP = "shop on db:5432"
ODD_NAMES = ["../../etc", "..", ".hidden", "a/b", 'it\'s "odd"', "%2F", "-x", "a b\n", "*"]
ODD_NAMES += ["ü" * 31 + "x", "€" * 21]  # 63 bytes each


def hours(count: int) -> datetime:
    return NOON + count * HOUR


def lay(
    directory: Path,
    prod: str,
    at: datetime,
    *,
    source: str = SHOP,
    size: int = len(CONTENT),
    system: str = "",
) -> str:
    """Lay an archive with a manifest there; return its name."""
    directory.mkdir(exist_ok=True)
    path = Path(safety.path(directory, prod, at))
    path.write_bytes(CONTENT)
    manifest = Manifest(
        promotion=f"p{at:%H}",
        sha256="aa",
        size=size,
        created_at=at.isoformat(),
        seconds=1.0,
        source=source,
        server_version="16.4",
        pg_dump_version="16.4",
        compression="none",
        encoding="UTF8",
        locale="libc C",
        extensions={},
        counts={},
        contents={},
        system_identifier=system,
    )
    archive.manifest_path(path).write_text(archive.manifest_text(manifest))
    return path.name


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def with_manifest(*archives: str) -> set[str]:
    return {name for each in archives for name in (each, each + ".manifest.json")}


def retained(directory: Path, keep: int, max_age: timedelta | None = None) -> tuple[str, ...]:
    return safety.retain(directory, "shop", keep, max_age, hours(12))


# Names ------------------------------------------------------------------------------------------------------


def test_the_name_says_which_prod_and_when_in_utc_to_the_millisecond(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, 1, 2, 3, 45999, timezone(timedelta(hours=2)))
    assert safety.path(tmp_path, "Shop-1_x", at) == tmp_path / "Shop-1_x__safety_20260228_230203_045.dump"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_database_name_gives_a_file_in_the_directory(tmp_path: Path, name: str) -> None:
    path = safety.path(tmp_path, name, NOON)

    assert Path(path).resolve().parent == tmp_path.resolve()
    assert not path.name.startswith(".")
    lay(tmp_path, name, NOON)
    longest = archive.manifest_path(path).with_name(archive.manifest_path(path).name + ".partial")
    longest.touch()  # the longest name that a dump gives
    (found,) = safety.history(tmp_path, name)
    assert (found.path, found.taken_at) == (path, NOON)


def test_two_databases_never_share_an_archive(tmp_path: Path) -> None:
    prods = [*ODD_NAMES, "shop", "shop_", "shop__safety_20260301_120000_000.dump", "a.b", "a%2Eb"]
    for name in prods:
        lay(tmp_path, name, NOON)
    for name in prods:
        assert [found.path for found in safety.history(tmp_path, name)] == [safety.path(tmp_path, name, NOON)]


# History ----------------------------------------------------------------------------------------------------


def test_the_history_says_what_there_is_newest_first(tmp_path: Path) -> None:
    for count in (1, 3, 2):
        lay(tmp_path, "shop", hours(count))

    found = safety.history(tmp_path, "shop")

    assert [each.taken_at for each in found] == [hours(3), hours(2), hours(1)]
    assert [each.promotion for each in found] == ["p15", "p14", "p13"]
    assert {each.source for each in found} == {SHOP}
    assert all(each.usable and each.size > len(CONTENT) for each in found)


def test_there_is_no_history_without_the_directory(tmp_path: Path) -> None:
    assert safety.history(tmp_path / "none", "shop") == []
    assert retained(tmp_path / "none", 0) == ()


@pytest.mark.parametrize("flaw", ["no manifest", "damaged manifest", "cut", "only a partial file"])
def test_what_is_not_whole_is_listed_as_not_usable(tmp_path: Path, flaw: str) -> None:
    path = tmp_path / lay(tmp_path, "shop", NOON)
    if flaw == "no manifest":
        archive.manifest_path(path).unlink()
    elif flaw == "damaged manifest":
        archive.manifest_path(path).write_text("{")
    elif flaw == "cut":
        path.write_bytes(CONTENT[:-1])
    else:
        archive.manifest_path(path).unlink()
        path.rename(path.with_name(path.name + ".partial"))

    (found,) = safety.history(tmp_path, "shop")

    assert (found.path, found.usable) == (path, False)
    assert found.size >= len(CONTENT) - 1


def test_what_is_no_file_of_ours_is_not_listed(tmp_path: Path) -> None:
    for name in ("shop.dump", "shop__safety_now.dump", "shop__safety_99999999_999999_999.dump", "notes.txt"):
        (tmp_path / name).write_bytes(CONTENT)
    Path(safety.path(tmp_path, "shop", hours(1))).mkdir()
    Path(safety.path(tmp_path, "shop", hours(2))).symlink_to(tmp_path / "shop.dump")
    (tmp_path / os.fsdecode(b"caf\xe9.dump")).touch()

    assert safety.history(tmp_path, "shop") == []


def test_a_directory_that_is_none_is_a_readable_error(tmp_path: Path) -> None:
    (tmp_path / "safety").touch()
    with pytest.raises(ArchiveError, match="safety cannot be read"):
        safety.history(tmp_path / "safety", "shop")


def test_an_archive_of_prod_itself_is_listed_as_usable(prod: Server, tmp_path: Path) -> None:
    database = prod.new_database("CREATE TABLE t (id int)", name=f"prod's/{prod.major}")
    path = safety.path(tmp_path / "safety", database.name, NOON)

    dump.dump(database, path, [prod.tools()], "r1", name="p1")

    (found,) = safety.history(tmp_path / "safety", database.name)
    assert (found.path, found.promotion, found.source, found.usable) == (path, "p1", database.label, True)
    assert Path(path.parent).stat().st_mode & 0o777 == 0o700


# Retention --------------------------------------------------------------------------------------------------


def test_the_newest_and_the_oldest_of_a_day_stay_the_others_go_with_their_manifests(tmp_path: Path) -> None:
    laid = [lay(tmp_path, "shop", hours(count)) for count in range(5)]
    args = (tmp_path, "shop", 2, None, hours(12))
    assert safety.beyond(*args) == (laid[2], laid[1])
    assert safety.beyond(*args, entering=True) == (laid[3], laid[2], laid[1])

    assert retained(tmp_path, 2) == (laid[2], laid[1])

    assert names(tmp_path) == with_manifest(laid[0], laid[3], laid[4])
    assert retained(tmp_path, 2) == ()


def test_one_from_before_today_outlives_any_age(tmp_path: Path) -> None:
    laid = [lay(tmp_path, "shop", hours(count)) for count in (0, 4, 40, 41)]

    gone = safety.retain(tmp_path, "shop", 2, HOUR, hours(42))

    assert gone == (laid[2], laid[0])
    assert names(tmp_path) == with_manifest(laid[1], laid[3])


def test_those_beyond_the_age_go_and_none_need_be_kept(tmp_path: Path) -> None:
    laid = [lay(tmp_path, "shop", hours(count)) for count in (2, 6, 10)]

    assert retained(tmp_path, 9, 6 * HOUR) == (laid[0],)  # the one of exactly that age stays
    assert retained(tmp_path, 0) == (laid[2], laid[1])

    assert names(tmp_path) == set()


def test_archives_of_another_prod_are_neither_counted_nor_removed(tmp_path: Path) -> None:
    mine = lay(tmp_path, "shop", hours(0))
    others = [lay(tmp_path, name, hours(1)) for name in ("shop2", "shop__safety_20260301_120000_000", "SHOP")]
    elsewhere = [lay(tmp_path, "shop", hours(count), source="shop on other:5432") for count in (2, 3, 4)]

    assert retained(tmp_path, 1) == (elsewhere[1],)

    assert names(tmp_path) == with_manifest(mine, *others, elsewhere[0], elsewhere[2])


def test_what_a_dead_dump_left_goes_once_a_newer_archive_is_whole(tmp_path: Path) -> None:
    dead = lay(tmp_path, "shop", hours(1))
    (tmp_path / f"{dead}.manifest.json").rename(tmp_path / f"{dead}.manifest.json.partial")
    half = safety.path(tmp_path, "shop", hours(2)).name
    (tmp_path / f"{half}.partial").write_bytes(CONTENT)
    assert retained(tmp_path, 0) == ()  # nothing newer is whole

    whole = lay(tmp_path, "shop", hours(3))

    assert retained(tmp_path, 1) == (half, dead)
    assert names(tmp_path) == with_manifest(whole)


def test_what_is_not_whole_takes_nobody_s_place(tmp_path: Path) -> None:
    laid = [lay(tmp_path, "shop", hours(count)) for count in range(4)]
    broken = lay(tmp_path, "shop", hours(5), size=1)

    assert retained(tmp_path, 2) == (laid[1],)

    assert names(tmp_path) == with_manifest(laid[0], laid[2], laid[3], broken)


def test_one_that_is_being_written_stays(tmp_path: Path) -> None:
    whole = lay(tmp_path, "shop", hours(3))
    writing = safety.path(tmp_path, "shop", hours(1)).name + ".partial"

    with (tmp_path / writing).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as a dump does
        assert retained(tmp_path, 1) == ()

    assert names(tmp_path) == {*with_manifest(whole), writing}
    assert retained(tmp_path, 1) == (writing.removesuffix(".partial"),)


def test_the_archive_just_taken_stays_whatever_is_to_be_kept(tmp_path: Path) -> None:
    older, taken = (lay(tmp_path, "shop", hours(count)) for count in (1, 2))

    gone = safety.retain(tmp_path, "shop", 0, timedelta(0), hours(12), taken=tmp_path / taken)

    assert gone == (older,)
    assert names(tmp_path) == with_manifest(taken)


def test_two_spellings_of_one_server_share_what_is_to_be_kept(tmp_path: Path) -> None:
    sources = ("shop on db:5432", "shop on 10.0.0.1:5432", "shop on db:5432")
    laid = [lay(tmp_path, "shop", hours(n), source=s, system="7") for n, s in enumerate(sources)]

    assert retained(tmp_path, 1) == (laid[1],)

    assert names(tmp_path) == with_manifest(laid[0], laid[2])
