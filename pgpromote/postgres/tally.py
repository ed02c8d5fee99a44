"""Count what a database holds: objects per kind as an archive names them, and rows per table."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from psycopg import sql as compose

from pgpromote.postgres import contents, sql
from pgpromote.postgres.server import Database, Session, connect

NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class Tally:
    """How many objects of each kind, such as `TABLE`, and how many rows in each table, `schema.table`.

    Large objects count as one table, if there are any. None stands for a table that our role may not read in
    full. What an extension made is left out.
    """

    objects: dict[str, int]
    rows: dict[str, int | None]


def read(database: Database, promotion: str, known: Mapping[str, int] = NOTHING) -> Tally:
    """Count a database's objects and its rows, which reads every table that is not already `known`.

    Raises ConnectionFailed, SessionFailed.
    """
    with connect(database, promotion, autocommit=True) as session:
        return Tally(_objects(session), _rows(session, known))


def _objects(session: Session) -> dict[str, int]:
    objects = compose.SQL(sql.read("plan/objects")).format(named=compose.SQL(sql.read("catalog/named")))
    query = compose.SQL(sql.read("plan/kinds")).format(objects=objects)
    return {str(kind): int(str(count)) for kind, count in session.execute(query, {})}


def _rows(session: Session, known: Mapping[str, int]) -> dict[str, int | None]:
    tables = [
        (str(schema), str(name), bool(readable))
        for schema, name, readable, of_extension in session.execute(sql.read("plan/tables"))
        if not of_extension
    ]
    unknown = [
        (schema, name) for schema, name, may_read in tables if may_read and f"{schema}.{name}" not in known
    ]
    counted = contents.measure(session, unknown, hashed=False)
    held = {**known, **{name: content.rows for name, content in counted.items()}}
    rows = {f"{schema}.{name}": held.get(f"{schema}.{name}") for schema, name, _ in tables}
    large = contents.measure_large_objects(session, hashed=False).rows
    return rows | ({contents.LARGE_OBJECTS: large} if large else {})
