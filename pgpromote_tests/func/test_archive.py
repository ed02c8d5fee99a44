"""Archives that real pg_dumps wrote: read as pg_restore reads them, and found out when they are damaged."""

import json
import random
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from pgpromote.postgres.archives import archive, selection
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.errors import ArchiveError
from pgpromote.postgres.model import Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import (
    BARE,
    Sample,
    adopted,
    auction_sample,
    contents,
    dumped,
    moved,
    sample_of,
)
from pgpromote_tests.servers import Server

# "215; 1259 16390 TABLE DATA public orders alice": kinds are in capitals, except that of statistics in 18.
LINE = re.compile(r"(\d+); \d+ \d+ (.*)")


@pytest.fixture
def sample(dev: Server, samples: Path) -> Sample:
    return auction_sample(dev, samples)


@pytest.fixture
def small(dev: Server, tmp_path: Path) -> Sample:
    return sample_of(
        dev, "CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, 'x')", tmp_path / "small.dump"
    )


def pg_dump(dev: Server, source: Database, *options: str | Path) -> None:
    command = [dev.tools().path("pg_dump"), f"--dbname={source.argument()}", *options]
    subprocess.run(command, check=True, env={**BARE, **source.environment("")})


def listed(dev: Server, path: Path) -> list[tuple[int, str]]:
    done = subprocess.run(
        [dev.tools().path("pg_restore"), "--list", path], check=True, capture_output=True, text=True
    )
    matches = (LINE.match(line) for line in done.stdout.splitlines())
    return [(int(match[1]), match[2]) for match in matches if match]


def test_entries_and_counts_are_those_of_pg_restore(dev: Server, sample: Sample) -> None:
    expected = listed(dev, sample.path)
    entries = archive.read(sample.path).entries
    assert [entry.dump_id for entry in entries] == [number for number, _ in expected]
    for entry, (_, line) in zip(entries, expected, strict=True):
        assert line.startswith(f"{entry.kind} {entry.schema or '-'} {entry.tag} "), line
        assert line.endswith(entry.owner), line
    assert Counter(entry.kind for entry in entries) == archive.read(sample.path).counts()


@pytest.mark.versions(16, 18)
def test_the_header_is_that_of_the_source(dev: Server, sample: Sample) -> None:
    read = archive.read(sample.path)
    assert read.source_database == sample.source.name
    assert read.server_version == dev.rows("SHOW server_version")[0][0]
    assert read.format_version == {16: (1, 15), 18: (1, 16)}[dev.major]
    assert read.encoding == "UTF8"


def test_every_kind_of_the_sample_can_be_searched(sample: Sample) -> None:
    found = selection.search(sample.archive, ("view", "MATERIALIZED VIEW"), "*")
    assert {entry.name for entry in found} >= {"public.open_auctions", "public.category_turnover"}
    assert selection.search(sample.archive, ("TABLE",), "*Größen*")


def read_all(path: Path, dev: Server) -> None:
    archive.read(path)
    archive.verify(path, dev.tools())


