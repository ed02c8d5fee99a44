"""Whatever lies in the place of an archive or a manifest is named in bounded time, and stops nothing else."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.errors import ArchiveError
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.watches import Watch
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server

Make = Callable[[Path], object]


def a_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)  # a path of any length, unlike that of a bound socket


# What no file with a content is.
PLACES: dict[str, Make] = {
    "a directory": Path.mkdir,
    "a pipe that nobody writes into": os.mkfifo,
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to a directory": lambda path: path.symlink_to("."),
    "a socket": a_socket,
}
# What a manifest cannot be.
CONTENTS = {
    "nothing": b"",
    "binary": bytes(range(256)),
    "another shape": b"[]",
    "a number of 5,000 digits": b'{"size": ' + b"9" * 5000 + b"}",
    "half a character": b'{"sha256": "\xe6\x9d',
    "deep": b"[" * 100_000,
    "an endless name": b'{"' + b"x" * 1_000_000,
    "infinite": b'{"size": Infinity}',
    "twice the same": b'{"size": 1, "size": 2}',
}


@pytest.fixture(scope="module")
def source_url(start_server: StartServer) -> str:
    return start_server(16, "dev").new_url(SHOP)


@pytest.fixture(scope="module")
def foreign(start_server: StartServer, source_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dump dev as a stranger would: with pg_dump, without a manifest."""
    path = tmp_path_factory.mktemp("foreign") / "foreign.dump"
    program = start_server(16, "dev").tools().path("pg_dump")
    subprocess.run([program, "-Fc", f"--file={path}", f"--dbname={source_url}"], check=True)
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "dumps"
    made.mkdir()
    return made


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file_is_no_archive_and_no_manifest(directory: Path, kind: str) -> None:
    PLACES[kind](directory / "a.dump")
    PLACES[kind](archive.manifest_path(directory / "b.dump"))
    for use in (archive.read, archive.walk, archive.verify_sql, archive.digest):
        with pytest.raises(ArchiveError, match="a\\.dump"):
            use(directory / "a.dump")
    with pytest.raises(ArchiveError, match="manifest\\.json"):
        archive.read_manifest(directory / "b.dump")


@pytest.mark.parametrize("content", CONTENTS)
def test_what_is_no_manifest_is_called_damaged_and_nobody_is_told_to_remove_it(
    directory: Path, content: str
) -> None:
    archive.manifest_path(directory / "a.dump").write_bytes(CONTENTS[content])
    with pytest.raises(ArchiveError, match="is damaged") as problem:
        archive.read_manifest(directory / "a.dump")
    assert "emove" not in problem.value.hint


def test_a_manifest_of_endless_size_is_not_read_to_its_end(directory: Path) -> None:
    path = archive.manifest_path(directory / "a.dump")
    with path.open("wb") as file:
        file.truncate(archive.LARGEST_MANIFEST + 1)
    with pytest.raises(ArchiveError, match="larger than 268,435,456 bytes"):
        archive.read_manifest(directory / "a.dump")


@pytest.mark.parametrize("count", [archive.MOST_ENTRIES + 1, 2**31 - 1])
def test_an_archive_of_endless_entries_is_not_begun(directory: Path, foreign: Path, count: int) -> None:
    whole = foreign.read_bytes()
    last_of_header = archive.read(foreign).pg_dump_version.encode()
    place = whole.index(last_of_header, whole.index(last_of_header) + 1) + len(last_of_header)
    crafted = whole[:place] + b"\0" + count.to_bytes(4, "little") + whole[place + 5 :]
    (directory / "a.dump").write_bytes(crafted)
    with pytest.raises(ArchiveError, match=f"says that it holds {count:,} entries"):
        archive.read(directory / "a.dump")


def test_the_sensor_takes_the_good_archive_among_all_of_them(
    start_server: StartServer, source_url: str, foreign: Path, tmp_path: Path
) -> None:
    dev: Server = start_server(16, "dev")
    promotion = runs.promotion(source_url, start_server(16, "prod").new_url(), tmp_path, dev)
    promotion = replace(promotion, adopts=True)
    Path(promotion.directory).mkdir(parents=True)
    for number, make in enumerate(PLACES.values()):
        make(Path(promotion.directory / f"a{number}.dump"))
        shutil.copy(foreign, promotion.directory / f"b{number}.dump")
        make(archive.manifest_path(promotion.directory / f"b{number}.dump"))
    for number, content in enumerate(CONTENTS.values()):
        shutil.copy(foreign, promotion.directory / f"c{number}.dump")
        archive.manifest_path(promotion.directory / f"c{number}.dump").write_bytes(content)
    shutil.copy(foreign, promotion.directory / "good.dump")

    with dg.DagsterInstance.ephemeral() as instance:
        watch = Watch(promotion, instance)
        watch.cursor = '{"settling": {}, "done": {}, "since": null}'
        watch.tick()
        told = watch.tick()
        again = watch.tick()

    assert [request.tags["pgpromote/archive"] for request in told.run_requests or []] == ["good.dump"]
    named = json.dumps([str(event.description) for event in told.asset_events])
    assert all(f"{letter}{number}.dump" in named for letter in "bc" for number in range(len(PLACES)))
    assert not again.run_requests
    assert not again.asset_events
