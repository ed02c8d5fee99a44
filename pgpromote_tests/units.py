"""The two processes of a service as its units start them, webserver and daemon, to be killed at will."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pgpromote_tests import services
from pgpromote_tests.services import Dagster, descendants, is_running, read, until

BIN = Path(sys.executable).parent
CODE_SERVER = b"api\0grpc"


@dataclass
class Units:
    """A webserver, and a daemon that can be ended alone. `started` are all processes that they ever had."""

    dagster: Dagster
    environment: Mapping[str, str]
    daemon: "subprocess.Popen[bytes]"
    started: set[int] = field(default_factory=set)

    def code_server(self) -> int:
        """Return the pid of the daemon's code server, which is the parent of its runs."""
        return until(self._code_server, "a code server of the daemon")

    def _code_server(self) -> int:
        children = descendants(self.daemon.pid)
        self.started |= children
        found = [pid for pid in children if CODE_SERVER in read(Path(f"/proc/{pid}/cmdline"))]
        return next((pid for pid in found if is_running(pid)), 0)

    def kill(self, victim: int, number: signal.Signals) -> None:
        """Send a signal to one process. A daemon is waited for and started again.

        A code server that is asked to end waits for its run, so nobody waits for it here.
        """
        self.started |= descendants(self.daemon.pid)
        os.kill(victim, number)
        if victim == self.daemon.pid:
            self.daemon.wait(services.PATIENCE_SECONDS)
            self.daemon = start(self.dagster.directory, self.environment, "dagster-daemon", "run")

    def stop(self) -> None:
        """End the daemon, and all processes that a killed one has left."""
        self.started |= descendants(self.daemon.pid)
        services.stop(self.daemon, signal.SIGTERM)
        for pid in filter(is_running, self.started):
            os.kill(pid, signal.SIGKILL)


def start(
    directory: Path, environment: Mapping[str, str], program: str, *arguments: str
) -> "subprocess.Popen[bytes]":
    with (directory / f"{program}.log").open("ab") as output:
        return subprocess.Popen(
            [str(BIN / program), *arguments, "--workspace", "workspace.yaml"],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@contextmanager
def units(directory: Path, **variables: str) -> Iterator[Units]:
    """Run both processes until the block ends; then all processes that they started are ended."""
    port = services.free_port()
    environment = services.environment(
        DAGSTER_HOME=str(directory),
        DAGSTER_DISABLE_TELEMETRY="1",
        PYTHONPATH=str(services.CHECKOUT),
        **variables,
    )
    webserver = start(directory, environment, "dagster-webserver", "--port", str(port))
    dagster = Dagster(webserver, port, directory, directory / "dagster-webserver.log")
    with ExitStack() as stack:
        stack.callback(services.stop, webserver, signal.SIGTERM)
        # It has made the instance's tables then: two that make them at once stand in each other's way.
        until(dagster.is_ready, "the web server with its code location")
        made = Units(dagster, environment, start(directory, environment, "dagster-daemon", "run"))
        stack.callback(made.stop)
        yield made
