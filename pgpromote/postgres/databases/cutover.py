"""The cut-over: swap a database in as prod by its name, in one transaction.

Prod is always wholly old or wholly new. Two sessions in the agreed database do it (facts §6). The first
renames; that locks the database, so that new connections wait, and then waits for the old ones to end. The
second ends them. Nothing persistent is changed before COMMIT: if the run dies in the middle, prod is as it
was, and open.

A third name makes the gap short: the incoming database first gets a temporary name, so nobody is left in it
when prod is taken.
"""

import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from threading import Event
from uuid import uuid4

import psycopg
from psycopg import IsolationLevel
from psycopg.sql import SQL, Identifier

from pgpromote.postgres import details, sql, stall
from pgpromote.postgres.apply import apply
from pgpromote.postgres.databases import mark, obstacles
from pgpromote.postgres.databases.lock import Lock
from pgpromote.postgres.databases.mark import End, Kind, Mark, Marked, Provenance, name_beside, statement
from pgpromote.postgres.databases.obstacles import Side
from pgpromote.postgres.errors import (
    UNTOUCHED,
    ConnectionFailed,
    CutOverFailed,
    PgpromoteError,
    Refused,
    SessionFailed,
)
from pgpromote.postgres.membership import become
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.naming import command
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import LOCK_CLASS, Database, Session, connect, disclosed, identify, rows

LIMIT_SECONDS = 5.0
# How long nothing may come from the server although no statement may last.
SILENCE_SECONDS = 30.0
# How often the sessions in a database are ended anew, until the rename has got through.
TERMINATE_EVERY = 0.01
# What belongs to prod's name and not to its content, in the order in which it can be carried over.
CARRIED = ("owner", "limit", "grants", "settings", "labels")
# How long the new prod has time to answer: all clients come back at the same moment.
SMOKE_SECONDS = 1.0
SMOKE_EVERY = 0.05


@dataclass(frozen=True)
class CutOver:
    """A finished cut-over: the wait of new connections, in ms, and the name of the previous database.

    `tested` says that the new prod answered us by its name. It is false after a rollback, and where prod did
    not answer us before either.
    """

    target: str
    downtime_ms: float
    previous: str
    tested: bool = True


@dataclass(frozen=True)
class _Exchange:
    """One cut-over: `session` renames, `killer` ends sessions.

    The outgoing database becomes `kept` with the mark `history`; the new prod gets the comment `comment`.
    """

    place: Place
    seconds: float
    session: Session
    killer: Session
    outgoing: Side
    incoming: Side
    kept: str
    history: Mark
    comment: str | None
    lock: Lock | None = None


def _previous(
    session: Session, outgoing: Side, incoming: Mark, *, run_id: str, ended: End, followed: Provenance
) -> tuple[str, Mark]:
    """Return name and mark of the outgoing prod: its name is from the server's time in UTC.

    The mark records its origin and its successor. One that did not end by a promotion puts a hold on the next
    ones. The baseline that the incoming database's mark holds moves to it: that mark makes way for prod's
    comment. A change in place has made it void.
    """
    history = Mark(
        Kind.PREVIOUS, outgoing.name, outgoing.oid, run_id, outgoing.now, outgoing.comment,
        ended=ended,
        was=mark.provenance(mark.find(session, outgoing.name, Kind.PREVIOUS), outgoing.oid),
        followed=followed,
        held_at=None if ended is End.PROMOTION else outgoing.now,
        promoted=None if incoming.overwritten_at else incoming.promoted,
    )  # fmt: skip
    return mark.previous_name(outgoing.name, outgoing.now), history


def swap(
    place: Place,
    shadow: str,
    *,
    limit_seconds: float = LIMIT_SECONDS,
    allow: Collection[str] = (),
    came: Provenance | None = None,
    way_back: bool = False,
    lock: Lock | None = None,
) -> CutOver:
    """Make a shadow database prod; keep the old prod as `<prod>__previous_<time>`.

    Owner, grants, comment, connection limit, settings and security labels of the database are carried over.
    `came` is the origin of the content; `way_back` says that it was prod before, so that a rollback puts the
    old prod aside. `allow` names replication slots and subscriptions that may stay with the old prod.
    `limit_seconds` bounds each wait for others. A new prod that does not answer by its name is swapped back:
    the shadow is a shadow again. A prod that did not answer us before is not tested afterwards. The session
    of `lock` renames, and in that transaction it is checked that it holds the lock.

    Raises Refused and LockLost before anything is done, CutOverFailed when the swap did not happen or was
    undone.
    """
    answered = not _silence(place)
    with _untouched(), _sessions(place, limit_seconds, lock) as (session, killer):
        outgoing = obstacles.side(session, place.target.name)
        incoming = _marked(session, place.target.name, Kind.SHADOW, shadow)
        replaced = incoming.mark.prod_oid != outgoing.oid
        ended = End.ROLLBACK if way_back else End.PROMOTION
        came = replace(came or Provenance(run=place.run_id), oid=incoming.oid, since=outgoing.now)
        exchange = _Exchange(
            place, limit_seconds, session, killer,
            outgoing, obstacles.side(session, incoming.name),
            *_previous(session, outgoing, incoming.mark, run_id=place.run_id, ended=ended, followed=came),
            outgoing.comment, lock,
        )  # fmt: skip
        done = _exchange(exchange, allow, [_replaced(place.target)] if replaced else [])
    if answered and (silence := _persistent_silence(place, incoming.oid)):
        raise _swapped_back(exchange, incoming, silence, allow)
    return replace(done, tested=answered)


