"""The command that looks over all that a promotion needs: doctor."""

import sys
from collections.abc import Iterator

import click

from pgpromote import settings
from pgpromote.cli.parameters import as_json, new_run_id
from pgpromote.promotion import Promotion
from pgpromote.run import doctor
from pgpromote.run.doctor import Line, State
from pgpromote.terminal import screen


@click.command("doctor")
@as_json
def doctor_command(*, as_json: bool) -> None:
    """Look over all that a promotion needs, and change nothing.

    Servers and logins, client programs, room, lock, pooler, the last runs, Dagster's database where
    DAGSTER_POSTGRES_URL is set, and what the checks find as far as they can look: a line for each, ok, warn
    or fail, with what to do; skip, where a fault told before hides it. Ends with exit code 1 if a line says
    fail. `pgpromote check` lists the checks.

    \b
    Example:
      pgpromote doctor
    """
    lines = doctor.examine(settings.from_environment(), new_run_id(), {"schedule": _schedule})
    failed = any(line.state is State.FAIL for line in lines)
    if as_json:
        screen.show_json(
            {"ok": not failed, "lines": [{**vars(line), "state": line.state.value} for line in lines]}
        )
    else:
        screen.show_doctor(lines)
    if failed:
        sys.exit(1)


def _schedule(promotion: Promotion, _run_id: str) -> Iterator[Line]:
    """Check the time of the schedule, where it is set."""
    if promotion.environment.get("PGPROMOTE_CRON"):
        from pgpromote.defs import cron  # noqa: PLC0415 - loads Dagster, for which most commands need not wait

        when = f"{cron.check(promotion.cron)}, {promotion.timezone}"
        yield Line("schedule", State.OK, f"The schedule of Dagster runs at {when}, once it is turned on.")
