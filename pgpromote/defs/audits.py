"""The audits of prod: assets made of a set of rules each, with one check per rule."""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.defs.assets import OWNERS
from pgpromote.defs.failures import readable
from pgpromote.defs.step import check_result, holder_of, log_findings
from pgpromote.postgres import audit
from pgpromote.postgres.audit import Audit
from pgpromote.postgres.model import Finding, Severity
from pgpromote.promotion import Promotion

# Two rules have an asset of their own; prod_audit has all others.
ALONE = {"primary_key_audit": (audit.KEYS,), "not_null_audit": (audit.NOT_NULL,)}
PROD_AUDIT = "prod_audit"
# The rules of each audit.
AUDITS = {**ALONE, PROD_AUDIT: tuple(rule for rule in audit.RULES if (rule,) not in ALONE.values())}
PROD_AUDIT_IS = (
    "Read-only report: what is wrong with prod's sequences, indexes, constraints, triggers, rights and "
    "statistics, and what still points at dev. What prod alone has is one step worse than what dev has too."
)


def build_audits(promotion: Promotion, prefix: str) -> list[dg.AssetsDefinition]:
    """Return the audit assets of one promotion; together they have every rule."""
    return [
        *(
            _audit(promotion, prefix, name, rules, f"Read-only report. {audit.describe(*rules)}")
            for name, rules in ALONE.items()
        ),
        _audit(promotion, prefix, PROD_AUDIT, AUDITS[PROD_AUDIT], PROD_AUDIT_IS),
    ]


def audited(promotion: Promotion, run_id: str, rules: Sequence[str]) -> Audit:
    """Audit the database of a promotion by some rules, compared with dev where that is configured."""
    return audit.audit(
        promotion.audited(),
        run_id,
        dev=promotion.compared(),
        ignored=promotion.audit_ignored(),
        rules=rules,
    )


def _audit(
    promotion: Promotion, prefix: str, name: str, rules: Sequence[str], description: str
) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{prefix}{name}",
        description=description,
        deps=[f"{prefix}prod_schema"],
        group_name=f"{prefix}promotion",
        kinds={"postgres", "report"},
        owners=OWNERS,
        required_resource_keys={f"{prefix}run"},
        check_specs=[
            dg.AssetCheckSpec(rule, asset=f"{prefix}{name}", description=audit.describe(rule))
            for rule in rules
        ],
    )
    def report(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        holder = holder_of(context.op_execution_context, prefix)
        with readable(holder.begun):
            done = audited(promotion, context.run.run_id, rules)
            label = promotion.audited().label
        holder.audited = holder.audited.joined(done)
        log_findings(context.op_execution_context, done.notes)
        said = ", ".join(f"{count} {severity}" for severity, count in _counted(done).items())
        context.log.info(f"{label}: {said}; {len(done.suppressed)} suppressed.")
        yield shown(done, label, rules)

    return report


def shown(done: Audit, label: str, rules: Sequence[str]) -> dg.MaterializeResult[None]:
    """Return the result of the audit of a database by some rules, with that of each."""
    return dg.MaterializeResult(
        metadata={
            "database": label,
            "findings": len(done.findings),
            **_counted(done),
            "not judged": sum(not finding.judged for finding in done.findings),
            "report": metadata.findings(done.apart),
            "information by table": metadata.by_table(done.by_table()),
            "suppressed": metadata.findings(done.suppressed),
            "notes": metadata.findings(done.notes),
        },
        check_results=[_result(rule, _about(done, rule)) for rule in rules],
    )


def _counted(done: Audit) -> dict[str, int]:
    counted = Counter(finding.severity for finding in done.findings)
    return {severity.value: counted[severity] for severity in Severity}


def _about(done: Audit, rule: str) -> tuple[Finding, ...]:
    return tuple(finding for finding in (*done.findings, *done.notes) if finding.rule == rule)


def _result(rule: str, found: tuple[Finding, ...]) -> dg.AssetCheckResult:
    """Return the result of a rule, which says what happens if a warning is ignored.

    Information is counted: there may be one for each column, and the asset has all of it by table.
    """
    worth = tuple(each for each in found if each.severity is not Severity.INFO)
    result = check_result(rule, found)
    if more := len(found) - len(worth):
        shown = check_result(rule, worth, evidence={"information": dg.MetadataValue.int(more)})
        told = f"{more} for information, by table on the asset."
        text = "\n".join(filter(None, (shown.description, told)))
        result = result._replace(description=text, metadata=shown.metadata)
    if result.passed:
        return result
    return result._replace(description=f"{result.description}\n{audit.if_ignored(rule)}")
