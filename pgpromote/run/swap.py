"""Swap the proven database in as prod, and apply retention to earlier ones."""

from dataclasses import replace

from pgpromote.postgres.databases import cutover
from pgpromote.run import retention, safeguard
from pgpromote.run.check import check_plan
from pgpromote.run.prove import moved, rights_of_prod
from pgpromote.run.run import Run, needed
from pgpromote.run.state import State


def confirm(run: Run) -> State:
    """Look at prod once more, which may have changed since: its plan, its rights, its rows.

    Raises NotProven, Refused.
    """
    proof = needed(run.state.proof).proven()
    check_plan(run)
    proof.with_findings(moved(run, rights_of_prod(run))).proven()
    safeguard.settle(run)
    return run.state


def swap(run: Run) -> State:
    """Swap the database beside prod in. Raises CutOverFailed, Refused."""
    shadow = needed(run.shadow)
    run.within()
    came = safeguard.provenance(run.promotion, run.run_id, run.archive_path, needed(run.clearance))
    swapped = cutover.swap(
        run.place, shadow.name, allow=run.options.allow,
        came=came, way_back=run.options.way_back, lock=run.held,
    )  # fmt: skip
    return replace(run.state, cut_over=swapped)


def retain(run: Run) -> State:
    """Drop previous databases and safety archives beyond those to keep."""
    needed(run.held)
    return replace(run.state, kept=retention.retain(run.promotion, run.run_id, run.state.safety))
