"""Refreshes under way: those of the daemon, queued or running, and those of the command line."""

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterInstance, RunRecord

from pgpromote.postgres.errors import InvalidUrl
from pgpromote.promotion import Promotion

TARGET, PROMOTION = "pgpromote/target", "pgpromote/promotion"
HOST, PID = "pgpromote/host", "pgpromote/pid"
STATUSES = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Nobody can ask whether a command still runs on another machine; none runs longer.
COMMAND_LASTS = timedelta(days=1)


def target_of(promotion: Promotion) -> str:
    """Return the tag of the runs that the queue lets into a prod one after the other: prod itself.

    Without a prod they fail, and the promotion's name does.
    """
    try:
        return promotion.target().label
    except InvalidUrl:
        return promotion.name


def tags_of_command(promotion: str, run_id: str) -> dict[str, str]:
    """Return the tags for the run of this process.

    It has its own value of the target: if this process is killed, its run must not hold up the queue. The
    advisory lock keeps the two apart.
    """
    return {TARGET: run_id, PROMOTION: promotion, HOST: socket.gethostname(), PID: str(os.getpid())}


def close_dead_runs(instance: DagsterInstance) -> Iterator[dg.DagsterRun]:
    """Mark as failed the runs of the command line whose process was killed on this machine; yield each."""
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags={HOST: socket.gethostname()})
    for run in instance.get_runs(filters):
        if not _is_running(int(run.tags[PID])):
            instance.report_run_failed(run, "The process that ran pgpromote refresh was killed.")
            yield run


def refreshing(instance: DagsterInstance, job: str, target: str, promotion: str) -> str:
    """Return the id of a run of this job that is queued or running for a promotion, "" when there is none.

    `target` is the tag of the daemon's runs, `promotion` that of the command line's.
    """
    return next(_under_way(instance, job, {TARGET: target}, {PROMOTION: promotion}), "")


def _under_way(instance: DagsterInstance, job: str, *tags: dict[str, str]) -> Iterator[str]:
    for each in tags:
        filters = dg.RunsFilter(job_name=job, statuses=STATUSES, tags=each)
        for record in instance.get_run_records(filters):
            if _is_alive(record):
                yield record.dagster_run.run_id


def _is_alive(record: RunRecord) -> bool:
    """Return whether a run may still be going on; dead runs of the daemon are found by the daemon."""
    tags = record.dagster_run.tags
    if PID not in tags:
        return True
    if tags[HOST] == socket.gethostname():
        return _is_running(int(tags[PID]))
    return datetime.now(UTC) - record.create_timestamp.astimezone(UTC) < COMMAND_LASTS


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
