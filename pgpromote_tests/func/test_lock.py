"""The promotion lock cannot be lost unseen: a run whose lock is gone ends before its next step."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.errors import Busy, LockLost
from pgpromote.postgres.lock import promotion_lock
from pgpromote.run import Run
from pgpromote_tests.func.walks import Stage, stage
from pgpromote_tests.servers import Server

HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database <> 0"
STEPS = ["create_shadow", "reset", "restore", "repair", "prove", "cut_over"]


@pytest.fixture
def shop(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    """Give a promotion that has dumped."""
    staged = stage(dev, prod, tmp_path, "CREATE TABLE t (a int);", "CREATE TABLE old (a int);")
    staged.dump()
    return staged


def terminate(shop: Stage) -> None:
    shop.prod.rows(f"SELECT pg_terminate_backend(pid, 5000) FROM ({HOLDERS}) AS held")


def walk_to(run: Run, last: str, act: Callable[[], None]) -> None:
    run.preview(run.examine().cleared())
    for name in STEPS:
        if name == last:
            act()
        getattr(run, name)()


@pytest.mark.parametrize("major", [16])
@pytest.mark.parametrize("step", STEPS)
def test_a_run_whose_lock_is_gone_ends_before_its_next_step(shop: Stage, step: str) -> None:
    with shop.untouched(), pytest.raises(LockLost, match="is lost") as failure, shop.walk() as run:
        walk_to(run, step, lambda: terminate(shop))
    assert "Prod is untouched" in str(failure.value)
    assert "pooler" in failure.value.hint


def test_a_run_that_lost_its_lock_does_not_disturb_the_next(shop: Stage) -> None:
    with shop.walk() as first:
        first.preview(first.examine().cleared())
        first.create_shadow()
        terminate(shop)
        with shop.walk() as second:
            second.promote()
        with pytest.raises(LockLost):
            first.reset()
    assert shop.prod.rows("SELECT * FROM t", shop.promotion.target().name) == []


def test_a_lock_that_is_held_is_found_held_and_others_are_busy(prod: Server) -> None:
    target = prod.new_database()
    with promotion_lock(target, "first") as check:
        check()
        with pytest.raises(Busy, match="first"), promotion_lock(target, "second"):
            pass
        check()
        prod.execute("SELECT pg_advisory_lock(1)", target.name)
        check()


@pytest.mark.parametrize("unlock", ["pg_advisory_unlock_all()", "pg_terminate_backend(pg_backend_pid())"])
def test_a_session_without_the_lock_does_not_pass_for_one(prod: Server, unlock: str) -> None:
    target = prod.new_database()
    with promotion_lock(target, "first") as check:
        session = check.args[0]  # type: ignore[attr-defined]
        try:
            session.execute(f"SELECT {unlock}")
        except psycopg.OperationalError:
            assert session.broken
        with pytest.raises(LockLost):
            check()
