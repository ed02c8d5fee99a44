"""Materialized views that pg_restore does not fill, or fills by chance.

It leaves those alone that the source had empty. And it knows only the relations that a view reads itself: of
two views it may fill the one first that reads the other within a function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL, Identifier

from pgpromote.postgres import sql
from pgpromote.postgres.model import Content, Finding, Severity, Statement
from pgpromote.postgres.rows import contents
from pgpromote.postgres.server import Session

RULE = "materialized_views"
HINT_EMPTY = "Every query of it fails. Remove the cause, then run: {}"
HINT_CHANGING = (
    "What a function in it reads or tells is never the same, such as the time; or two views read each other. "
    "Look whether its rows are what you expect."
)
Name = tuple[str, str]


@dataclass(frozen=True)
class Filled:
    """The statements that filled views beside pg_restore, and the findings about the views."""

    statements: tuple[Statement, ...] = ()
    findings: tuple[Finding, ...] = ()


NOTHING = Filled()


@dataclass(frozen=True)
class Refreshed:
    """The result of refreshing: the error of each failed view, and the views that never settled."""

    failures: Mapping[Name, psycopg.Error]
    changing: frozenset[Name] = frozenset()


def calling(session: Session) -> frozenset[Name]:
    """Return the materialized views whose query calls a function that may read any table, (schema, name)."""
    return _names(session, "views/calling")


def refresh(name: Name) -> str:
    """Return the statement that fills a view."""
    return SQL("REFRESH MATERIALIZED VIEW {}").format(Identifier(*name)).as_string()


def fill(session: Session, views: Sequence[Name]) -> Refreshed:
    """Refresh views one after the other, once."""
    failures = {name: error for name in views if (error := _try(session, name))}
    return Refreshed(failures)


def settle(session: Session, views: Sequence[Name]) -> Refreshed:
    """Refresh views one after the other, round by round, until all are as they were after the round before.

    A chain of views that read each other in the wrong order needs as many rounds as it is long, and one more
    to see that it is done.
    """
    refreshed, held = Refreshed({}), dict[Name, Content]()
    for _ in range(len(views) + 1):
        before, failed = held, refreshed.failures.keys()
        refreshed, held = fill(session, views), _held(session, views)
        changing = frozenset(name for name in views if held.get(name) != before.get(name))
        refreshed = Refreshed(refreshed.failures, changing)
        if not changing and refreshed.failures.keys() == failed:
            break
    return refreshed


def empty(name: Name, reason: str) -> Finding:
    """Return the finding for a view that is left empty, as it was on the source."""
    label = ".".join(name)
    message = f"{label} is left empty, as on dev: it cannot be filled: {reason}"
    return Finding(RULE, Severity.WARNING, label, message, HINT_EMPTY.format(refresh(name)))


def changing(name: Name) -> Finding:
    """Return the finding for a view that holds other rows after each refresh."""
    label = ".".join(name)
    message = f"{label} holds other rows after each refresh, so prod's may not be dev's."
    return Finding(RULE, Severity.WARNING, label, message, HINT_CHANGING)


def _try(session: Session, name: Name) -> psycopg.Error | None:
    try:
        session.execute(refresh(name).encode())
    except psycopg.Error as error:
        if session.closed:
            raise
        return error
    return None


def _held(session: Session, views: Sequence[Name]) -> dict[Name, Content]:
    """Return the measured content of views, without those that no query may read."""
    readable = _names(session, "views/populated") - contents.evaluating(session)
    names = [name for name in views if name in readable]
    held = contents.measure(session, names)
    return {name: held[".".join(name)] for name in names}


def _names(session: Session, query: str) -> frozenset[Name]:
    return frozenset((str(schema), str(name)) for schema, name in session.execute(sql.read(query)))
