"""While a restore works, its statements are watched, and it goes on when that fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.loading import activity
from pgpromote.postgres.loading.activity import Activity
from pgpromote.postgres.server import Database, connect, rows
from pgpromote.run.restore_progress import Work
from pgpromote.run.steps import PREPARE, PROVE, RESTORE
from pgpromote_tests.func.command_line import wait_until
from pgpromote_tests.func.walks import Stage, stage, until
from pgpromote_tests.servers import Server

GATE = 4711
# An index over `held(id)` is built for as long as somebody holds the gate.
HELD = f"""
    CREATE FUNCTION held(id integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN
        IF id = 500 THEN PERFORM pg_advisory_xact_lock_shared({GATE}); END IF;
        RETURN id;
    END $$;
    CREATE TABLE t (id integer); INSERT INTO t SELECT generate_series(1, 1000);
"""
INDEX = "CREATE INDEX ON t (held(id))"


@contextmanager
def gate(server: Server, database: str) -> Iterator[psycopg.Connection]:
    """Hold the gate of a database's indexes, until it is given up."""
    with psycopg.connect(server.url(database), autocommit=True) as session:
        session.execute("SELECT pg_advisory_lock(%s)", [GATE])
        yield session


def seen(target: Database, promotion: str) -> list[Activity]:
    with connect(target, promotion) as session:
        return rows(session, Activity, "catalog/activity")


def test_rows_that_come_are_seen_with_their_table(prod: Server) -> None:
    target = prod.new_database("CREATE TABLE t (id integer)")
    with connect(target, "mine") as session, session.cursor().copy("COPY public.t FROM STDIN") as copy:
        for number in range(100_000):
            copy.write_row((number,))
        wait_until(lambda: bool(seen(target, "mine")), "a table that is loaded")
        (loading,) = seen(target, "mine")
    assert (loading.loading, loading.name, loading.share) == (True, "public.t", None)
    assert loading.rows is not None


@pytest.mark.versions(15, 16, 17, 18)
def test_an_index_that_is_built_is_seen_with_its_table_and_not_by_others(prod: Server) -> None:
    target = prod.new_database(HELD)
    with gate(prod, target.name) as held, connect(target, "mine", autocommit=True) as session:
        building = threading.Thread(
            target=session.execute, args=("CREATE INDEX ON public.t (public.held(id))",)
        )
        building.start()
        wait_until(lambda: bool(seen(target, "mine")), "an index that is built")
        (index,) = seen(target, "mine")
        assert seen(target, "other") == []
        held.execute("SELECT pg_advisory_unlock_all()")
        building.join()
    assert (index.loading, index.name, index.rows) == (False, "public.t", None)
    assert index.share is not None
    assert 0 <= index.share <= 1


@pytest.fixture
def held(dev: Server, prod: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Set up a promotion whose index cannot be built before somebody opens the gate."""
    monkeypatch.setattr(activity, "EVERY", 0.05)
    return stage(dev, prod, tmp_path, HELD + INDEX, "")


def restored(shop: Stage, act: str) -> tuple[list[str], list[tuple[object, ...]]]:
    """Restore behind the gate, act once the index is seen, and open the gate.

    Returns all that was told, and what the act returned.
    """
    told: list[str] = []
    acted: list[tuple[object, ...]] = []
    shop.dump()
    with shop.walk() as run:
        until(run, PREPARE)
        with gate(shop.prod, run.database.name) as held:

            def see(work: Work) -> None:
                told.append(str(work.doing()))
                if any(not each.loading for each in work.now):
                    acted.extend(shop.prod.rows(act, run.database.name))
                    held.execute("SELECT pg_advisory_unlock_all()")

            run.on_work = see
            until(run, RESTORE)
        until(run, PROVE)
    return told, acted


def test_a_restore_tells_which_index_it_builds_while_it_is_built(held: Stage) -> None:
    told, _ = restored(held, "SELECT 1")
    assert any("index of public.t" in each for each in told)


def test_a_restore_goes_on_when_nobody_can_look_any_more(held: Stage) -> None:
    looking = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_stat_progress_copy%' "
    )
    told, ended = restored(held, looking + "AND pid <> pg_backend_pid()")
    assert ended == [(True,)]
    assert "index of public.t" in told[-1]
