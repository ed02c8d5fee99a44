"""When a promotion last succeeded: by prod's server, and by the states of runs on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pgpromote.postgres.databases import previous
from pgpromote.postgres.databases.mark import End
from pgpromote.postgres.databases.previous import Previous
from pgpromote.promotion import Promotion
from pgpromote.run import states
from pgpromote.run.state import State


@dataclass(frozen=True)
class Last:
    """The last promotion that succeeded: `at` is None when nothing records one; `now` by prod's server."""

    at: datetime | None
    now: datetime

    @property
    def age(self) -> timedelta | None:
        """The time since then."""
        return self.now - self.at if self.at else None


def promotion(of: Promotion, run_id: str) -> Last:
    """Return the last promotion into prod that succeeded. A rollback is none. Raises PgpromoteError.

    The server records it by the previous databases; where none is kept, and of promotions in place, only the
    states of runs on this machine do.
    """
    place = of.place(run_id)
    times = began(previous.history(place))
    if state := states.newest(of.report_dir, of.name, lambda run: _promoted(run, of)):
        times = [*times, state.current_since]
    return Last(max(times, default=None), place.now())


def began(databases: Sequence[Previous]) -> list[datetime]:
    """Return when contents became prod by a promotion. A rollback brings back an older one."""
    known = [each for each in databases if each.trusted]
    swaps = {each.swapped_at for each in known}
    back = {each.swapped_at for each in known if each.ended in {End.ROLLBACK, End.RETURN}}
    # The content that a return puts aside had become prod by the rollback that it takes back.
    earlier = {
        each.was.since for each in known if each.was and each.was.since and each.ended is not End.RETURN
    }
    return sorted((swaps | earlier) - back)


def _promoted(run: State, of: Promotion) -> bool:
    """Return whether a run made prod new. One that restored a safety archive brought back an older one."""
    return run.renewed and run.target == of.target().label and run.archive.parent != of.safety_dir
