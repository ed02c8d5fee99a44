"""The promotion lock cannot be lost unseen: a run whose lock is gone ends before its next step."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.databases import cutover, shadow
from pgpromote.postgres.databases.lock import promotion_lock, same_database
from pgpromote.postgres.errors import UNTOUCHED, Busy, LockLost, Refused
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote.postgres.strategy import SWAP
from pgpromote.promotion import TARGET
from pgpromote.run.run import Run
from pgpromote.run.steps import CHECK, PREPARE, PROMOTED, RESTORE, Step, promote
from pgpromote_tests.func.transaction_pooler import pooling
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


def through(server: Server, target: Database, port: int) -> Database:
    """Reach a database through a pooler."""
    direct = server.url(target.name)
    return parse_url(direct.replace(f":{target.parameters['port']}/", f":{port}/"), "PROD_DATABASE_URL")


def address(target: Database) -> tuple[str, int]:
    return target.parameters["host"], int(target.parameters["port"])


def test_a_pooler_that_shares_processes_is_named_and_no_lock_stays_behind(prod: Server) -> None:
    target = prod.new_database()
    with pooling(*address(target), sharing=True) as port:
        pooled = through(prod, target, port)
        for _ in range(5):
            with (
                pytest.raises(Refused, match="is a pooler that gives each transaction") as failure,
                promotion_lock(Place(pooled, "first")),
            ):
                pass
        assert failure.value.findings[0].rule == "no_pooler_between"
        assert "pool_mode = session" in failure.value.findings[0].hint
        assert prod.rows(HOLDERS) == []


def test_a_pooler_that_keeps_a_process_for_each_client_is_fine(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    direct = stage(dev, prod, tmp_path, "CREATE TABLE t (a int); INSERT INTO t VALUES (1);", "")
    target = direct.promotion.target()
    with pooling(*address(target), sharing=False) as port:
        url = prod.url(target.name).replace(f":{target.parameters['port']}/", f":{port}/")
        environment = {**direct.promotion.environment, TARGET: url}
        staged = replace(direct, promotion=replace(direct.promotion, environment=environment))
        staged.promote()
    assert prod.rows("SELECT a FROM t", target.name) == [(1,)]


def test_whether_two_urls_lead_to_one_database_is_seen_through_a_pooler(prod: Server) -> None:
    target, another = prod.new_database(), prod.new_database()
    with pooling(*address(target), sharing=True) as port:
        pooled = through(prod, target, port)
        with connect(pooled, autocommit=True) as session:
            assert same_database(session, target)
            assert same_database(session, pooled)
            assert not same_database(session, another)
    assert prod.rows(HOLDERS) == []


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
