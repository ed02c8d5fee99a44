"""Errors of pgpromote as Dagster failures, one paragraph without a second traceback, and back again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster import DagsterExecutionInterruptedError
from dagster._core.errors import DagsterUserCodeProcessError
from dagster_shared.error import SerializableErrorInfo

from pgpromote.defs import metadata
from pgpromote.postgres.details import visible
from pgpromote.postgres.errors import (
    ARROW,
    UNTOUCHED,
    CutOverFailed,
    InvalidUrl,
    NotProven,
    Outcome,
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
INTERRUPTIONS = ("Terminated", "DagsterExecutionInterruptedError", "KeyboardInterrupt")
INTERRUPTED = "The run was interrupted: terminated by somebody, or its process got SIGTERM or SIGINT."


@dataclass(frozen=True)
class Reason:
    """The reason a step failed: problem, remedy, objects, and the state of prod where the step knew it.

    `text` is all of it as one paragraph; `refused` is true if a check forbade the step, `checks` are
    those that failed it.
    """

    what: str
    to_do: str = ""
    objects: tuple[str, ...] = ()
    prod: str = ""
    text: str = ""
    refused: bool = False
    checks: tuple[str, ...] = ()


class Failed(dg.Failure):
    """The failure of a step; the first line of its text is the state of prod."""

    __module__ = "builtins"  # Dagster shows the module before the text, but not this one


def reported(failed: dg.Failure, page: Path | None) -> dg.Failure:
    """Return the failure of a step with the page of the run's report, where there is one."""
    shown = {**failed.metadata, **({"report": dg.MetadataValue.path(page)} if page else {})}
    return Failed(failed.description, shown, allow_retries=False)


class Terminated(DagsterExecutionInterruptedError, DagsterUserCodeProcessError):
    """The interruption of a step; the first line of its text is the state of prod.

    Dagster shows an error of another process as that told it: here without a trace, which tells nothing.
    """

    def __init__(self, text: str) -> None:
        told = SerializableErrorInfo(f"Terminated: {text}\n", [], type(self).__name__)
        super().__init__(text, user_code_process_error_infos=[told])  # type: ignore[no-untyped-call]


@contextmanager
def readable(run: Run | None = None, ended: Outcome = UNTOUCHED) -> Iterator[None]:
    """Raise errors of pgpromote and interruptions with the state of prod in the first line of their text.

    A Failure has text, hint and findings; other errors pass unchanged. Prod is as the error says, else as the
    run has left it, else as `ended` says.
    """
    try:
        yield
    except PgpromoteError as problem:
        known = problem.saying(outcome=problem.outcome or _outcome(run, ended))
        raise _failed(outcome.afterwards(run.state, known, AFTERWARDS) if run else known) from None
    except DagsterExecutionInterruptedError:
        raise Terminated(f"{_outcome(run, ended)}\n{INTERRUPTED}") from None


def _outcome(run: Run | None, ended: Outcome) -> Outcome:
    return outcome.of(run.state) if run and run.state.current else ended


def _failed(error: PgpromoteError) -> Failed:
    told = {WHAT: visible(error.message), TO_DO: visible(error.hint), PROD: str(error.outcome)}
    shown: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.text(text) for name, text in told.items() if text
    }
    if isinstance(error, Refused | NotProven):
        shown |= {"findings": metadata.findings(error.findings)}
    elif isinstance(error, RestoreFailed):
        shown["errors"] = metadata.restore_errors(error.errors)
    if error.exit_code == Refused.exit_code:
        shown[REFUSED] = dg.MetadataValue.bool(True)
    return Failed(description=visible(_text(error)), metadata=shown, allow_retries=False)


def _text(error: PgpromoteError) -> str:
    """Return the text of an error, beginning with the state of prod."""
    prod = str(error.outcome)
    if isinstance(error, CutOverFailed) or error.message.startswith(prod.removesuffix(".")):
        return str(error)
    hint = f"Hint: {error.hint}" if error.hint else ""
    return "\n".join(part for part in (prod, error.message, hint) if part)


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
        tuple(dict.fromkeys(f["rule"] for f in findings)),
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
