"""Whoever is killed in a cut-over, prod is wholly old or wholly new, open, and never a mix."""

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import psycopg

from pgpromote.postgres import cutover, shadow
from pgpromote.postgres.errors import ConnectionFailed, CutOverFailed, SessionFailed
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests import servers
from pgpromote_tests.func.shops import PATIENCE, configuration
from pgpromote_tests.servers import Server

SEED = 3
TOOL_KILLS = 32
SERVER_KILLS = 10
TABLES = range(6)
VICTIM = Path(__file__).parents[1] / "cutover_victim.py"
# One statement, so that a reader who sees two generations has seen a mix.
FINGERPRINT = "SELECT " + " || ".join(
    f"(SELECT concat(count(*), md5(string_agg(row, ',' ORDER BY row))) FROM part_{n})" for n in TABLES
)


def parts(generation: str) -> str:
    return "".join(
        f"CREATE TABLE part_{n} (row text);"
        f"INSERT INTO part_{n} SELECT '{generation} ' || generate_series(1, 50);"
        for n in TABLES
    )


def fingerprint(server: Server, name: str) -> object:
    return server.rows(FINGERPRINT, name)[0][0]


def shop(server: Server) -> tuple[Database, str, dict[object, str]]:
    """Make a prod and its shadow; return them and which fingerprint means what."""
    database = server.new_database(parts("old"))
    server.execute(
        f"COMMENT ON DATABASE {database.name} IS 'the shop';"
        f"ALTER DATABASE {database.name} CONNECTION LIMIT 90;"
        f"ALTER DATABASE {database.name} SET work_mem = '9MB'; "
        f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC"
    )
    made = shadow.create(database, "p")
    server.execute(parts("new"), made.name)
    meaning = {fingerprint(server, database.name): "old", fingerprint(server, made.name): "new"}
    assert len(meaning) == 2
    return database, made.name, meaning


@contextmanager
def readers(server: Server, database: Database, count: int = 4) -> Iterator[set[object]]:
    """Read prod all the time, reconnecting; collect every fingerprint that anybody sees."""
    over, seen = Event(), set[object]()

    def read() -> None:
        while not over.is_set():
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(server.url(database.name), autocommit=True) as session,
            ):
                while not over.is_set():
                    seen.update(session.execute(FINGERPRINT.encode()).fetchone() or ())

    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(read) for _ in range(count)]
        try:
            yield seen
        finally:
            over.set()
        for each in running:
            each.result(PATIENCE)


@contextmanager
def victim(server: Server, database: Database, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process that is about to do the cut-over."""
    environment = {**os.environ, "PROD_DATABASE_URL": server.url(database.name)}
    environment["PYTHONPATH"] = str(VICTIM.parents[1])
    with subprocess.Popen(
        [sys.executable, VICTIM, *arguments], env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            process.kill()


def undisturbed(server: Server, database: Database) -> float:
    """Measure how long a cut-over takes in such a process, in s."""
    with victim(server, database, "--back") as process:
        started = time.monotonic()
        process.wait(PATIENCE)
        assert process.returncode == 0
        return time.monotonic() - started


def test_a_killed_cut_over_leaves_prod_wholly_old_or_wholly_new(prod: Server) -> None:
    database, made, meaning = shop(prod)
    names, before = ["old", "new"], configuration(prod, database.name)
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    outcomes = []
    with readers(prod, database) as seen:
        with victim(prod, database, made) as process:  # killed before it has begun
            process.kill()
        assert meaning[fingerprint(prod, database.name)] == "old"
        cutover.swap(database, made, "p")
        cutover.rollback(database, "p")
        seconds = max(undisturbed(prod, database) for _ in range(2))
        for _ in range(TOOL_KILLS):
            was = meaning[fingerprint(prod, database.name)]
            with victim(prod, database, "--back") as process:
                select.select([], [], [], chance.uniform(0, seconds))
                process.kill()
                process.wait(PATIENCE)
            now = meaning[fingerprint(prod, database.name)]
            outcomes.append(names.index(now) != names.index(was))
            assert configuration(prod, database.name) == before
        # whatever was left, the next one goes through
        last = cutover.rollback(database, "p")
    assert seen == set(meaning)
    assert {meaning[fingerprint(prod, name)] for name in (database.name, last.previous)} == {"old", "new"}
    databases = prod.rows(f"SELECT count(*) FROM pg_database WHERE starts_with(datname, '{database.name}')")
    assert databases == [(2,)]
    print(f"PG {prod.major}: {TOOL_KILLS} kills, {sum(outcomes)} new, {TOOL_KILLS - sum(outcomes)} old")  # noqa: T201


def kill_server(server: Server) -> None:
    """End a server as a crash does: the postmaster first stands still, so it starts no more children."""
    os.kill(server.cluster.pid, signal.SIGSTOP)
    children = Path(f"/proc/{server.cluster.pid}/task/{server.cluster.pid}/children").read_text().split()
    for pid in [server.cluster.pid, *map(int, children)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_server_that_is_killed_in_a_cut_over_comes_back_wholly_old_or_wholly_new(major: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="pgpromote-tests-"))
    home.chmod(0o711)
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    outcomes = []
    database, made, meaning = Database("", {}), "", dict[object, str]()
    for number in range(SERVER_KILLS):
        with servers.running(home, major, "killed") as server, ThreadPoolExecutor(1) as pool:
            if not number:
                database, made, meaning = shop(server)
                cutover.swap(database, made, "p")
            target = parse_url(server.url(database.name), "PROD_DATABASE_URL")
            before = meaning[fingerprint(server, database.name)]
            with readers(server, database):
                started = time.monotonic()
                cutover.rollback(target, "p")
                seconds = time.monotonic() - started
                running = pool.submit(cutover.rollback, target, "p")
                select.select([], [], [], chance.uniform(0, 2 * seconds))
                kill_server(server)
            error = running.exception(PATIENCE)
            assert isinstance(error, CutOverFailed | ConnectionFailed | SessionFailed | None)
        with servers.running(home, major, "killed") as server:
            after = meaning[fingerprint(server, database.name)]
            assert configuration(server, database.name)[1:3] == (90, "the shop")
        # it was swapped once for sure, so "the same as before" means that the second went through
        outcomes.append(after == before)
        if error is None:
            assert after == before
    shutil.rmtree(home)
    print(f"PG {major}: {SERVER_KILLS} kills, {sum(outcomes)} new, {SERVER_KILLS - sum(outcomes)} old")  # noqa: T201
