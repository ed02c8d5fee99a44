"""Say in one sentence what prod is when a run has failed: the first thing that anybody wants to know."""

from pgpromote.postgres import errors
from pgpromote.postgres.prove import Proof
from pgpromote.run import Run

UNTOUCHED = errors.UNTOUCHED
WHOLE = "Prod is wholly old or wholly new; pgpromote history shows whether it was swapped."
MIXED = "Prod may be a mix of old and new; pgpromote history lists what can be brought back."
SWAPPED = "Prod was swapped"
RESTORED = "Prod was restored in place"
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
    """Say that prod is the new one, and what is proven, as the beginning of a sentence; "" when it is not."""
    return done(run.proof, swapped=run.swapped is not None, in_place=run.options.in_place, failed=run.failure)


def done(proof: Proof | None, *, swapped: bool, in_place: bool, failed: str) -> str:
    """Say of a run what `renewed` says; "" for one that failed, or is not proven."""
    proven = proof is not None and not proof.errors
    known = f" ({proof.doubt})" if proof and proof.doubt else " and is proven"
    if swapped:
        return SWAPPED + known
    return RESTORED + known if in_place and proven and not failed else ""
