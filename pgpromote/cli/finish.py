"""The end of a run at the command line: its report, its alert, and failures after prod was renewed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from pgpromote import report as reports
from pgpromote.cli import alarm
from pgpromote.postgres import audit
from pgpromote.postgres.errors import Interrupted, PgpromoteError
from pgpromote.run import outcome
from pgpromote.run.run import Run
from pgpromote.run.steps import RETAIN
from pgpromote.terminal import screen, summary
from pgpromote.terminal.summary import Ended


@contextmanager
def reported(run: Run) -> Iterator[None]:
    """Write the report of a run that fails in the block, note both for the alert, and raise again.

    A run that has not begun its first step has nothing to report.
    """
    try:
        yield
    except Interrupted as stop:
        _tell(run, str(Interrupted(stop.number)))
        raise
    except PgpromoteError as error:
        _tell(run, str(error))
        raise


def _tell(run: Run, told: str) -> None:
    if run.state.current:
        _show_problems(run)
        where, written = reports.write_failure(run, told)
        screen.ERR.loud(where)
        alarm.begun(run, str(written.page) if written else "")


def _show_problems(run: Run) -> None:
    for problem in run.problems:
        screen.show_problem(problem)


def finish(run: Run) -> Ended:
    """Apply retention, audit prod and write the report once prod is the new one.

    Prod is fine by then, so a failure here is a loud warning and one of the problems of the result.
    """
    promotion, audited, counted, problems = run.promotion, reports.NOT_AUDITED, None, run.problems
    page, written = "", None
    _show_problems(run)
    with _warned(run, problems):
        RETAIN.walk(run)
    problems += (untold := tell_dagster(lambda events: events.promoted(run)))
    with _warned(run, problems):
        audited = audit.audit(
            promotion.audited(), run.run_id, dev=promotion.compared(), ignored=promotion.audit_ignored()
        )
        counted = summary.counts(audited.findings)
    with _warned(run, problems):
        written = reports.write_run(run, audited, "\n".join(problems))
        page = str(written.page)
    if not untold:
        problems += tell_dagster(lambda events: events.audited(run, audited, written))
    return Ended(run.state, counted, page, tuple(problems))


def tell_dagster(told: Callable[[ModuleType], Any]) -> list[str]:
    """Report events to Dagster's instance where DAGSTER_HOME names one; return why that failed, if it did.

    `told` gets the module that makes them: Dagster is imported for this alone.
    """
    if not os.environ.get("DAGSTER_HOME") or find_spec("dagster") is None:
        return []
    from pgpromote.defs import events  # noqa: PLC0415 - only who has Dagster pays for it

    try:
        problem = events.report(told(events))
    except PgpromoteError as error:
        problem = f"Dagster does not show what prod is now. {error.message}"
    if not problem:
        return []
    screen.show_problem(problem)
    return [problem]


def finish_rehearsal(run: Run) -> Ended:
    """Write the report of a rehearsal that succeeded; a report that cannot be written is a loud warning."""
    page = ""
    _show_problems(run)
    try:
        page = str(reports.write_run(run).page)
    except PgpromoteError as error:
        screen.show_problem(f"There is no report of this rehearsal. {error}")
    return Ended(run.state, report=page)


def told(ended: Ended) -> dict[str, object]:
    """Return the end of a promotion as `--json` prints it."""
    done = ended.state
    return {
        **vars(done.restored),
        "repair": done.repair,
        "proof": done.proof,
        "swapped": done.cut_over,
        "safety": done.safety,
        "problems": ended.problems,
        "audit": ended.audit,
        "report": ended.report,
    }


@contextmanager
def _warned(run: Run, problems: list[str]) -> Iterator[None]:
    try:
        yield
    except PgpromoteError as error:
        told = outcome.afterwards(run.state, error)
        hint = f"\nHint: {told.hint}" if told.hint else ""
        problems.append(f"{told.message}{hint}")
        screen.show_problem(problems[-1])
