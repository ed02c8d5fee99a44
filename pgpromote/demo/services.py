"""The services: embedded servers where URLs are missing, then the Dagster webserver and daemon."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from pgpromote.defs import cron, instance
from pgpromote.demo import quiet, stage
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.tools import tied
from pgpromote.promotion import STORAGE
from pgpromote.run import storage
from pgpromote.settings import from_environment
from pgpromote.terminal import screen

STOP_SECONDS = 30
POLL_SECONDS = 0.1
ANSWER_SECONDS = 5


def run(port: int, directory: Path) -> int:
    """Run `dagster dev` in a directory until Ctrl-C or SIGTERM, then stop everything that was started.

    Returns the exit code: 0 after a stop that was asked for. Raises ConfigError without workspace.yaml in it,
    for a setting without meaning, for a port in use, and without dagster.yaml; as `check_storage` for the
    database of Dagster.
    """
    if not (directory / "workspace.yaml").is_file():
        raise ConfigError(
            f"There is no workspace.yaml in {directory}.",
            "Make one: pgpromote init. Or start it in the checkout of pgpromote.",
        )
    promotion = from_environment(os.environ)  # Dagster would serve a page without definitions
    promotion.check_urls()
    promotion.check_settings()
    cron.check(promotion.cron)
    _check_port(port)
    home = storage.home(os.environ, directory)
    if os.environ.get(STORAGE):  # else it is one of the embedded servers
        instance.check_storage(home)
        storage.check_apart(promotion)
    screen.OUT.print("Starting the servers and Dagster …")
    with stage.set_up(os.environ, directory) as variables:
        environment = {
            **os.environ,
            **variables,
            storage.HOME: str(home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            # Dagster recommends its new `dg` in place of `dagster dev`; `dg` does not read workspace.yaml.
            "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded",
        }
        command = [sys.executable, "-m", "dagster", "dev", "--workspace", "workspace.yaml", f"--port={port}"]
        # A script's `&` leaves SIGINT ignored; Dagster then ignores SIGTERM, too (facts-dagster §0.8).
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Its own session: Ctrl-C reaches only us, and we stop it in order, before the servers it needs.
        child = subprocess.Popen(
            tied(command),
            cwd=directory,
            env=environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
        )
        # Each run has thousands of events, which are in the UI.
        output = threading.Thread(target=quiet.pass_on, args=[child.stdout])
        output.start()
        try:
            if _await_answer(port, child):
                screen.OUT.print(f"Dagster UI: http://127.0.0.1:{port}   (Ctrl-C stops everything)")
                for name, console in stage.consoles(variables, directory).items():
                    screen.OUT.print(f"{name} in psql: {console}")
            return child.wait()
        except (KeyboardInterrupt, SystemExit):
            return 0
        finally:
            _end(child)
            output.join()


def _check_port(port: int) -> None:
    """Refuse a port in use: the webserver would only print it, and wait for ever."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        raise ConfigError(f"Port {port} is in use.", "Choose another: pgpromote up --port 3001") from None


def _await_answer(port: int, child: "subprocess.Popen[str]") -> bool:
    """Wait until the web server answers; return False when `dagster dev` ends before."""
    while child.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", "/server_info")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            time.sleep(POLL_SECONDS)
        finally:
            connection.close()
    return False


def _end(child: "subprocess.Popen[str]") -> None:
    """Stop `dagster dev` and any process it leaves behind: a code server with a run still active."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    deadline = time.monotonic() + STOP_SECONDS
    number: int = signal.SIGTERM
    while _signal(child.pid, number) and time.monotonic() < deadline + STOP_SECONDS:
        number = 0 if time.monotonic() < deadline else signal.SIGKILL
        _reap(child.pid)
        time.sleep(POLL_SECONDS)
    child.wait()


def _reap(group: int) -> None:
    """Reap the children of the group: as a container's first process we inherit all of them."""
    with suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass


def _signal(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether any of it is left. They are not our children."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
