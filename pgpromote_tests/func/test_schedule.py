"""The nightly tick: it waits for nobody, and skips a night whose refresh is still going on."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._utils.schedules import schedule_execution_time_iterator

from pgpromote.defs.factory import build_promotion
from pgpromote.defs.running import HOST, PID, tags_of_command
from pgpromote.settings import from_environment

LOCATION = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("pgpromote"), "__repository__")
NIGHTLY, REFRESH = "nightly_refresh", "refresh_prod"
UNDER_WAY = ("QUEUED", "STARTING", "STARTED", "CANCELING")
OVER = ("SUCCESS", "FAILURE", "CANCELED", "NOT_STARTED")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """Return an instance that keeps its runs in files, as the one of a daemon keeps them."""
    directory = tmp_path_factory.mktemp("instance")
    (directory / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.local_temp(str(directory)) as opened:
        yield opened


@pytest.fixture
def instance(storage: dg.DagsterInstance) -> dg.DagsterInstance:
    """Return the instance without a run."""
    for run in storage.get_runs():
        storage.delete_run(run.run_id)
    return storage


@cache
def repository(prefix: str = "", **settings: str) -> dg.RepositoryDefinition:
    return build_promotion(
        from_environment({"PGPROMOTE_NAME": "auction", **settings}), prefix
    ).get_repository_def()


def begun(
    instance: dg.DagsterInstance,
    status: str,
    tags: Mapping[str, str] = MappingProxyType({}),
    job: str = REFRESH,
) -> str:
    """Put a run of the promotion `auction` into the instance, with the tags of its job; return its id."""
    definition = repository().get_job(job)
    tags = {**definition.run_tags, **tags}
    run = instance.create_run_for_job(
        definition,
        status=dg.DagsterRunStatus[status],
        tags=tags,
        remote_job_origin=RemoteJobOrigin(LOCATION, job),
    )
    return run.run_id


def tick(instance: dg.DagsterInstance, prefix: str = "", **settings: str) -> tuple[int, str]:
    """Evaluate the schedule as the daemon does: how many runs it wants, and why it skips."""
    schedule = repository(prefix, **settings).get_schedule_def(f"{prefix}{NIGHTLY}")
    data = schedule.evaluate_tick(dg.build_schedule_context(instance=instance))
    return len(data.run_requests or ()), data.skip_message or ""


def test_a_quiet_night_asks_for_one_run(instance: dg.DagsterInstance) -> None:
    assert tick(instance) == (1, "")


@pytest.mark.parametrize("status", UNDER_WAY)
def test_a_tick_is_skipped_while_a_refresh_is_queued_or_running_and_names_it(
    instance: dg.DagsterInstance, status: str
) -> None:
    run = begun(instance, status)
    wanted, why = tick(instance)
    assert wanted == 0
    assert run in why


@pytest.mark.parametrize("status", OVER)
def test_a_refresh_that_is_over_holds_up_no_tick(instance: dg.DagsterInstance, status: str) -> None:
    begun(instance, status)
    assert tick(instance) == (1, "")


def test_neither_another_promotion_nor_another_job_holds_it_up(instance: dg.DagsterInstance) -> None:
    begun(instance, "STARTED")
    assert tick(instance, PGPROMOTE_NAME="shop") == (1, "")
    assert tick(instance, prefix="eu_") == (1, "")
    assert tick(instance)[0] == 0
    begun(instance, "STARTED", job="dump_dev")
    assert tick(instance, PGPROMOTE_NAME="shop") == (1, "")


def test_a_refresh_of_the_command_line_holds_it_up_while_its_process_lives(
    instance: dg.DagsterInstance,
) -> None:
    run = begun(instance, "STARTED", tags_of_command("auction", "run"))
    assert run in tick(instance)[1]
    assert tick(instance, PGPROMOTE_NAME="shop") == (1, "")


def test_a_command_that_was_killed_holds_up_no_night(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        process.wait()
    dead = tags_of_command("auction", "run") | {PID: str(process.pid)}
    begun(instance, "STARTED", dead)
    assert tick(instance) == (1, "")


def test_a_command_on_another_machine_holds_it_up(instance: dg.DagsterInstance) -> None:
    there = tags_of_command("auction", "run") | {HOST: f"not-{socket.gethostname()}", PID: str(os.getpid())}
    run = begun(instance, "STARTED", there)
    assert run in tick(instance)[1]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ((2026, 3, 29), "2026-03-29T03:00:00+02:00"),  # there is no half past two
        ((2026, 10, 25), "2026-10-25T02:30:00+01:00"),  # there are two of them
    ],
)
def test_daylight_saving_neither_loses_nor_doubles_a_night(day: tuple[int, int, int], expected: str) -> None:
    settings = {"PGPROMOTE_CRON": "30 2 * * *", "PGPROMOTE_TIMEZONE": "Europe/Berlin"}
    schedule = repository(**settings).get_schedule_def(NIGHTLY)
    assert isinstance(schedule.cron_schedule, str)
    midnight = datetime(*day, tzinfo=ZoneInfo("Europe/Berlin"))
    times = schedule_execution_time_iterator(
        midnight.timestamp(), schedule.cron_schedule, schedule.execution_timezone, ascending=True
    )
    first, second = next(times), next(times)
    assert first.isoformat() == expected
    assert second.date() > first.date()
