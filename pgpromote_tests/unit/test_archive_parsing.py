"""An archive of any supported format is read whole; anything else is an ArchiveError, never another error."""

import io
import random
from dataclasses import replace
from datetime import datetime

import pytest

from pgpromote.postgres.archives import archive, selection
from pgpromote.postgres.archives.archive import SEARCH_PATH
from pgpromote.postgres.errors import ArchiveError
from pgpromote_tests.unit.archives import ENCODING, PATH, SHOP, Entry, archive_of, parsed, written

VERSIONS = [(1, 12), (1, 13), (1, 14), (1, 15), (1, 16)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_supported_format_gives_the_same_entries(version: tuple[int, int]) -> None:
    read = parsed(written(version=version))
    assert read.format_version == version
    assert [(e.dump_id, e.kind, e.name, e.owner) for e in read.entries] == [
        (2, "TABLE", "public.orders", "alice"),
        (3, "TABLE DATA", "public.orders", "alice"),
        (4, "INDEX", "public.orders_idx", "alice"),
    ]
    assert [entry.section for entry in read.entries] == ["pre-data", "data", "post-data"]
    assert read.entries[2].dependencies == (2,)


def test_the_header_is_read() -> None:
    read = parsed(written())
    assert (read.source_database, read.server_version, read.encoding) == ("shop", "16.14", "UTF8")
    assert read.pg_dump_version == "16.14 (Debian)"
    assert read.created_at.replace(tzinfo=None) == datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - as written
    assert (read.path, read.size) == (PATH, len(written()))


@pytest.mark.parametrize(
    ("version", "byte", "method"),
    [
        ((1, 14), 0, "none"),
        ((1, 14), -1, "gzip"),
        ((1, 14), 9, "gzip"),
        ((1, 15), 0, "none"),
        ((1, 15), 1, "gzip"),
        ((1, 15), 2, "lz4"),
        ((1, 16), 3, "zstd"),
        ((1, 16), 77, "unknown"),
    ],
)
def test_the_compression_is_named(version: tuple[int, int], byte: int, method: str) -> None:
    assert parsed(written(version=version, compression=byte)).compression == method


@pytest.mark.parametrize("version", VERSIONS)
def test_an_archive_cut_at_any_byte_of_its_contents_is_an_archive_error(version: tuple[int, int]) -> None:
    data = written(version=version)
    for length in range(len(data)):
        with pytest.raises(ArchiveError) as refusal:
            parsed(data[:length])
        assert str(PATH) in str(refusal.value), length


def test_a_damaged_byte_gives_an_archive_or_an_archive_error() -> None:
    data = written()
    for place in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            try:
                parsed(bytes(damaged))
            except ArchiveError as refusal:
                assert str(PATH) in str(refusal)  # noqa: PT017 - most damage is no error at all


def test_noise_is_an_archive_error() -> None:
    generator = random.Random(20)  # noqa: S311 - noise, not a secret
    for start in (b"", b"PGDMP", b"PGDMP\x01\x0e\x00\x04\x08\x01", b"PGDMP\x01\x10\x00\x08\x08\x01\x01"):
        for _ in range(200):
            with pytest.raises(ArchiveError):
                parsed(start + generator.randbytes(400))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"--\n-- PostgreSQL database dump\n--\n", "plain SQL"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a PostgreSQL archive"),
        (b"toc.dat" + bytes(512), "not a PostgreSQL archive"),
        (b"PGDM", "not a PostgreSQL archive"),
        (b"PK\x03\x04" + bytes(100), "not a PostgreSQL archive"),
    ],
)
def test_a_foreign_file_is_told_what_it_is(content: bytes, reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason) as refusal:
        archive.parse(io.BytesIO(content), PATH, len(content))
    assert "pg_dump --format=custom" in refusal.value.hint


@pytest.mark.parametrize(("number", "name"), [(3, "tar"), (5, "directory"), (4, "unknown")])
def test_another_format_of_pg_dump_is_named(number: int, name: str) -> None:
    with pytest.raises(ArchiveError, match=f"{name}-format"):
        parsed(written(archive_format=number))


@pytest.mark.parametrize("version", [(1, 11), (1, 17), (2, 0), (0, 15)])
def test_a_format_that_is_too_old_or_too_new_is_named(version: tuple[int, int]) -> None:
    with pytest.raises(ArchiveError, match=rf"archive format {version[0]}\.{version[1]}"):
        parsed(written(version=version))


