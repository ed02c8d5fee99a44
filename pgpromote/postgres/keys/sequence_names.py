"""Sequences that a default finds by their names at run time, of which the catalogs keep no dependency."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.rows import scalar_row

from pgpromote.postgres import sql
from pgpromote.postgres.server import Session, rows

NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
QUALIFIED = re.compile(rf"\s*(?:({NAME})\s*\.\s*)?({NAME})\s*")
# nextval() of a constant text, as the server writes it back: with casts around the text and around the whole.
BY_NAME = re.compile(
    r"\(*nextval\(\(+'((?:[^']|'')*)'::[a-z ]+(?:\(\d+\))?\)"
    r"(?:::[a-z ]+(?:\(\d+\))?\)?)*::regclass\)\)*(?:::(?:smallint|integer|bigint|numeric))?"
)
# What a session has whose role and database were not given another path; "$user" is somebody else each time.
DEFAULT_PATH = '"$user", public'


@dataclass(frozen=True)
class Named:
    """A column whose default finds its sequence by name, and that sequence, as OIDs."""

    sequence: int
    table: int
    attnum: int


@dataclass(frozen=True)
class _Default:
    table: int
    attnum: int
    expression: str


@dataclass(frozen=True)
class _Sequence:
    oid: int
    schema: str
    name: str


def read(session: Session) -> list[Named]:
    """Return the sequences that defaults name in a text, in this database's own search path.

    A name without a schema that is not in this path counts where only one sequence has it: a role may have
    another path. A name that no sequence or several bear is left out.
    """
    found = [
        (default, match[1].replace("''", "'"))
        for default in rows(session, _Default, "repair/by_name")
        if (match := BY_NAME.fullmatch(default.expression))
    ]
    if not found:
        return []
    known = {(s.schema, s.name): s.oid for s in rows(session, _Sequence, "repair/sequences")}
    path = _path(session)
    return [
        Named(sequence, default.table, default.attnum)
        for default, name in found
        if (sequence := _resolved(name, path, known))
    ]


def _path(session: Session) -> list[str]:
    with session.cursor(row_factory=scalar_row) as cursor:
        setting = cursor.execute(sql.read("repair/search_path")).fetchone()
    return [_folded(name) for name in re.findall(NAME, str(setting or DEFAULT_PATH))]


def _resolved(name: str, path: list[str], known: Mapping[tuple[str, str], int]) -> int | None:
    parts = QUALIFIED.fullmatch(name)
    if parts is None:
        return None
    own = _folded(parts[2])
    schemas = [_folded(parts[1])] if parts[1] else path
    if here := next((known[schema, own] for schema in schemas if (schema, own) in known), None):
        return here
    others = [] if parts[1] else [oid for (_, other), oid in known.items() if other == own]
    return others[0] if len(others) == 1 else None


def _folded(name: str) -> str:
    """Return an identifier as the server reads it: without quotes, in lower case where it has none."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
