"""The retention rule for prod's earlier states: the newest ones, and one more from before today's changes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

DAY = timedelta(hours=24)


def one_more(rest: Sequence[datetime], before: datetime) -> int | None:
    """Return the index of the one kept beside the newest: the newest from before that time, else the oldest.

    `rest` has the times of which the others are states. Returns None when it is empty.
    """
    places = range(len(rest))
    older = [place for place in places if rest[place] <= before]
    if older:
        return max(older, key=rest.__getitem__)
    return min(places, key=rest.__getitem__, default=None)


def kept(states: Sequence[datetime], count: int, before: datetime) -> frozenset[int]:
    """Return the indexes of those to keep, given the times of which they are states, the last to end first.

    They are the first `count` and one more; none at all when `count` is 0. One that a rollback had brought
    is the state of a time before that of its neighbours.

    >>> day = [datetime(2026, 3, 1, hour) for hour in (9, 6, 3, 0)]
    >>> sorted(kept(day, 1, datetime(2026, 3, 1, 4)))
    [0, 2]
    >>> sorted(kept(day, 1, datetime(2026, 2, 1)))
    [0, 3]
    >>> sorted(kept([day[0], day[3], day[1], day[2]], 1, datetime(2026, 2, 1)))
    [0, 1]
    """
    if not count:
        return frozenset()
    extra = one_more(states[count:], before)
    newest = range(min(count, len(states)))
    return frozenset(newest if extra is None else (*newest, count + extra))
