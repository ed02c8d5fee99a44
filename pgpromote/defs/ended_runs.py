"""The progress of a Dagster run, and the state of prod after it, even if its process died."""

from collections.abc import Mapping, Sequence

import dagster as dg

from pgpromote.defs import tags
from pgpromote.postgres.errors import UNTOUCHED, Outcome, ProdState
from pgpromote.postgres.strategy import STRATEGIES, SWAP, Strategy
from pgpromote.promotion import Promotion
from pgpromote.run import outcome, states
from pgpromote.run.steps import STEPS

# The op of the job rollback_prod.
ROLLBACK = "rollback"


def begun(instance: dg.DagsterInstance, run_id: str, prefix: str = "") -> tuple[str, ...]:
    """Return the steps that a run has begun, in order. Dagster stores the start of a step before it."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
    events = (entry.dagster_event for entry in entries)
    return tuple(key_of(event, prefix) for event in events if event)


def tag(instance: dg.DagsterInstance, promotion: Promotion, run: dg.DagsterRun, prefix: str = "") -> None:
    """Tag a run with its outcome if it says to this day that it is under way: its process was killed."""
    if run.tags.get(tags.OUTCOME) == tags.UNDER_WAY:
        found = prod(promotion, run, begun(instance, run.run_id, prefix), prefix)
        instance.add_run_tags(run.run_id, tags.of_outcome(found.prod))


def prod(promotion: Promotion, run: dg.DagsterRun, steps: Sequence[str], prefix: str = "") -> Outcome:
    """Return the outcome for prod of a run that has begun these steps, and failed or died.

    Its state says so; without one, such as that of a run on another machine, the table of steps.
    """
    state = states.read(promotion.report_dir, promotion.name, run.run_id)
    if state and state.current:
        return outcome.of(state)
    names, strategy = [step.rpartition(".")[2] for step in steps], _strategy(run, prefix)
    begun = [step for name in names for step in STEPS if step.op == name]
    if not begun:
        return Outcome(ProdState.WHOLE) if ROLLBACK in names else UNTOUCHED
    if names[-1] != begun[-1].op and any(step.renews(strategy) for step in begun):
        return Outcome(ProdState.RENEWED, f"{outcome.said(strategy, None)}.")
    last = begun[-1]
    return Outcome((last.runs(strategy) and last.fails) or outcome.broken(strategy))


def key_of(event: dg.DagsterEvent, prefix: str) -> str:
    """Return the key of an event's step without the prefix of its promotion: `prod_schema.prove`."""
    return ".".join(part.removeprefix(prefix) for part in (event.step_key or "").split("."))


def _strategy(run: dg.DagsterRun, prefix: str) -> Strategy:
    chosen: object = run.run_config
    for key in ("ops", f"{prefix}prod_schema", "config", "strategy"):
        chosen = chosen.get(key) if isinstance(chosen, Mapping) else None
    return STRATEGIES.get(str(chosen), SWAP)
