"""Repair while others use the database."""

import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import LockNotAvailable

from pgpromote.postgres.errors import RepairFailed
from pgpromote.postgres.keys import repair, sequences
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.servers import Server

BROKEN = "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 500);"
BEHIND = "CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 500);"
PATIENCE = 30  # seconds until a test that waits for a condition gives up

Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def wait_for_waits(session: Connection, count: int) -> None:
    """Wait until repair has waited for a lock so many times, one after the other."""
    waits = """
        SELECT l.pid, l.waitstart FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
         WHERE NOT l.granted AND l.waitstart IS NOT NULL AND a.datname = current_database()
           AND a.application_name = 'pgpromote:test'"""
    seen: set[object] = set()
    deadline = time.monotonic() + PATIENCE
    while len(seen) < count:
        assert time.monotonic() < deadline, "repair did not wait"
        seen.update(session.execute(waits).fetchall())


@pytest.mark.parametrize("script", [BROKEN, BEHIND])
def test_the_ids_of_a_writer_that_was_not_done_when_we_planned_count(
    script: str, prod: Server, pool: ThreadPoolExecutor
) -> None:
    shop = prod.new_database(script)
    # With this default, one query before the lock would hide what is committed while we wait.
    prod.execute(f"ALTER DATABASE {shop.name} SET default_transaction_isolation = 'repeatable read'")
    with (
        psycopg.connect(prod.url(shop.name)) as writer,
        psycopg.connect(prod.url(shop.name), autocommit=True) as watcher,
    ):
        writer.execute("INSERT INTO t VALUES (1000)")
        with connect(shop) as session:
            planned = repair.plan(session)
        running = pool.submit(repair.repair, shop, "test")
        wait_for_waits(watcher, 1)
        writer.commit()
        done = running.result(PATIENCE)
    assert [change.after for change in planned.changes] == [501]
    assert [change.after for change in done.changes] == [1001]
    prod.execute("INSERT INTO t DEFAULT VALUES", shop.name)
    assert prod.rows("SELECT max(id) FROM t", shop.name) == [(1001,)]


@pytest.mark.parametrize("script", [BROKEN, BEHIND])
@pytest.mark.parametrize("query", ["INSERT INTO t VALUES (900)", "SELECT nextval('t_id_seq')"])
def test_nobody_takes_an_id_between_our_reading_and_our_writing(
    script: str, query: str, prod: Server
) -> None:
    shop = prod.new_database(script)
    refused = []
    if script == BROKEN:
        query = query.replace("SELECT nextval('t_id_seq')", "SELECT 1 FROM t")  # there is no sequence yet

    def interfere(statement: object) -> None:
        with psycopg.connect(prod.url(shop.name), autocommit=True) as session:
            session.execute("SET lock_timeout = '50ms'")
            with pytest.raises(LockNotAvailable):
                session.execute(query.encode())
            refused.append(statement)

    done = repair.repair(shop, "test", on_statement=interfere)
    assert refused == list(done.statements) != []


def test_readers_go_on_while_a_sequence_is_moved(prod: Server) -> None:
    shop = prod.new_database(BEHIND)
    read = []

    def reader(_: object) -> None:
        with psycopg.connect(prod.url(shop.name), autocommit=True) as session:
            session.execute("SET lock_timeout = '5s'")
            read.append(session.execute("SELECT count(*) FROM t").fetchone())

    repair.repair(shop, "test", on_statement=reader)
    assert read == [(500,)]


def test_values_that_a_session_has_cached_are_not_used_after_the_repair(prod: Server) -> None:
    shop = prod.new_database(BEHIND + "ALTER SEQUENCE t_id_seq CACHE 20;")
    with psycopg.connect(prod.url(shop.name), autocommit=True) as session:
        assert session.execute("SELECT nextval('t_id_seq')").fetchone() == (1,)
        repair.repair(shop, "test")
        assert session.execute("INSERT INTO t DEFAULT VALUES RETURNING id").fetchone() == (501,)


