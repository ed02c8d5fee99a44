"""What the command line did, as events without a run: of prod, of its checks, audits and report."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from sqlalchemy.exc import SQLAlchemyError

from pgpromote.defs import audits, metadata
from pgpromote.defs.assets import BLOCKING
from pgpromote.defs.instance import open_instance
from pgpromote.defs.metadata import Metadata, version
from pgpromote.defs.ops import WITH_OPS, results
from pgpromote.defs.report import REPORT, described
from pgpromote.defs.step import check_result
from pgpromote.postgres.audit import Audit
from pgpromote.postgres.databases import hold
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.databases.hold import Hold
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.report import Written
from pgpromote.run.rollback import Status
from pgpromote.run.run import Run
from pgpromote.run.steps import DUMP
from pgpromote.terminal.past import RESUME

PROD = "prod_schema"
HELD = f"Prod is on hold: nothing is promoted into it until {RESUME}, or the job `resume_prod`."


@dataclass(frozen=True)
class Earlier:
    """The materialization of a content that was prod before: `began` is when it was first, None if unknown.

    Dagster reckons freshness from the time of the last materialization, and takes the data version from it.
    """

    event: dg.AssetMaterialization
    began: datetime | None


Event = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


def promoted(run: Run) -> Iterator[Event]:
    """Yield the events of a promotion: its archive, if it has dumped one, prod, and the checks of prod."""
    state, told = run.state, _told(run)
    tags = version(state.sha256)
    if state.manifest and any(step.name == DUMP for step in state.steps):
        shown = metadata.archive(state.archive, state.manifest)
        yield dg.AssetMaterialization("dev_dump_archive", told, shown, tags=tags)
    yield dg.AssetMaterialization(PROD, told, metadata.prod(state, run.options.filters), tags=tags)
    for step in WITH_OPS:
        yield from (_evaluation(PROD, result) for result in results(step, state))


def audited(run: Run, done: Audit, written: Written | None) -> Iterator[Event]:
    """Yield the events of the audits of prod, with their checks, and of the report, if they were made."""
    for name, rules in audits.AUDITS.items() if done.rules else ():
        result = audits.shown(done.only(rules), run.promotion.audited().label, rules)
        yield dg.AssetMaterialization(name, _told(run), result.metadata)
        yield from (_evaluation(name, each) for each in result.check_results or ())
    if written is not None:
        yield dg.AssetMaterialization(REPORT, _told(run), described(written))


def _told(run: Run) -> str:
    return f"By the command line, run {run.run_id}."


def _evaluation(asset: str, result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    name = str(result.check_name)
    return dg.AssetCheckEvaluation(
        dg.AssetKey(asset),
        name,
        result.passed,
        result.metadata,
        severity=result.severity,
        description=result.description,
        blocking=name in BLOCKING,
    )


def rolled_back(run_id: str, done: CutOver, now: Status, prefix: str = "") -> Iterator[Event | Earlier]:
    """Yield the events of a rollback: that it was done, what prod is since, and that prod is on hold.

    What came back is as old as it was: the time of its materialization is when it was prod first.
    """
    prod, told, came = f"{prefix}{PROD}", f"Rolled back, run {run_id}.", now.came
    shown, tags = _way_back(done, now), version(came.sha256 if came else None)
    yield dg.AssetObservation(prod, told, metadata=shown, tags=tags)
    began = (came.changed_at or came.began) if came else None
    yield Earlier(dg.AssetMaterialization(prod, told, shown, tags=tags), began)
    yield on_hold(now.held, prefix)


def on_hold(held: Hold | None, prefix: str = "") -> dg.AssetCheckEvaluation:
    """Return the result of the check of the hold, by itself: failed while prod is on hold."""
    found = (replace(hold.refusal(held, despite=False), hint=HELD),) if held else ()
    return _evaluation(f"{prefix}{PROD}", check_result(hold.RULE, found))


def _way_back(done: CutOver, now: Status) -> Metadata:
    came = now.came
    archive, sha256 = (came.archive, came.sha256) if came else (None, None)
    known = f"archive `{archive}`, SHA-256 `{(sha256 or '')[:12]}…`" if archive else "origin not recorded"
    lines = (
        f"**Rolled back**: {done.target} is what it was before, {known}",
        "",
        f"- Swapped back in with a gap of {done.downtime_ms} ms",
        f"- Kept: `{done.previous}`, which was prod until now",
        f"- {HELD}",
    )
    return {
        "summary": dg.MetadataValue.md("\n".join(lines)),
        "on hold": dg.MetadataValue.text(HELD),
        metadata.DIGEST: dg.MetadataValue.text(sha256 or "not recorded"),
        **metadata.cut_over(done),
    }


def report(events: Iterable[Event | Earlier]) -> str:
    """Report events to the instance of DAGSTER_HOME; return why that failed, "" when it did not."""
    try:
        with open_instance() as instance:
            for event in events:
                tell(instance, event)
    except (PgpromoteError, dg.DagsterError, SQLAlchemyError, OSError) as error:
        reason = error.message if isinstance(error, PgpromoteError) else type(error).__name__
        return f"Dagster does not show what prod is now: its instance took no event. {reason}"
    return ""


def tell(instance: dg.DagsterInstance, event: Event | Earlier) -> None:
    """Record an event that belongs to no run."""
    if not isinstance(event, Earlier):
        instance.report_runless_asset_event(event)
        return
    last = None if event.began else instance.get_latest_materialization_event(event.event.asset_key)
    at = event.began.timestamp() if event.began else last.timestamp if last else None
    made = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name=RUNLESS_JOB_NAME,
        event_specific_data=StepMaterializationData(event.event),
    )
    instance.report_dagster_event(made, RUNLESS_RUN_ID, timestamp=at)
