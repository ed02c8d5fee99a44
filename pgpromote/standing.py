"""Say in one sentence what prod is when a run has failed: the first thing that anybody wants to know."""

from pgpromote.postgres import errors
from pgpromote.run import Run

UNTOUCHED = errors.UNTOUCHED
WHOLE = "Prod is wholly old or wholly new; pgpromote history shows whether it was swapped."
MIXED = "Prod may be a mix of old and new; pgpromote history lists what can be brought back."
SWAPPED = "Prod was swapped and is proven"
RESTORED = "Prod was restored in place and is proven"
# Steps of a run that write to prod when it is restored in place; beside prod they write to the new database.
IN_PLACE = ("create_shadow", "reset", "restore", "repair", "prove")


def standing(step: str, *, in_place: bool) -> str:
    """Say what prod is after a step of a run has failed; "" for the step means that the process died."""
    if in_place and step in {"", *IN_PLACE}:
        return MIXED
    return WHOLE if step in {"", "swap"} else UNTOUCHED


def of_run(run: Run) -> str:
    """Say what prod is when a run ends in the middle of a step, or between two."""
    if done := renewed(run):
        return f"{done}."
    step = run.phases[-1].name if run.phases else "examine"
    return standing(step, in_place=run.options.in_place)


def renewed(run: Run) -> str:
    """Say that prod is the new one, as the beginning of a sentence; "" when it is not, or not proven."""
    if run.swapped:
        return SWAPPED
    proven = run.proof is not None and not run.proof.errors and not run.failure
    return RESTORED if run.options.in_place and proven else ""
