"""The only code that writes to a database through SQL."""

from collections.abc import Callable, Sequence

from pgpromote.postgres.model import Statement
from pgpromote.postgres.server import Session


def apply(
    session: Session,
    statements: Sequence[Statement],
    on_statement: Callable[[Statement], None] = lambda s: None,
) -> None:
    """Run the statements in one transaction: all of them or none.

    Raises psycopg.Error of the first statement that fails; the transaction is then rolled back.
    """
    with session.transaction():
        for statement in statements:
            on_statement(statement)
            session.execute(statement.sql.encode())


def apply_together(
    session: Session,
    statements: Sequence[Statement],
    on_statement: Callable[[Statement], None] = lambda s: None,
) -> None:
    """Run the statements as `apply` does, in one round trip: an error does not name the failed one."""
    for statement in statements:
        on_statement(statement)
    if statements:
        with session.transaction():
            session.execute("\n;\n".join(statement.sql for statement in statements).encode())
