"""A hot standby of prod: the checks tell of it, and what they say to run there is what helps after a swap."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pgpromote.demo import servers as embedded
from pgpromote.demo.servers import Cluster
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.databases import standbys
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect
from pgpromote.postgres.strategy import CLEAN, SWAP, Strategy
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import wait_until
from pgpromote_tests.func.shops import login, roles
from pgpromote_tests.func.walks import Stage, stage
from pgpromote_tests.servers import FAST, Server

MAJOR = 16
OLD = "CREATE TABLE kept (id integer PRIMARY KEY, at text); INSERT INTO kept VALUES (1, 'old');"
NEW = "CREATE TABLE kept (id integer PRIMARY KEY, at text); INSERT INTO kept VALUES (1, 'new');"
ATTACHED = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"


@pytest.fixture
def primary(start_server: StartServer) -> Server:
    """Run a prod of its own: a copy of all databases of the tests' prod would take long."""
    return start_server(MAJOR, "primary")


def as_server(primary: Server, *command: str | Path) -> "subprocess.Popen[bytes]":
    """Start a program of the installation as the account that the server runs as."""
    owner = (primary.cluster.directory / "data").stat()
    theirs = owner.st_uid != os.geteuid()
    return subprocess.Popen(
        [primary.cluster.bin_dir / command[0], *command[1:]],
        env={"PGPASSWORD": primary.cluster.password, "PATH": os.defpath},
        cwd="/",
        stderr=subprocess.DEVNULL,
        user=owner.st_uid if theirs else None,
        group=owner.st_gid if theirs else None,
        extra_groups=[] if theirs else None,
    )


@contextmanager
def standby_of(primary: Server) -> Iterator[Cluster]:
    """Copy a server while it runs, and start the copy as its hot standby."""
    source = primary.cluster.directory
    place, owner = source.with_name(f"{source.name}_standby"), (source / "data").stat()
    place.mkdir(mode=0o700)
    os.chown(place, owner.st_uid, owner.st_gid)
    shutil.copy(source / "password", place / "password")
    reach = primary.url().partition("?")[0]
    options = [
        f"--pgdata={place / 'data'}",
        "--checkpoint=fast",
        "--write-recovery-conf",
        f"--dbname={reach}",
    ]
    assert as_server(primary, "pg_basebackup", *options).wait() == 0
    with embedded.running(place, primary.cluster.bin_dir, settings=FAST) as cluster:
        wait_until(lambda: primary.rows(ATTACHED) == [(1,)], "the standby is attached")
        yield cluster


def told(shop: Stage, target: Database, *, strategy: Strategy = SWAP) -> list[Finding]:
    archive, tools = Path(shop.promotion.archive_path), shop.promotion.tools()
    return list(preflight.examine(archive, Place(target), tools, Choice(strategy=strategy)).of(standbys.RULE))


def test_a_standby_is_told_and_its_sessions_read_the_old_prod_until_they_are_ended_as_told(
    start_server: StartServer, primary: Server, tmp_path: Path
) -> None:
    shop = stage(start_server(MAJOR, "dev"), primary, tmp_path, NEW, OLD)
    shop.dump()
    target, (plain,) = shop.promotion.target(), roles(primary, 1)
    assert told(shop, target) == []
    with standby_of(primary) as standby:
        (found,) = told(shop, target)
        assert (found.severity, found.object) == (Severity.WARNING, "walreceiver")
        assert "The standby walreceiver at 127.0.0.1 is attached." in found.message
        (unseen,) = told(shop, login(primary, target.name, plain))
        assert f"the role {plain} may not see that" in unseen.message
        assert f'GRANT pg_read_all_stats TO "{plain}";' in unseen.hint
        primary.execute(f"GRANT pg_read_all_stats TO {plain}")
        assert told(shop, login(primary, target.name, plain)) == [found]
        assert told(shop, target, strategy=CLEAN) == []

        url = standby.url(target.name)
        with psycopg.connect(url, autocommit=True) as reader:
            assert reader.execute("SELECT at FROM kept").fetchone() == ("old",)
            shop.promote()

            def read() -> object:
                with psycopg.connect(url) as session:
                    return session.execute("SELECT at FROM kept").fetchone()

            wait_until(lambda: read() == ("new",), "the swap arrives at the standby")
            assert reader.execute("SELECT at FROM kept").fetchone() == ("old",)
            with psycopg.connect(standby.url(), autocommit=True) as session:
                session.execute(found.hint.partition("run there: ")[2].encode())
            with pytest.raises(psycopg.OperationalError):
                reader.execute("SELECT at FROM kept")


def test_what_only_keeps_the_log_is_no_standby(primary: Server, tmp_path: Path) -> None:
    place = primary.cluster.directory / "log"
    place.mkdir()
    owner = (primary.cluster.directory / "data").stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    keeper = as_server(primary, "pg_receivewal", f"--directory={place}", f"--dbname={primary.url()}")
    try:
        wait_until(lambda: primary.rows(ATTACHED) == [(1,)], "the log is kept")
        with connect(primary.new_database(), "test") as session:
            assert standbys.read(session) == ()
    finally:
        keeper.terminate()
        keeper.wait()
