"""Lock timeouts: the bound of each wait for a lock, and the error that names the holders."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from pgpromote.postgres import sql
from pgpromote.postgres.errors import SessionFailed

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
    state: str
    since: str | None

    def __str__(self) -> str:
        whose = f", {self.who}" if self.who else ""
        since = f" for {self.since}" if self.since else ""
        return f"{self.relation} is held by {self.application} (pid {self.pid}{whose}), {self.state}{since}"


def timed_out(session: "psycopg.Connection[Any]", label: str) -> SessionFailed:
    """Return the error for a lock timeout, with the holders of exclusive locks; roll the session back."""
    session.rollback()
    with session.cursor(row_factory=class_row(_Holder)) as cursor:
        holders = cursor.execute(sql.read("waits/holders")).fetchall()
    told = "; ".join(map(str, holders)) or "Whoever held it has let go of it by now"
    hint = HINT.format(pid=holders[0].pid) if holders else "Start again."
    return SessionFailed(f"{label}: a lock was waited for in vain. {told}.", hint)
