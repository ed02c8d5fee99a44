"""How a run at the command line ends: its report, its alert, and what failed after prod was the new one."""

from collections.abc import Iterator
from contextlib import contextmanager

from pgpromote import report as reports
from pgpromote import terminal
from pgpromote.alert import Alert
from pgpromote.postgres import audit
from pgpromote.postgres.audit import Audit
from pgpromote.postgres.errors import CutOverFailed, Interrupted, NotProven, PgpromoteError, Refused
from pgpromote.postgres.model import Severity
from pgpromote.run import Run
from pgpromote.standing import UNTOUCHED, WHOLE, of_run, renewed
from pgpromote.webhook import Webhook, WebhookFailed, post


@contextmanager
def reported(run: Run, command: str) -> Iterator[None]:
    """Report on a run that fails within the block, and post it where alerts are wanted; the error goes on.

    A run that has not begun its first step has nothing to report.
    """
    try:
        yield
    except Interrupted as stop:
        _tell(run, command, str(stop))
        stop.outcome = of_run(run)
        raise
    except PgpromoteError as error:
        _tell(run, command, str(error), error)
        # Of what was begun, a failed cut-over itself says more.
        if not (error.outcome or isinstance(error, CutOverFailed) or UNTOUCHED in error.message):
            error.outcome = of_run(run)
        raise


@contextmanager
def said(run: Run) -> Iterator[None]:
    """Let an interruption within the block say what prod is, where there is no step to report on."""
    try:
        yield
    except Interrupted as stop:
        stop.outcome = stop.outcome or (of_run(run) if run.phases else WHOLE)
        raise


def _tell(run: Run, command: str, told: str, error: PgpromoteError | None = None) -> None:
    if run.phases:
        terminal.ERR.print(reports.write_failure(run, told))
        _post(run, command, error or PgpromoteError(told, "Start again."))


def finish(run: Run) -> list[str]:
    """Do what is left when prod is the new one: keep what is to be kept, audit prod, write the report.

    Prod is fine by then, so what fails here is a loud warning, and among what is returned.
    """
    with said(run):
        return _finish(run)


def _finish(run: Run) -> list[str]:
    promotion, audited, problems = run.promotion, reports.NOT_AUDITED, list[str]()
    with _warned(run, problems):
        run.retain()
    with _warned(run, problems):
        audited = audit.audit(
            promotion.audited(), run.run_id, dev=promotion.compared(), ignored=promotion.audit_ignored()
        )
    with _warned(run, problems):
        _report(run, audited, "\n".join(problems))
    return problems


def finish_rehearsal(run: Run) -> None:
    """Write the report of a rehearsal that went well; that it cannot be written is a loud warning."""
    try:
        _report(run, reports.NOT_AUDITED)
    except PgpromoteError as error:
        terminal.show_problem(f"There is no report of this rehearsal. {error}")


def _report(run: Run, audited: Audit, problem: str = "") -> None:
    terminal.ERR.print(f"The report is in {reports.write_run(run, audited, problem).page}.")


@contextmanager
def _warned(run: Run, problems: list[str]) -> Iterator[None]:
    try:
        yield
    except PgpromoteError as error:
        problems.append(f"{renewed(run)}; what failed came after that. {error}")
        terminal.show_problem(problems[-1])


def _post(run: Run, command: str, error: PgpromoteError) -> None:
    if not run.promotion.webhook_url():
        return
    found = error.findings if isinstance(error, Refused | NotProven) else ()
    alert = Alert(
        event="run_failed",
        promotion=run.promotion.name,
        job=command,
        run_id=run.run_id,
        failed=f"{command} failed",
        what=error.message,
        objects=tuple(dict.fromkeys(f.object for f in found if f.severity is Severity.ERROR)),
        untouched=of_run(run),
        to_do=error.hint,
        link="",
    )
    try:
        post(Webhook(run.promotion.webhook_url()), alert.payload())
    except WebhookFailed as problem:
        terminal.show_problem(str(problem))
