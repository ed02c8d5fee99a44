"""The alert of a command line's run that failed, also of one that failed before it began."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from pgpromote.postgres.errors import UNTOUCHED, ConfigError, NotProven, PgpromoteError, Refused
from pgpromote.postgres.model import Severity
from pgpromote.promotion import NAME, WEBHOOK, web_url
from pgpromote.report.alert import Alert, title
from pgpromote.run import outcome
from pgpromote.run.run import Run
from pgpromote.terminal import screen

# In the context of a command: its failure has been told.
TOLD = "pgpromote.alarmed"


def alarming(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command post an alert when it fails before its run begins, by a setting for one."""

    @wraps(command)
    def alarmed(*arguments: Any, **options: Any) -> Any:
        context = click.get_current_context()
        try:
            return command(*arguments, **options)
        except PgpromoteError as error:
            if not context.meta.get(TOLD):
                name = os.environ.get(NAME) or "pgpromote"
                _post(_alert(error, str(context.info_name), name, "none", str(error.outcome or UNTOUCHED)))
            raise

    return alarmed


def post(run: Run, command: str, error: PgpromoteError) -> None:
    """Post the alert of a run, if a webhook is set; one that cannot be posted is a loud warning."""
    told()
    _post(_alert(error, command, run.promotion.name, run.run_id, str(outcome.of(run.state))))


def told() -> None:
    """Note that this command's failure has its alert."""
    click.get_current_context().meta[TOLD] = True


def _alert(error: PgpromoteError, command: str, promotion: str, run_id: str, prod: str) -> Alert:
    found = error.findings if isinstance(error, Refused | NotProven) else ()
    errors = [each for each in found if each.severity is Severity.ERROR]
    return Alert(
        event="run_failed",
        promotion=promotion,
        job=command,
        run_id=run_id,
        failed=title(tuple(dict.fromkeys(f.rule for f in errors)), command),
        what=error.message,
        objects=tuple(dict.fromkeys(f.object for f in errors)),
        untouched=prod,
        to_do=error.hint or " ".join(dict.fromkeys(f.remedy for f in errors if f.remedy)),
        link="",
    )


def _post(alert: Alert) -> None:
    """Post an alert, if a webhook is set. Whatever is wrong with that, the failure itself stays the error."""
    if not os.environ.get(WEBHOOK):
        return
    from pgpromote.report.webhook import Webhook, WebhookFailed, post  # noqa: PLC0415 - urllib, for a failure

    try:
        post(Webhook(web_url(os.environ[WEBHOOK], WEBHOOK)), alert.payload())
    except (ConfigError, WebhookFailed) as problem:
        screen.show_problem(f"No alert was posted. {problem}")