def rollback(
    place: Place,
    *,
    name: str = "",
    limit_seconds: float = LIMIT_SECONDS,
    allow: Collection[str] = (),
    lock: Lock | None = None,
) -> CutOver:
    """Swap a previous database back in, by default the newest; it gets its own comment back.

    The prod until now becomes a previous database, so a rollback can be rolled back, and puts a hold on the
    next promotions. All else is as in `swap`, but prod is not tested afterwards.
    """
    with _untouched(), _sessions(place, limit_seconds, lock) as (session, killer):
        outgoing = obstacles.side(session, place.target.name)
        incoming = _marked(session, place.target.name, Kind.PREVIOUS, name)
        ended = End.RETURN if incoming.mark.ended is End.ROLLBACK else End.ROLLBACK
        came = mark.came_back(incoming, outgoing.now)
        exchange = _Exchange(
            place, limit_seconds, session, killer,
            outgoing, obstacles.side(session, incoming.name),
            *_previous(session, outgoing, incoming.mark, run_id=place.run_id, ended=ended, followed=came),
            incoming.mark.comment, lock,
        )  # fmt: skip
        return replace(_exchange(exchange, allow, []), tested=False)


def _silence(place: Place, oid: int | None = None) -> str:
    """Return the reason why prod does not answer by its name, or has not this OID; "" when all is well."""
    try:
        with connect(place.target, place.run_id) as session:
            found = identify(session).database_oid
            session.execute(sql.read("cutover/smoke"))
    except (ConnectionFailed, SessionFailed) as error:
        return error.message
    if oid in {None, found}:
        return ""
    return f"{place.target.label} is another database than the one swapped in."


def _persistent_silence(place: Place, oid: int) -> str:
    deadline = time.monotonic() + SMOKE_SECONDS
    pause = Event()
    while (silence := _silence(place, oid)) and time.monotonic() < deadline:
        pause.wait(SMOKE_EVERY)
    return silence


def _swapped_back(done: _Exchange, shadow: Marked, silence: str, allow: Collection[str]) -> CutOverFailed:
    """Exchange both databases again, each with its old name, mark and comment; return the error to raise."""
    target, label = done.place.target, done.place.target.label
    try:
        with _sessions(done.place, done.seconds) as (session, killer):
            outgoing, incoming = (obstacles.side(session, name) for name in (target.name, done.kept))
            back = replace(
                done, session=session, killer=killer, outgoing=outgoing, incoming=incoming,
                kept=shadow.name, history=shadow.mark, comment=done.outgoing.comment, lock=None,
            )  # fmt: skip
            moved = (incoming.oid, outgoing.oid) != (done.outgoing.oid, done.incoming.oid)
            _exchange(back, allow, [_replaced(target)] if moved else [])
    except PgpromoteError as error:
        findings = error.findings if isinstance(error, Refused) else ()
        reason = " ".join(finding.message for finding in findings) or error.message
        return CutOverFailed(
            f"{label} did not answer after the cut-over ({silence}). Swapping back failed: {reason}",
            f"The content that was prod is in {done.kept}: swap it back with: {command('rollback')}.",
        )
    return CutOverFailed(
        f"{label} did not answer after the cut-over, so it was swapped back: prod is as it was, and open. "
        f"The reason: {silence}",
        "Look for what keeps sessions out of the new database, such as a login trigger; then start again.",
        UNTOUCHED,
    )


@contextmanager
def _untouched() -> Iterator[None]:
    """Add to an error of the block that nothing was done; an error of the renames states its own outcome."""
    try:
        yield
    except CutOverFailed:
        raise
    except PgpromoteError as error:
        raise error.saying(outcome=UNTOUCHED) from None


@contextmanager
def _sessions(place: Place, seconds: float, lock: Lock | None = None) -> Iterator[tuple[Session, Session]]:
    """Open both sessions before anything begins: no connection may be missing in the middle.

    The first is that of the lock where there is one.
    """
    if lock:
        lock.check()
    silence = min(place.target.patience, SILENCE_SECONDS)
    place = replace(place, target=replace(place.target, patience=silence))
    own = nullcontext(lock.session) if lock else place.session()
    with own as session, stall.within(session, silence), place.session() as killer:
        for each in (session, killer):
            each.execute(sql.read("cutover/bounds"), {"ms": _milliseconds(seconds)})
        session.isolation_level = IsolationLevel.READ_COMMITTED
        session.read_only = False
        yield session, killer


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _marked(session: Session, prod: str, kind: Kind, name: str) -> Marked:
    """Return the marked database of this name, or the newest of its kind when no name is given."""
    found = [each for each in mark.find(session, prod, kind) if each.usable and name in ("", each.name)]
    if not found:
        what = f"{name} is not marked as a" if name else "There is no"
        message = f"{what} {kind} database of {prod}."
        hint = f"{command('history')} names what can be brought back." if kind is Kind.PREVIOUS else ""
        raise Refused([Finding(f"swap_{kind}", Severity.ERROR, name or prod, message, hint)])
    return found[0]


