"""How far a run of Dagster has come, and what prod is since then: also of a run whose process died."""

from collections.abc import Mapping, Sequence

import dagster as dg

from pgpromote.postgres.errors import Outcome, ProdState
from pgpromote.promotion import Promotion
from pgpromote.run import outcome, states
from pgpromote.run.options import DEFAULTS

# The steps of Dagster that write to prod and keep no state of a run that could be read here.
WRITING = ("prod_schema", "rollback")


def begun(instance: dg.DagsterInstance, run_id: str, prefix: str = "") -> tuple[str, ...]:
    """Return the steps that a run has begun, in order. Dagster stores the start of a step before it."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
    events = (entry.dagster_event for entry in entries)
    return tuple(key_of(event, prefix) for event in events if event)


def prod(promotion: Promotion, run: dg.DagsterRun, steps: Sequence[str], prefix: str = "") -> Outcome:
    """Return what prod is after a run that has begun these steps, and failed or died.

    Its state says so. Without one, such as that of a run on another machine, only the strategy tells.
    """
    state = states.read(promotion.report_dir, promotion.name, run.run_id)
    if state and state.current:
        return outcome.of(state)
    if not any(step.partition(".")[0] in WRITING for step in steps):
        return Outcome(ProdState.UNTOUCHED)
    return Outcome(ProdState.WHOLE if _strategy(run, prefix) == DEFAULTS.strategy.name else ProdState.MIXED)


def key_of(event: dg.DagsterEvent, prefix: str) -> str:
    """Return the key of an event's step without the prefix of its promotion: `prod_schema.prove`."""
    return ".".join(part.removeprefix(prefix) for part in (event.step_key or "").split("."))


def _strategy(run: dg.DagsterRun, prefix: str) -> object:
    chosen: object = run.run_config
    for key in ("ops", f"{prefix}prod_schema", "config", "strategy"):
        chosen = chosen.get(key) if isinstance(chosen, Mapping) else None
    return chosen or DEFAULTS.strategy.name
