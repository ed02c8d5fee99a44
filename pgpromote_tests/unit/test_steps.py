"""The table of steps is complete, and says of each strategy which step makes prod the new one."""

from dataclasses import fields, replace

import pytest

from pgpromote.defs.ops import WITH_OPS
from pgpromote.postgres.errors import ProdState
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, STRATEGIES, SWAP, Strategy
from pgpromote.run.state import State
from pgpromote.run.steps import CUT_OVER, PROMOTED, REHEARSED, RETAIN, STEPS, Step
from pgpromote_tests.unit.reports import promoted

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


def test_of_the_proof_nobody_knows_the_rules_before_its_end() -> None:
    assert promoted().of("contents") == ()
    assert replace(promoted(), proven=False).of("contents") is None
