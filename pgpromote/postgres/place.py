"""The place of a promotion: prod, the run that owns the sessions, and the database where promotions meet."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from pgpromote.postgres.server import Database, Session, clock, connect

# On every server, and prod on none.
AGREED = "postgres"


@dataclass(frozen=True)
class Place:
    """Prod as a promotion reaches it, the run that owns the sessions, and the agreed database's name.

    The agreed database is on prod's server. The promotion lock is there, and the cut-over is made from there.
    """

    target: Database
    run_id: str = ""
    agreed: str = AGREED

    @property
    def meeting(self) -> Database:
        """The agreed database, by the login that reaches prod."""
        return self.target.at(self.agreed)

    def session(self) -> AbstractContextManager[Session]:
        """Open a session in the agreed database, without a transaction. Raises as `connect`."""
        return connect(self.meeting, self.run_id, autocommit=True)

    def now(self) -> datetime:
        """Return the time of prod's server. Raises as `connect`."""
        with self.session() as session:
            return clock(session)
