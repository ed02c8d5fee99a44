"""The text of the alert about a command that failed, and its way to the webhook."""

import os

from pgpromote.postgres.errors import (
    UNTOUCHED,
    ConfigError,
    InvalidUrl,
    NotProven,
    Outcome,
    PgpromoteError,
    Refused,
)
from pgpromote.postgres.model import Severity
from pgpromote.postgres.server import parse_url
from pgpromote.promotion import NAME, SOURCE, TARGET, WEBHOOK, fit, web_url
from pgpromote.report import webhook
from pgpromote.report.alert import Alert, title
from pgpromote.run import outcome
from pgpromote.run.run import Run
from pgpromote.terminal import screen


def of(command: str, error: PgpromoteError, ended: Outcome | None, run: Run | None, report: str) -> Alert:
    """Return the alert about a command that failed, with its run and the page about that, if it had begun.

    `ended` is the outcome of the error; None stands for that of the run.
    """
    found = error.findings if isinstance(error, Refused | NotProven) else ()
    errors = [each for each in found if each.severity is Severity.ERROR]
    return Alert(
        event="run_failed",
        promotion=run.promotion.name if run else _name(),
        job=command,
        run_id=run.run_id if run else "none",
        failed=title(tuple(dict.fromkeys(f.rule for f in errors)), _step(run) or command),
        what=error.message,
        objects=tuple(dict.fromkeys(f.object for f in errors)),
        untouched=str(ended or (outcome.of(run.state) if run else UNTOUCHED)),
        to_do=" ".join(filter(None, dict.fromkeys([error.hint, *(f.remedy for f in errors)]))),
        link="",
        target=_prod(run),
        report=report,
    )


def post(alert: Alert) -> None:
    """Post an alert. Whatever is wrong with that is a loud warning: the failure itself stays the error."""
    try:
        webhook.post(webhook.Webhook(web_url(os.environ[WEBHOOK], WEBHOOK)), alert.payload())
    except (ConfigError, webhook.WebhookFailed) as problem:
        screen.show_problem(f"No alert was posted. {problem}")


def _name() -> str:
    """Return the name that the promotion has by its settings, as far as these can be read."""
    try:
        return os.environ.get(NAME) or fit(parse_url(os.environ.get(SOURCE), SOURCE).name)
    except InvalidUrl:
        return "pgpromote"


def _step(run: Run | None) -> str:
    """Return the title of the step that failed: the last one that was walked."""
    return run.state.steps[-1].title.lower() if run and run.state.steps else ""


def _prod(run: Run | None) -> str:
    try:
        return run.target.label if run else parse_url(os.environ.get(TARGET), TARGET).label
    except InvalidUrl:  # which may be why the command failed
        return ""