def _replaced(target: Database) -> Finding:
    message = f"{target.label} was replaced by another database of that name since the shadow was made."
    return Finding("target_unchanged", Severity.ERROR, target.label, message, "Start again.")


def _obstacles(exchange: _Exchange, allow: Collection[str]) -> Iterator[Finding]:
    outgoing = exchange.outgoing
    if outgoing.template or outgoing.name == exchange.place.agreed:
        message = f"{outgoing.name} is a template or the database where the cut-over is made."
        yield Finding("swap_target", Severity.ERROR, outgoing.name, message, "Name another as prod.")
    yield from obstacles.find(exchange.session, outgoing, exchange.incoming, allow)


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
            raise _failed(exchange, error) from None
    return CutOver(exchange.place.target.label, round((time.monotonic() - locked) * 1000, 1), exchange.kept)


def _rename(exchange: _Exchange) -> float:
    """Exchange the names within a transaction; return the moment from which new connections had to wait."""
    session, outgoing, incoming = exchange.session, exchange.outgoing, exchange.incoming
    aside = name_beside(outgoing.name, f"__incoming_{uuid4().hex[:8]}")
    if exchange.lock:
        exchange.lock.check()
    session.execute(sql.read("cutover/lock"), {"class": LOCK_CLASS, "prod": outgoing.name})
    # What cannot be carried over fails here, before anybody is disconnected.
    _carry(exchange)
    with _ending_sessions(exchange, incoming.oid):
        apply(session, [_renaming(incoming.name, aside, "nobody may be in it when prod is taken")])
    locked = time.monotonic()
    with _ending_sessions(exchange, outgoing.oid):
        apply(session, [_renaming(outgoing.name, exchange.kept, "the old content stays for a rollback")])
    _carry(exchange)  # what others changed until we held the lock
    apply(session, _finish(exchange, aside))
    _check_oids(exchange)
    return locked


def _renaming(old: str, new: str, why: str) -> Statement:
    return statement(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(old), Identifier(new)), why)


def _finish(exchange: _Exchange, aside: str) -> list[Statement]:
    return [
        mark.comment(aside, exchange.comment, "prod keeps its comment"),
        mark.comment(exchange.kept, exchange.history.text(), "it is found by this mark"),
        _renaming(aside, exchange.outgoing.name, "the new content becomes prod"),
    ]


def _carry(exchange: _Exchange) -> None:
    """Give the incoming database the properties of prod's name; each step reads those still missing."""
    oids = {"outgoing": exchange.outgoing.oid, "incoming": exchange.incoming.oid}
    for step in CARRIED:
        parameters = {**oids, "become": become(exchange.session)}
        apply(exchange.session, rows(exchange.session, Statement, f"cutover/{step}", parameters))


def _check_oids(exchange: _Exchange) -> None:
    """Raise Refused unless the exchanged names belonged to the databases that were examined."""
    if _named(exchange.session, exchange) != (exchange.incoming.oid, exchange.outgoing.oid):
        raise Refused([_replaced(exchange.place.target)])


def _named(session: Session, exchange: _Exchange) -> tuple[object, ...] | None:
    names = {"prod": exchange.outgoing.name, "previous": exchange.kept}
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
    """Return whether a transaction was committed whose connection was lost.

    Its lock shows when it has ended.
    """
    try:
        with connect(exchange.place.meeting, exchange.place.run_id) as session:
            session.execute(sql.read("cutover/lock"), {"class": LOCK_CLASS, "prod": exchange.outgoing.name})
            return _named(session, exchange) == (exchange.incoming.oid, exchange.outgoing.oid)
    except (ConnectionFailed, SessionFailed) as error:
        raise CutOverFailed(
            f"The connection was lost during the cut-over of {exchange.place.target.label}, and the server "
            f"does not answer. Prod is wholly old or wholly new. {error.message}",
            f"When the server is back, look at the history: {exchange.kept} exists only if it was done.",
        ) from error


def _failed(exchange: _Exchange, error: psycopg.Error) -> CutOverFailed:
    reason = disclosed(details.of_error(error), exchange.place.target)
    return CutOverFailed(
        f"The cut-over of {exchange.place.target.label} was given up: {reason}. Prod is as it was, and open.",
        "See who uses prod or ended our session (pg_stat_activity, pg_prepared_xacts), then start again.",
        UNTOUCHED,
    )
