"""Proof that indexes hold the keys under which prod will look for them.

A restore builds an index under a search path that holds nothing but pg_catalog. A function that finds a table
by its bare name finds none there, or another one than when an application calls it. Then queries miss the
keys that the index has, and a unique one lets duplicates in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql as compose

from pgpromote.postgres import details, server, sql
from pgpromote.postgres.model import Clearance, Finding, Severity
from pgpromote.postgres.server import Database, Session, connect, disclosed

RULE = "index_keys"
HINT = (
    "On dev, fix what the function finds: ALTER FUNCTION … SET search_path = …, or write its tables and "
    "functions with their schema. Then dump again."
)
HINT_UNKNOWN = f"It was not compared. {HINT}"
RESTRICTED = 170000  # from this server on, indexes are built under a search path of the server's own


@dataclass(frozen=True)
class _Key:
    """Keys over one table; `name` is that of the index, or of the partitioned table.

    `owner` is the role whose search path counts, `caller` the role that calls the functions.
    """

    kind: str
    name: str
    schema: str
    table: str
    owner: str
    caller: str
    functions: list[str]
    expressions: str
    predicate: str


def prove(
    clearance: Clearance,
    prod: str,
    database: Database,
    run_id: str,
    *,
    owners: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Compare the keys of restored indexes with those that their tables' owners would write in `prod`.

    The functions are called as the owner, in transactions that can write nothing. So owners must be in place;
    or `owners` gives the future owner of each table, `schema.table`, and our role, its owner still, calls
    them.
    """
    with connect(database, run_id, autocommit=True) as session:
        keys = [key for key in server.rows(session, _Key, "index_keys/keys") if _is_restored(clearance, key)]
        us = session.info.user
        if owners is not None:
            keys = [
                replace(key, owner=owners.get(f"{key.schema}.{key.table}", us))
                for key in keys
                if key.owner == us
            ]
        found = [found for key in keys if (found := _compare(session, key, prod, database))]
    # One for all partitions of a table, an error if there is one.
    found.sort(key=lambda each: each.severity is Severity.ERROR)
    return tuple({each.object: each for each in found}.values())


def _is_restored(clearance: Clearance, key: _Key) -> bool:
    if not clearance.archive.listed:
        return True
    entries = clearance.archive.of_kind("TABLE", "TABLE DATA", "MATERIALIZED VIEW")
    return any((entry.schema, entry.tag) == (key.schema, key.table) for entry in entries)


def _compare(session: Session, key: _Key, prod: str, database: Database) -> Finding | None:
    safe = "pg_catalog, pg_temp" if session.info.server_version >= RESTRICTED else ""
    functions = ", ".join(key.functions)
    try:
        path = _search_path(session, prod, key)
        built, written = _digest(session, key, safe), _digest(session, key, path)
        same_twice = built == written or built == _digest(session, key, safe)
    except psycopg.Error as error:
        if session.closed:
            raise
        reason = disclosed(details.of_error(error, code=True), database)
        message = (
            f"Whether {key.kind} {key.name} is right cannot be said: {functions} as {key.owner}: {reason}"
        )
        return Finding(RULE, Severity.WARNING, key.name, message, HINT_UNKNOWN)
    if not same_twice:
        message = (
            f"The {key.kind} {key.name} has other keys each time: {functions} does not give the same twice."
        )
        return Finding(RULE, Severity.WARNING, key.name, message, HINT_UNKNOWN)
    if built != written:
        message = (
            f"The {key.kind} {key.name} was built with other keys than {key.owner} would look for: "
            f"{functions} gives something else under prod's search_path ({path})."
        )
        return Finding(RULE, Severity.ERROR, key.name, message, HINT)
    return None


def _search_path(session: Session, database: str, key: _Key) -> str:
    query = sql.read("index_keys/search_path")
    row = session.execute(query, {"database": database, "role": key.owner}).fetchone()
    path = str(row[0] if row else "")
    # The server puts the caller's name there.
    return (
        path
        if key.caller == key.owner
        else path.replace('"$user"', compose.Identifier(key.owner).as_string())
    )


def _digest(session: Session, key: _Key, path: str) -> object:
    """Return a digest of a table's keys under a search path, computed as the caller."""
    # The expressions are the server's own words.
    query = compose.SQL(sql.read("index_keys/digest")).format(
        expressions=compose.SQL(key.expressions),
        predicate=compose.SQL(key.predicate),
        table=compose.Identifier(key.schema, key.table),
    )
    with session.transaction(force_rollback=True):
        session.execute("SET TRANSACTION READ ONLY")
        session.execute(sql.read("index_keys/settings"))
        session.execute(compose.SQL("SET LOCAL ROLE {}").format(compose.Identifier(key.caller)))
        session.execute("SELECT pg_catalog.set_config('search_path', %s, true)", [path])
        row = session.execute(query).fetchone()
    return row[0] if row else None
