"""What is delivered to the sensor: what counts as new, what runs again, and which of several wins."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from pgpromote.defs.factory import build_promotion
from pgpromote.postgres import dump
from pgpromote.postgres.archives import archive
from pgpromote.promotion import TARGET
from pgpromote.settings import from_environment
from pgpromote_tests import runs
from pgpromote_tests.func.watches import Watch
from pgpromote_tests.servers import Server

SHOP = "CREATE TABLE orders (id integer PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 5);"
MORE = "INSERT INTO orders SELECT max(id) + 1 FROM orders"
TUESDAY = datetime(2026, 3, 3, 2, tzinfo=UTC)
Deliver = Callable[..., Path]


@pytest.fixture
def watch(dev: Server, prod: Server, tmp_path: Path) -> Iterator[Watch]:
    """Turn the sensor on over a directory that is empty."""
    promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev, PGPROMOTE_NAME="")
    Path(promotion.directory).mkdir(parents=True)
    with dg.DagsterInstance.ephemeral() as instance:
        watch = Watch(promotion, instance)
        watch.turn_on()
        yield watch


@pytest.fixture
def deliver(watch: Watch, dev: Server, tmp_path: Path) -> Deliver:
    """Return what dumps dev as it is now, elsewhere, and delivers that with the given time of dump."""

    def deliver(
        name: str = "new.dump", at: datetime = TUESDAY, promotion: str = "", **change: object
    ) -> Path:
        source, path = watch.promotion.source(), tmp_path / f"{uuid4()}.dump"
        dev.execute(MORE, source.name)
        dump.dump(source, path, [dev.tools()], "r1", name=promotion or watch.promotion.name)
        manifest = json.loads(archive.manifest_path(path).read_text())
        told = {**manifest, "created_at": at.isoformat(), **change}
        landing = watch.promotion.directory / name
        archive.manifest_path(landing).write_text(json.dumps(told))
        return path.rename(landing)

    return deliver


def bare(path: Path, modified: datetime) -> Path:
    archive.manifest_path(path).unlink()
    os.utime(path, (modified.timestamp(), modified.timestamp()))
    return path


def ran(watch: Watch, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Run what was requested, to its end."""
    job = build_promotion(watch.promotion, watch.prefix).resolve_job_def(f"{watch.prefix}restore_prod")
    return job.execute_in_process(
        run_config=request.run_config, instance=watch.instance, tags=request.tags, raise_on_error=False
    )


def recorded(watch: Watch, request: dg.RunRequest, status: dg.DagsterRunStatus, **tags: str) -> str:
    """Let Dagster know a run that was requested, in a state in which it can be."""
    own = {"pgpromote/promotion": watch.promotion.name, **request.tags}
    own["dagster/run_key"] = str(request.run_key)
    run = dg.DagsterRun(job_name="restore_prod", run_id=str(uuid4()), status=status, tags={**own, **tags})
    return watch.instance.add_run(run).run_id


def told_of(ticked: SensorExecutionData) -> dict[str, str]:
    """Say what was told of each file that is not restored."""
    return {
        Path(str(event.metadata["path"].value)).name: str(event.description) for event in ticked.asset_events
    }


def names(requests: list[dg.RunRequest]) -> list[str]:
    return [request.tags["pgpromote/archive"] for request in requests]


def orders(watch: Watch, prod: Server) -> Any:
    database = watch.promotion.target().name
    if not prod.rows("SELECT oid FROM pg_class WHERE relname = 'orders'", database):
        return None
    return prod.rows("SELECT count(*) FROM orders", database)[0][0]


# What is new ------------------------------------------------------------------------------------------------


def test_what_is_there_when_the_sensor_is_turned_on_stays_as_it_is(watch: Watch, deliver: Deliver) -> None:
    watch.cursor = None
    paths = [deliver(name) for name in ("a.dump", "b.dump")]
    bare(deliver("c.dump"), TUESDAY)

    begun = watch.turn_on()

    assert "3 archive(s) that were there before stay as they are" in str(begun.skip_message)
    assert watch.settle() == []
    os.utime(paths[0])
    assert names(watch.settle()) == ["a.dump"]


def test_what_lands_between_turning_on_and_the_first_tick_is_new(watch: Watch, deliver: Deliver) -> None:
    watch.cursor = None
    path = deliver("early.dump")
    watch.started = path.stat().st_ctime - 1
    assert names(watch.settle()) == ["early.dump"]


def test_what_lands_while_the_sensor_is_off_is_not_taken_when_it_is_turned_on_again(
    watch: Watch, deliver: Deliver
) -> None:
    deliver("off.dump")
    watch.turn_on()
    assert watch.settle() == []
    deliver("on.dump")
    assert names(watch.settle()) == ["on.dump"]


