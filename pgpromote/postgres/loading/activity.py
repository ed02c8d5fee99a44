"""What a restore's own sessions are in the middle of, asked for while they work."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import psycopg

from pgpromote.postgres.server import Database, Session, connect, rows
from pgpromote.postgres.stall import leave

EVERY = 1.0  # seconds between two looks; one costs the server a few milliseconds


@dataclass(frozen=True)
class Activity:
    """A table into which rows come, or of which an index is built.

    `rows` are those that have come so far, None for an index; `share` is how much of the index is done, None
    for rows.
    """

    loading: bool
    schema: str
    table: str
    rows: int | None
    share: float | None

    @property
    def name(self) -> str:
        """The table with its schema."""
        return f"{self.schema}.{self.table}"


@contextmanager
def watched(target: Database, run_id: str, see: Callable[[Sequence[Activity]], None]) -> Iterator[None]:
    """Tell `see`, from a thread of its own, what the promotion's sessions do while the block runs.

    Raises ConnectionFailed before the block begins.
    """
    ended = Event()
    with connect(target, run_id, autocommit=True) as session, ThreadPoolExecutor(1) as thread:
        looking = thread.submit(_look, session, see, ended)
        try:
            yield
        finally:
            ended.set()
            leave(session)
        looking.result()


def _look(session: Session, see: Callable[[Sequence[Activity]], None], ended: Event) -> None:
    while not ended.wait(EVERY):
        try:
            found = rows(session, Activity, "catalog/activity")
        except psycopg.Error:
            return  # nothing depends on being seen: if the server is lost, the restore itself says it
        see(found)
