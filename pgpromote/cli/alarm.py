"""The alert of a command that fails, when all is over: its text is made and posted by `failure_alert`."""

import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from pgpromote.postgres.errors import UNTOUCHED, Interrupted, Outcome, PgpromoteError

# Only a command that fails needs more.
if TYPE_CHECKING:
    from pgpromote.run.run import Run

ALARMED = ("rehearse", "promote", "restore", "refresh")
WEBHOOK = "PGPROMOTE_WEBHOOK_URL"
# In the context of a command: whether its failure has been told; the run that it has begun, and its report.
TOLD, BEGUN = "pgpromote.alarmed", "pgpromote.begun"


def alarming(command: click.Command) -> None:
    """Let a command that promotes post an alert when it fails, by a setting for one."""
    if command.callback and command.name in ALARMED:
        command.callback = _alarming(command.callback)


def _alarming(command: Callable[..., Any]) -> Callable[..., Any]:
    """Post after the run has cleaned up: its error then names the databases that are left."""

    @wraps(command)
    def alarmed(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except PgpromoteError as error:
            before = not _context().keys() & {BEGUN, TOLD}  # the error of a run has its outcome
            told = error.saying(outcome=error.outcome or UNTOUCHED) if before else error
            _post(told, told.outcome)
            raise told from error.__cause__
        except Interrupted as stop:
            if BEGUN in _context():
                _post(PgpromoteError(str(Interrupted(stop.number)), "Start again."), stop.outcome)
            raise

    return alarmed


def begun(run: "Run", report: str) -> None:
    """Note the run that fails, and its report, for the alert."""
    _context()[BEGUN] = run, report


def told() -> None:
    """Note that this command's failure has its alert."""
    _context()[TOLD] = True


def _context() -> dict[str, Any]:
    return click.get_current_context().meta


def _post(error: PgpromoteError, ended: Outcome | None) -> None:
    context = click.get_current_context()
    if context.meta.get(TOLD) or not os.environ.get(WEBHOOK):
        return
    from pgpromote.cli import failure_alert  # noqa: PLC0415 - slow to load, for a failure

    run, report = context.meta.get(BEGUN, (None, ""))
    failure_alert.post(failure_alert.of(str(context.info_name), error, ended, run, report))
