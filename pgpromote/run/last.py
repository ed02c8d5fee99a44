"""The last promotion that succeeded, by prod's server and this machine's runs; the runs that failed since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

from pgpromote.postgres.databases import previous
from pgpromote.postgres.databases.mark import End
from pgpromote.postgres.databases.previous import Previous
from pgpromote.promotion import Promotion
from pgpromote.run import states
from pgpromote.run.state import State


@dataclass(frozen=True)
class Last:
    """The last promotion that succeeded: `at` is None when nothing records one; `now` by prod's server.

    `here`: only the state of a run on this machine, in `directory`, records it.
    """

    at: datetime | None
    now: datetime
    here: bool
    directory: Path

    @property
    def age(self) -> timedelta | None:
        """The time since then."""
        return self.now - self.at if self.at else None

    @property
    def told(self) -> str:
        """The time in words, and who records it: elsewhere only prod's server is asked."""
        if self.at is None:
            return f"not recorded by prod's server, nor in {self.directory}"
        by = f"only {self.directory} records it" if self.here else "prod's server records it"
        return f"at {self.at:%Y-%m-%d %H:%M:%S} UTC; {by}"


def promotion(of: Promotion, run_id: str) -> Last:
    """Return the last promotion into prod that succeeded. A rollback is none. Raises PgpromoteError.

    The server records it by the previous databases; where none is kept, and of promotions in place, only the
    states of runs on this machine do.
    """
    place = of.place(run_id)
    databases = previous.history(place)
    at, here = max(began(databases), default=None), False
    swaps = {each.promotion for each in databases if each.trusted}  # their times are the server's
    ours = (state for state in states.ended(of.report_dir, of.name) if _promoted(state, of))
    state = next(ours, None)
    if state and state.run_id not in swaps and (at is None or state.current_since > at):
        at, here = state.current_since, True
    return Last(at.astimezone(UTC) if at else None, place.now(), here, of.report_dir)


def failures(of: Promotion) -> tuple[State, ...]:
    """Return the runs of this machine that have failed since one made prod new, newest first."""
    target = of.target().label
    ours = (state for state in states.ended(of.report_dir, of.name) if state.target == target)
    return tuple(state for state in takewhile(lambda run: not run.renewed, ours) if state.failure)


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
