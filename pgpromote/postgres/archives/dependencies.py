"""The operators and functions on which each object of a database depends.

The SQL text does not show them: pg_dump writes `IS DISTINCT FROM`, `NULLIF`, `CASE x WHEN` and `JOIN USING`
without the operator that they use, and read back with an empty search path they use another one (citext's
become text's).
"""

from pgpromote.postgres import sql
from pgpromote.postgres.server import Session

Dependencies = dict[str, tuple[str, ...]]


def read(session: Session) -> Dependencies:
    """Return the operators and functions that each object depends on, sorted, by the object's name.

    The server's own are left out. Names are as pg_dump writes them, `schema.name`; a part has its relation's
    before its own.
    """
    found = session.execute(sql.read("dependencies/dependencies")).fetchall()
    return {str(name): tuple(sorted(map(str, names))) for name, names in found if isinstance(names, list)}
