"""Runs that died: nobody holds the promotion lock for them, and their states have no end."""

from collections.abc import Iterator
from dataclasses import replace

from pgpromote.postgres.databases import lock
from pgpromote.promotion import Promotion
from pgpromote.run import outcome, states
from pgpromote.run.state import State


def find(promotion: Promotion, run_id: str) -> list[State]:
    """List the runs into this prod that have died, newest first. Raises ConnectionFailed."""
    found = list(_unfinished(promotion))
    holder = lock.holder(promotion.place(run_id)) if found else ""
    return [state for state in found if state.run_id not in holder]


def close(promotion: Promotion, run_id: str) -> tuple[str, ...]:
    """Write down of each run that died that it has ended, and return sentences that say so.

    The caller holds the promotion lock, so that none of them is under way.
    """
    dead = [state for state in _unfinished(promotion) if state.run_id != run_id]
    for state in dead:
        states.write(replace(state, ended=True, failure=told(state)), promotion.report_dir)
    return tuple(map(told, dead))


def told(state: State) -> str:
    """Return a sentence: in which step a run died, and what prod is since then."""
    at = f"{state.began_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"The run of {at} died in the step {state.current}: its process was killed. {outcome.left(state)}"


def _unfinished(promotion: Promotion) -> Iterator[State]:
    target = promotion.target().label
    found = states.unfinished(promotion.report_dir, promotion.name)
    return (state for state in found if state.target == target)
