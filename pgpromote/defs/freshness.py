"""The age that prod may have: as long as its schedule leaves it alone, and some hours."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile

import dagster as dg
from dagster._utils.schedules import cron_string_iterator

# A promotion may be late by so much before anybody is told, and fail once before it is an alarm.
LATE = timedelta(hours=2)
# Any years do that have two leap days. In UTC no day has 25 hours.
BEGIN, END = (datetime(year, 1, 1, tzinfo=UTC) for year in (2024, 2030))
# More than a year of nights, and than a week of every five minutes.
TICKS = 2100


def policy(cron: str) -> dg.FreshnessPolicy:
    """Return the policy for a valid cron line: a warning when its longest pause has passed."""
    ticks = cron_string_iterator(BEGIN.timestamp(), cron, "UTC")
    known = takewhile(lambda tick: tick < END, islice(ticks, TICKS))
    pause = max(later - earlier for earlier, later in pairwise(known))
    return dg.FreshnessPolicy.time_window(fail_window=2 * pause + LATE, warn_window=pause + LATE)