def test_a_cursor_of_the_version_before_still_knows_what_it_has_seen(watch: Watch, deliver: Deliver) -> None:
    """Its files were moved to where the promotion now has them, or are still where they were."""
    moved, left = deliver("moved.dump"), deliver("left.dump")
    signatures = {
        path.name: [path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ino]
        for path in (moved, left)
    }
    left.rename(watch.promotion.dump_dir / "left.dump")
    watch.cursor = json.dumps({"settling": {}, "done": signatures})
    deliver("new.dump")

    first, second = watch.tick(), watch.tick()

    assert names(list(second.run_requests or [])) == ["new.dump"]
    assert [told_of(tick) for tick in (first, second)] == [{}, {}]


@pytest.mark.parametrize("name", ["release.dump", "auction_dev.dump", "größe 'x'.dump"])
def test_what_lands_where_the_version_before_looked_is_told_once_and_not_restored(
    watch: Watch, deliver: Deliver, name: str
) -> None:
    deliver(name).rename(watch.promotion.dump_dir / name)

    ticks = [watch.tick() for _ in range(4)]

    assert [tick.run_requests or [] for tick in ticks] == [[]] * 4
    assert [len(tick.asset_events) for tick in ticks] == [0, 1, 0, 0]
    assert "lies where the version before looked" in told_of(ticks[1])[name]
    assert str(watch.promotion.directory) in told_of(ticks[1])[name]


def test_two_promotions_in_one_dump_directory_leave_each_others_archives_alone(
    watch: Watch, dev: Server, prod: Server, tmp_path: Path
) -> None:
    other = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev, PGPROMOTE_NAME="")
    assert other.dump_dir == watch.promotion.dump_dir
    assert runs.run(other, "dump_dev").success
    assert watch.settle() + watch.settle() == []
    assert watch.known() == set()


def test_a_delivery_of_another_promotion_is_told_and_supersedes_nothing(
    watch: Watch, deliver: Deliver
) -> None:
    deliver("ours.dump")
    deliver("theirs.dump", TUESDAY + timedelta(days=1), promotion="billing")
    watch.tick()
    told = watch.tick()
    assert names(list(told.run_requests or [])) == ["ours.dump"]
    assert "is an archive of the promotion billing" in told_of(told)["theirs.dump"]


# What runs again --------------------------------------------------------------------------------------------


def test_a_delivery_whose_run_failed_runs_again_when_it_is_delivered_again(
    watch: Watch, deliver: Deliver, prod: Server
) -> None:
    path = deliver()
    (first,) = watch.settle()
    whole, gone = watch.promotion, prod.url("deliveries_gone")
    watch.promotion = from_environment({**whole.environment, TARGET: gone})
    assert not ran(watch, first).success
    watch.promotion = whole

    assert watch.settle() == []  # nobody has delivered anything
    os.utime(path)
    (touched,) = watch.settle()
    recorded(watch, touched, dg.DagsterRunStatus.FAILURE)
    again = path.with_name("again.dump")
    shutil.copy(archive.manifest_path(path), archive.manifest_path(again))
    shutil.copy(path, again)
    (copied,) = watch.settle()

    keys = [request.run_key for request in (first, touched, copied)]
    assert keys == [archive.digest(path) + attempt for attempt in ("", "-2", "-3")]
    assert ran(watch, copied).success


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE])
@pytest.mark.parametrize("before", [False, True], ids=["today", "version before"])
def test_a_run_that_did_not_promote_does_not_make_its_content_done(
    watch: Watch, deliver: Deliver, status: dg.DagsterRunStatus, before: bool
) -> None:
    path = deliver()
    (first,) = watch.settle()
    if before:
        first = first._replace(tags={"pgpromote/target": "auction"})
    recorded(watch, first, status)
    os.utime(path)
    (again,) = watch.settle()
    assert again.run_key == f"{first.run_key}-2"


@pytest.mark.parametrize("before", [False, True], ids=["today", "version before"])
def test_content_that_was_promoted_never_runs_again(watch: Watch, deliver: Deliver, before: bool) -> None:
    path = deliver()
    (first,) = watch.settle()
    if before:
        recorded(watch, first._replace(tags={"pgpromote/target": "auction"}), dg.DagsterRunStatus.SUCCESS)
    else:
        assert ran(watch, first).success
    os.utime(path)
    shutil.copy(path, path.with_name("copy.dump"))
    assert watch.settle() == []
    path.unlink()
    assert watch.settle() == []
    shutil.copy(path.with_name("copy.dump"), path)
    assert watch.settle() == []


