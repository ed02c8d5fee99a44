"""Swap a database in as prod by its name, in one transaction: prod is always wholly old or wholly new.

Two sessions in the agreed database do it (facts §6). The first renames; that locks the database, so that
new connections wait, and then waits for the old ones to end. The second ends them. Nothing persistent is
changed before COMMIT: whoever dies in the middle leaves prod as it was, and open.

A third name makes the gap short: the incoming database is renamed aside first, so nobody is left in it when
prod is taken.
"""

import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import TypeVar
from uuid import uuid4

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier

from pgpromote.postgres import mark, sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.errors import ConnectionFailed, CutOverFailed, PgpromoteError, Refused
from pgpromote.postgres.mark import Kind, Mark, Marked, name_beside, statement
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.server import LOCK_CLASS, Database, Session, connect, redact

LIMIT_SECONDS = 5.0
# How often the sessions in a database are ended anew, until the rename has got through.
TERMINATE_EVERY = 0.01
# What belongs to prod's name and not to its content, in the order in which it can be carried over.
CARRIED = ("owner", "limit", "grants", "settings", "labels")
OBSTACLES = {
    "swap_prepared_transaction": (
        "The prepared transaction {object} in {where} blocks the cut-over.",
        "COMMIT PREPARED or ROLLBACK PREPARED it.",
    ),
    "swap_replication_slot": (
        "The replication slot {object} belongs to {where} and would stay with the previous database.",
        "Drop it, or allow it by its name.",
    ),
    "swap_subscription": (
        "The subscription {object} belongs to {where} and would stay with the previous database.",
        "Drop it, or allow it by its name.",
    ),
    "swap_session": (
        "We may not end the session {object} in {where}.",
        "End it, grant us pg_signal_backend, or for a superuser's session connect as a superuser.",
    ),
}
ALLOWABLE = frozenset({"swap_replication_slot", "swap_subscription"})


@dataclass(frozen=True)
class CutOver:
    """A cut-over that is done: how long new connections had to wait, in ms, and what prod was before."""

    target: str
    downtime_ms: float
    previous: str


@dataclass(frozen=True)
class _Side:
    oid: int
    name: str
    owner: str
    template: bool
    owned: bool
    creates: bool
    comment: str | None
    now: datetime


@dataclass(frozen=True)
class _Obstacle:
    rule: str
    object: str
    where: str


@dataclass(frozen=True)
class _Exchange:
    """One cut-over: `session` renames, `killer` ends sessions. `comment` is what the new prod gets."""

    target: Database
    agreed: str
    promotion: str
    seconds: float
    session: Session
    killer: Session
    outgoing: _Side
    incoming: _Side
    comment: str | None

    @property
    def previous(self) -> str:
        """The name that the outgoing database gets: prod's, and the server's time in UTC."""
        milliseconds = f"{self.outgoing.now.astimezone(UTC):%Y%m%d_%H%M%S_%f}"[:-3]
        return name_beside(self.outgoing.name, f"__previous_{milliseconds}")


def swap(
    target: Database,
    shadow: str,
    promotion: str,
    *,
    agreed: str = "postgres",
    limit_seconds: float = LIMIT_SECONDS,
    allow: Collection[str] = (),
) -> CutOver:
    """Make a shadow database prod; keep the old prod as `<prod>__previous_<time>`.

    Owner, grants, comment, connection limit, settings and security labels of the database are carried over.
    `allow` names replication slots and subscriptions that may stay with the old prod. `limit_seconds` bounds
    each wait for others. Raises Refused before anything is done, CutOverFailed when the swap did not happen.
    """
    with _sessions(target, agreed, promotion, limit_seconds) as (session, killer):
        outgoing = _side(session, target.name)
        incoming = _marked(session, target.name, Kind.SHADOW, shadow)
        replaced = incoming.mark.prod_oid != outgoing.oid
        return _exchange(
            _Exchange(
                target, agreed, promotion, limit_seconds, session, killer,
                outgoing, _side(session, incoming.name), outgoing.comment,
            ),
            allow,
            [_replaced(target)] if replaced else [],
        )  # fmt: skip


