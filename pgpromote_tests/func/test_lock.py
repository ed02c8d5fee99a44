"""The promotion lock cannot be lost unseen: a run whose lock is gone ends before its next step."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.databases import cutover, shadow
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.errors import UNTOUCHED, Busy, LockLost
from pgpromote.postgres.place import Place
from pgpromote.postgres.strategy import SWAP
from pgpromote.run.run import Run
from pgpromote.run.steps import CHECK, PREPARE, PROMOTED, RESTORE, Step, promote
from pgpromote_tests.func.walks import Stage, stage, until
from pgpromote_tests.servers import Server

HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database <> 0"
WALKED = [step for step in PROMOTED if step is not CHECK and step.runs(SWAP) and not step.within]


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    """Give a promotion that has dumped."""
    staged = stage(dev, prod, tmp_path, "CREATE TABLE t (a int);", "CREATE TABLE old (a int);")
    staged.dump()
    return staged


def terminate(staged: Stage) -> None:
    staged.prod.rows(f"SELECT pg_terminate_backend(pid, 5000) FROM ({HOLDERS}) AS held")


def walk_to(run: Run, last: Step, act: Callable[[], None]) -> None:
    until(run, CHECK)
    for step in WALKED:
        if step is last:
            act()
        until(run, step)


@pytest.mark.parametrize("step", WALKED, ids=[step.name for step in WALKED])
def test_a_run_whose_lock_is_gone_ends_before_its_next_step(staged: Stage, step: Step) -> None:
    with staged.untouched(), pytest.raises(LockLost, match="is lost") as failure, staged.walk() as run:
        walk_to(run, step, lambda: terminate(staged))
    assert "Prod is untouched" in str(failure.value)
    assert "pooler" in failure.value.hint


def test_a_run_that_lost_its_lock_does_not_disturb_the_next(staged: Stage) -> None:
    with staged.walk() as first:
        until(first, PREPARE)
        terminate(staged)
        with staged.walk() as second:
            promote(second)
        with pytest.raises(LockLost):
            until(first, RESTORE)
    assert staged.prod.rows("SELECT * FROM t", staged.promotion.target().name) == []


@pytest.mark.versions(15, 16, 17, 18)
def test_a_lock_that_is_held_is_found_held_and_others_are_busy(prod: Server) -> None:
    target = prod.new_database()
    with promotion_lock(Place(target, "first")) as lock:
        lock.check()
        with pytest.raises(Busy, match="first"), promotion_lock(Place(target, "second")):
            pass
        lock.check()
        prod.execute("SELECT pg_advisory_lock(1)", target.name)
        lock.check()


@pytest.mark.parametrize("unlock", ["pg_advisory_unlock_all()", "pg_terminate_backend(pg_backend_pid())"])
def test_a_session_without_the_lock_does_not_pass_for_one(prod: Server, unlock: str) -> None:
    target = prod.new_database()
    with promotion_lock(Place(target, "first")) as lock:
        try:
            lock.session.execute(f"SELECT {unlock}")
        except psycopg.OperationalError:
            assert lock.session.broken
        with pytest.raises(LockLost):
            lock.check()


@pytest.mark.parametrize("lose", ["pg_advisory_unlock_all()", "pg_terminate_backend(pg_backend_pid())"])
def test_a_swap_whose_lock_is_gone_is_not_begun(prod: Server, lose: str) -> None:
    database = prod.new_database("CREATE TABLE old (a int);")
    made = shadow.create(Place(database, "p"))
    with promotion_lock(Place(database, "p")) as lock:
        with suppress(psycopg.OperationalError):
            lock.session.execute(f"SELECT {lose}")
        with pytest.raises(LockLost) as failure:
            cutover.swap(Place(database, "p"), made.name, lock=lock)
    assert failure.value.outcome == UNTOUCHED
    assert prod.rows("SELECT count(*) FROM old", database.name) == [(0,)]
    assert made.name in prod.databases()


def test_the_session_that_holds_the_lock_swaps_and_holds_it_on(prod: Server) -> None:
    database = prod.new_database("CREATE TABLE old (a int);")
    made = shadow.create(Place(database, "p"))
    with promotion_lock(Place(database, "p")) as lock:
        done = cutover.swap(Place(database, "p"), made.name, lock=lock)
        lock.check()
        assert prod.rows(HOLDERS) == [(lock.session.info.backend_pid,)]
        cutover.rollback(Place(database, "p"), name=done.previous, lock=lock)
        lock.check()
    assert prod.rows("SELECT count(*) FROM old", database.name) == [(0,)]
