"""Columns that have no default where their parent's column has one.

pg_dump writes DEFAULT NULL for them. For a type with a length the server keeps that as a default, and for a
domain it hides the domain's own. A grandchild, of which pg_dump says nothing, gets its grandparent's.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg.sql import SQL, Identifier

from pgpromote.postgres.apply import apply
from pgpromote.postgres.model import Archive, Statement
from pgpromote.postgres.server import Session, rows

# An explicit default of NULL has its type behind it.
BARE = r" DEFAULT NULL(?: (?:COLLATE|CONSTRAINT|NOT NULL)\b.*)?,?$"
SET_BARE = " SET DEFAULT NULL;\n"
# Tables in a transaction.
BATCH = 200


@dataclass(frozen=True)
class _Column:
    schema: str
    table: str
    column: str


def drop_superfluous(session: Session, archive: Archive) -> None:
    """Drop the defaults that the restore gave to columns which had none on the source."""
    statements = list(_statements(session, archive))
    for start in range(0, len(statements), BATCH):
        apply(session, statements[start : start + BATCH])


def _statements(session: Session, archive: Archive) -> Iterator[Statement]:
    tables = {(entry.schema, entry.tag): entry.definition for entry in archive.of_kind("TABLE")}
    given: dict[tuple[str, str], list[str]] = {}
    for entry in archive.of_kind("DEFAULT"):
        given.setdefault((entry.schema, entry.tag), []).append(entry.definition)
    for each in rows(session, _Column, "defaults/of_children"):
        table = tables.get((each.schema, each.table), "")
        own = given.get((each.schema, f"{each.table} {each.column}"), [])
        if table and _is_absent(each.column, table, own):
            query = SQL("ALTER TABLE ONLY {} ALTER COLUMN {} DROP DEFAULT").format(
                Identifier(each.schema, each.table), Identifier(each.column)
            )
            why = f"{each.column} of {each.schema}.{each.table} has no default on dev, though its parent has"
            yield Statement(query.as_string(), why)


def _is_absent(column: str, table: str, given: Sequence[str]) -> bool:
    """Return whether an archive gives no default to a column that is listed in the table or its parent."""
    if given:
        return all(definition.endswith(SET_BARE) for definition in given)
    names = (column, Identifier(column).as_string())
    places = [place for place in (f"    {name} " for name in names) if f"\n{place}" in table]
    return not places or any(
        re.search(f"^{re.escape(place)}.*{BARE}", table, re.MULTILINE) for place in places
    )
