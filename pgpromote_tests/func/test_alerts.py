"""Alerts arrive at a real web server: retried within bounds, once per run, and without any secret."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import pytest

from pgpromote.defs.factory import build_promotion
from pgpromote.report.webhook import Webhook, WebhookFailed, post
from pgpromote.settings import from_environment
from pgpromote_tests import runs
from pgpromote_tests.func.web import Silent, serving
from pgpromote_tests.servers import Server

TOKEN = "/services/T0/kanarie"
CANARY = "kanarienvogel"


@dataclass
class Receiver:
    """A web server's answers to come, and what it was sent."""

    answers: list[int]
    port: int = 0
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{TOKEN}"

    def webhook(self) -> Webhook:
        return Webhook(self.url, timeout_seconds=30, pause_seconds=0)


@contextmanager
def receiving(answers: Sequence[int]) -> Iterator[Receiver]:
    """Serve the answers in turn, then always 200; -1 hangs up without one."""
    receiver = Receiver(list(answers))

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append((self.path, json.loads(body)))
            answer = receiver.answers.pop(0) if receiver.answers else 200
            if answer < 0:
                self.close_connection = True
                return
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            if answer // 100 == 3:
                self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            """Take what a followed redirect would ask for."""
            receiver.received.append((self.path, {}))

    with serving(Handler) as receiver.port:
        yield receiver


# Posting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "attempts"),
    [((), 1), ((204,), 1), ((500, 503), 3), ((429, 429), 3), ((-1, -1), 3), ((502,), 2)],
)
def test_an_alert_arrives_after_at_most_two_failures(answers: tuple[int, ...], attempts: int) -> None:
    with receiving(answers) as receiver:
        post(receiver.webhook(), {"text": "für alle"})
    assert len(receiver.received) == attempts
    assert receiver.received[-1] == (TOKEN, {"text": "für alle"})


@pytest.mark.parametrize(("answer", "attempts"), [(500, 3), (429, 3), (-1, 3), (400, 1), (404, 1), (410, 1)])
def test_a_server_that_does_not_take_it_is_an_error_after_bounded_attempts(
    answer: int, attempts: int
) -> None:
    with receiving([answer] * 5) as receiver, pytest.raises(WebhookFailed) as failed:
        post(receiver.webhook(), {})
    assert len(receiver.received) == attempts
    assert f"attempt {attempts}" in str(failed.value)
    assert answer < 0 or str(answer) in str(failed.value)
    assert "kanarie" not in str(failed.value)


@pytest.mark.parametrize("answer", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_is_not_followed(answer: int) -> None:
    with receiving([answer]) as receiver, pytest.raises(WebhookFailed, match=f"{answer}, a redirect"):
        post(receiver.webhook(), {})
    assert [path for path, _ in receiver.received] == [TOKEN]


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}{TOKEN}"
        with pytest.raises(WebhookFailed, match="TimeoutError, at attempt 2") as failed:
            post(Webhook(url, attempts=2, timeout_seconds=0.05, pause_seconds=0), {})
    assert "kanarie" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_a_port_where_nobody_listens_is_an_error_in_the_system_s_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}{TOKEN}"
    with pytest.raises(WebhookFailed, match="Connection refused, at attempt 3"):
        post(Webhook(url, pause_seconds=0), {})


# Sensors ----------------------------------------------------------------------------------------------------