def rollback(
    target: Database,
    promotion: str,
    *,
    name: str = "",
    agreed: str = "postgres",
    limit_seconds: float = LIMIT_SECONDS,
    allow: Collection[str] = (),
) -> CutOver:
    """Swap a previous database back in, by default the newest; it gets its own comment back.

    What was prod until now becomes a previous database, so a rollback can be rolled back. All else is as in
    `swap`.
    """
    with _sessions(target, agreed, promotion, limit_seconds) as (session, killer):
        incoming = _marked(session, target.name, Kind.PREVIOUS, name)
        return _exchange(
            _Exchange(
                target, agreed, promotion, limit_seconds, session, killer,
                _side(session, target.name), _side(session, incoming.name), incoming.mark.comment,
            ),
            allow,
            [],
        )  # fmt: skip


@contextmanager
def _sessions(
    target: Database, agreed: str, promotion: str, seconds: float
) -> Iterator[tuple[Session, Session]]:
    """Open both sessions before anything begins: no connection may be missing in the middle."""
    place = target.at(agreed)
    with (
        connect(place, promotion, autocommit=True) as session,
        connect(place, promotion, autocommit=True) as killer,
    ):
        for each in (session, killer):
            each.execute(sql.read("cutover/bounds"), {"ms": _milliseconds(seconds)})
        session.isolation_level = IsolationLevel.READ_COMMITTED
        session.read_only = False
        yield session, killer


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


Row = TypeVar("Row")


def _rows(session: Session, shape: type[Row], query: str, **parameters: object) -> list[Row]:
    with session.cursor(row_factory=class_row(shape)) as cursor:
        return cursor.execute(sql.read(f"cutover/{query}"), parameters).fetchall()


def _side(session: Session, name: str) -> _Side:
    found = _rows(session, _Side, "side", name=name)
    if not found:
        raise PgpromoteError(f"There is no database {name}.", "Correct its name, or look at the history.")
    return found[0]


def _marked(session: Session, prod: str, kind: Kind, name: str) -> Marked:
    """Return the marked database of this name, or the newest of its kind when no name is given."""
    found = [each for each in mark.find(session, prod, kind) if each.usable and name in ("", each.name)]
    if not found:
        what = f"{name} is not marked as a" if name else "There is no"
        message = f"{what} {kind} database of {prod}."
        raise Refused([Finding(f"swap_{kind}", Severity.ERROR, name or prod, message)])
    return found[0]


def _replaced(target: Database) -> Finding:
    message = f"{target.label} was replaced by another database of that name since the shadow was made."
    return Finding("target_unchanged", Severity.ERROR, target.label, message, "Start again.")


def _obstacles(exchange: _Exchange, allow: Collection[str]) -> Iterator[Finding]:
    outgoing, incoming = exchange.outgoing, exchange.incoming
    if outgoing.template or outgoing.name == exchange.agreed:
        message = f"{outgoing.name} is a template or the database where the cut-over is made."
        yield Finding("swap_target", Severity.ERROR, outgoing.name, message, "Name another as prod.")
    for side in (outgoing, incoming):
        if not side.owned:
            message = f"Only the owner {side.owner} may rename {side.name}."
            yield Finding("swap_owner", Severity.ERROR, side.name, message, "Connect as the owner.")
    if not outgoing.creates:
        message = "The right to create databases is missing; the server asks for it to rename one."
        yield Finding("swap_create_database", Severity.ERROR, outgoing.name, message, "ALTER ROLE … CREATEDB")
    both = {"outgoing": outgoing.oid, "incoming": incoming.oid}
    for row in _rows(exchange.session, _Obstacle, "obstacles", **both):
        if not (row.rule in ALLOWABLE and row.object in allow):
            message, hint = OBSTACLES[row.rule]
            what = message.format(object=row.object, where=row.where)
            yield Finding(row.rule, Severity.ERROR, row.object, what, hint)


def _exchange(exchange: _Exchange, allow: Collection[str], findings: list[Finding]) -> CutOver:
    findings = [*findings, *_obstacles(exchange, allow)]
    if findings:
        raise Refused(findings)
    locked = time.monotonic()
    try:
        with exchange.session.transaction():
            locked = _rename(exchange)
    except psycopg.Error as error:
        if not (exchange.session.closed and _was_committed(exchange)):
            raise _failed(exchange, error) from error
    return CutOver(exchange.target.label, round((time.monotonic() - locked) * 1000, 1), exchange.previous)


