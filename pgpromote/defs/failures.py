"""Turn our errors into what Dagster shows, one paragraph without a second traceback, and read that again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.postgres.details import visible
from pgpromote.postgres.errors import (
    ARROW,
    UNTOUCHED,
    InvalidUrl,
    NotProven,
    PgpromoteError,
    Refused,
    RestoreFailed,
)
from pgpromote.postgres.model import Severity
from pgpromote.postgres.server import Database, redact
from pgpromote.promotion import Promotion
from pgpromote.run import Run
from pgpromote.standing import renewed
from pgpromote.step import UNTOUCHED as BESIDE_UNTOUCHED

PROD, REFUSED = "prod", "refused"
OUTCOMES = (UNTOUCHED, BESIDE_UNTOUCHED)
INTERRUPTIONS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
INTERRUPTED = "The run was interrupted: terminated by somebody, or its process got SIGTERM or SIGINT."
AFTERWARDS = "Then start the job audit_prod; prod needs no other promotion."


@dataclass(frozen=True)
class Reason:
    """Why a step failed: what, what to do, on which objects, and what prod is now where the step knew.

    `text` is all of it as one paragraph; `refused` says that a check forbade to go on.
    """

    what: str
    to_do: str = ""
    objects: tuple[str, ...] = ()
    prod: str = ""
    text: str = ""
    refused: bool = False


@contextmanager
def readable(run: Run | None = None) -> Iterator[None]:
    """Show an error of ours as a Failure: its text, its hint, its findings. Others pass unchanged.

    `run` is given after the walk: where prod is the new one, the text begins with that.
    """
    try:
        yield
    except PgpromoteError as error:
        done = renewed(run) if run else ""
        if done:
            error.message = f"{done}; what failed came after that. {error.message}"
            error.hint = f"{error.hint} {AFTERWARDS}".strip()
        shown: dict[str, dg.MetadataValue] = {"what to do": dg.MetadataValue.text(visible(error.hint))}
        if isinstance(error, Refused | NotProven):
            shown = {"findings": metadata.findings(error.findings)}
        elif isinstance(error, RestoreFailed):
            shown["errors"] = metadata.restore_errors(error.errors)
        if error.exit_code == Refused.exit_code:
            shown[REFUSED] = dg.MetadataValue.bool(True)
        if done:
            shown[PROD] = dg.MetadataValue.text(f"{done}.")
        raise dg.Failure(description=visible(str(error)), metadata=shown, allow_retries=False) from None


def reason(event: dg.DagsterEvent) -> Reason:
    """Take what a step said of its failure apart; of an error that is not ours, tell the first cause."""
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
    told, _, hint = text.partition("\nHint: ")
    # Hints and what prod is have fields of their own.
    what = [line for line in told.splitlines() if line not in OUTCOMES and not line.startswith(ARROW)]
    findings = [f for f in _records(shown, "findings") if f["severity"] == Severity.ERROR.value]
    objects = [*(f["object"] for f in findings), *(e["entry"] for e in _records(shown, "errors"))]
    hints = [hint, *(f["what to do"] for f in findings)]
    return Reason(
        "\n".join(what),
        " ".join(dict.fromkeys(filter(None, hints))),
        tuple(dict.fromkeys(filter(None, objects))),
        str(shown[PROD].value) if PROD in shown else "",
        text,
        REFUSED in shown,
    )


def clean(text: str, promotion: Promotion) -> str:
    """Hide the secrets of the databases and of the webhook; an error that is not ours may show them."""
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
