"""The content of a database: rows and a hash of each table, independent of their order, and of large objects.

The hash is taken over the data that a dump carries: each value, or its text where values that are written
differently may be equal. It is the same whatever number a server gives an object, and it calls no function
that a user of the database could have written. Where a query would (the planner folds index expressions), the
rows are copied out instead, and hashed here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import LiteralString, cast

import psycopg
from psycopg import sql as compose

from pgpromote.postgres import sql
from pgpromote.postgres.model import Content, TocEntry
from pgpromote.postgres.rows.reading import Reading
from pgpromote.postgres.server import Database, Session, connect

LARGE_OBJECTS = "large objects"
# What each hash begins with. Those without it are older: columns by position, rows' hashes added up as they
# are, large objects without comments.
METHOD = "by name"
# What follows for a table that was copied out, instead of the ways its columns were hashed.
COPIED = "copied"


@dataclass(frozen=True)
class _Columns:
    """The hashing of a table's columns: a letter for the way of each; values, and columns to copy, as SQL."""

    ways: str
    values: compose.SQL
    copied: compose.SQL


NOTHING = _Columns("", compose.SQL(""), compose.SQL(""))


@contextmanager
def snapshot(database: Database, run_id: str) -> Iterator[tuple[Session, str]]:
    """Open a session whose snapshot pg_dump can share; yields the session and the snapshot's name.

    Writes by others are seen by neither, for as long as the block runs.
    """
    with connect(database, run_id, autocommit=True) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.read_only = True
        with session.transaction():
            session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            row = session.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
            yield session, str(row[0]) if row else ""


def measure(
    session: Session,
    tables: Sequence[tuple[str, str]],
    *,
    hashed: bool = True,
    encoding: str | None = None,
    reading: Reading | None = None,
) -> dict[str, Content]:
    """Measure tables or materialized views, (schema, name), without their children; keys are `schema.name`.

    Not `hashed` means that rows are only counted. Text is hashed by its bytes in an encoding, the database's
    own when None. `reading` is told how far it is. Raises psycopg.Error for a table that is not there.
    """
    if not tables:
        return {}
    columns = _columns(session, encoding) if hashed else {}
    calling, reading = evaluating(session), reading or Reading()
    plain = [table for table in tables if table not in calling]
    measured = _measure(session, plain, columns, reading, hashed=hashed)
    for table in tables:
        if table in calling:
            name = ".".join(table)
            reading.begin([name])
            measured[name] = _copy(session, table, columns.get(table, NOTHING), hashed=hashed)
            reading.end([name])
    return measured


def evaluating(session: Session) -> frozenset[tuple[str, str]]:
    """Return the tables that no query may read, as its planning would call users' code: (schema, name)."""
    return frozenset((str(row[0]), str(row[1])) for row in session.execute(sql.read("contents/evaluating")))


def comparable(one: Content, other: Content) -> bool:
    """Return whether two hashes were taken in the same way."""
    return None not in (one.hash, other.hash) and _way(one) == _way(other)


def outdated(content: Content) -> bool:
    """Return whether a hash was taken by a version of pgpromote that took it otherwise."""
    return content.hash is not None and not content.hash.startswith(METHOD)


def total(parts: Sequence[Content]) -> Content:
    """Add up the contents of a tree's tables; without a hash if theirs were not taken in one way."""
    rows = sum(part.rows for part in parts)
    hashes = [part.hash.rpartition(" ") for part in parts if part.hash is not None]
    ways = {way for way, _, _ in hashes}
    if len(hashes) < len(parts) or len(ways) != 1:
        return Content(rows, None)
    return Content(rows, f"{ways.pop()} {sum(int(number) for _, _, number in hashes)}")


def _way(content: Content) -> str:
    return (content.hash or "").rpartition(" ")[0]


