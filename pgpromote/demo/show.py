"""The demo: embedded servers, the sample database, one whole refresh, one screen of result."""

import os
from pathlib import Path

from pgpromote.defs.config import RestoreConfig
from pgpromote.defs.refresh import refresh
from pgpromote.demo import stage
from pgpromote.promotion import STORAGE
from pgpromote.settings import from_environment
from pgpromote.terminal import screen
from pgpromote.terminal.progress import Dumping, Refreshing
from pgpromote.terminal.summary import Ended


def run(scale: int) -> None:
    """Run the demo and stop its servers. It can be run again at once."""
    screen.OUT.print("Starting two PostgreSQL servers, dev and prod, and filling dev with a sample auction …")
    checkout = Path.cwd()
    # Nothing of the user's own settings: the demo must not dump over their archive or audit their database.
    with stage.set_up({}, checkout, scale) as variables:
        os.environ.update(
            {
                STORAGE: variables[STORAGE],
                "DAGSTER_HOME": str(checkout),
                "DAGSTER_DISABLE_TELEMETRY": "1",
            }
        )
        promotion = from_environment(variables)
        picture = Refreshing(Dumping("Dumping Dev", promotion.archive_path, store=promotion.store))
        with screen.only_steps(picture) as on_step:
            done = refresh(promotion, RestoreConfig(), on_step, picture.watch)
        for problem in done.problems:
            screen.show_problem(problem)
        screen.show_ended(Ended(done.state, done.audit, done.report, done.problems), briefly=True)
    screen.OUT.print("The servers are stopped. To open the UI on this run: make up")