class Watched:
    """A promotion with a webhook, its instance, and one of its sensors, tick by tick."""

    def __init__(
        self, instance: dg.DagsterInstance, receiver: Receiver, directory: Path, sensor: str, **settings: str
    ) -> None:
        self.promotion = from_environment(
            {
                "PGPROMOTE_NAME": "shop",
                "PGPROMOTE_DUMP_DIR": str(directory),
                "PGPROMOTE_WEBHOOK_URL": receiver.url,
                "PGPROMOTE_UI_URL": "http://ui.example:3000/",
                **settings,
            }
        )
        self.instance = instance
        self.sensor = build_promotion(self.promotion).resolve_sensor_def(sensor)
        self.cursor: str | None = None
        self.tick()

    def run(self, job: str, config: dict[str, object] | None = None) -> dg.ExecuteInProcessResult:
        return runs.run(self.promotion, job, config, self.instance)

    def tick(self) -> list[str]:
        """Evaluate the sensor once; return the errors that the tick reports."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        data = self.sensor.evaluate_tick(context)
        self.cursor = data.cursor
        reactions = data.dagster_run_reactions or ()
        return [reaction.error.message for reaction in reactions if reaction.error]


def test_a_failed_dump_is_told_once_and_a_good_run_never(
    instance: dg.DagsterInstance, dev: Server, tmp_path: Path
) -> None:
    good = dev.new_url("CREATE TABLE t (id int)")
    missing = dev.url("nosuch")
    password = urlsplit(missing).password
    assert password
    with receiving([]) as receiver:
        watched = Watched(
            instance, receiver, tmp_path, "run_failed_alert",
            DEV_DATABASE_URL=missing, PGPROMOTE_PG_BIN=str(dev.cluster.bin_dir),
        )  # fmt: skip
        failed = watched.run("dump_dev")
        runs.run(
            from_environment({**watched.promotion.environment, "DEV_DATABASE_URL": good}),
            "dump_dev", instance=instance,
        )  # fmt: skip
        assert (watched.tick(), watched.tick()) == ([], [])

    ((path, told),) = receiver.received
    assert path == TOKEN
    assert (told["event"], told["promotion"], told["job"]) == ("run_failed", "shop", "dump_dev")
    assert (told["run_id"], told["link"]) == (failed.run_id, f"http://ui.example:3000/runs/{failed.run_id}")
    assert told["failed"] == "dev dump archive failed"
    assert "nosuch" in told["what"]
    assert told["untouched"] == "Prod is untouched."
    assert told["to_do"]
    assert told["to_do"] not in told["what"]
    assert f"run {failed.run_id}" in told["text"]
    assert password not in json.dumps(told)


def test_a_refused_promotion_names_the_objects_and_what_to_do(
    instance: dg.DagsterInstance, dev: Server, prod: Server, tmp_path: Path
) -> None:
    with receiving([]) as receiver:
        watched = Watched(
            instance, receiver, tmp_path, "run_failed_alert",
            DEV_DATABASE_URL=dev.new_url("CREATE TABLE t (id int)"), PROD_DATABASE_URL=prod.new_url(),
            PGPROMOTE_PG_BIN=str(dev.cluster.bin_dir),
        )  # fmt: skip
        watched.run("restore_prod", {"prod_schema": {"strategy": "clean"}})
        watched.tick()

    ((_, told),) = receiver.received
    assert told["failed"] == "archive_readable failed"
    assert "[archive_readable]" in told["what"]
    assert told["objects"] == [str(watched.promotion.archive_path)]
    assert told["untouched"] == "Prod is untouched."
    assert told["target"] == watched.promotion.target().label
    assert Path(told["report"]).is_file()
    assert told["to_do"]


def test_an_error_that_is_not_ours_is_told_without_passwords_and_without_the_webhook(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with receiving([]) as receiver:
        source = f"postgresql://me:{CANARY}@127.0.0.1:1/shop"
        watched = Watched(instance, receiver, tmp_path, "run_failed_alert", DEV_DATABASE_URL=source)

        @dg.op(name="dev_dump_archive")
        def broken() -> None:
            raise RuntimeError(f"{source} {receiver.url} {CANARY}")

        broken_job = dg.GraphDefinition(name="dump_dev", node_defs=[broken]).to_job()
        broken_job.execute_in_process(instance=instance, raise_on_error=False)
        watched.tick()

    ((_, told),) = receiver.received
    assert "***" in told["what"]
    assert "kanarie" not in json.dumps(told)


def test_runs_of_others_in_the_same_place_are_none_of_our_business(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    @dg.op
    def broken() -> None:
        raise RuntimeError

    with receiving([]) as receiver:
        watched = Watched(instance, receiver, tmp_path, "run_failed_alert")
        dg.GraphDefinition(name="theirs", node_defs=[broken]).to_job().execute_in_process(
            instance=instance, raise_on_error=False
        )
        assert watched.tick() == []
    assert receiver.received == []


def test_an_alert_that_does_not_arrive_fails_the_tick_and_shows_no_token(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with receiving([404]) as receiver:
        watched = Watched(instance, receiver, tmp_path, "run_failed_alert")
        watched.run("dump_dev")
        (error,) = watched.tick()
    assert "it answered 404" in error
    assert "kanarie" not in error


def test_an_audit_that_got_worse_is_told_once_and_one_that_did_not_never(
    instance: dg.DagsterInstance, prod: Server, tmp_path: Path
) -> None:
    url = prod.new_url("CREATE TABLE fine (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
    name = url.rpartition("/")[2]
    with receiving([]) as receiver:
        watched = Watched(instance, receiver, tmp_path, "audit_worse_alert", PROD_DATABASE_URL=url)
        watched.run("audit_prod")
        watched.tick()
        watched.run("audit_prod")
        watched.tick()
        assert receiver.received == []

        prod.execute("CREATE TABLE orders (id integer PRIMARY KEY)", name)
        got_worse = watched.run("audit_prod")
        watched.tick()
        watched.run("audit_prod")  # as bad as before
        watched.tick()
        prod.execute("DROP TABLE orders", name)
        watched.run("audit_prod")  # better
        watched.tick()

    ((_, told),) = receiver.received
    assert (told["event"], told["job"], told["run_id"]) == ("audit_worse", "audit_prod", got_worse.run_id)
    assert "primary_key_audit:primary_key_without_identity warning, was passed" in told["objects"]
    assert told["what"].startswith("Failed audit checks: ")
    assert "pgpromote audit" in told["to_do"]


def test_the_definitions_show_the_webhook_nowhere(tmp_path: Path) -> None:
    promotion = from_environment({"PGPROMOTE_WEBHOOK_URL": f"https://hooks.example{TOKEN}"})
    definitions = build_promotion(promotion)
    names = {sensor.name for sensor in definitions.get_repository_def().sensor_defs}
    assert names == {"new_dump_sensor", "killed_run_sensor", "run_failed_alert", "audit_worse_alert"}
    assert "kanarie" not in repr(definitions) + repr(promotion)


def begun(instance: dg.DagsterInstance, job: str, *steps: str) -> dg.DagsterRun:
    """Run a job whose last step is the one in which its process dies: all that the daemon finds of it."""
    made: list[dg.OpDefinition] = []
    for name in steps:

        @dg.op(name=name, ins={"after": dg.In(dg.Nothing)} if made else {}, out=dg.Out(dg.Nothing))
        def walk() -> None:
            """Do nothing."""

        made.append(walk)

    @dg.graph(name=job)
    def graph() -> None:
        before = made[0]()
        for op in made[1:]:
            before = op(after=before)

    result = graph.to_job().execute_in_process(instance=instance)
    return result.dagster_run


@pytest.mark.parametrize(
    ("walk", "failed", "prod"),
    [
        ("refresh_prod", "the run never started", "Prod is untouched."),
        ("refresh_prod dev_dump_archive", "the run ended in dev dump archive", "Prod is untouched."),
        ("refresh_prod dev_dump_archive parallel_restore", "in parallel restore", "Prod is untouched."),
        ("restore_prod check_extensions prove", "ended in prove", "Prod is untouched."),
        ("rollback_prod rollback", "ended in rollback", "Prod is wholly old or wholly new; "),
        ("restore_prod cut_over prod_audit", "ended in prod audit", "Prod was swapped."),
    ],
)
def test_a_run_without_a_failed_step_says_what_prod_is(
    instance: dg.DagsterInstance, tmp_path: Path, walk: str, failed: str, prod: str
) -> None:
    job, *steps = walk.split()
    with receiving([]) as receiver:
        watched = Watched(instance, receiver, tmp_path, "run_failed_alert")
        run = begun(instance, job, *steps) if steps else instance.create_run_for_job(never(job))
        instance.report_run_failed(run, "The worker is gone.")
        assert (watched.tick(), watched.tick()) == ([], [])
    ((_, told),) = receiver.received
    assert failed in told["failed"]
    assert told["untouched"].startswith(prod)
    assert told["what"] == "The worker is gone."
    assert "start it again" in told["to_do"]


def never(job: str) -> dg.JobDefinition:
    @dg.op
    def nothing() -> None:
        """Do nothing."""

    return dg.GraphDefinition(name=job, node_defs=[nothing]).to_job()
