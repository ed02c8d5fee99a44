"""The audit of everything but columns: one asset, with one check per rule."""

from collections.abc import Iterator, Sequence

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.defs.assets import OWNERS
from pgpromote.defs.failures import readable
from pgpromote.defs.step import walk_of
from pgpromote.postgres import audit
from pgpromote.postgres.audit import Audit
from pgpromote.postgres.details import visible
from pgpromote.postgres.model import AuditFinding, Severity
from pgpromote.promotion import Promotion

PROD_AUDIT = "prod_audit"


def build_prod_audit(promotion: Promotion, prefix: str) -> dg.AssetsDefinition:
    """Build the asset that runs all rules but those about columns, which have assets of their own."""
    name = f"{prefix}{PROD_AUDIT}"

    @dg.asset(
        name=name,
        description="Read-only report: what is wrong with prod's sequences, indexes, constraints, triggers, "
        "rights and statistics, and what still points at dev. What prod alone has is one step worse than "
        "what dev has too.",
        deps=[f"{prefix}prod_schema"],
        group_name=f"{prefix}promotion",
        kinds={"postgres", "report"},
        owners=OWNERS,
        required_resource_keys={f"{prefix}run"},
        check_specs=[
            dg.AssetCheckSpec(rule, asset=name, description=audit.describe(rule))
            for rule in audit.OBJECT_RULES
        ],
    )
    def prod_audit(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        walk = walk_of(context.op_execution_context, prefix)
        with readable(walk.begun):
            database = promotion.audited()
            done = audit.audit(
                database,
                context.run.run_id,
                dev=promotion.compared(),
                ignored=promotion.audit_ignored(),
                rules=audit.OBJECT_RULES,
            )
        walk.audited = done
        for note in done.notes:
            context.log.info(visible(f"[{note.rule}] {note.message}"))
        counted = _counts(done.findings)
        said = ", ".join(f"{count} {severity}" for severity, count in counted.items())
        context.log.info(f"{database.label}: {said}; {len(done.suppressed)} suppressed.")
        yield dg.MaterializeResult(
            metadata={
                "database": database.label,
                "findings": len(done.findings),
                **counted,
                "not judged": sum(not finding.judged for finding in done.findings),
                "report": _table(done.findings),
                "suppressed": _table(done.suppressed),
                "notes": _table(done.notes),
            },
            check_results=[_check(done, rule) for rule in audit.OBJECT_RULES],
        )

    return prod_audit


def _check(done: Audit, rule: str) -> dg.AssetCheckResult:
    found = done.of(rule)
    counted = _counts(found)
    return dg.AssetCheckResult(
        check_name=rule,
        passed=not counted[Severity.ERROR] and not counted[Severity.WARNING],
        severity=dg.AssetCheckSeverity.ERROR if counted[Severity.ERROR] else dg.AssetCheckSeverity.WARN,
        description=visible("\n".join(note.message for note in done.notes if note.rule == rule)),
        metadata={"findings": len(found), "report": _table(found), "fix": audit.rule(rule).fix},
    )


def _counts(findings: Sequence[AuditFinding]) -> dict[str, int]:
    return {severity.value: sum(f.severity is severity for f in findings) for severity in Severity}


def _table(findings: Sequence[AuditFinding]) -> dg.MetadataValue:
    columns = ("severity", "rule", "object", "what", "fix")
    return metadata.table(columns, [(f.severity.value, f.rule, f.object, f.message, f.fix) for f in findings])
