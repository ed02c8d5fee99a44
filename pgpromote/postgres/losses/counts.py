"""Counts of a database's content: objects per kind as an archive names them, and rows per table."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from psycopg import sql as compose

from pgpromote.postgres import sql
from pgpromote.postgres.rows import contents
from pgpromote.postgres.server import Database, Session, connect

NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class Tally:
    """Numbers of objects of each kind, such as `TABLE`, and of rows in each table, `schema.table`.

    Large objects count as one table, if there are any. None stands for a table that our role may not read in
    full. Objects of an extension are left out.
    """

    objects: dict[str, int]
    rows: dict[str, int | None]


def read(database: Database, run_id: str, known: Mapping[str, int] = NOTHING) -> Tally:
    """Count a database's objects and its rows, which reads every table that is not already `known`.

    Raises ConnectionFailed, SessionFailed.
    """
    with connect(database, run_id, autocommit=True) as session:
        return Tally(_objects(session), count(session, known))


def _objects(session: Session) -> dict[str, int]:
    objects = compose.SQL(sql.read("plan/objects")).format(named=compose.SQL(sql.read("catalog/named")))
    query = compose.SQL(sql.read("plan/kinds")).format(objects=objects)
    return {str(kind): int(str(number)) for kind, number in session.execute(query, {})}


def tables(session: Session) -> dict[tuple[str, str], bool]:
    """Return the tables that hold rows, (schema, name), and whether our role may read all of them."""
    found = session.execute(sql.read("plan/tables"))
    return {
        (str(schema), str(name)): bool(readable)
        for schema, name, readable, of_extension in found
        if not of_extension
    }


def count(
    session: Session, known: Mapping[str, int] = NOTHING, wanted: Collection[str] | None = None
) -> dict[str, int | None]:
    """Count the rows of tables and large objects as in a `Tally`; only of those that are wanted."""
    present = {
        table: may_read
        for table, may_read in tables(session).items()
        if wanted is None or ".".join(table) in wanted
    }
    unknown = [table for table, may_read in present.items() if may_read and ".".join(table) not in known]
    counted = contents.measure(session, unknown, hashed=False)
    held = {**known, **{name: content.rows for name, content in counted.items()}}
    rows = {".".join(table): held.get(".".join(table)) for table in present}
    if wanted is not None and contents.LARGE_OBJECTS not in wanted:
        return rows
    large = contents.measure_large_objects(session, hashed=False).rows
    return rows | ({contents.LARGE_OBJECTS: large} if large else {})
