"""An archive is compressed as well as pg_dump can, and is checked and restored whatever it was."""

from pathlib import Path

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.errors import ArchiveError
from pgpromote.postgres.loading import restore
from pgpromote.postgres.place import Place
from pgpromote.postgres.rows import compare
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import Sample, contents, dumped, moved
from pgpromote_tests.func.proofs import proof_of
from pgpromote_tests.servers import COMPRESSING, Server

# More than a block of each compression, and values that do not compress.
SHOP = """
    CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, raw bytea);
    INSERT INTO users SELECT n, repeat('user ' || n, 20), sha256(n::text::bytea)
        FROM generate_series(1, 20000) AS n;
    CREATE TABLE empty (id integer);
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM users;
    SELECT lo_from_bytea(0, decode(repeat('00ff', 100000), 'hex'));
"""
METHODS = {"": "zstd", "zstd:3": "zstd", "lz4:1": "lz4", "gzip:1": "gzip", "none": "none"}


@pytest.fixture
def dev(start_server: StartServer) -> Server:
    return start_server(COMPRESSING, "dev")


@pytest.fixture
def prod(start_server: StartServer) -> Server:
    return start_server(COMPRESSING, "prod")


def shop(dev: Server, path: Path, wanted: str) -> Sample:
    """Dump a source with a compression."""
    return dumped(dev, dev.new_database(SHOP, variable="DEV_DATABASE_URL"), path, compression=wanted)


@pytest.mark.parametrize("wanted", METHODS)
def test_an_archive_of_every_compression_arrives_whole(
    dev: Server, prod: Server, tmp_path: Path, wanted: str
) -> None:
    sample = shop(dev, tmp_path / "shop.dump", wanted)
    target = prod.new_database()
    clearance = preflight.examine(sample.path, Place(target), [prod.tools()]).cleared()
    restore.restore(clearance, target, [prod.tools()], "test")
    restore.fill_materialized_views(clearance, target, [prod.tools()], "test")
    assert sample.manifest.compression == METHODS[wanted]
    assert proof_of(prod, clearance, sample.manifest, target).proven().mode == compare.EXACT
    bare = ("--no-owner", "--no-privileges")
    assert contents(prod, target.name, *bare) == contents(dev, sample.source.name, *bare)


@pytest.mark.parametrize("wanted", METHODS)
def test_an_archive_of_every_compression_that_was_cut_is_found_out(
    dev: Server, tmp_path: Path, wanted: str
) -> None:
    sample = shop(dev, tmp_path / "shop.dump", wanted)
    whole = sample.path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 1):
        cut = moved(sample, tmp_path / f"cut{length}.dump", whole[:length])
        with pytest.raises(ArchiveError):
            archive.walk(cut)
