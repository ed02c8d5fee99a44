"""`pgpromote up` as a process, queried as the Dagster UI does; and processes as the kernel sees them."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.error import HTTPError

Found = TypeVar("Found")

CHECKOUT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120  # the machine may be busy; only a failure waits that long
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})

LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message causes { message } } } }"""
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status startTime endTime } } }"
TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"
FAILURES = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
    ... on ExecutionStepFailureEvent { stepKey failureMetadata { description } } } } } }"""
SENSOR = """query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) {
    ... on Sensor { sensorState { status } } } }"""
LOADED = """{ workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename } } } } }"""


def until(condition: Callable[[], Found], what: str) -> Found:
    """Wait until the condition returns a true value, and return that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"In vain for {PATIENCE_SECONDS} s: {what}")
        time.sleep(0.1)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def checkout(directory: Path) -> Path:
    """Make the parts of a checkout that `pgpromote up` and `pgpromote demo` need, and nothing more."""
    directory.mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(CHECKOUT / name, directory)
    return directory


def environment(**variables: str) -> dict[str, str]:
    """Return the bare environment of a fresh terminal, with these variables."""
    kept = (
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "PYTHONPATH",
    )  # the last, as in a worktree, for the code under test
    return {name: os.environ[name] for name in kept if name in os.environ} | variables


@dataclass(frozen=True)
class Dagster:
    """A running `pgpromote up`."""

    process: "subprocess.Popen[bytes]"
    port: int
    directory: Path
    log: Path

    def ask(self, query: str, **variables: object) -> Any:
        """Send a GraphQL query to the web server; return the one answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:  # noqa: S310 - our own
                answer = json.load(response)
        except HTTPError as error:  # the reason is in its body
            answer = json.load(error)
        assert "errors" not in answer, answer["errors"]
        (data,) = answer["data"].values()
        return data

    def selector(self, **name: str) -> dict[str, str]:
        """Return how a job, a schedule or a sensor of the one code location is called."""
        (entry,) = self.ask(LOADED)["locationEntries"]
        return {"repositoryLocationName": entry["name"], "repositoryName": "__repository__"} | name

    def launch(self, job: str, config: Mapping[str, object] | None = None) -> str:
        """Launch a job as a click does, and return the run's id."""
        answer = self.try_to_launch(job, config)
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def try_to_launch(self, job: str, config: Mapping[str, object] | None = None) -> Any:
        """Launch a job and return the answer, success or refusal."""
        params = {"selector": self.selector(jobName=job), "runConfigData": config or {}}
        return self.ask(LAUNCH, params=params)

    def tagged(self, key: str, value: str) -> str:
        """Return the id of the newest run with this tag, "" for none."""
        query = """query($tags: [ExecutionTag!]) {
            runsOrError(filter: {tags: $tags}, limit: 1) { ... on Runs { results { runId } } } }"""
        found = self.ask(query, tags=[{"key": key, "value": value}])["results"]
        return str(found[0]["runId"]) if found else ""

    def tag(self, run: str, key: str) -> str:
        """Return the value of a tag of a run, "" for none."""
        query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { tags { key value } } } }"
        return next((each["value"] for each in self.ask(query, id=run)["tags"] if each["key"] == key), "")

    def status(self, run: str) -> str:
        return str(self.ask(RUN, id=run)["status"])

    def times(self, run: str) -> tuple[float, float]:
        """Return when a run began and ended."""
        told = self.ask(RUN, id=run)
        return told["startTime"], told["endTime"]

    def ended(self, run: str) -> str:
        """Wait for the end of a run, and return its status."""
        return until(lambda: (status := self.status(run)) in ENDED and status, f"the end of run {run}") or ""

    def is_on(self, sensor: str) -> bool:
        """Return whether a sensor is turned on; its page shows so before it is."""
        told = self.ask(SENSOR, selector=self.selector(sensorName=sensor))
        return bool(told["sensorState"]["status"] == "RUNNING")

    def terminate(self, run: str) -> None:
        assert self.ask(TERMINATE, id=run)["__typename"] == "TerminateRunSuccess"

    def failures(self, run: str) -> dict[str, str]:
        """Return the texts for people of the failed steps of a run."""
        events = [event for event in self.ask(FAILURES, id=run)["events"] if event]
        return {e["stepKey"]: (e["failureMetadata"] or {}).get("description", "") for e in events}

    def is_ready(self) -> bool:
        """Return whether the web server answers and has loaded the code location."""
        assert self.process.poll() is None, self.log.read_text(errors="replace")
        try:
            entries = self.ask(LOADED)["locationEntries"]
        except OSError:
            return False
        return [(e["loadStatus"], e["locationOrLoadError"]["__typename"]) for e in entries] == [
            ("LOADED", "RepositoryLocation")
        ]


@contextmanager
def up(directory: Path, stop_with: signal.Signals = signal.SIGINT, **variables: str) -> Iterator[Dagster]:
    """Run `pgpromote up` in a directory until the block ends; then the signal must leave nothing behind."""
    port, log = free_port(), directory / "up.log"
    with log.open("wb") as output:
        process = start_up(directory, port, output, variables)
    dagster = Dagster(process, port, directory, log)
    started: set[int] = set()
    try:
        until(dagster.is_ready, "the web server with its code location")
        started = descendants(process.pid)
        yield dagster
    finally:
        started |= descendants(process.pid)
        code = stop(process, stop_with)
        left = [pid for pid in started if is_running(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert (code, left) == (0, [])


def start_up(
    directory: Path, port: int, output: IO[bytes], variables: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start `pgpromote up` as the first process of a container is started: orphans become its children."""
    return subprocess.Popen(
        [sys.executable, "-m", "pgpromote", "up", "--port", str(port)],
        cwd=directory,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=adopt_orphans,  # noqa: PLW1509 - one system call
    )


def stop(process: "subprocess.Popen[bytes]", number: signal.Signals = signal.SIGINT) -> int:
    """Stop a process and return its exit code. One that does not obey is killed, and fails the test."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own; kept across exec."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> set[int]:
    """Return the children of a process, their children, and so on."""
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            children = {int(child) for child in read(task).split()} - found
            found |= children
            waiting += children
    return found


def is_running(pid: int) -> bool:
    """Return whether a process still runs; one that has ended but was not yet reaped does not."""
    state = read(Path(f"/proc/{pid}/stat")).rpartition(b") ")[2][:1]
    return state not in (b"", b"Z", b"X")


def command_lines() -> list[bytes]:
    """Return the arguments of every process on this machine."""
    return [read(path) for path in Path("/proc").glob("[0-9]*/cmdline")]


def tools_of(run: str) -> set[int]:
    """Return the pids of the pg_dump and pg_restore processes of a run, workers included."""
    name = f"PGAPPNAME=pgpromote:{run}".encode()
    processes = [
        path.parent for path in Path("/proc").glob("[0-9]*/environ") if name in read(path).split(b"\0")
    ]
    return {int(process.name) for process in processes if is_running(int(process.name))}


def read(path: Path) -> bytes:
    """Read a file of /proc, empty when its process has just ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
