"""Load a script on dev: statements that fail are dropped, so the script that is kept has loaded whole."""

from collections.abc import Iterable

import psycopg

from pgpromote_tests.generator.world import Statement

PATIENCE = "-c statement_timeout=5s"
# A dump carries no rows of a materialized view, so on dev they are made as late as a restore makes them.
STALE = """
    SELECT format('REFRESH MATERIALIZED VIEW %I.%I', schemaname, matviewname)
      FROM pg_matviews WHERE ispopulated
"""


def load(url: str, statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Run each statement in a transaction of its own, and return those that did not fail."""
    with psycopg.connect(url, autocommit=True, options=PATIENCE) as session:
        loaded = tuple(statement for statement in statements if _runs(session, statement.sql))
        for _ in range(2):  # the second time those that read others
            for (refresh,) in session.execute(STALE).fetchall():
                _runs(session, str(refresh))
        return loaded


def _runs(session: psycopg.Connection[tuple[object, ...]], query: str) -> bool:
    try:
        session.execute(query.encode())
    except psycopg.Error:
        return False
    return True
