"""The resource that gives each Dagster run its `Run`, and reports on one that failed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import dagster as dg

from pgpromote import report as reports
from pgpromote import run as runs
from pgpromote.defs.failures import clean, reason
from pgpromote.postgres.audit import Audit
from pgpromote.postgres.tools import OnLine
from pgpromote.promotion import Promotion
from pgpromote.run import Run
from pgpromote.standing import of_run

# Takes a run that begins, and returns what takes the lines of its tools.
Watch = Callable[[Run], OnLine]


def look_away(line: str) -> None:
    """Take a line that nobody watches."""


@dataclass
class Walk:
    """One Dagster run's walk through the steps, and what its last step says of the asset.

    `audited` is what the audits have found so far, `reported` that the report's own step was begun. `watch`
    takes the lines of the tools.
    """

    run: Run
    described: dict[str, dg.MetadataValue] = field(default_factory=dict)
    audited: Audit = reports.NOT_AUDITED
    reported: bool = False
    watch: OnLine = look_away


def run_resource(
    promotion: Promotion, prefix: str = "", watch: Watch = lambda run: look_away
) -> dg.ResourceDefinition:
    """Build the resource of one promotion. Nothing secret is in its configuration."""

    @dg.resource(description=f"The promotion {promotion.name}: databases, archive, lock.")
    def walk(context: dg.InitResourceContext) -> Iterator[Walk]:
        with runs.start(promotion, context.run.run_id if context.run else "no-run") as run:
            begun = Walk(run, watch=watch(run))
            try:
                yield begun
            finally:
                _report_failure(context, begun, f"{prefix}dev_dump_archive")

    return walk


def _report_failure(context: dg.InitResourceContext, walk: Walk, dump: str) -> None:
    """Write the report that the run could not reach; its last step writes the one of a good run."""
    failures = _failures(context)
    promoting = walk.run.phases or any(event.step_key == dump for event in failures)
    if failures and promoting and not walk.reported and context.log:
        problem = clean(reason(failures[0]).text, walk.run.promotion)
        context.log.info(of_run(walk.run))
        context.log.info(reports.write_failure(walk.run, problem, walk.audited))


def _failures(context: dg.InitResourceContext) -> list[dg.DagsterEvent]:
    if context.instance is None or context.run is None:
        return []
    found = context.instance.get_records_for_run(context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    events = (record.event_log_entry.dagster_event for record in found.records)
    return [event for event in events if event]
