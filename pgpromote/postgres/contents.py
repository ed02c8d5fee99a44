"""What a database holds: rows and a hash of each table, independent of their order, and of large objects.

The hash is taken over each row's text, which is what a dump carries: it is the same whatever number a
server gives an object, and it calls no function that a user of the database could have written.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql as compose

from pgpromote.postgres import sql
from pgpromote.postgres.model import Content, TocEntry
from pgpromote.postgres.server import Database, Session, connect

LARGE_OBJECTS = "large objects"


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
    session: Session, tables: Iterable[tuple[str, str]], *, hashed: bool = True
) -> dict[str, Content]:
    """Measure tables, given as (schema, name), without their children; keys are `schema.name`.

    Not `hashed` means that rows are only counted. Raises psycopg.Error for a table that is not there.
    """
    query = compose.SQL(sql.read("contents/hash" if hashed else "contents/count"))
    with session.transaction():
        session.execute(sql.read("contents/settings"))
        return {
            f"{schema}.{name}": _content(session, query.format(table=compose.Identifier(schema, name)))
            for schema, name in tables
        }


def measure_large_objects(session: Session, *, hashed: bool = True) -> Content:
    """Measure all large objects together."""
    return _content(session, compose.SQL(sql.read("contents/large_objects")).format(hashed=hashed))


def _content(session: Session, query: compose.Composed) -> Content:
    row = session.execute(query).fetchone()
    rows, digest = row or (0, None)
    return Content(int(str(rows)), None if digest is None else str(digest))


def loaded_tables(entries: Iterable[TocEntry]) -> list[tuple[str, str]]:
    """List the tables whose rows an archive brings, as (schema, name)."""
    return [(entry.schema, entry.tag) for entry in entries if entry.kind == "TABLE DATA"]
