"""The current work of a restore's own sessions, read while they run."""

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
    """A table that is being loaded, or of which an index is being built.

    `rows` is the number loaded so far, None for an index; `share` is the finished share of the index, None
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
    """Report to `see`, from a thread of its own, the activities of the promotion's sessions during the block.

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
