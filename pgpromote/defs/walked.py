"""How far a run of Dagster has come, and what prod is since then: also of a run whose process died."""

from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg

from pgpromote.defs.audits import AUDITS
from pgpromote.defs.report import REPORT
from pgpromote.standing import RESTORED, SWAPPED, UNTOUCHED, standing

CUT_OVER = "cut_over"
# What a run calls the steps of its ops. The audits and the report come after the swap.
STEPS = {
    "create_shadow": "create_shadow",
    "reset_schema": "reset",
    "parallel_restore": "restore",
    "repair_primary_key_identities": "repair",
    "prove": "prove",
    **dict.fromkeys((CUT_OVER, "rollback", *AUDITS, REPORT), "swap"),
}


@dataclass(frozen=True)
class Walked:
    """The steps that a run has begun, in order, and those among them that went well."""

    begun: tuple[str, ...] = ()
    done: frozenset[str] = frozenset()

    @property
    def last(self) -> str:
        """The step that was begun last, "" when none was: the run never started."""
        return self.begun[-1] if self.begun else ""

    def prod(self, failed: str, *, in_place: bool) -> str:
        """Say what prod is after a step has failed; "" for the step means that the process died."""
        if CUT_OVER in self.done:
            return f"{RESTORED if in_place else SWAPPED}."
        if CUT_OVER not in self.begun and failed in (*AUDITS, REPORT):
            return UNTOUCHED
        return standing(STEPS.get(failed or self.last, "dump"), in_place=in_place)


def walked(events: Iterable[dg.DagsterEvent], prefix: str = "") -> Walked:
    """Read from the events of a run how far it has come. Dagster stores a step's start before it."""
    told = [(event.event_type, name_of(event, prefix)) for event in events]
    return Walked(
        tuple(name for kind, name in told if kind is dg.DagsterEventType.STEP_START),
        frozenset(name for kind, name in told if kind is dg.DagsterEventType.STEP_SUCCESS),
    )


def read(instance: dg.DagsterInstance, run_id: str, prefix: str = "") -> Walked:
    """Look up how far a run has come."""
    kinds = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS}
    events = (entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds))
    return walked((event for event in events if event), prefix)


def name_of(event: dg.DagsterEvent, prefix: str) -> str:
    """Return the name of an event's step without its asset's and the prefix."""
    return (event.step_key or "").rpartition(".")[2].removeprefix(prefix)
