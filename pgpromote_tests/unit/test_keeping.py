"""Retention keeps the newest of prod's earlier contents, and one of before today."""

from datetime import UTC, datetime, timedelta

import pytest

from pgpromote.postgres.databases.keeping import kept

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def ended(*hours_ago: float) -> list[datetime]:
    return [NOON - timedelta(hours=hours) for hours in hours_ago]


@pytest.mark.parametrize(
    ("hours_ago", "count", "expected"),
    [
        ((), 2, set()),
        ((1,), 2, {0}),
        ((0, 1, 2), 2, {0, 1, 2}),  # the oldest of the rest
        ((0, 1, 2, 3, 4), 2, {0, 1, 4}),
        ((0, 24, 48, 72), 2, {0, 1, 2}),  # nightly: the newest of the rest that is a day old
        ((0, 1, 2, 25, 49), 2, {0, 1, 3}),
        ((0, 1, 2, 24), 1, {0, 3}),  # a day to the second
        ((0, 1, 2), 0, set()),
        ((30, 40), 9, {0, 1}),
    ],
)
def test_the_newest_and_one_of_before_today(
    hours_ago: tuple[float, ...], count: int, expected: set[int]
) -> None:
    assert kept(ended(*hours_ago), count, NOON - DAY) == expected


def test_however_often_prod_is_promoted_in_a_day_the_one_of_before_it_stays() -> None:
    there = [NOON - timedelta(minutes=1)]  # what was prod before the first of them
    for minute in range(24 * 60):
        now = NOON + timedelta(minutes=minute)
        there = [now, *there]
        places = kept(there, 2, now - DAY)
        there = [each for place, each in enumerate(there) if place in places]
        assert there[-1] == NOON - timedelta(minutes=1)
