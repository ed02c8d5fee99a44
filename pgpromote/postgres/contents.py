"""What a database holds: rows and a hash of each table, independent of their order, and of large objects.

The hash is taken over each row's text, which is what a dump carries: it is the same whatever number a
server gives an object, and it calls no function that a user of the database could have written. Where a query
would (the planner folds index expressions), the rows are copied out instead, and hashed here.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b

import psycopg
from psycopg import sql as compose

from pgpromote.postgres import sql
from pgpromote.postgres.model import Content, TocEntry
from pgpromote.postgres.server import Database, Session, connect

LARGE_OBJECTS = "large objects"
# What the hash of a table begins with that was copied out.
COPIED = "copied "
# So many tables are measured in one statement.
CHUNK = 100


@contextmanager
def snapshot(database: Database, promotion: str) -> Iterator[tuple[Session, str]]:
    """Open a session whose snapshot pg_dump can share; yields the session and the snapshot's name.

    Nothing that is written meanwhile is seen by either, for as long as the block runs.
    """
    with connect(database, promotion, autocommit=True) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.read_only = True
        with session.transaction():
            session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            row = session.execute("SELECT pg_catalog.pg_export_snapshot()").fetchone()
            yield session, str(row[0]) if row else ""


def measure(
    session: Session, tables: Sequence[tuple[str, str]], *, hashed: bool = True
) -> dict[str, Content]:
    """Measure tables, given as (schema, name), without their children; keys are `schema.name`.

    Not `hashed` means that rows are only counted. Raises psycopg.Error for a table that is not there.
    """
    evaluating = {(str(row[0]), str(row[1])) for row in session.execute(sql.read("contents/evaluating"))}
    plain = [table for table in tables if table not in evaluating]
    copied = [table for table in tables if table in evaluating]
    measured = _measure(session, plain, hashed=hashed)
    return measured | {".".join(table): _copy(session, table, hashed=hashed) for table in copied}


def comparable(one: Content, other: Content) -> bool:
    """Tell whether two hashes were taken in the same way."""
    copied = [content.hash is not None and content.hash.startswith(COPIED) for content in (one, other)]
    return None not in (one.hash, other.hash) and copied[0] == copied[1]


def _measure(session: Session, tables: list[tuple[str, str]], *, hashed: bool) -> dict[str, Content]:
    keys = {(str(row[0]), str(row[1])): str(row[2]) for row in session.execute(sql.read("contents/keys"))}
    query = compose.SQL(sql.read("contents/hash" if hashed else "contents/count"))
    queries = [
        (
            f"{schema}.{name}",
            query.format(
                number=compose.Literal(number),
                table=compose.Identifier(schema, name),
                highest=_highest(keys.get((schema, name))),
            ),
        )
        for number, (schema, name) in enumerate(tables)
    ]
    measured: dict[str, Content] = {}
    for first in range(0, len(queries), CHUNK):
        chunk = queries[first : first + CHUNK]
        rows = _read(session, compose.SQL("\nUNION ALL\n").join(each for _, each in chunk))
        measured |= {name: content for (name, _), content in zip(chunk, rows, strict=True)}
    return measured


def measure_large_objects(session: Session, *, hashed: bool = True) -> Content:
    """Measure all large objects together."""
    (content,) = _read(session, compose.SQL(sql.read("contents/large_objects")).format(hashed=hashed))
    return content


def _copy(session: Session, table: tuple[str, str], *, hashed: bool) -> Content:
    """Measure a table by reading it, a row at a time; COPY of a table is not planned."""
    query = compose.SQL("COPY {} TO STDOUT").format(compose.Identifier(*table))
    rows, total = 0, 0
    with session.transaction(force_rollback=True):
        session.execute(sql.read("contents/settings"))
        with session.cursor().copy(query) as copy:
            for row in copy:
                rows += 1
                if hashed:
                    total += int.from_bytes(blake2b(row, digest_size=8).digest())
    return Content(rows, f"{COPIED}{total}" if hashed else None)


def _highest(key: str | None) -> compose.Composable:
    if key is None:
        return compose.SQL("NULL::pg_catalog.int8")
    return compose.SQL("pg_catalog.max(counted.{})::pg_catalog.int8").format(compose.Identifier(key))


def _read(session: Session, query: compose.Composed) -> list[Content]:
    # Rolled back, so that the locks on these tables are given up: thousands do not fit in the lock table.
    with session.transaction(force_rollback=True):
        session.execute(sql.read("contents/settings"))
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
    """List the tables whose rows an archive brings, as (schema, name)."""
    return [(entry.schema, entry.tag) for entry in entries if entry.kind == "TABLE DATA"]
