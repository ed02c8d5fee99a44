"""The retention rule for prod's earlier states: the newest ones, and one more from before today's changes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

DAY = timedelta(hours=24)


def one_more(rest: Sequence[datetime], before: datetime) -> int | None:
    """Return the index of the one kept beside the newest: the newest from before that time, else the oldest.

    `rest` has the times at which the others ended, newest first. Returns None when it is empty.
    """
    older = (place for place, ended in enumerate(rest) if ended <= before)
    return next(older, len(rest) - 1) if rest else None


def kept(ended: Sequence[datetime], count: int, before: datetime) -> frozenset[int]:
    """Return the indexes of those to keep, given the times at which they ended, newest first.

    They are the `count` newest and one more; none at all when `count` is 0.

    >>> day = [datetime(2026, 3, 1, hour) for hour in (9, 6, 3, 0)]
    >>> sorted(kept(day, 1, datetime(2026, 3, 1, 4)))
    [0, 2]
    >>> sorted(kept(day, 1, datetime(2026, 2, 1)))
    [0, 3]
    """
    if not count:
        return frozenset()
    extra = one_more(ended[count:], before)
    newest = range(min(count, len(ended)))
    return frozenset(newest if extra is None else (*newest, count + extra))
