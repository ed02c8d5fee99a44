"""The factory of Dagster definitions for a promotion."""

import dagster as dg

from pgpromote.defs.alerts import build_alerts, ours
from pgpromote.defs.assets import build_assets
from pgpromote.defs.audits import build_audits
from pgpromote.defs.jobs import build_jobs, build_schedule
from pgpromote.defs.killed import build_killed
from pgpromote.defs.report import build_report
from pgpromote.defs.resources import Watch, run_resource
from pgpromote.defs.sensors import build_sensor
from pgpromote.promotion import Promotion
from pgpromote.run.run import look_away


def build_promotion(
    promotion: Promotion, prefix: str = "", watch: Watch = lambda run: look_away
) -> dg.Definitions:
    """Return all Dagster definitions of one promotion.

    `prefix` goes before every name, so that two promotions fit into one code location. Steps run in one
    process: the parallelism is inside pg_restore, and children die with their run (facts-dagster §0). `watch`
    is called with each run that begins.
    """
    jobs = build_jobs(promotion, prefix)
    schedule = build_schedule(promotion, prefix, jobs)  # refuses a cron line, which the assets then trust
    assets = [*build_assets(promotion, prefix), *build_audits(promotion, prefix)]
    is_ours = ours({job.name for job in jobs.all()}, assets)
    return dg.Definitions(
        assets=[*assets, build_report(promotion, prefix)],
        jobs=jobs.all(),
        schedules=[schedule],
        sensors=[
            build_sensor(promotion, prefix, jobs),
            build_killed(promotion, prefix, is_ours),
            *build_alerts(promotion, prefix, assets, is_ours),
        ],
        resources={f"{prefix}run": run_resource(promotion, prefix, watch)},
        executor=dg.in_process_executor,
    )
