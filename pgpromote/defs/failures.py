"""Errors of pgpromote as Dagster failures, one paragraph without a second traceback, and back again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.postgres.details import visible
from pgpromote.postgres.errors import (
    ARROW,
    InvalidUrl,
    NotProven,
    PgpromoteError,
    Refused,
    RestoreFailed,
)
from pgpromote.postgres.model import Severity
from pgpromote.postgres.server import Database, redact
from pgpromote.promotion import Promotion
from pgpromote.run import outcome
from pgpromote.run.run import Run

AFTERWARDS = "Then start the job audit_prod; prod needs no other promotion."
WHAT, TO_DO, PROD, REFUSED = "what", "what to do", "prod", "refused"
INTERRUPTIONS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
INTERRUPTED = "The run was interrupted: terminated by somebody, or its process got SIGTERM or SIGINT."


@dataclass(frozen=True)
class Reason:
    """The reason a step failed: problem, remedy, objects, and the state of prod where the step knew it.

    `text` is all of it as one paragraph; `refused` is true if a check forbade the step.
    """

    what: str
    to_do: str = ""
    objects: tuple[str, ...] = ()
    prod: str = ""
    text: str = ""
    refused: bool = False


@contextmanager
def readable(run: Run | None = None) -> Iterator[None]:
    """Raise errors of pgpromote as a Failure with text, hint and findings; other errors pass unchanged.

    If the run has already made prod the new one, the text begins with that.
    """
    try:
        yield
    except PgpromoteError as problem:
        error = outcome.afterwards(run.state, problem, AFTERWARDS) if run else problem
        shown: dict[str, dg.MetadataValue] = {
            WHAT: dg.MetadataValue.text(visible(error.message)),
            TO_DO: dg.MetadataValue.text(visible(error.hint)),
        }
        if isinstance(error, Refused | NotProven):
            shown |= {"findings": metadata.findings(error.findings)}
        elif isinstance(error, RestoreFailed):
            shown["errors"] = metadata.restore_errors(error.errors)
        if error.exit_code == Refused.exit_code:
            shown[REFUSED] = dg.MetadataValue.bool(True)
        if error.outcome:
            shown[PROD] = dg.MetadataValue.text(str(error.outcome))
        raise dg.Failure(description=visible(str(error)), metadata=shown, allow_retries=False) from None


def reason(event: dg.DagsterEvent) -> Reason:
    """Return the reason in a step failure; for errors that are not pgpromote's, that of the first cause."""
    data = event.step_failure_data
    if data.user_failure_data is None:
        error = data.error
        while error and error.cause:
            error = error.cause
        if error and error.cls_name in INTERRUPTIONS:
            return Reason(INTERRUPTED, to_do="Start again.", text=INTERRUPTED)
        told = error.message.strip() if error else "It failed without a reason."
        return Reason(told, text=told)
    text, shown = data.user_failure_data.description or "", data.user_failure_data.metadata
    told, hint = (str(shown[name].value) if name in shown else "" for name in (WHAT, TO_DO))
    # What to do about each finding has a field of its own.
    what = [line for line in told.splitlines() if not line.startswith(ARROW)]
    findings = [f for f in _records(shown, "findings") if f["severity"] == Severity.ERROR.value]
    objects = [*(f["object"] for f in findings), *(e["entry"] for e in _records(shown, "errors"))]
    hints = [hint, *(f[TO_DO] for f in findings)]
    return Reason(
        "\n".join(what),
        " ".join(dict.fromkeys(filter(None, hints))),
        tuple(dict.fromkeys(filter(None, objects))),
        str(shown[PROD].value) if PROD in shown else "",
        text,
        REFUSED in shown,
    )


def clean(text: str, promotion: Promotion) -> str:
    """Hide the secrets of the databases and of the webhook, which foreign errors may show."""
    return visible(redact(text.replace(promotion.webhook_url() or "\0", "***"), *_databases(promotion)))


def _records(shown: Mapping[str, dg.MetadataValue], name: str) -> list[dict[str, str]]:
    value = shown.get(name)
    if not isinstance(value, dg.TableMetadataValue):
        return []
    return [{key: str(cell) for key, cell in record.data.items()} for record in value.records]


def _databases(promotion: Promotion) -> list[Database]:
    found = list[Database | None]()
    for read in (promotion.source, promotion.target, promotion.audited, promotion.build_login):
        with suppress(InvalidUrl):  # not set, or not one that a password could be read from
            found.append(read())
    return [database for database in found if database]