def test_a_table_that_stays_in_use_is_a_clear_error_and_unchanged(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "LOCK_TIMEOUT", "20ms")
    shop = prod.new_database(BROKEN)
    with psycopg.connect(prod.url(shop.name)) as reader:
        reader.execute("SELECT count(*) FROM t")
        with pytest.raises(RepairFailed, match=r"public\.t is in use"):
            repair.repair(shop, "test")
    with connect(shop) as session:
        assert [change.action for change in repair.plan(session).changes] == [repair.ADD_IDENTITY]


def test_a_table_that_is_in_use_for_a_moment_is_tried_again(
    prod: Server, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "LOCK_TIMEOUT", "500ms")
    shop = prod.new_database(BROKEN)
    with (
        psycopg.connect(prod.url(shop.name)) as reader,
        psycopg.connect(prod.url(shop.name), autocommit=True) as watcher,
    ):
        reader.execute("SELECT count(*) FROM t")
        running = pool.submit(repair.repair, shop, "test")
        wait_for_waits(watcher, 2)
        reader.rollback()
        assert [change.after for change in running.result(PATIENCE).changes] == [501]


def test_a_table_that_is_left_alone_may_stay_in_use(prod: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "LOCK_TIMEOUT", "20ms")
    shop = prod.new_database("CREATE TABLE t (id smallint PRIMARY KEY); INSERT INTO t VALUES (32767)")
    with psycopg.connect(prod.url(shop.name)) as reader:
        reader.execute("SELECT count(*) FROM t")
        done = repair.repair(shop, "test")
    assert [skipped.reason for skipped in done.skipped] == ["exhausted"]


def test_what_another_session_has_repaired_meanwhile_is_not_repaired_again(
    prod: Server, pool: ThreadPoolExecutor
) -> None:
    shop = prod.new_database(BEHIND)
    with (
        psycopg.connect(prod.url(shop.name)) as other,
        psycopg.connect(prod.url(shop.name), autocommit=True) as watcher,
    ):
        other.execute("ALTER SEQUENCE t_id_seq RESTART WITH 700")
        running = pool.submit(repair.repair, shop, "test")
        wait_for_waits(watcher, 1)
        other.commit()
        assert running.result(PATIENCE).changes == ()
    prod.execute("INSERT INTO t DEFAULT VALUES", shop.name)
    assert prod.rows("SELECT max(id) FROM t", shop.name) == [(700,)]


def tables(count: int) -> str:
    return "".join(
        f"CREATE TABLE broken_{n:03} (id integer PRIMARY KEY); INSERT INTO broken_{n:03} VALUES ({n});"
        f"CREATE TABLE behind_{n:03} (id serial PRIMARY KEY); INSERT INTO behind_{n:03} VALUES ({n});"
        for n in range(1, count + 1)
    )


def queries_of(
    action: Callable[[psycopg.Connection[tuple[object, ...]]], object], shop: Database, log: Path
) -> int:
    """Count the statements that an action sends to the server."""
    with connect(shop) as session, log.open("w+b") as trace:
        session.pgconn.trace(os.dup(trace.fileno()))
        action(session)
        session.pgconn.untrace()
        return len(re.findall(rb"\t(?:Parse|Query)\t", log.read_bytes()))


def test_a_plan_asks_no_more_questions_for_more_tables(prod: Server, tmp_path: Path) -> None:
    few, many = prod.new_database(tables(2)), prod.new_database(tables(40))
    asked = queries_of(repair.plan, few, tmp_path / "few")
    assert asked > 0
    assert queries_of(repair.plan, many, tmp_path / "many") == asked


def test_every_table_gets_its_own_value_however_the_reading_is_split(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequences, "CHUNK", 3)
    shop = prod.new_database(tables(8))
    done = repair.repair(shop, "test")
    wanted = {f"public.{kind}_{n:03}": n + 1 for kind in ("broken", "behind") for n in range(1, 9)}
    assert {change.table: change.after for change in done.changes} == wanted
