"""Runs that died: their states have no end, and their promotion lock is free."""

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


def found(promotion: Promotion, run_id: str) -> tuple[str, ...]:
    """Return a sentence for each run that died, for a run that holds the lock: none of them is under way."""
    return tuple(told(state) for state in _dead(promotion, run_id))


def close(promotion: Promotion, run_id: str) -> None:
    """Record the end of each run that died, for a run that holds the lock. Raises PgpromoteError."""
    for state in _dead(promotion, run_id):
        states.write(replace(state, ended=True, failure=told(state)), promotion.report_dir)


def told(state: State) -> str:
    """Return a sentence: the step in which a run died, and the outcome for prod."""
    at = f"{state.began_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"The run of {at} died in the step {state.current}: its process was killed. {outcome.of(state)}"


def _dead(promotion: Promotion, run_id: str) -> list[State]:
    return [state for state in _unfinished(promotion) if state.run_id != run_id]


def _unfinished(promotion: Promotion) -> Iterator[State]:
    target = promotion.target().label
    found = states.unfinished(promotion.report_dir, promotion.name)
    return (state for state in found if state.target == target)
