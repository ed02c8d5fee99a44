"""Stalls: a wait for another end that has fallen silent, and its bound.

A network that is frozen closes nothing: packets, a proxy or a pooler in between just stop. Then whoever waits
for a statement waits without end. A long statement is silent, too; so the server is asked, by a new
connection, whether it is at work for us.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.rows import class_row
from psycopg.waiting import READY_NONE

from pgpromote.postgres import sql, waits
from pgpromote.postgres.naming import setting

Value = TypeVar("Value")

PATIENCE = 15 * 60.0  # seconds
# How often within that time the server is asked.
LOOKS = 3
# How long a session whose work has failed, or was interrupted, waits for its last answer.
GOODBYE_SECONDS = 5.0
# How long a silence lasts before the server is asked whether we wait for a lock, and how often then.
LOCK_SECONDS, LOCK_EVERY = 5.0, 30.0
TICK = 0.1
HINT_ROLLED_BACK = "Its transaction was rolled back. Remove the cause; then start again."
HINT_ENDED = (
    "Somebody (pg_terminate_backend), a timeout or the server itself ended our session: its log says who. "
    "Then start again."
)


def hint() -> str:
    """Return the hint against a silence, with its consequence."""
    return (
        "Look at what is between us and the server: the network, a proxy, a pooler. What was not committed "
        f"is rolled back. Then start again. {setting('stall_minutes')} says how long a silence may last."
    )


def hint_after(error: psycopg.Error, session: "psycopg.Connection[tuple[object, ...]]") -> str:
    """Return the hint after an error of a session's block."""
    if isinstance(error, Stalled):
        return hint()
    return HINT_ENDED if session.broken else HINT_ROLLED_BACK


class Stalled(psycopg.OperationalError):
    """A connection was given up, because nothing has come through it for too long."""


@dataclass(frozen=True)
class _Working:
    pid: int
    waits_for_client: bool
    since: str
    bytes: int


@dataclass
class Watch:
    """A watch over the time in which nothing has moved, and over the server's work for us meanwhile.

    `reach` is a connection string with its secrets, `application` the name of our sessions on that server,
    `patience` in seconds. `blocked` is who held the lock for which they waited last.
    """

    reach: str = field(repr=False)
    application: str
    label: str = ""
    patience: float = PATIENCE
    leaving: bool = False
    looks: int = 0
    since: float = field(default_factory=time.monotonic)
    seen: frozenset[_Working] = frozenset()
    blocked: str = ""
    asked: float = 0.0

    def moved(self) -> None:
        """Note that something has come through."""
        self.since, self.looks = time.monotonic(), 0

    def leave(self) -> None:
        """Wait for no more than a last answer from now on. Any thread may call this."""
        self.since, self.leaving = time.monotonic(), True

    def stalled(self) -> bool:
        """Return whether nothing has moved for too long: no byte, no line, no work of the server."""
        quiet = time.monotonic() - self.since
        if self.leaving:
            return quiet >= GOODBYE_SECONDS
        if quiet >= LOCK_SECONDS and time.monotonic() - self.asked >= LOCK_EVERY:
            self._ask_for_locks()
        if quiet < self.patience * (self.looks + 1) / LOOKS:
            return False
        self.looks += 1
        if self._at_work():
            self.moved()
        return self.looks >= LOOKS

    def told(self) -> str:
        """Return a text on the silence that was too long."""
        quiet = time.monotonic() - self.since
        return f"nothing has come through for {quiet:.0f} s, and the server is not at work for us"

    def _ask_for_locks(self) -> None:
        """Warn of each new holder of a lock for which our work waits."""
        self.asked = time.monotonic()
        with suppress(psycopg.Error), self._asking() as session:
            if found := waits.blocked(session, self.application):
                self.blocked = found
                waits.warn(self.label, found)

    def _at_work(self) -> bool:
        """Return whether the server is at work, by a new connection; one that fails is no sign of work."""
        before = self.seen
        try:
            with self._asking() as session, session.cursor(row_factory=class_row(_Working)) as cursor:
                query = sql.read("stall/working")
                found = cursor.execute(query, {"application": self.application}).fetchall()
        except psycopg.Error:
            return False
        self.seen = frozenset(found)
        return any(not each.waits_for_client for each in found) or any(
            each.pid == old.pid and each != old for each in found for old in before
        )

    @contextmanager
    def _asking(self) -> Iterator["WatchedSession"]:
        with WatchedSession.connect(
            self.reach, autocommit=True, application_name=self.application
        ) as session:
            session.watch = Watch("", self.application, leaving=True)
            yield session


class WatchedSession(psycopg.Connection[tuple[object, ...]]):
    """A session that gives up when its watch says so: it is closed then, and Stalled is raised."""

    watch: Watch | None = None

    def wait(self, gen: PQGen[Value], interval: float = TICK, timeout: float | None = None) -> Value:
        """Wait for the result of a statement. psycopg calls this for all that it does on a connection."""
        return super().wait(self._watched(gen), interval, timeout)

    @contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[psycopg.Transaction]:
        """Begin a transaction. When it fails, that stays the error, however the goodbye ends."""
        failure: BaseException | None = None
        leaving = self.watch is not None and self.watch.leaving
        try:
            with super().transaction(savepoint_name, force_rollback) as begun:
                try:
                    yield begun
                except BaseException as error:
                    failure = error
                    leave(self)
                    raise
        except Stalled:
            if failure:
                raise failure from None
            raise
        finally:
            if self.watch:
                self.watch.leaving = leaving

    def _watched(self, gen: PQGen[Value]) -> PQGen[Value]:
        """Pass on psycopg's waits and their results; check the watch while nothing comes."""
        if self.watch:
            self.watch.moved()
        try:
            state = next(gen)
            while True:
                # None is what an interrupted wait sends when it is taken up again.
                ready = (yield state) or READY_NONE
                if self.watch:
                    self._look(self.watch, came=bool(ready))
                state = gen.send(ready)
        except StopIteration as end:
            done: Value = end.value
            return done

    def _look(self, watch: Watch, *, came: bool) -> None:
        if came:
            watch.moved()
        elif watch.stalled():
            self.pgconn.finish()
            raise Stalled(watch.told())


def leave(session: psycopg.Connection[tuple[object, ...]]) -> None:
    """Let a session wait for no more than a last answer from now on. Any thread may call this."""
    if isinstance(session, WatchedSession) and session.watch:
        session.watch.leave()


@contextmanager
def within(session: psycopg.Connection[tuple[object, ...]], patience: float) -> Iterator[None]:
    """Bound the silence on a session while the block runs, in seconds."""
    watch = session.watch if isinstance(session, WatchedSession) else None
    if watch is None:
        yield
        return
    before, watch.patience = watch.patience, patience
    try:
        yield
    finally:
        watch.patience = before
