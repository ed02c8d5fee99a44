"""Room in prod for an archive: drop the objects that it replaces, and list the lost ones if that fails."""

from collections.abc import Sequence

import psycopg

from pgpromote.postgres import details
from pgpromote.postgres.apply import apply
from pgpromote.postgres.errors import RestoreFailed
from pgpromote.postgres.model import RestoreError, Statement
from pgpromote.postgres.server import Database, Session, disclosed

# Few enough for the server's lock table: a DROP locks each index and partition, too.
AT_ONCE = 100
SHOWN = 10
NOTHING_GONE = "Nothing was dropped: prod is as before. Remove the cause and start again."


def make(session: Session, drops: Sequence[Statement], target: Database) -> None:
    """Run the drops, some in each transaction; the session is in autocommit mode.

    Raises RestoreFailed for the first that fails, with those that stay done.
    """
    for start in range(0, len(drops), AT_ONCE):
        try:
            apply(session, drops[start : start + AT_ONCE])
        except psycopg.Error as error:
            reason = RestoreError("statement", disclosed(details.of_error(error), target))
            raise RestoreFailed([reason], _gone(drops[:start])) from None


def _gone(dropped: Sequence[Statement]) -> str:
    if not dropped:
        return NOTHING_GONE
    shown = "; ".join(statement.sql for statement in dropped[:SHOWN])
    more = f"; and {len(dropped) - SHOWN} more" if len(dropped) > SHOWN else ""
    return (
        f"Prod lacks what was dropped for the archive's own: {shown}{more}. Remove the cause and run the "
        "restore again."
    )
