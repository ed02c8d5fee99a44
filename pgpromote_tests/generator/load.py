"""Load a script on dev: what fails is dropped, so the script that is kept is what has loaded."""

from collections.abc import Iterable

import psycopg

from pgpromote_tests.generator.world import Statement

PATIENCE = "-c statement_timeout=5s"


def load(url: str, statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Run each statement in a transaction of its own, and return those that did not fail."""
    with psycopg.connect(url, autocommit=True, options=PATIENCE) as session:
        return tuple(statement for statement in statements if _runs(session, statement))


def _runs(session: psycopg.Connection[tuple[object, ...]], statement: Statement) -> bool:
    try:
        session.execute(statement.sql.encode())
    except psycopg.Error:
        return False
    return True
