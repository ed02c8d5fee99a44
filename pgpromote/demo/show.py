"""The demo: embedded servers, the sample database, one whole refresh, one screen of result."""

import os
from pathlib import Path

from pgpromote import terminal
from pgpromote.defs.config import RestoreConfig
from pgpromote.defs.refresh import refresh
from pgpromote.demo import stage
from pgpromote.promotion import from_environment


def run(scale: int) -> None:
    """Run the demo and stop its servers. It can be run again at once."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    terminal.OUT.print(
        "Starting two PostgreSQL servers, dev and prod, and filling dev with a sample auction …"
    )
    with stage.set_up({"PATH": os.environ["PATH"]}, Path.cwd(), scale) as variables:
        os.environ.update(variables)
        with terminal.only_steps() as on_step:
            done = refresh(from_environment(), RestoreConfig(), on_step)
        terminal.show_refreshed(done.assets, done.failed_checks)
    terminal.OUT.print("The servers are stopped. To open the UI on this run: make up")
