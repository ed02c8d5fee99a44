"""Positions of sequences: the feed of a primary key, its next value, its value on dev. Only reads."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import starmap
from typing import Any

from psycopg import sql as compose
from psycopg.rows import class_row, tuple_row

from pgpromote.postgres import sql
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.keys import sequence_names
from pgpromote.postgres.model import Archive, Finding, Severity, TocEntry
from pgpromote.postgres.server import Session, rows

# So many queries are run until their locks are given up.
CHUNK = 10
# So many sequences are read in one statement.
READ_AT_ONCE = 100
SETVAL = re.compile(r"SELECT pg_catalog\.setval\('.*', (-?\d+), (true|false)\);", re.DOTALL)
HINT_MOVED = "Find who has moved it since the restore, then restore again."


@dataclass(frozen=True)
class Feed:
    """A primary key column and its feed: a sequence, or nothing yet (`sequence` is None).

    Names are quoted by the server. `table`, `name` and `column` are the first of `tables` (OIDs), `users` and
    `columns`: all columns that take values from the sequence. `low` and `high` are the values that the
    sequence and each of its columns can hold. `reason` is a key of `repair.REASONS`, or "" when we may
    repair; `readable` says whether we may read its position. `parent_only`: an identity would not reach the
    partitions. `other` is the table that the reason is about, "" for none.
    """

    table: int
    name: str
    column: str
    sequence: str | None
    tables: list[int]
    users: list[str]
    columns: list[str]
    start: int
    increment: int
    low: int
    high: int
    cycle: bool
    parent_only: bool
    reason: str
    readable: bool
    other: str = ""


@dataclass(frozen=True)
class Position:
    """The position of a sequence: the value it would give next, and the furthest that its columns hold."""

    upcoming: int
    furthest: int | None


@dataclass(frozen=True)
class Unfollowed:
    """A primary key column whose default cannot be followed to one sequence's values, and why.

    `reason` is `by_name`, `computed`, `currval` or `function`; `oid` is the table's.
    """

    table: str
    column: str
    reason: str
    oid: int


@dataclass(frozen=True)
class _Table:
    oid: int
    schema: str
    table: str


def next_free(feed: Feed, position: Position) -> int | None:
    """Return the value that the sequence should give next, or None when its range is used up.

    Never goes back. A new value keeps to the sequence's own steps (`start` modulo `increment`), so that an
    odd and an even sequence stay apart.
    """
    value, furthest = position.upcoming, position.furthest
    if furthest is not None and (value <= furthest if feed.increment > 0 else value >= furthest):
        steps = (furthest - feed.start) // feed.increment + 1
        value = feed.start + steps * feed.increment
    return value if feed.low <= value <= feed.high else None


def excluded_tables(session: Session, patterns: Sequence[str]) -> frozenset[int]:
    """Return the OIDs of the tables that the patterns exclude.

    Raises ConfigError as `check_exclusions` does.
    """
    if not patterns:
        return frozenset()
    with session.cursor(row_factory=class_row(_Table)) as cursor:
        tables = cursor.execute(sql.read("repair/tables")).fetchall()
    check_exclusions(patterns, ((table.schema, table.table) for table in tables))
    return frozenset(t.oid for t in tables if any(_matches(p, t.schema, t.table) for p in patterns))


def check_exclusions(patterns: Sequence[str], tables: Iterable[tuple[str, str]]) -> None:
    """Raise ConfigError for a pattern that matches none of the tables, given as (schema, table)."""
    known = list(tables)
    for pattern in patterns:
        if not any(_matches(pattern, schema, table) for schema, table in known):
            raise ConfigError(
                f"The exclusion {pattern!r} matches no table.",
                "Write it as table or schema.table, with * for any characters; case matters.",
            )


def _matches(pattern: str, schema: str, table: str) -> bool:
    return fnmatchcase(table, pattern) or fnmatchcase(f"{schema}.{table}", pattern)


def read_feeds(session: Session, excluded: frozenset[int] = frozenset()) -> list[Feed]:
    """Read the feed of each primary key: first the keys that nothing feeds, then the sequences.

    A feed of one of the excluded tables has the reason `excluded`.
    """
    return [*read_keys(session, excluded), *read_sequences(session, excluded)]


def read_keys(session: Session, excluded: frozenset[int] = frozenset()) -> list[Feed]:
    """Read the primary keys that nothing feeds, as `read_feeds` does."""
    return _read(session, "repair/keys", excluded)


def read_sequences(session: Session, excluded: frozenset[int] = frozenset()) -> list[Feed]:
    """Read the sequences that feed a primary key, as `read_feeds` does."""
    return _read(session, "repair/feeds", excluded, _named(session))


def read_unfollowed(session: Session) -> list[Unfollowed]:
    """Read the defaults of primary keys that cannot be followed to one sequence's values."""
    return rows(session, Unfollowed, "repair/untracked_defaults", _named(session))


def _named(session: Session) -> dict[str, object]:
    named = sequence_names.read(session)
    return {
        "sequences": [each.sequence for each in named],
        "tables": [each.table for each in named],
        "attnums": [each.attnum for each in named],
    }


def _read(
    session: Session, query: str, excluded: frozenset[int], parameters: Mapping[str, object] | None = None
) -> list[Feed]:
    code = {table for (table,) in session.execute(sql.read("repair/code")).fetchall()}
    return [_marked(feed, excluded, code) for feed in rows(session, Feed, query, parameters)]


def _marked(feed: Feed, excluded: frozenset[int], code: set[object]) -> Feed:
    """Return a feed with the reason to leave it alone, where it has one; a person's exclusion comes first."""
    if feed.readable and code.intersection(feed.tables):
        feed = replace(feed, reason="code", readable=False)
    return replace(feed, reason="excluded") if excluded.intersection(feed.tables) else feed