@pytest.mark.versions(15, 18)
def test_an_archive_cut_anywhere_is_found_out_in_one_full_read(
    dev: Server, small: Sample, tmp_path: Path
) -> None:
    whole = small.path.read_bytes()
    for length in (*range(1, len(whole), max(1, len(whole) // 12)), len(whole) - 1):
        cut = moved(small, tmp_path / "cut.dump", whole[:length])
        with pytest.raises(ArchiveError, match=r"cut\.dump"):
            read_all(cut, dev)


def test_a_walk_finds_every_cut_too_and_what_does_not_belong_there(small: Sample, tmp_path: Path) -> None:
    whole = small.path.read_bytes()
    assert archive.walk(small.path) == archive.read(small.path)
    for length in range(1, len(whole), max(1, len(whole) // 300)):
        with pytest.raises(ArchiveError, match=r"cut\.dump"):
            archive.walk(moved(small, tmp_path / "cut.dump", whole[:length]))
    with pytest.raises(ArchiveError, match=r"long\.dump"):
        archive.walk(moved(small, tmp_path / "long.dump", whole + b"x"))


@pytest.mark.versions(15, 18)
def test_a_flipped_bit_never_gives_another_error(small: Sample, tmp_path: Path) -> None:
    generator = random.Random(7)  # noqa: S311 - repeatable damage
    for _ in range(1000):
        damaged = bytearray(small.path.read_bytes())
        damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        try:
            archive.read(moved(small, tmp_path / "flipped.dump", bytes(damaged)))
        except ArchiveError as refusal:
            assert "flipped.dump" in str(refusal)  # noqa: PT017 - most flips leave it readable


def refused(path: Path, prod: Server, target: Database) -> str:
    """Return why an archive is refused; nothing but the archive may be wrong."""
    report = preflight.examine(path, Place(target), [prod.tools()])
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    assert {finding.rule for finding in errors} == {"archive_readable"}
    assert report.clearance is None
    assert str(path) in errors[0].message
    return f"{errors[0].message} {errors[0].hint}"


def test_a_flipped_bit_in_our_own_archive_is_refused_by_its_digest(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    target = prod.new_database()
    sample = sample_of(dev, "CREATE TABLE t (v text); INSERT INTO t VALUES ('precious')", tmp_path / "a.dump")
    dumped(dev, sample.source, sample.path, compression="none")
    damaged = sample.path.read_bytes().replace(b"precious", b"prechous")
    assert damaged != sample.path.read_bytes()
    sample.path.write_bytes(damaged)
    assert "SHA-256" in refused(sample.path, prod, target)


@pytest.mark.parametrize("damage", ['{"sha256": ', "[]", "{}", "null", '"x"', "\udcff", '{"counts": {}}'])
def test_a_damaged_manifest_is_refused_not_ignored(prod: Server, small: Sample, damage: str) -> None:
    archive.manifest_path(small.path).write_text(damage, errors="surrogateescape")
    assert "manifest.json" in refused(small.path, prod, prod.new_database())


@pytest.mark.parametrize(("key", "value"), [("sha256", 5), ("extensions", 5), ("extensions", {"vector": 1})])
def test_a_manifest_with_values_of_other_types_is_refused(
    dev: Server, prod: Server, tmp_path: Path, key: str, value: object
) -> None:
    sample = sample_of(dev, "CREATE EXTENSION vector", tmp_path / "vector.dump")
    path = archive.manifest_path(sample.path)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    assert "manifest.json" in refused(sample.path, prod, prod.new_database())


def test_foreign_files_are_refused_for_what_they_are(
    prod: Server, small: Sample, dev: Server, tmp_path: Path
) -> None:
    target = prod.new_database()
    files = {
        "sql": (b"--\n-- PostgreSQL database dump\n--\nSELECT 1;\n", "plain SQL"),
        "png": (b"\x89PNG\r\n\x1a\n" + bytes(500), "not a PostgreSQL archive"),
        "empty": (b"", "is empty"),
    }
    for name, (content, reason) in files.items():
        assert reason in refused(moved(small, tmp_path / f"{name}.dump", content), prod, target)
    pg_dump(dev, small.source, "--format=tar", f"--file={tmp_path / 'tar.dump'}")
    assert "not a PostgreSQL archive" in refused(tmp_path / "tar.dump", prod, target)
    pg_dump(dev, small.source, "--format=directory", f"--file={tmp_path / 'directory.dump'}")
    assert "is a directory" in refused(tmp_path / "directory.dump", prod, target)
    (tmp_path / "directory.dump" / "toc.dat").rename(tmp_path / "toc.dump")
    assert "not a custom one" in refused(tmp_path / "toc.dump", prod, target)
    assert "There is no archive" in refused(tmp_path / "missing.dump", prod, target)
    assert "There is no archive" in refused(tmp_path / "no" / "such.dump", prod, target)
    assert "cannot be read" in refused(small.path / "under-a-file.dump", prod, target)


@pytest.mark.versions(15, 18)
def test_an_archive_cut_anywhere_is_refused_and_prod_stays_as_it_was(
    prod: Server, small: Sample, tmp_path: Path
) -> None:
    target = prod.new_database("CREATE TABLE t (id int); INSERT INTO t VALUES (7)")
    before = contents(prod, target.name)
    whole = small.path.read_bytes()
    for length in (4, 40, len(whole) // 2, len(whole) - 1):
        refused(moved(small, tmp_path / "cut.dump", whole[:length]), prod, target)
    assert contents(prod, target.name) == before


def test_an_archive_of_a_newer_pg_dump_is_refused_by_name(start_server: StartServer, tmp_path: Path) -> None:
    newer, older = start_server(18, "dev"), start_server(16, "prod")
    sample = sample_of(newer, "CREATE TABLE t (id int)", tmp_path / "new.dump")
    report = preflight.examine(sample.path, Place(older.new_database()), [older.tools()])
    (found,) = (finding for finding in report.findings if finding.severity is Severity.ERROR)
    assert found.rule == "client_tools"
    assert "the archive has format 1.16; its pg_dump and pg_restore must be 17 or newer" in found.message
    assert "Install postgresql-client-17" in found.hint


def test_an_archive_of_an_older_pg_dump_is_restored(start_server: StartServer, tmp_path: Path) -> None:
    older, newer = start_server(16, "dev"), start_server(18, "prod")
    sample = sample_of(older, "CREATE TABLE t (id int)", tmp_path / "old.dump")
    assert preflight.examine(sample.path, Place(newer.new_database()), [newer.tools()]).clearance


def test_an_archive_of_pg_dump_is_refused_until_it_is_adopted(
    dev: Server, prod: Server, small: Sample, tmp_path: Path
) -> None:
    by_hand = tmp_path / "by-hand.dump"
    pg_dump(dev, small.source, "--format=custom", f"--file={by_hand}")
    target = prod.new_database()
    (found,) = preflight.examine(by_hand, Place(target), [prod.tools()]).findings
    assert (found.rule, found.severity) == ("manifest_there", Severity.ERROR)
    assert "pgpromote adopt " in found.hint
    assert preflight.examine(adopted(by_hand, dev), Place(target), [prod.tools()]).clearance
