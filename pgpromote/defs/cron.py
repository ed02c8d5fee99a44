"""The time of the schedule, as Dagster reads it."""

from dagster._utils.schedules import is_valid_cron_string

from pgpromote.postgres.errors import ConfigError


def check(line: str) -> str:
    """Return a line that says when the schedule runs. Raises ConfigError for one that Dagster cannot read."""
    if not is_valid_cron_string(line):
        raise ConfigError(
            f"PGPROMOTE_CRON is {line!r}, no time of a schedule that Dagster can read.",
            "Five fields: minute, hour, day of the month, month, day of the week; for example 30 1 * * *",
        )
    return line
