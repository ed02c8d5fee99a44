"""Room: what a dump and a new database need is compared with what is free, before anything is written."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pgpromote.postgres import disk, dump
from pgpromote.postgres.archives import archive
from pgpromote.postgres.errors import ToolFailed
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import connect, parse_url
from pgpromote.promotion import TARGET
from pgpromote.run.check import look
from pgpromote.settings import FREE, from_environment
from pgpromote_tests.func.walks import Stage, stage
from pgpromote_tests.servers import Server

TABLE = "CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) AS n"
ROLE = "plain owner, ünprivileged"


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    staged = stage(dev, prod, tmp_path, TABLE, "CREATE TABLE old (a int)")
    staged.dump()
    return staged


def found(staged: Stage, free: str) -> tuple[Finding, ...]:
    """Return what the check says when the operator says so much is free."""
    promotion = from_environment({**staged.promotion.environment, FREE: free})
    with replace(staged, promotion=promotion).walk() as run:
        return look(run.promotion, run.options, run.run_id).of("disk_space")


@pytest.mark.parametrize(
    ("free", "severity"),
    [("1kB", [Severity.ERROR]), ("6.5 MB", [Severity.ERROR]), ("500MB", [Severity.WARNING]), ("200GB", [])],
)
def test_a_new_database_must_fit_into_what_the_operator_says_is_free(
    staged: Stage, free: str, severity: list[Severity]
) -> None:
    told = found(staged, free)
    assert [each.severity for each in told] == severity
    for each in told:
        assert "free, says PGPROMOTE_PROD_FREE; the new database beside prod needs about" in each.message
        assert "write-ahead log up to 1.0 GB" in each.message
        assert "how much: PGPROMOTE_PROD_FREE=" in each.hint


def test_what_is_told_to_type_lifts_the_refusal(staged: Stage) -> None:
    (refusal,) = found(staged, "1kB")
    (needed,) = refusal.hint.split("'")[1:2]
    assert found(staged, needed) in {(), found(staged, needed)}
    assert all(each.severity is not Severity.ERROR for each in found(staged, needed))


@pytest.mark.versions(15, 16, 17, 18)
def test_a_server_on_this_machine_is_asked_for_its_disk(prod: Server) -> None:
    with connect(prod.new_database()) as session:
        looked = disk.look(session, prod.new_database())
    if os.access(prod.cluster.directory.parent, os.X_OK):
        assert looked.free == pytest.approx(shutil.disk_usage(prod.cluster.directory).free, rel=0.2)
    assert looked.log >= 1 << 30


@pytest.fixture
def elsewhere(prod: Server) -> Iterator[Path]:
    """Return a directory of the server's own user on another disk than its data directory."""
    home = Path(tempfile.mkdtemp(prefix="pgpromote-space-", dir="/var/tmp"))
    home.chmod(0o711)
    place = home / "space"
    place.mkdir()
    owner = (prod.cluster.directory / "data" / "PG_VERSION").stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    if place.stat().st_dev == owner.st_dev:
        pytest.skip("this machine has one disk")
    yield place
    shutil.rmtree(home)


@pytest.mark.versions(15, 16, 18)
def test_the_disk_of_prods_tablespace_is_asked_and_not_that_of_the_servers_own_directory(
    prod: Server, elsewhere: Path
) -> None:
    space = f"Räume {next(prod.numbers)}"
    with psycopg.connect(prod.url(), autocommit=True) as session:
        name = sql.Identifier(space)
        session.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(name, str(elsewhere)))
    database = parse_url(prod.new_url(options=f'TABLESPACE "{space}"'), "PROD_DATABASE_URL")
    with connect(database) as session:
        looked = disk.look(session, database)
    prod.execute(f"DROP DATABASE {database.name}")
    prod.execute(f'DROP TABLESPACE "{space}"')
    assert looked.source == f"the disk of its tablespace {space}"
    assert looked.free == pytest.approx(shutil.disk_usage(elsewhere).free, rel=0.05)
    assert looked.log == 0


@pytest.mark.versions(15, 18)
def test_a_tablespace_within_the_servers_own_directory_shares_its_disk_with_the_log(prod: Server) -> None:
    space = f"within_{next(prod.numbers)}"
    with psycopg.connect(prod.url(), autocommit=True) as session:
        session.execute("SET allow_in_place_tablespaces = on")
        session.execute(sql.SQL("CREATE TABLESPACE {} LOCATION ''").format(sql.Identifier(space)))
    database = parse_url(prod.new_url(options=f"TABLESPACE {space}"), "PROD_DATABASE_URL")
    with connect(database) as session:
        looked = disk.look(session, database)
    prod.execute(f"DROP DATABASE {database.name}")
    prod.execute(f"DROP TABLESPACE {space}")
    assert looked.free == pytest.approx(shutil.disk_usage(prod.cluster.directory).free, rel=0.2)
    assert looked.log >= 1 << 30


def test_a_role_that_may_not_ask_leaves_it_unknown(prod: Server) -> None:
    database = prod.new_database()
    prod.execute(f'CREATE ROLE "{ROLE}"')
    with connect(database) as session:
        session.execute(f'SET ROLE "{ROLE}"'.encode())
        looked = disk.look(session, database)
    prod.execute(f'DROP ROLE "{ROLE}"')
    assert (looked.free, looked.log) == (None, 1 << 30)


def test_a_dump_that_cannot_fit_is_refused_and_the_last_archive_stays(staged: Stage) -> None:
    path = Path(staged.promotion.archive_path)
    manifest = archive.read_manifest(path)
    assert manifest is not None
    big = replace(manifest, size=1 << 60)
    archive.manifest_path(path).write_text(archive.manifest_text(big), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(ToolFailed, match="TB, as the last one did, which stays"):
        staged.dump()
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.glob("*.partial")] == []


def test_a_source_that_has_shrunk_needs_less(staged: Stage, tmp_path: Path) -> None:
    path = Path(staged.promotion.archive_path)
    manifest = archive.read_manifest(path)
    assert manifest is not None
    shrunk = replace(manifest, size=1 << 50, database_size=1 << 60)
    archive.manifest_path(path).write_text(archive.manifest_text(shrunk), encoding="utf-8")
    dump.dump(staged.promotion.source(), path, staged.promotion.tools(), "test")
    assert archive.read_manifest(path) != shrunk


@pytest.mark.parametrize("size", ["0", "12", "1 EB", "GB", "1e3GB", "-1GB", "٣GB"])
def test_a_number_that_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match="PGPROMOTE_PROD_FREE is"):
        from_environment({FREE: size})


def test_sizes_are_read_as_they_are_written() -> None:
    url = {TARGET: "postgresql://h/d"}
    for size in (1 << 20, 5 << 30, 7 << 40):
        assert from_environment({**url, FREE: disk.shown(size)}).target().free == size
