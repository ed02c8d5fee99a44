"""The real thing: web server, daemon, queue and code server on an instance in PostgreSQL."""

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from pgpromote.defs.tags import OUTCOME, UNDER_WAY
from pgpromote.demo import servers as embedded
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import parse_url
from pgpromote.promotion import AS_SUPERUSER, SOURCE, STORAGE, TARGET
from pgpromote_tests import services
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import adopted
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server
from pgpromote_tests.services import Dagster, command_lines, is_running, tools_of, until

pytestmark = pytest.mark.long
# Loading this table stops for as long as the gate is closed: a restore in its middle, at will. The gate is a
# role, because a role is seen from every database of the server; a lock is not.
GATED = """
    CREATE FUNCTION gate() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        WHILE EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'gate_closed') LOOP
            PERFORM pg_catalog.pg_sleep(0.05);
        END LOOP;
        RETURN true;
    END $$;
    CREATE TABLE gated (id integer PRIMARY KEY, CHECK (public.gate()));
    INSERT INTO gated VALUES (1);
"""
ODD = " %@:/?#[]'\"\\ß"  # in every password, percent-encoded in its URL
BLOCKED = """SELECT pid FROM pg_stat_activity
    WHERE application_name = %s AND wait_event_type IN ('Lock', 'Timeout')"""
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"

START_SCHEDULE = """mutation($selector: ScheduleSelector!) { startSchedule(scheduleSelector: $selector) {
    ... on ScheduleStateResult { scheduleState { id status nextTick { timestamp } } } } }"""
DRY_RUN = """mutation($selector: SensorSelector!, $cursor: String) {
    sensorDryRun(selectorData: $selector, cursor: $cursor) { ... on DryRunInstigationTick {
    evaluationResult { cursor skipReason error { message } runRequests { runKey runConfigYaml } } } } }"""
STOP_SCHEDULE = """mutation($id: String!) { stopRunningSchedule(id: $id) {
    ... on ScheduleStateResult { scheduleState { status } } } }"""


@dataclass(frozen=True)
class Stage:
    """Two servers, the services between them, and the passwords planted in their URLs."""

    dagster: Dagster
    dev: Server
    prod: Server
    urls: dict[str, str]
    canaries: list[str]

    @property
    def dumps(self) -> Path:
        return self.dagster.directory / "data" / "postgres" / "services_dev"

    def backends(self, server: Server, run: str, query: str = BACKENDS) -> list[tuple[object, ...]]:
        with psycopg.connect(server.url()) as session:
            return session.execute(query.encode(), [f"pgpromote:{run}"]).fetchall()

    def blocked(self, server: Server, run: str) -> None:
        """Wait until the run waits for us."""
        until(lambda: self.backends(server, run, BLOCKED), f"run {run} to be in the middle of its work")

    def gone(self, run: str) -> None:
        """Wait until nothing of a run is left, neither here nor on the servers."""
        until(lambda: not tools_of(run), f"the client programs of {run} to end")
        for server in (self.dev, self.prod):
            until(lambda server=server: not self.backends(server, run), f"the backends of {run} to end")  # type: ignore[misc]


def new_login(server: Server, name: str, database: str) -> tuple[str, str]:
    """Create a superuser with a canary for a password; return the canary and the URL."""
    canary = f"kanarie-{name}-{secrets.token_hex(4)}"
    password = canary + ODD
    with psycopg.connect(server.url(), autocommit=True) as session:
        session.execute(
            psycopg.sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(
                psycopg.sql.Identifier(name), psycopg.sql.Literal(password)
            )
        )
    return (
        canary,
        f"postgresql://{name}:{quote(password, safe='')}@127.0.0.1:{server.cluster.port}/{database}",
    )


