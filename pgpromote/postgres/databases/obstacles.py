"""Obstacles to the exchange of two databases by name, and losses by it; also known before the restore."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.sql import SQL, Identifier, Literal

from pgpromote.postgres.databases import mark
from pgpromote.postgres.errors import ConnectionFailed, PgpromoteError
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.naming import option
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import APPLICATION, Session, rows

AS_SUPERUSER = "As a superuser of prod's server, run:"
TEXTS = {
    "swap_prepared_transaction": (
        "The prepared transaction {object} in {where} blocks the cut-over.",
        "As its owner or a superuser, run in that database: ROLLBACK PREPARED {literal}; or COMMIT it.",
    ),
    "swap_left_transaction": (
        "The prepared transaction {object} in {where}, left over a minute ago, blocks the cut-over.",
        "As its owner or a superuser, run in that database: ROLLBACK PREPARED {literal}; or COMMIT it.",
    ),
    "swap_replication_slot": (
        "The replication slot {object} belongs to {where} and would stay with the previous database.",
        "Allow it: {allow}; or drop it: SELECT pg_drop_replication_slot({literal});",
    ),
    "swap_subscription": (
        "The subscription {object} belongs to {where} and would stay with the previous database.",
        "Drop it, or allow it: {allow}",
    ),
    "swap_session": (
        "The role {user} may not end the session {object} in {where}.",
        f"{AS_SUPERUSER} GRANT pg_signal_backend TO {{us}};",
    ),
    "swap_session_of_superuser": (
        "The role {user} may not end the session {object} in {where}: a superuser's.",
        "Close it, or, as a superuser of prod's server, run: SELECT pg_terminate_backend({pid});",
    ),
    "swap_setting": (
        "The role {user} may not carry over the setting {object} of {where}.",
        "As a superuser, run: GRANT SET ON PARAMETER {parameter} TO {us}; or reset it.",
    ),
    "swap_role_setting": (
        "The role {user} may not carry over the settings of the role {object} in {where}.",
        "As a superuser, run: ALTER ROLE {us} CREATEROLE; GRANT {name} TO {us} WITH ADMIN OPTION;",
    ),
}
OF_SUPERUSER = "_of_superuser"
ALLOWABLE = frozenset({"swap_replication_slot", "swap_subscription"})
# Whoever prepares a transaction ends it in milliseconds, unless that was forgotten.
LEFT = timedelta(minutes=1)
# What may be gone by the time of the cut-over, which looks again.
PASSING = frozenset({"swap_prepared_transaction", "swap_session"})


@dataclass(frozen=True)
class Side:
    """A database that is to be renamed; `owned` and `creates` say whether we have the rights for that."""

    oid: int
    name: str
    owner: str
    template: bool
    owned: bool
    creates: bool
    comment: str | None
    now: datetime


@dataclass(frozen=True)
class Writer:
    """A session of another promotion that writes."""

    pid: int
    name: str


@dataclass(frozen=True)
class _Obstacle:
    rule: str
    object: str
    where: str


def side(session: Session, name: str) -> Side:
    """Read the facts of a database that an exchange needs. Raises PgpromoteError when there is none."""
    found = rows(session, Side, "obstacles/side", {"name": name})
    if not found:
        raise PgpromoteError(f"There is no database {name}.", _way_back(session, name))
    return found[0]


def missing(place: Place, problem: ConnectionFailed) -> PgpromoteError:
    """Return the error for a prod that its server does not have, with the way back where that is known."""
    try:
        with place.session() as session:
            hint = _way_back(session, place.target.name)
    except ConnectionFailed:
        return problem
    where = f"Its server answers, but has no database {place.target.name}: it was renamed or dropped"
    return PgpromoteError(f"{problem.message}. {where}, if the name is right.", hint)


def _way_back(session: Session, name: str) -> str:
    """Return the hint that restores a database which was dropped, or renamed, by hand."""
    newest = next((each for each in mark.find_previous(session, name) if each.usable), None)
    if newest is None:
        return "Correct its name, or, if it was renamed, rename it back; or look at the history."
    renaming = SQL("ALTER DATABASE {} RENAME TO {};").format(Identifier(newest.name), Identifier(name))
    return (
        f"If it was renamed, rename it back. The newest previous one is {newest.name} of {newest.owner}; "
        f"this brings it back: {renaming.as_string()}"
    )


def find(
    session: Session, outgoing: Side, incoming: Side | None = None, allow: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield the obstacles to an exchange of the databases.

    `incoming` is None as long as it does not exist yet. `allow` names replication slots and subscriptions
    that may stay with the outgoing one.
    """
    user = session.info.user
    for each in (outgoing, incoming):
        if each and not each.owned:
            message = f"Only the owner {each.owner} may rename {each.name}."
            granting = SQL("GRANT {} TO {};").format(Identifier(each.owner), Identifier(user)).as_string()
            yield Finding("swap_owner", Severity.ERROR, each.name, message, f"{AS_SUPERUSER} {granting}")
    if not outgoing.creates:
        message = "The right to create databases is missing; the server asks for it to rename one, too."
        altering = SQL("ALTER ROLE {} CREATEDB;").format(Identifier(user)).as_string()
        hint = f"{AS_SUPERUSER} {altering}"
        yield Finding("swap_create_database", Severity.ERROR, outgoing.name, message, hint)
    both = {"outgoing": outgoing.oid, "incoming": incoming.oid if incoming else None, "left": LEFT}
    for row in rows(session, _Obstacle, "obstacles/obstacles", both):
        if not (row.rule in ALLOWABLE and row.object in allow):
            message, hint = (text.format(**_words(row, user)) for text in TEXTS[row.rule])
            yield Finding(row.rule.removesuffix(OF_SUPERUSER), Severity.ERROR, row.object, message, hint)


def _words(row: _Obstacle, user: str) -> dict[str, str]:
    """Return the placeholders of the texts, as people read them and as SQL has to quote them."""
    return {
        "object": row.object,
        "where": row.where,
        "user": user,
        "us": Identifier(user).as_string(),
        "name": Identifier(row.object).as_string(),
        "parameter": Identifier(*row.object.split(".")).as_string(),
        "literal": Literal(row.object).as_string(),
        "allow": option("allow", row.object),
        "pid": row.object.removeprefix("pid ").partition(" ")[0],  # of a session: `pid 17 of app`
    }


def writers(session: Session) -> tuple[Writer, ...]:
    """Return the sessions of other promotions that have written in this database and are still at it.

    `session` bears the name of the promotion that asks; its own sessions are not listed.
    """
    return tuple(rows(session, Writer, "obstacles/writers", {"sign": f"{APPLICATION}:"}))
