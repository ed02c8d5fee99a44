"""Previous databases, which were prod before: list them, mark them, and drop those beyond the retention."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from psycopg.errors import InsufficientPrivilege, ObjectInUse, WrongObjectType
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier

from pgpromote.postgres import details, sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.databases import keeping, mark
from pgpromote.postgres.databases.mark import End, Kind, Marked, Provenance
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Session, clock

# Why a server refuses a DROP: somebody is connected, it is another role's, it was made a template.
REFUSALS = (ObjectInUse, InsufficientPrivilege, WrongObjectType)


@dataclass(frozen=True)
class Previous:
    """A database that prod was before.

    `swapped_at` is when it was swapped out, by the server's clock, and `promotion` the run that did it.
    `size` is in bytes, None when we may not see it. `trusted` is false when its owner is neither prod's nor
    ourselves nor a superuser, so that the mark may be forged. `usable` is false then, and when its DROP was
    cut short. `overwritten_at` is when prod was last changed in place since. `ended` is why it is no longer
    prod, `was` the origin of its content: None in marks of older versions. `held_at` is when a rollback put
    it aside and the promotion on hold, None when it did not, or the promotion was resumed.
    """

    name: str
    swapped_at: datetime
    promotion: str
    owner: str
    usable: bool
    comment: str | None
    size: int | None
    sessions: int
    slots: tuple[str, ...]
    subscriptions: tuple[str, ...]
    prepared: tuple[str, ...]
    trusted: bool
    overwritten_at: datetime | None
    ended: End | None = None
    was: Provenance | None = None
    held_at: datetime | None = None


@dataclass(frozen=True)
class Retained:
    """The result of a retention: names of the dropped databases, findings on those that stay, and when."""

    dropped: tuple[str, ...]
    findings: tuple[Finding, ...]
    at: datetime


@dataclass(frozen=True)
class _State:
    oid: int
    size: int | None
    sessions: int
    slots: list[str]
    subscriptions: list[str]
    prepared: list[str]
    now: datetime


def history(place: Place) -> list[Previous]:
    """Return the databases that prod was before, newest first."""
    with place.session() as session:
        return [_previous(found, state) for found, state in _read(session, place.target.name)]


def retain(place: Place, *, keep: int, min_age: timedelta = keeping.DAY) -> Retained:
    """Drop the previous databases beyond the retention.

    Kept are the `keep` newest, and one more: the newest of the rest that ended `min_age` ago or earlier, else
    the oldest of the rest; what a rollback had brought is as old as it was before that. With a `keep` of 0
    none is kept. A database that a rollback has put aside counts for none of these: it stays while the
    promotion is on hold, and goes then.

    Only marked ones with the name that they were given are dropped: whoever renames one wants to keep it.
    Never one that is in use or owns a replication slot, a subscription or a prepared transaction: DROP
    DATABASE would take an inactive slot along without a word. Those come back as findings, and so do those
    that the server refuses to drop, or whose owner is not trusted. One that is not usable does not count as
    kept.
    """
    dropped: list[str] = []
    with place.session() as session:
        at, read = clock(session), _read(session, place.target.name)
        findings = [strange(found.name, found.owner) for found, _ in read if not found.trusted]
        for found, state in _beyond(read, keep, min_age):
            reason = _in_use(_previous(found, state)) or _drop(session, found)
            if reason:
                findings.append(_kept(found.name, reason))
            else:
                dropped.append(found.name)
    return Retained(tuple(dropped), tuple(findings), at)


def beyond(
    place: Place, *, keep: int, min_age: timedelta = keeping.DAY, swapped: bool = True
) -> tuple[str, ...]:
    """Return the names that `retain` would drop after a promotion.

    With `swapped`, prod itself is a previous database then.
    """
    with place.session() as session:
        found = _beyond(_read(session, place.target.name), keep, min_age, entering=int(swapped))
    return tuple(each.name for each, state in found if not _in_use(_previous(each, state)))


def _beyond(
    read: list[tuple[Marked, _State]], keep: int, min_age: timedelta, *, entering: int = 0
) -> list[tuple[Marked, _State]]:
    """Return those that are to be dropped, newest first; `entering` newer ones will exist by then."""
    held = any(found.mark.held_at for found, _ in read)
    ours = [(found, state) for found, state in read if found.trusted and not found.renamed]
    counted = [(found, state) for found, state in ours if found.mark.ended is not End.ROLLBACK]
    staying = {found.oid for found, _ in ours} - {found.oid for found, _ in counted} if held else set[int]()
    if counted:
        marked, now = [found for found, _ in counted], counted[0][1].now
        staying |= _staying(marked, keep, now, min_age, entering)
    return [(found, state) for found, state in ours if found.oid not in staying]


def _staying(marked: list[Marked], keep: int, now: datetime, min_age: timedelta, entering: int) -> set[int]:
    """Return the OIDs of those that stay. An unusable one does so while enough usable ones are missing."""
    usable = [found for found in marked if found.usable]
    states = [*[now] * entering, *(found.mark.state_of for found in usable)]
    places = keeping.kept(states, keep, now - min_age)
    staying = {found.oid for place, found in enumerate(usable, entering) if place in places}
    for found in marked:
        newer = sum(each.mark.at > found.mark.at for each in usable)
        if not found.usable and entering + newer < keep:
            staying.add(found.oid)
    return staying


def mark_overwritten(place: Place, at: datetime) -> None:
    """Write into the mark of every previous database that prod is changed in place now.

    The newest is no longer prod's last state then. `at` is the time in the name of the safety archive. Raises
    Refused when we may not comment one of them.
    """
    with place.session() as session, session.transaction():
        for found in mark.find(session, place.target.name, Kind.PREVIOUS):
            text = replace(found.mark, overwritten_at=at).text()
            try:
                apply(session, [mark.comment(found.name, text, "prod is changed in place")])
            except InsufficientPrivilege as error:
                raise Refused([_unmarkable(found, session.info.user)]) from error


def strange(name: str, owner: str, severity: Severity = Severity.WARNING) -> Finding:
    """Return the finding for a database with our mark and name whose owner is not trusted, and its remedy."""
    giving = SQL("ALTER DATABASE {} OWNER TO").format(Identifier(name)).as_string()
    return Finding(
        "previous_owner",
        severity,
        name,
        f"{name} is marked as a previous database, but belongs to {owner}, who is neither prod's owner nor "
        "the role that asks: it is neither swapped in nor dropped.",
        f"If it is what prod was before prod got another owner: {giving} … (the owner of prod);",
    )


def _unmarkable(found: Marked, user: str) -> Finding:
    giving = SQL("GRANT {} TO {};").format(Identifier(found.owner), Identifier(user)).as_string()
    return Finding(
        "previous_owner",
        Severity.ERROR,
        found.name,
        f"Only its owner {found.owner} may mark {found.name} as older than this change of prod. Without that "
        "a rollback could take it for what prod was last.",
        f"Connect as {found.owner}, or let {found.owner} drop it, or: {giving}",
    )


def _read(session: Session, prod: str) -> list[tuple[Marked, _State]]:
    marked = mark.find_previous(session, prod)
    with session.cursor(row_factory=class_row(_State)) as cursor:
        oids = [found.oid for found in marked]
        states = {row.oid: row for row in cursor.execute(sql.read("cutover/previous"), {"oids": oids})}
    return [(found, states[found.oid]) for found in marked if found.oid in states]


def _previous(found: Marked, state: _State) -> Previous:
    return Previous(
        name=found.name,
        swapped_at=found.mark.at,
        promotion=found.mark.promotion,
        owner=found.owner,
        usable=found.usable and found.trusted,
        comment=found.mark.comment,
        size=state.size,
        sessions=state.sessions,
        slots=tuple(state.slots),
        subscriptions=tuple(state.subscriptions),
        prepared=tuple(state.prepared),
        trusted=found.trusted,
        overwritten_at=found.mark.overwritten_at,
        ended=found.mark.ended,
        was=found.mark.was,
        held_at=found.mark.held_at,
    )


def _in_use(previous: Previous) -> str:
    """Return the reason why a previous database has to stay, "" when it may go."""
    owned = {
        "the replication slot": previous.slots,
        "the subscription": previous.subscriptions,
        "the prepared transaction": previous.prepared,
    }
    reasons = [f"it owns {what} {name}" for what, names in owned.items() for name in names]
    if previous.sessions:
        reasons.append(f"{previous.sessions} session(s) are connected to it")
    return " and ".join(reasons)


def _drop(session: Session, found: Marked) -> str:
    """Drop a previous database; return the reason of a failure, "" when it is gone."""
    try:
        mark.drop(session, found, force=False)
    except REFUSALS as error:
        return details.of_error(error).shown
    return ""


def _kept(name: str, reason: str) -> Finding:
    message = f"{name} is beyond what is to be kept, but it stays: {reason}."
    return Finding("previous_kept", Severity.WARNING, name, message, "Release it; the next run drops it.")
