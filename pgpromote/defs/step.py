"""What every step of `prod_schema` uses: its run, its log, its checks."""

from collections.abc import Iterator

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.defs.config import RestoreConfig
from pgpromote.defs.resources import Run
from pgpromote.postgres import preflight
from pgpromote.postgres.errors import ConnectionFailed
from pgpromote.postgres.model import Finding, Severity, Statement

AFTER = dg.In(dg.Nothing)
DONE = dg.Out(dg.Nothing)
Events = Iterator[dg.Output[None] | dg.AssetCheckResult]

LEVELS = {
    Severity.ERROR: dg.AssetCheckSeverity.ERROR,
    Severity.WARNING: dg.AssetCheckSeverity.WARN,
    Severity.INFO: dg.AssetCheckSeverity.WARN,
}


def to_stdout(line: str) -> None:
    """Show a tool's line in the step's stdout tab; the event log would cost 6 ms a line."""
    print(line, flush=True)  # noqa: T201 - captured by Dagster as the step's compute log


def examine(run: Run, config: RestoreConfig) -> preflight.Report:
    """Run every check for the archive that this run is to restore, holding the lock.

    A prod that cannot be reached fails its check by name; without the lock nothing else is allowed.
    """
    try:
        run.lock()
    except ConnectionFailed:
        report = _examine(run, config)
        if report.clearance:
            raise
        return report
    return _examine(run, config)


def _examine(run: Run, config: RestoreConfig) -> preflight.Report:
    promotion = run.promotion
    return preflight.examine(
        run.archive_path(config.archive_path),
        promotion.target(),
        promotion.tools(),
        source=promotion.optional_source(),
        in_place=config.strategy == "clean",
        reset_schema=config.reset_schema,
        allow_data_loss_outside=config.allow_data_loss_outside,
        filters=config.filters(),
        promotion=run.run_id,
    )


def run_of(context: dg.OpExecutionContext, prefix: str) -> Run:
    """Return the run that the step belongs to."""
    run = getattr(context.resources, f"{prefix}run")
    if not isinstance(run, Run):
        raise TypeError(f"The resource {prefix}run is {type(run).__name__}, not a Run.")
    return run


def log_findings(context: dg.OpExecutionContext, findings: tuple[Finding, ...]) -> None:
    """Write findings to the log, at their own level."""
    for finding in findings:
        context.log.log(finding.severity.value, f"[{finding.rule}] {finding.message} {finding.hint}".strip())


def log_statements(context: dg.OpExecutionContext, statements: tuple[Statement, ...]) -> None:
    """Write SQL to the log, with the reason for each statement."""
    for statement in statements:
        context.log.info(f"{statement.sql}  -- {statement.why}")


def check_output(name: str) -> str:
    """Name the op output that carries the result of a check."""
    return f"check_{name}"


def check_result(name: str, found: tuple[Finding, ...]) -> dg.AssetCheckResult:
    """Turn the findings of one check into its result; only information still counts as passed."""
    worst = max((LEVELS[f.severity] for f in found), key=lambda level: level.value == "ERROR", default=None)
    return dg.AssetCheckResult(
        check_name=name,
        passed=all(f.severity is Severity.INFO for f in found),
        severity=worst or dg.AssetCheckSeverity.ERROR,
        description=" ".join(f.message for f in found),
        metadata={"findings": metadata.findings(found)} if found else {},
    )
