"""Waits for locks: the bound of each, the warning while one lasts, and the error that names the holders."""

import logging
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

import psycopg
from psycopg.rows import class_row

from pgpromote.postgres import sql
from pgpromote.postgres.errors import SessionFailed

LOG = logging.getLogger("pgpromote")
# Our session and that of pg_dump wait at the same time, each watched by a thread of its own.
TELLING = Lock()
# How long our own sessions wait for a lock. A URL may say otherwise: ?options=-c%20lock_timeout%3D5min
LOCK_TIMEOUT = "1min"
HINT = (
    "Let it end, or end it: SELECT pg_terminate_backend({pid}); then start again. To wait longer, put "
    "options=-c%20lock_timeout%3D5min into the URL."
)


@dataclass(frozen=True)
class _Holder:
    relation: str
    application: str
    pid: int
    who: str | None
    state: str | None
    since: str | None

    def __str__(self) -> str:
        whose = f", {self.who}" if self.who else ""
        told = "".join(f"{mark}{text}" for mark, text in ((", ", self.state), (" ", self.since)) if text)
        return f"{self.relation} is held by {self.application} (pid {self.pid}{whose}){told}"


def blocked(session: "psycopg.Connection[Any]", application: str) -> str:
    """Return the holders of the locks for which the sessions of an application wait, "" for no wait."""
    with session.cursor(row_factory=class_row(_Holder)) as cursor:
        holders = cursor.execute(sql.read("waits/blocking"), {"application": application}).fetchall()
    ends = [f"SELECT pg_terminate_backend({each.pid}) ends it" for each in holders[:1] if each.pid]
    return "; ".join([*map(str, holders), *ends])


def warn(label: str, holders: str) -> None:
    """Log a wait for a lock and its holders, once for all sessions that wait."""
    with TELLING:
        tell(label, holders)


@cache
def tell(label: str, holders: str) -> None:
    """Log a wait for a lock and its holders, once."""
    LOG.warning("%s: waiting for a lock: %s.", label, holders)


def timed_out(session: "psycopg.Connection[Any]", label: str) -> SessionFailed:
    """Return the error for a lock timeout, with the holders of exclusive locks; roll the session back."""
    session.rollback()
    with session.cursor(row_factory=class_row(_Holder)) as cursor:
        holders = cursor.execute(sql.read("waits/holders")).fetchall()
    told = "; ".join(map(str, holders)) or "Whoever held it has let go of it by now"
    hint = HINT.format(pid=holders[0].pid) if holders else "Start again."
    return SessionFailed(f"{label}: a lock was waited for in vain. {told}.", hint)
