"""The table of steps is complete, and the state of a run comes back from its file as it was."""

import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest

from pgpromote.defs.ops import WITH_OPS
from pgpromote.postgres.errors import ProdState
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, STRATEGIES, SWAP, Strategy
from pgpromote.run import died, states
from pgpromote.run.state import State
from pgpromote.run.steps import CUT_OVER, PROMOTED, REHEARSED, RETAIN, STEPS, Step
from pgpromote_tests.unit.reports import EMPTY, failed, promoted

OPS_OF_THE_MISSION = {
    "check_extensions", "reset_schema", "parallel_restore", "repair_primary_key_identities",
}  # fmt: skip


def test_names_ops_and_phases_are_each_steps_own() -> None:
    for names in ([s.name for s in STEPS], [s.op for s in WITH_OPS], [s.phase for s in STEPS]):
        assert len(names) == len(set(names))
    assert {step.op for step in WITH_OPS} >= OPS_OF_THE_MISSION


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_keeps_what_the_state_has_and_says_what_it_does(step: Step) -> None:
    assert set(step.keeps) <= {field.name for field in fields(State)}
    assert step.title
    assert step.description.endswith(".")
    assert bool(step.op) != bool(step.within)
    assert step.within in {"", *(each.name for each in STEPS)}


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=str)
def test_prod_is_new_after_exactly_one_step_of_each_strategy(strategy: Strategy) -> None:
    renewing = [step.name for step in PROMOTED if step.runs(strategy) and step.renews(strategy)]
    assert len(renewing) == 1
    assert not any(step.renews(SWAP) for step in REHEARSED)


def test_only_the_strategy_that_resets_has_the_step_and_only_one_beside_prod_is_swapped() -> None:
    reset = next(step for step in STEPS if step.name == "reset")
    assert [reset.runs(each) for each in (SWAP, CLEAN, RESET_SCHEMA)] == [False, False, True]
    assert [CUT_OVER.runs(each) for each in (SWAP, CLEAN, RESET_SCHEMA)] == [True, False, False]
    assert RETAIN.fails is ProdState.RENEWED


ODD = replace(EMPTY, archive=Path("/d/shop\udcff ß.dump"), filters="tables \udc80")


@pytest.mark.parametrize(
    "state", [EMPTY, promoted(), failed(), ODD], ids=["empty", "promoted", "failed", "no UTF-8"]
)
def test_a_state_comes_back_from_its_file_as_it_was(tmp_path: Path, state: State) -> None:
    path = states.write(state, tmp_path)

    assert states.read(tmp_path, state.promotion, state.run_id) == state
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", ["", "{", '{"promotion": 1}', "[]"])
def test_a_state_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    states.write(EMPTY, tmp_path).write_text(content)
    assert states.read(tmp_path, EMPTY.promotion, EMPTY.run_id) is None
    assert list(states.unfinished(tmp_path, EMPTY.promotion)) == []


def test_a_later_version_may_have_added_to_a_state(tmp_path: Path) -> None:
    path = states.write(EMPTY, tmp_path)
    path.write_text('{"another": 1, ' + path.read_text()[1:])
    assert states.read(tmp_path, EMPTY.promotion, EMPTY.run_id) == EMPTY


def test_runs_that_have_no_end_are_found_and_those_of_others_are_not(tmp_path: Path) -> None:
    for run_id, ended in (("one", True), ("two", False), ("three", False)):
        states.write(replace(EMPTY, run_id=run_id, ended=ended), tmp_path)
    states.write(replace(EMPTY, promotion="till", run_id="four"), tmp_path)
    found = {state.run_id for state in states.unfinished(tmp_path, EMPTY.promotion)}
    others = {state.run_id for state in states.unfinished(tmp_path, EMPTY.promotion, but="two")}
    assert (found, others) == ({"two", "three"}, {"three"})


def test_the_newest_states_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "KEPT", 2)
    for year in (2024, 2025, 2026):
        states.write(replace(EMPTY, run_id=str(year), began_at=EMPTY.began_at.replace(year=year)), tmp_path)
    states.retain(tmp_path, EMPTY.promotion)
    assert states.read(tmp_path, EMPTY.promotion, "2024") is None
    assert states.read(tmp_path, EMPTY.promotion, "2025")


def test_a_run_that_was_killed_is_told_with_its_step_and_what_prod_is() -> None:
    assert died.told(failed()).startswith("The run of 2026-03-01 02:10:04 UTC died in the step restore: ")
    assert died.told(failed()).endswith("Prod is untouched.")


def test_of_the_proof_nobody_knows_the_rules_before_its_end() -> None:
    assert promoted().of("contents") == ()
    assert replace(promoted(), proven=False).of("contents") is None