@pytest.fixture(scope="module")
def stage(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    for server, name in ((dev, "services_dev"), (prod, "services_prod"), (dev, "services_dagster")):
        server.new_url(SHOP + GATED if server is dev and name == "services_dev" else "", name)
    logins = {
        SOURCE: new_login(dev, "developer", "services_dev"),
        TARGET: new_login(prod, "operator", "services_prod"),
        STORAGE: new_login(dev, "orchestrator", "services_dagster"),
    }
    urls = {variable: url for variable, (_, url) in logins.items()}
    directory = services.checkout(tmp_path_factory.mktemp("services") / "checkout")
    tools = str(dev.cluster.bin_dir)
    settings = {"PGPROMOTE_PG_BIN": tools, AS_SUPERUSER: "1"}
    with services.up(directory, signal.SIGTERM, **urls, **settings) as dagster:
        yield Stage(dagster, dev, prod, urls, [canary for canary, _ in logins.values()])
    embedded.home(directory).rmdir()  # empty: with every URL set, no server of its own was made


@contextmanager
def held(server: Server, database: str, statement: str) -> Iterator[None]:
    """Hold a lock in a session of our own."""
    with psycopg.connect(server.url(database)) as session:
        session.execute(statement.encode())
        yield


@contextmanager
def gate_closed(stage: Stage) -> Iterator[None]:
    stage.prod.execute("CREATE ROLE gate_closed")
    try:
        yield
    finally:
        stage.prod.execute("DROP ROLE gate_closed")


def test_the_instance_is_in_postgresql_and_nowhere_else(stage: Stage) -> None:
    tables = stage.dev.rows("SELECT relname FROM pg_class WHERE relkind = 'r'", "services_dagster")
    assert {("runs",), ("event_logs",), ("instigators",)} <= set(tables)
    assert list(stage.dagster.directory.rglob("*.db")) == []


def test_a_launch_with_a_setting_out_of_range_makes_no_run(stage: Stage) -> None:
    config = {"ops": {"prod_schema": {"config": {"jobs": 0}}}}
    answer = stage.dagster.try_to_launch("restore_prod", config)
    assert answer["__typename"] == "PythonError"
    told = " ".join([answer["message"], *(cause["message"] for cause in answer["causes"])])
    assert "greater than or equal to 1" in told


def test_a_terminated_dump_stops_at_once_and_leaves_the_older_archive_alone(stage: Stage) -> None:
    stage.dumps.mkdir(mode=0o700, parents=True, exist_ok=True)
    archive = stage.dumps / "services_dev.dump"
    archive.write_bytes(b"yesterday's")
    with held(stage.dev, "services_dev", "LOCK TABLE customers IN ACCESS EXCLUSIVE MODE"):
        run = stage.dagster.launch("dump_dev")
        stage.blocked(stage.dev, run)
        assert no_canary_in_arguments(stage, run)
        stage.dagster.terminate(run)
        assert stage.dagster.ended(run) == "CANCELED"
        stage.gone(run)
    assert archive.read_bytes() == b"yesterday's"
    assert list(stage.dumps.glob("*.partial")) == []


def no_canary_in_arguments(stage: Stage, run: str) -> bool:
    """Look at every process of the machine while client programs of the run are at work."""
    assert tools_of(run)
    lines = command_lines()
    return not any(canary.encode() in line for canary in stage.canaries for line in lines)


def shadows(stage: Stage) -> list[tuple[object, ...]]:
    return stage.prod.rows("SELECT datname FROM pg_database WHERE datname LIKE 'services_prod\\_\\_shadow%'")


def test_a_terminated_restore_stops_with_all_its_workers_and_backends(stage: Stage) -> None:
    with gate_closed(stage):
        run = stage.dagster.launch("refresh_prod")
        stage.blocked(stage.prod, run)
        assert no_canary_in_arguments(stage, run)
        stage.dagster.terminate(run)
        assert stage.dagster.ended(run) == "CANCELED"
        stage.gone(run)
    assert shadows(stage) == []
    assert list(stage.dumps.glob("*.partial")) == []


def test_a_killed_run_takes_its_restore_along_and_is_marked_as_failed(stage: Stage) -> None:
    with gate_closed(stage):
        run = stage.dagster.launch("refresh_prod")
        stage.blocked(stage.prod, run)
        os.kill(worker_of(run), signal.SIGKILL)
        stage.gone(run)
        assert stage.dagster.ended(run) == "FAILURE"
    with promotion_lock(Place(parse_url(stage.urls[TARGET], TARGET), "next")):
        pass  # it died with the run
    assert len(shadows(stage)) == 1  # which the next run drops
    assert until(lambda: outcome_of(stage, run), "the daemon to say what prod is") == "prod untouched"


def outcome_of(stage: Stage, run: str) -> str:
    """Return the outcome that the tags of a run tell, "" while it is under way."""
    return stage.dagster.tag(run, OUTCOME).removeprefix(UNDER_WAY)


def worker_of(run: str) -> int:
    """Return the process that runs the steps: the parent of the leading pg_restore."""
    tools = tools_of(run)
    parents = {int(services.read(Path(f"/proc/{pid}/stat")).rpartition(b") ")[2].split()[1]) for pid in tools}
    (worker,) = parents - tools
    assert is_running(worker)
    return worker


def test_a_run_that_meets_a_promotion_outside_the_queue_names_it(stage: Stage) -> None:
    with promotion_lock(Place(parse_url(stage.urls[TARGET], TARGET), "from-cron")):
        run = stage.dagster.launch("restore_prod")
        assert stage.dagster.ended(run) == "FAILURE"
    told = stage.dagster.failures(run)["prod_schema.check_extensions"]
    assert "Another promotion" in told
    assert "from-cron" in told


@dataclass(frozen=True)
class Two:
    """Two runs launched at once: which came first, and what the other did meanwhile."""

    first: str
    second: str
    meanwhile: str
    ends: list[str]


@pytest.fixture(scope="module")
def two(stage: Stage) -> Two:
    with gate_closed(stage):
        runs = {stage.dagster.launch("refresh_prod") for _ in range(2)}
        first = until(
            lambda: next((run for run in runs if stage.backends(stage.prod, run, BLOCKED)), ""),
            "one of two runs to be in the middle of its work",
        )
        (second,) = runs - {first}
        meanwhile = stage.dagster.status(second)
    return Two(first, second, meanwhile, [stage.dagster.ended(run) for run in (first, second)])


def test_two_launched_at_once_run_one_after_the_other(stage: Stage, two: Two) -> None:
    assert two.meanwhile == "QUEUED"
    assert two.ends == ["SUCCESS", "SUCCESS"]
    (_, end), (start, _) = stage.dagster.times(two.first), stage.dagster.times(two.second)
    assert start >= end
    assert stage.prod.rows("SELECT count(*) FROM orders", "services_prod") == [(50,)]


def test_the_nightly_schedule_has_a_next_tick_once_it_is_turned_on(stage: Stage) -> None:
    selector = stage.dagster.selector(scheduleName="nightly_refresh")
    started = stage.dagster.ask(START_SCHEDULE, selector=selector)["scheduleState"]
    stopped = stage.dagster.ask(STOP_SCHEDULE, id=started["id"])["scheduleState"]
    assert (started["status"], stopped["status"]) == ("RUNNING", "STOPPED")
    tick = datetime.fromtimestamp(started["nextTick"]["timestamp"], UTC)
    assert (tick.hour, tick.minute) == (2, 0)
    assert tick > datetime.now(UTC)


def test_the_sensor_sees_a_new_archive_from_within_the_code_server(stage: Stage) -> None:
    stage.dumps.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = stage.dumps / "foreign.dump"
    command = [stage.dev.tools().path("pg_dump"), "--format=custom", f"--file={path}"]
    subprocess.run([*command, f"--dbname={stage.dev.url('services_dev')}"], check=True)
    adopted(path, stage.dev)
    selector = stage.dagster.selector(sensorName="new_dump_sensor")
    on = json.dumps({"settling": {}, "done": {}, "since": None})
    ticks = [stage.dagster.ask(DRY_RUN, selector=selector, cursor=on)["evaluationResult"]]

    def requested() -> list[dict[str, str]]:
        """Tick once more, as the daemon does: with the cursor of the last tick that did not fail."""
        cursor = next((tick["cursor"] for tick in reversed(ticks) if not tick["error"]), on)
        ticks.append(stage.dagster.ask(DRY_RUN, selector=selector, cursor=cursor)["evaluationResult"])
        return list(ticks[-1]["runRequests"])

    until(requested, f"a run to be requested: {ticks}")
    path.unlink()
    assert not ticks[0]["runRequests"]
    assert [str(path) in request["runConfigYaml"] for request in ticks[-1]["runRequests"]] == [True]


def test_no_password_is_in_the_instance_the_logs_or_any_file(stage: Stage, two: Two) -> None:
    command = [stage.dev.tools().path("pg_dump"), f"--dbname={stage.dev.url('services_dagster')}"]
    instance = subprocess.run(command, check=True, capture_output=True).stdout
    for run in (two.first, two.second):
        assert run.encode() in instance
    assert b"Dumped services_dev" in instance
    files = {path: path.read_bytes() for path in stage.dagster.directory.rglob("*") if path.is_file()}
    assert any(b"pg_dump: " in content for content in files.values())  # what the tools printed
    for canary in stage.canaries:
        assert canary.encode() not in instance
        assert [path for path, content in files.items() if canary.encode() in content] == []
