"""The report asset: the whole run, for people and for programs."""

from datetime import UTC, datetime

import dagster as dg

from pgpromote import report as reports
from pgpromote.defs.assets import OWNERS
from pgpromote.defs.audits import AUDITS, audited
from pgpromote.defs.failures import readable
from pgpromote.defs.metadata import Metadata
from pgpromote.defs.step import holder_of
from pgpromote.postgres import audit
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.model import Severity
from pgpromote.promotion import Promotion
from pgpromote.report import Written
from pgpromote.run.run import Run
from pgpromote.run.state import State

REPORT = "promotion_report"


def build_report(promotion: Promotion, prefix: str) -> dg.AssetsDefinition:
    """Return the asset that reports on the run it is part of, when everything else is done."""

    @dg.asset(
        name=f"{prefix}{REPORT}",
        description="The morning after on one page: verdict, timeline, what changed, findings with their "
        "fixes, repairs, rights, losses. An HTML file that needs no network, with a JSON twin.",
        deps=[f"{prefix}prod_schema", *(f"{prefix}{name}" for name in AUDITS)],
        group_name=f"{prefix}promotion",
        kinds={"html", "report"},
        owners=OWNERS,
        required_resource_keys={f"{prefix}run"},
    )
    def promotion_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        holder = holder_of(context.op_execution_context, prefix)
        with readable(holder.begun):
            state = _walked(holder.begun)
            holder.reported = True
            if missing := [rule for rule in audit.RULES if rule not in holder.audited.rules]:
                holder.audited = holder.audited.joined(audited(promotion, state.run_id, missing))
            report = reports.build(state, holder.audited, datetime.now(UTC))
            written = reports.write(report, promotion.report_dir)
        context.log.info(f"The report is in {written.page}.")
        return dg.MaterializeResult(metadata=described(written))

    return promotion_report


def described(written: Written) -> Metadata:
    """Describe a report: its verdict, its first page, its files."""
    report = written.report
    counts = {f"findings: {each.value}": dg.MetadataValue.int(report.count(each)) for each in Severity}
    return {
        "verdict": dg.MetadataValue.text(report.verdict.value),
        "summary": dg.MetadataValue.md(reports.summary(report)),
        "report": dg.MetadataValue.path(written.page),
        **counts,
        "json": dg.MetadataValue.path(written.json),
    }


def _walked(run: Run | None) -> State:
    if run is None or not run.state.current:
        raise PgpromoteError(
            "There is nothing to report: this run has not walked the steps of prod_schema.",
            "Start the job refresh_prod or restore_prod; the report is its last step.",
        )
    return run.state