def read_positions(session: Session, feeds: Sequence[Feed]) -> list[Position | None]:
    """Read the position of each feed, all in one round trip; None for those we may not read."""
    readable = [(number, feed) for number, feed in enumerate(feeds) if feed.readable]
    positions: dict[int, Position] = {}
    for number, last_value, is_called, furthest in read_together(session, list(starmap(_state, readable))):
        step = feeds[number].increment if is_called else 0
        positions[number] = Position(last_value + step, furthest)
    return [positions.get(number) for number in range(len(feeds))]


def read_together(session: Session, queries: Sequence[str]) -> list[tuple[Any, ...]]:
    """Run queries of the same columns in one round trip, and return their rows.

    Their locks are given up now and then: the lock table does not hold thousands.
    """
    if not queries:
        return []
    parts = ["UNION ALL\n".join(queries[first : first + CHUNK]) for first in range(0, len(queries), CHUNK)]
    batch = "SAVEPOINT reading;\n" + ";\nROLLBACK TO SAVEPOINT reading;\n".join(parts)
    with session.cursor(row_factory=tuple_row) as cursor, session.transaction(force_rollback=True):
        cursor.execute(batch.encode())
        return [row for _ in cursor.results() for row in (cursor.fetchall() if cursor.description else ())]


def behind(session: Session, excluded: frozenset[int]) -> Iterator[tuple[Feed, Position, bool]]:
    """Yield each sequence whose next value is taken or beyond its range, and whether it may be repaired.

    Those we may not read, or whose column is not a number, cannot be judged and are left out.
    """
    feeds = read_sequences(session, excluded)
    for feed, position in zip(feeds, read_positions(session, feeds), strict=True):
        if position and (free := next_free(feed, position)) != position.upcoming:
            yield feed, position, not feed.reason and free is not None


def with_identities(session: Session, feeds: Sequence[Feed]) -> list[Feed]:
    """Return the feeds with the sequences of the identities that their columns have got."""
    found = session.execute(sql.read("repair/identities"), {"tables": [feed.table for feed in feeds]})
    names = {(table, column): str(name) for table, column, name in found.fetchall()}
    return [
        feed if feed.sequence else replace(feed, sequence=names.get((feed.table, feed.column)))
        for feed in feeds
    ]


def composed(query: str, **parts: str | int) -> str:
    """Return a query under sql/repair with its placeholders filled: numbers, and names quoted by the server.

    psycopg's Identifier would quote every name, and people read these; for thousands it is slow, too.
    """
    return sql.read(f"repair/{query}").format(**parts)


def _state(number: int, feed: Feed) -> str:
    """Return the query for a sequence's position, and the furthest value of its columns in its direction.

    Values that the sequence cannot give do not count: they never collide with it.
    """
    # All of them leave out NULL, the answer of a table without rows.
    function, among = ("max", "GREATEST") if feed.increment > 0 else ("min", "LEAST")
    values = ", ".join(
        composed("furthest", function=function, column=column, table=user, low=feed.low, high=feed.high)
        for user, column in zip(feed.users, feed.columns, strict=True)
    )
    sequence = feed.sequence or sql.read("repair/new_sequence")
    return composed("state", number=number, among=among, values=values, sequence=sequence)


@dataclass(frozen=True)
class _Upcoming:
    schema: str
    name: str
    upcoming: int


def set_back(session: Session, archive: Archive) -> list[Finding]:
    """Return findings for sequences that stand before the position that the archive sets.

    One that starts again at its end may stand anywhere; a missing one is reported by `objects`.
    """
    sequences = session.execute(sql.read("sequences/steps"))
    steps = {(str(schema), str(name)): int(str(step)) for schema, name, step in sequences}
    entries = {(e.schema, e.tag): e for e in archive.of_kind("SEQUENCE SET") if (e.schema, e.tag) in steps}
    findings = []
    for (schema, name), upcoming in _upcoming(session, {key: steps[key] for key in entries}):
        value, given = position(entries[schema, name])
        step = steps[schema, name]
        left = value + step if given else value
        if (upcoming < left) if step > 0 else (upcoming > left):
            message = f"{schema}.{name} would give {upcoming} next; on dev it would have given {left}."
            findings.append(Finding("sequences", Severity.ERROR, f"{schema}.{name}", message, HINT_MOVED))
    return findings


def position(entry: TocEntry) -> tuple[int, bool]:
    """Return the position that a `SEQUENCE SET` entry sets: the value, and whether it has been given."""
    match = SETVAL.match(entry.definition)
    if match is None:
        raise ValueError(f"{entry.name} sets no sequence")
    return int(match[1]), match[2] == "true"


def _upcoming(session: Session, steps: dict[tuple[str, str], int]) -> Iterator[tuple[tuple[str, str], int]]:
    query = compose.SQL(sql.read("sequences/position"))
    names = list(steps)
    with session.cursor(row_factory=class_row(_Upcoming)) as cursor:
        for first in range(0, len(names), READ_AT_ONCE):
            each: Iterable[compose.Composed] = (
                query.format(
                    schema=name[0], name=name[1], step=steps[name], sequence=compose.Identifier(*name)
                )
                for name in names[first : first + READ_AT_ONCE]
            )
            with session.transaction(force_rollback=True):  # gives up the locks: thousands would not fit
                found = cursor.execute(compose.SQL("UNION ALL\n").join(each)).fetchall()
            yield from (((row.schema, row.name), row.upcoming) for row in found)
