"""Runs whose process was killed: nothing of ours ran at their end, so the daemon tags them for it."""

from collections.abc import Callable

import dagster as dg

from pgpromote.defs.ended_runs import tag
from pgpromote.promotion import Promotion


def build_killed(
    promotion: Promotion, prefix: str, is_ours: Callable[[dg.DagsterRun], bool]
) -> dg.SensorDefinition:
    """Return the sensor that tags failed runs with what prod is, where they could not do it themselves."""

    @dg.run_failure_sensor(
        name=f"{prefix}killed_run_sensor",
        description="Tag a run that was killed with what prod is since: `pgpromote/outcome`.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def killed_run_sensor(context: dg.RunFailureSensorContext) -> None:
        if is_ours(context.dagster_run):
            tag(context.instance, promotion, context.dagster_run, prefix)

    return killed_run_sensor
