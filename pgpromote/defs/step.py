"""Common parts of the steps of `prod_schema`: run, log, checks."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.defs.metadata import Metadata
from pgpromote.defs.resources import Holder, to_stdout
from pgpromote.postgres.details import visible
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.run.restore_progress import Work
from pgpromote.run.state import Note

SHOWN = 5
# Seconds between two lines about progress in the log.
TELL_EVERY = 5.0
AFTER = dg.In(dg.Nothing)
DONE = dg.Out(dg.Nothing)
Events = Iterator[dg.Output[None] | dg.AssetCheckResult]

LEVELS = {
    Severity.ERROR: dg.AssetCheckSeverity.ERROR,
    Severity.WARNING: dg.AssetCheckSeverity.WARN,
    Severity.INFO: dg.AssetCheckSeverity.WARN,
}


def lines_of(holder: Holder) -> Callable[[str], None]:
    """Return the callback for a tool's lines, which go to the stdout tab and to the walk's watcher."""

    def show(line: str) -> None:
        to_stdout(line)
        holder.watched(line)

    return show


class Progress:
    """A callback that logs the progress of a restore now and then."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.told = time.monotonic()

    def __call__(self, work: Work) -> None:
        """Log the progress, at most once in `TELL_EVERY` seconds."""
        now = time.monotonic()
        if now - self.told >= TELL_EVERY and work.remaining is not None:
            self.told = now
            told = "; ".join([work.told(), *work.doing()])
            self.tell(f"{work.share:.0%}, about {work.remaining:.0f} s left: {told}.")


def holder_of(context: dg.OpExecutionContext, prefix: str) -> Holder:
    """Return the walk of the Dagster run that the step belongs to."""
    walk = getattr(context.resources, f"{prefix}run")
    if not isinstance(walk, Holder):
        raise TypeError(f"The resource {prefix}run is {type(walk).__name__}, not a Holder.")
    return walk


def log_findings(context: dg.OpExecutionContext, findings: Iterable[Finding]) -> None:
    """Write findings to the log, at their own level."""
    for finding in findings:
        told = f"[{finding.rule}] {finding.message} {finding.hint}".strip()
        context.log.log(finding.severity.value, visible(told))


def log_notes(context: dg.OpExecutionContext, notes: Iterable[Note]) -> None:
    """Write notes on a step to the log, at their own level."""
    for note in notes:
        context.log.log(note.severity.value, visible(note.text))


def log_statements(context: dg.OpExecutionContext, statements: Iterable[Statement]) -> None:
    """Write SQL to the log, with the reason for each statement."""
    for statement in statements:
        context.log.info(visible(f"{statement.sql}  -- {statement.why}"))


def check_output(name: str) -> str:
    """Return the name of the op output that carries the result of a check."""
    return f"check_{name}"


def _told(found: Sequence[Finding]) -> str:
    """Return the worst findings as text, and the number of those that only the table shows."""
    ranked = sorted(found, key=lambda f: list(Severity).index(f.severity))
    lines = [finding.told for finding in ranked[:SHOWN]]
    more = [f"… and {len(ranked) - SHOWN} more"] if len(ranked) > SHOWN else []
    return visible("\n".join([*lines, *more]))


def check_result(
    name: str, found: tuple[Finding, ...], *, evidence: Metadata | None = None, not_done: str = ""
) -> dg.AssetCheckResult:
    """Return the findings of one check as its result; a check with nothing but information passes.

    `evidence` is what it has looked at. The text of one that failed the run begins with what was `not_done`.
    """
    worst = max((LEVELS[f.severity] for f in found), key=lambda level: level.value == "ERROR", default=None)
    severity = worst or dg.AssetCheckSeverity.ERROR
    first = not_done if found and severity is dg.AssetCheckSeverity.ERROR else ""
    return dg.AssetCheckResult(
        check_name=name,
        passed=all(f.severity is Severity.INFO for f in found),
        severity=severity,
        description="\n".join(part for part in (first, _told(found)) if part),
        metadata={**({"findings": metadata.findings(found)} if found else {}), **(evidence or {})},
    )