def _told(content: Content, ways: str) -> Content:
    """Return the content with the ways before its hash: hashes taken in different ways cannot be compared."""
    return replace(content, hash=content.hash and " ".join(filter(None, (METHOD, ways, content.hash))))


def _measure(
    session: Session,
    tables: list[tuple[str, str]],
    columns: Mapping[tuple[str, str], _Columns],
    reading: Reading,
    *,
    hashed: bool,
) -> dict[str, Content]:
    keys = {(str(row[0]), str(row[1])): str(row[2]) for row in session.execute(sql.read("contents/keys"))}
    query = compose.SQL(sql.read("contents/hash" if hashed else "contents/count"))
    queries = [
        query.format(
            number=compose.Literal(number),
            table=compose.Identifier(*table),
            highest=_highest(keys.get(table)),
            values=columns.get(table, NOTHING).values,
        )
        for number, table in enumerate(tables)
    ]
    measured: dict[str, Content] = {}
    with _settled(session):
        names = list(map(".".join, tables))
        for chunk in reading.chunks(names):
            reading.begin(names[chunk])
            rows = _read(session, compose.SQL("\nUNION ALL\n").join(queries[chunk]))
            measured |= {
                ".".join(table): _told(content, columns.get(table, NOTHING).ways)
                for table, content in zip(tables[chunk], rows, strict=True)
            }
            reading.end(names[chunk])
    return measured


def _columns(session: Session, encoding: str | None) -> dict[tuple[str, str], _Columns]:
    found = session.execute(sql.read("contents/columns"), {"encoding": encoding})
    # These are names that the server has quoted, and words of the query itself.
    return {
        (str(schema), str(name)): _Columns(
            str(ways),
            compose.SQL(cast("LiteralString", values)),
            compose.SQL(cast("LiteralString", copied)),
        )
        for schema, name, ways, values, copied in found
    }


def measure_large_objects(session: Session, *, hashed: bool = True) -> Content:
    """Measure all large objects together."""
    with _settled(session):
        (content,) = _read(session, compose.SQL(sql.read("contents/large_objects")).format(hashed=hashed))
    return _told(content, "")


def _copy(session: Session, table: tuple[str, str], columns: _Columns, *, hashed: bool) -> Content:
    """Measure a table by reading it, a row at a time; COPY of a table is not planned."""
    query = compose.SQL("COPY {} {} TO STDOUT").format(compose.Identifier(*table), columns.copied)
    rows, digest = 0, 0
    with _settled(session), session.cursor().copy(query) as copy:
        for row in copy:
            rows += 1
            if hashed:
                digest += int.from_bytes(blake2b(row, digest_size=8).digest())
    return _told(Content(rows, str(digest) if hashed else None), COPIED)


@contextmanager
def _settled(session: Session) -> Iterator[None]:
    """Fix the settings under which rows are read, for as long as the block runs."""
    with session.transaction(force_rollback=True):
        session.execute(sql.read("contents/settings"))
        yield


def _highest(key: str | None) -> compose.Composable:
    if key is None:
        return compose.SQL("NULL::pg_catalog.int8")
    return compose.SQL("pg_catalog.max(counted.{})::pg_catalog.int8").format(compose.Identifier(key))


def _read(session: Session, query: compose.Composed) -> list[Content]:
    # Rolled back, so that the locks on these tables are given up: thousands do not fit in the lock table.
    with session.transaction(force_rollback=True):
        rows = session.execute(query + compose.SQL("\nORDER BY 1")).fetchall()
    return [
        Content(
            rows=int(str(count)),
            hash=None if digest is None else str(digest),
            highest=None if highest is None else int(str(highest)),
        )
        for _, count, digest, highest in rows
    ]


def loaded_tables(entries: Iterable[TocEntry]) -> list[tuple[str, str]]:
    """Return the tables whose rows an archive brings, as (schema, name)."""
    return [(entry.schema, entry.tag) for entry in entries if entry.kind == "TABLE DATA"]
