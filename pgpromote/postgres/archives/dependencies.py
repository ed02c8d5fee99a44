"""Which operators and functions each object of a database rests on.

A text cannot say it: pg_dump writes `IS DISTINCT FROM`, `NULLIF`, `CASE x WHEN` and `JOIN USING` without the
operator that they use, and read back with an empty search path they use another one (citext's become text's).
"""

from pgpromote.postgres import sql
from pgpromote.postgres.server import Session

Dependencies = dict[str, tuple[str, ...]]


def read(session: Session) -> Dependencies:
    """Read what each object rests on: name → its operators and functions, sorted, without the server's own.

    Names are as pg_dump writes them, `schema.name`; a part has its relation's before its own.
    """
    found = session.execute(sql.read("dependencies/dependencies")).fetchall()
    return {str(name): tuple(sorted(map(str, names))) for name, names in found if isinstance(names, list)}