def test_content_is_done_that_became_prod_although_its_run_failed_afterwards(
    watch: Watch, deliver: Deliver, prod: Server, tmp_path: Path
) -> None:
    path = deliver()
    (first,) = watch.settle()
    (tmp_path / "reports").write_text("in the way")
    assert not ran(watch, first).success
    assert orders(watch, prod)
    os.utime(path)
    assert watch.settle() == []


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_content_whose_run_has_not_ended_is_not_asked_for_twice(
    watch: Watch, deliver: Deliver, status: dg.DagsterRunStatus
) -> None:
    path = deliver()
    (first,) = watch.settle()
    recorded(watch, first, status)
    os.utime(path)
    assert watch.settle() == []


def test_what_another_promotion_has_promoted_is_not_done_here(watch: Watch, deliver: Deliver) -> None:
    path = deliver()
    (first,) = watch.settle()
    recorded(watch, first, dg.DagsterRunStatus.SUCCESS, **{"pgpromote/promotion": "billing"})
    os.utime(path)
    assert len(watch.settle()) == 1


# What a run is asked for ------------------------------------------------------------------------------------


def test_a_run_whose_file_was_replaced_leaves_it_to_the_newer_files_run(
    watch: Watch, deliver: Deliver, prod: Server
) -> None:
    deliver()
    (older,) = watch.settle()
    deliver()
    refused = ran(watch, older)
    (newer,) = watch.settle()
    before = orders(watch, prod)
    done = ran(watch, newer)

    assert before is None
    assert (refused.success, done.success) == (False, True)
    (why,) = [event.step_failure_data.error for event in refused.get_step_failure_events()]
    assert "is no longer the file that this run was asked for" in str(why)
    assert "Leave it to the run that the sensor asks for the newer file" in str(why)
    assert orders(watch, prod) == 7
    assert watch.settle() == []


# Which of several -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newest", ["a.dump", "m.dump", "z.dump"])
def test_of_several_the_one_dumped_last_runs_whatever_they_are_called(
    watch: Watch, deliver: Deliver, newest: str
) -> None:
    for name in ("a.dump", "m.dump", "z.dump"):
        path = deliver(name, TUESDAY + timedelta(hours=name == newest))
        os.utime(path, (0, name != newest))
    watch.tick()

    told = watch.tick()

    assert names(list(told.run_requests or [])) == [newest]
    superseded = {"a.dump", "m.dump", "z.dump"} - {newest}
    assert told_of(told).keys() == superseded
    assert all(newest in message for message in told_of(told).values())
    assert watch.settle() == []


@pytest.mark.parametrize("newest", ["a.dump", "m.dump", "z.dump"])
def test_without_manifests_the_files_own_time_decides(watch: Watch, deliver: Deliver, newest: str) -> None:
    watch.promotion = replace(watch.promotion, adopts=True)
    for name in ("a.dump", "m.dump", "z.dump"):
        bare(deliver(name), TUESDAY + timedelta(seconds=name == newest))
    assert names(watch.settle()) == [newest]


@pytest.mark.parametrize("told", ["", "yesterday", "9" * 5000, "2026-03-03T02:00:00"])
def test_a_manifest_without_a_sensible_time_is_ordered_like_a_file(
    watch: Watch, deliver: Deliver, told: str
) -> None:
    os.utime(deliver("a.dump", created_at=told), (0, 0))
    deliver("b.dump", TUESDAY + timedelta(days=1))
    assert names(watch.settle()) == ["b.dump"]


def test_what_is_older_than_an_archive_whose_run_has_not_ended_is_superseded(
    watch: Watch, deliver: Deliver
) -> None:
    deliver("newer.dump", TUESDAY + timedelta(hours=1))
    (newer,) = watch.settle()
    run = recorded(watch, newer, dg.DagsterRunStatus.STARTED)
    deliver("older.dump")
    watch.tick()
    told = watch.tick()
    assert not told.run_requests
    assert "is not newer than newer.dump" in told_of(told)["older.dump"]

    watch.instance.report_run_canceled(run_of(watch, run))
    deliver("older.dump")
    assert names(watch.settle()) == ["older.dump"]


def run_of(watch: Watch, run: str) -> dg.DagsterRun:
    found = watch.instance.get_run_by_id(run)
    assert found is not None
    return found


def test_an_older_one_does_not_win_over_a_newer_one_that_was_promoted_before(
    watch: Watch, deliver: Deliver
) -> None:
    newer = deliver("newer.dump", TUESDAY + timedelta(hours=1))
    (request,) = watch.settle()
    recorded(watch, request, dg.DagsterRunStatus.SUCCESS)
    os.utime(newer)
    deliver("older.dump")
    watch.tick()
    told = watch.tick()
    assert not told.run_requests
    assert told_of(told).keys() == {"older.dump"}