def _rename(exchange: _Exchange) -> float:
    """Exchange the names within a transaction; return the moment from which new connections had to wait."""
    session, outgoing, incoming = exchange.session, exchange.outgoing, exchange.incoming
    aside = name_beside(outgoing.name, f"__incoming_{uuid4().hex[:8]}")
    session.execute(sql.read("cutover/lock"), {"class": LOCK_CLASS, "prod": outgoing.name})
    # What cannot be carried over fails here, before anybody is disconnected.
    _carry(exchange)
    with _ending_sessions(exchange, incoming.oid):
        apply(session, [_renaming(incoming.name, aside, "nobody may be in it when prod is taken")])
    locked = time.monotonic()
    with _ending_sessions(exchange, outgoing.oid):
        apply(session, [_renaming(outgoing.name, exchange.previous, "the old content stays for a rollback")])
    _carry(exchange)  # what others changed until we held the lock
    apply(session, _finish(exchange, aside))
    _check_oids(exchange)
    return locked


def _renaming(old: str, new: str, why: str) -> Statement:
    return statement(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(old), Identifier(new)), why)


def _finish(exchange: _Exchange, aside: str) -> list[Statement]:
    prod = exchange.outgoing
    history = Mark(Kind.PREVIOUS, prod.name, prod.oid, exchange.promotion, prod.now, prod.comment)
    return [
        mark.comment(aside, exchange.comment, "prod keeps its comment"),
        mark.comment(exchange.previous, history.text(), "history and rollback find it by this mark"),
        _renaming(aside, prod.name, "the new content becomes prod"),
    ]


def _carry(exchange: _Exchange) -> None:
    """Give the incoming database what belongs to prod's name; each step reads what is still missing."""
    become = "SET" if exchange.session.info.server_version >= 160000 else "MEMBER"
    oids = {"outgoing": exchange.outgoing.oid, "incoming": exchange.incoming.oid}
    for step in CARRIED:
        apply(exchange.session, _rows(exchange.session, Statement, step, **oids, become=become))


def _check_oids(exchange: _Exchange) -> None:
    """Make sure that the names we exchanged belonged to the databases that we looked at."""
    if _named(exchange.session, exchange) != (exchange.incoming.oid, exchange.outgoing.oid):
        raise Refused([_replaced(exchange.target)])


def _named(session: Session, exchange: _Exchange) -> tuple[object, ...] | None:
    names = {"prod": exchange.outgoing.name, "previous": exchange.previous}
    return session.execute(sql.read("cutover/named"), names).fetchone()


@contextmanager
def _ending_sessions(exchange: _Exchange, database: int) -> Iterator[None]:
    """End the sessions in a database, again and again, while the block waits for them to be gone."""
    over = Event()

    def terminate() -> None:
        try:
            while not over.is_set():
                exchange.killer.execute(sql.read("cutover/terminate"), {"database": database})
                over.wait(TERMINATE_EVERY)
        except psycopg.Error:
            while not over.is_set():  # the rename waits in vain, or will in a moment
                exchange.session.cancel_safe()
                over.wait(TERMINATE_EVERY)
            raise

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(terminate)
        try:
            yield
        except psycopg.Error:
            over.set()
            running.result()  # raises why we cancelled it, if we did
            raise
        finally:
            over.set()
    running.result()


def _was_committed(exchange: _Exchange) -> bool:
    """Find out how a transaction ended whose connection was lost; its lock tells when it has ended."""
    try:
        with connect(exchange.target.at(exchange.agreed), exchange.promotion) as session:
            session.execute(sql.read("cutover/lock"), {"class": LOCK_CLASS, "prod": exchange.outgoing.name})
            return _named(session, exchange) == (exchange.incoming.oid, exchange.outgoing.oid)
    except ConnectionFailed as error:
        raise CutOverFailed(
            f"The connection was lost during the cut-over of {exchange.target.label}, and the server does "
            f"not answer. Prod is wholly old or wholly new. {error.message}",
            f"When the server is back, look at the history: {exchange.previous} exists only if it was done.",
        ) from error


def _failed(exchange: _Exchange, error: psycopg.Error) -> CutOverFailed:
    reason = " ".join(redact(str(error), exchange.target).split())
    state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return CutOverFailed(
        f"The cut-over of {exchange.target.label} was given up: {reason}{state}. "
        "Prod is as it was, and open.",
        "See who uses prod (pg_stat_activity, pg_prepared_xacts), then start again.",
    )