@pytest.mark.parametrize(
    "created",
    [
        (0, 0, 0, 0, 0, 0, 0),
        (61, 61, 25, 32, 12, 126, 0),
        (0, 0, 0, 1, 0, 2**31, 0),
        (0, 0, 0, 1, 0, -1900, 0),
    ],
)
def test_an_impossible_date_is_an_archive_error(created: tuple[int, ...]) -> None:
    with pytest.raises(ArchiveError):
        parsed(written(created=created))


def test_a_leap_second_is_a_date() -> None:
    assert parsed(written(created=(60, 59, 23, 31, 11, 116, 0))).created_at.second == 59


@pytest.mark.parametrize("sizes", [(2, 4), (4, 4), (4, 8), (8, 8)])
def test_archives_of_machines_with_other_integers_are_read(sizes: tuple[int, int]) -> None:
    read = parsed(written(integer_size=sizes[0], offset_size=sizes[1]))
    assert [entry.dump_id for entry in read.entries] == [2, 3, 4]


def test_a_count_of_more_entries_than_there_are_is_an_archive_error() -> None:
    with pytest.raises(ArchiveError, match="cut or damaged"):
        parsed(written(count=2**31 - 1))


def test_a_dependency_that_is_no_number_is_an_archive_error() -> None:
    with pytest.raises(ArchiveError, match="cut or damaged"):
        archive_of(Entry(2, "INDEX", "i", dependencies=("x",)))


@pytest.mark.parametrize("name", ["it's", 'a"b', "a b", "line\nbreak", "Größen & Maße", "", "a.b", "💶"])
def test_odd_names_are_read_as_they_are(name: str) -> None:
    read = archive_of(Entry(2, "TABLE", name, schema=name, owner=name))
    assert [(e.schema, e.tag, e.owner) for e in read.entries] == [(name, name, name)]


def test_a_name_that_is_not_utf8_is_shown_escaped_instead_of_failing() -> None:
    data = written((ENCODING, Entry(2, "TABLE", "caXX"))).replace(b"caXX", b"ca\xe9\xff")
    assert parsed(data).entries[0].tag == r"ca\xe9\xff"


def test_settings_of_the_session_and_the_database_are_no_entries() -> None:
    settings = [Entry(n, kind, kind, "") for n, kind in enumerate(sorted(archive.SETTINGS), 2)]
    about_database = [Entry(9, "ACL", "DATABASE shop", ""), Entry(10, "COMMENT", "DATABASE shop", "")]
    read = archive_of(*settings, *about_database, Entry(11, "COMMENT", "TABLE orders"))
    assert [entry.dump_id for entry in read.entries] == [11]


def test_counts_are_by_kind_and_the_most_frequent_comes_first() -> None:
    read = archive_of(
        Entry(2, "VIEW", "v"), Entry(3, "TABLE", "a"), Entry(4, "TABLE", "b"), Entry(5, "ACL", "x")
    )
    assert list(read.counts().items()) == [("TABLE", 2), ("ACL", 1), ("VIEW", 1)]


def test_an_archive_without_entries_is_an_archive() -> None:
    assert archive_of().counts() == {}


@pytest.mark.parametrize(
    ("kinds", "pattern", "found"),
    [
        ((), "*", [2, 3, 4]),
        (("table",), "*", [2]),
        (("TABLE", "index"), "*", [2, 4]),
        ((), "orders", [2, 3]),
        ((), "public.orders*", [2, 3, 4]),
        ((), "?rders", [2, 3]),
        (("VIEW",), "*", []),
        ((), "ORDERS", []),
    ],
)
def test_entries_are_found_by_kind_and_name(kinds: tuple[str, ...], pattern: str, found: list[int]) -> None:
    assert [entry.dump_id for entry in selection.search(parsed(written(SHOP)), kinds, pattern)] == found


@pytest.mark.parametrize("text", ["SELECT 1;", "SET search_path = public;", f"{SEARCH_PATH} SELECT 1;"])
def test_a_session_begins_with_nothing_but_an_empty_search_path(text: str) -> None:
    usual = Entry(9, "SEARCHPATH", "SEARCHPATH", "", f"{SEARCH_PATH}\n")
    assert parsed(written((*SHOP, usual))).entries

    with pytest.raises(ArchiveError, match="another search path"):
        parsed(written((*SHOP, replace(usual, definition=text))))
