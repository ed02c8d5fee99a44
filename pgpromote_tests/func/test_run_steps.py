"""One run, step by step: what each step begins, is refused by, and calls prod while it works."""

from pathlib import Path
from typing import Any

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.databases import cutover
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.errors import (
    ConfigError,
    NotProven,
    PgpromoteError,
    ProdState,
    Refused,
)
from pgpromote.postgres.losses import fingerprint
from pgpromote.postgres.strategy import CLEAN, STRATEGIES
from pgpromote.run import states
from pgpromote.run.options import rehearsing
from pgpromote.run.state import State
from pgpromote.run.steps import (
    CHECK,
    CUT_OVER,
    PREPARE,
    PROVE,
    REHEARSED,
    REPAIR,
    RESTORE,
    RETAIN,
    STEPS,
    Step,
    promote,
)
from pgpromote_tests.func.walks import Stage, shop, until
from pgpromote_tests.servers import Server


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    return shop(dev, prod, tmp_path)


def test_a_rehearsal_proves_everything_and_leaves_nothing(staged: Stage) -> None:
    staged.dump()
    with staged.untouched(), staged.walk() as run:
        promote(run, REHEARSED)
        done = run.state
    assert done.succeeded
    assert done.proof
    assert done.proof.rows == 100
    assert done.repair
    assert len(done.repair.changes) > 0
    steps = [each.name for each in done.walked]
    assert steps == ["check", "prepare", "restore", "repair", "compare", "carry", "analyze", "prove"]


def test_a_strategy_in_place_cannot_be_rehearsed(staged: Stage) -> None:
    staged.dump()
    with (
        staged.untouched(),
        pytest.raises(ConfigError, match="cannot be rehearsed"),
        staged.walk(strategy=CLEAN) as run,
    ):
        rehearsing(run.options)


def planned(staged: Stage) -> str:
    """Dump, and return the fingerprint of a plan for that archive."""
    staged.dump()
    seen = fingerprint.look(staged.promotion.target(), staged.promotion.tools(), "test")
    return seen.fingerprint(archive.digest(Path(staged.promotion.archive_path)))


def test_a_newer_archive_than_that_of_the_plan_is_refused_at_the_start(staged: Stage) -> None:
    expected = planned(staged)
    staged.in_dev("UPDATE customers SET name = 'newer'")
    staged.dump()
    with (
        staged.untouched(),
        pytest.raises(Refused, match="is not the archive of the plan"),
        staged.walk(expect_plan=expected) as run,
    ):
        promote(run)


def test_a_prod_that_changed_since_its_plan_is_refused_at_the_start(staged: Stage) -> None:
    expected = planned(staged)
    staged.in_prod("UPDATE customers SET name = 'newer'")
    with (
        staged.untouched(),
        pytest.raises(Refused, match="pgpromote plan"),
        staged.walk(expect_plan=expected) as run,
    ):
        promote(run)


def test_a_prod_that_changes_during_the_run_is_refused_at_the_cut_over(staged: Stage) -> None:
    expected = planned(staged)
    with staged.walk(expect_plan=expected) as run:
        until(run, PROVE)
        staged.in_prod("UPDATE customers SET name = 'newer'")
        with pytest.raises(Refused, match="pgpromote plan"):
            until(run, CUT_OVER)
    assert staged.beside() == []


def test_a_prod_that_is_as_its_plan_has_shown_it_is_promoted(staged: Stage) -> None:
    with staged.walk(expect_plan=planned(staged)) as run:
        promote(run)
    assert len(staged.beside()) == 1


def test_prod_is_called_wholly_one_or_the_other_while_it_is_swapped(
    staged: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[State | None] = []
    swap, directory, name = cutover.swap, staged.promotion.report_dir, staged.promotion.name

    def look(*given: Any, **options: Any) -> CutOver:
        told.append(states.read(directory, name, "test"))
        return swap(*given, **options)

    monkeypatch.setattr(cutover, "swap", look)
    staged.promote()

    (during,) = told
    assert during
    assert (during.current, during.prod) == ("swap", ProdState.WHOLE)
    done = states.read(directory, name, "test")
    assert done
    assert (done.current, done.prod, done.ended) == ("swap", ProdState.RENEWED, True)


def test_a_difference_in_place_is_told_when_owners_and_grants_are_back(staged: Stage) -> None:
    staged.dump()
    with staged.walk(strategy=CLEAN) as run:
        until(run, REPAIR)
        staged.in_prod("UPDATE public.customers SET name = 'changed' WHERE id = 1")
        with pytest.raises(NotProven, match="customers") as raised:
            until(run, PROVE)

    assert "Prod may be a mix of old and new" in str(raised.value)
    granted = "SELECT has_table_privilege('reader_of_runs', 'public.customers', 'SELECT')"
    assert staged.prod.rows(granted, staged.promotion.target().name) == [(True,)]


def test_a_state_that_can_no_longer_be_written_is_not_left_as_it_was(staged: Stage) -> None:
    staged.dump()
    kept = staged.promotion.report_dir / "runs"
    with staged.walk() as run:
        until(run, PREPARE)
        (partial,) = kept.glob("*.running.json")
        (kept / f"{partial.name}.partial").mkdir()  # in the way of the next one
        promote(run, STEPS[STEPS.index(RESTORE) : STEPS.index(RETAIN)])
        assert "is not kept" in run.problems[0]
        assert states.read(staged.promotion.report_dir, staged.promotion.name, "test") is None
    assert len(staged.beside()) == 1


@pytest.mark.parametrize("step", [each for each in STEPS if each is not CHECK], ids=lambda step: step.name)
def test_a_step_alone_begins_nothing(staged: Stage, step: Step) -> None:
    strategy = next(each for each in STRATEGIES.values() if step.runs(each))
    with (
        staged.untouched(),
        staged.walk(strategy=strategy) as run,
        pytest.raises(PgpromoteError, match="Start the whole run again"),
    ):
        step.walk(run)
    assert not run.state.current
