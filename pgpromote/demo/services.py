"""The services: embedded servers where URLs are missing, then the Dagster webserver and daemon."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from pgpromote import terminal
from pgpromote.demo import stage
from pgpromote.postgres.errors import ConfigError

STOP_SECONDS = 30


def run(port: int) -> int:
    """Run `dagster dev` until Ctrl-C or SIGTERM, then stop everything that was started.

    Returns the exit code: 0 after a stop that was asked for. Raises ConfigError outside a checkout.
    """
    checkout = Path.cwd()
    if not (checkout / "workspace.yaml").is_file():
        raise ConfigError("There is no workspace.yaml here.", "Start it in the checkout of pgpromote.")
    with stage.set_up(os.environ, checkout) as variables:
        environment = {
            **os.environ,
            **variables,
            "DAGSTER_HOME": os.environ.get("DAGSTER_HOME", str(checkout)),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            # Dagster recommends its new `dg` in place of `dagster dev`; `dg` does not read workspace.yaml.
            "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded",
        }
        command = [
            sys.executable,
            "-m",
            "dagster",
            "dev",
            "--workspace",
            "workspace.yaml",
            "--port",
            str(port),
        ]
        # Its own session: Ctrl-C reaches only us, and we stop it in order, before the servers it needs.
        child = subprocess.Popen(command, env=environment, start_new_session=True)
        asked = False

        def stop(number: int, frame: FrameType | None) -> None:
            nonlocal asked
            asked = True
            child.send_signal(signal.SIGTERM)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        terminal.OUT.print(f"Dagster UI: http://127.0.0.1:{port}   (Ctrl-C stops everything)")
        try:
            code = child.wait()
        finally:
            _end(child)
    return 0 if asked else code


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Stop what `dagster dev` may leave behind: a code server with a run still active."""
    try:
        os.killpg(child.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
