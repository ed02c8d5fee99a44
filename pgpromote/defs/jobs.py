"""The jobs and the nightly schedule."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pgpromote.defs import cron
from pgpromote.defs.audits import AUDITS
from pgpromote.defs.other_jobs import build_rehearsal, build_resume, build_rollback
from pgpromote.defs.report import REPORT
from pgpromote.defs.resources import run_resource
from pgpromote.defs.running import PROMOTION, TARGET, refreshing, target_of
from pgpromote.promotion import Promotion


@dataclass(frozen=True)
class Jobs:
    """The jobs of one promotion."""

    refresh_prod: UnresolvedAssetJobDefinition
    dump_dev: UnresolvedAssetJobDefinition
    restore_prod: UnresolvedAssetJobDefinition
    audit_prod: UnresolvedAssetJobDefinition
    rehearse_prod: dg.JobDefinition
    rollback_prod: dg.JobDefinition
    resume_prod: dg.JobDefinition

    def all(self) -> list[UnresolvedAssetJobDefinition | dg.JobDefinition]:
        """Return every job."""
        return list(vars(self).values())


def build_jobs(promotion: Promotion, prefix: str) -> Jobs:
    """Return the jobs. All that write to prod carry one tag, which the instance runs one at a time."""
    archive, prod = f"{prefix}dev_dump_archive", f"{prefix}prod_schema"
    audits = [f"{prefix}{name}" for name in AUDITS]
    report = f"{prefix}{REPORT}"

    def job(
        name: str, assets: Sequence[str], tags: dict[str, str], description: str
    ) -> UnresolvedAssetJobDefinition:
        selection = dg.AssetSelection.assets(*assets)
        return dg.define_asset_job(f"{prefix}{name}", selection=selection, tags=tags, description=description)

    def aside(name: str, op: dg.OpDefinition, description: str) -> dg.JobDefinition:
        return dg.GraphDefinition(name=f"{prefix}{name}", node_defs=[op]).to_job(
            tags=writes,
            description=description,
            resource_defs={f"{prefix}run": run_resource(promotion, prefix)},
            executor_def=dg.in_process_executor,
        )

    # Where run retries are switched on: a worker that died is replaced, a refusal is not asked again.
    once = {"dagster/retry_on_asset_or_op_failure": "false"}
    writes = {
        **once,
        TARGET: target_of(promotion),
        PROMOTION: promotion.name,
        # A retry from the failed step would restore into a half-restored schema.
        "dagster/retry_strategy": "ALL_STEPS",
    }
    return Jobs(
        refresh_prod=job(
            "refresh_prod",
            [archive, prod, *audits, report],
            writes,
            "Replaces prod by dev, at once: dump, check, restore, repair, audit, report.",
        ),
        dump_dev=job("dump_dev", [archive], once, "Dump dev. Prod is not touched."),
        restore_prod=job(
            "restore_prod",
            [prod, *audits, report],
            writes,
            "Replaces prod by an existing archive, at once: check, restore, repair, audit, report.",
        ),
        rehearse_prod=aside(
            "rehearse_prod", build_rehearsal(prefix), "Do everything but the cut-over. Prod is not touched."
        ),
        rollback_prod=aside(
            "rollback_prod",
            build_rollback(prefix),
            "Replaces prod by what it was before, at once. Prod is then on hold until `resume_prod`.",
        ),
        resume_prod=aside(
            "resume_prod",
            build_resume(prefix),
            "Ends the hold that a rollback has put on prod: promotions go on. Prod stays as it is.",
        ),
        audit_prod=job("audit_prod", audits, once, "Audit prod, or DATABASE_URL. Read-only."),
    )


def build_schedule(promotion: Promotion, prefix: str, jobs: Jobs) -> dg.ScheduleDefinition:
    """Return the nightly schedule, stopped until someone turns it on.

    A tick is skipped while a refresh of the same prod is queued or running: two nights are never piled up.
    """

    @dg.schedule(
        name=f"{prefix}nightly_refresh",
        job=jobs.refresh_prod,
        cron_schedule=cron.check(promotion.cron),
        execution_timezone=promotion.timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Refresh prod from dev every night.",
    )
    def nightly_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        job, target = jobs.refresh_prod.name, target_of(promotion)
        run = refreshing(context.instance, job, target, promotion.name)
        if run:
            return dg.SkipReason(f"The refresh of run {run} is queued or running; the next tick comes again.")
        return dg.RunRequest()

    return nightly_refresh
