"""The shadow database: prod's next content, made beside prod on prod's server, and proven there.

Nobody but its owner and superusers can connect to it before it is swapped in. Its owner is prod's, where our
role may make it that: then prod's owner may have objects there as in prod.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from psycopg.rows import class_row, scalar_row
from psycopg.sql import SQL, Composable, Identifier, Literal

from pgpromote.postgres import sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.databases import mark
from pgpromote.postgres.databases.mark import Kind, Mark, name_beside, statement
from pgpromote.postgres.errors import PgpromoteError, Refused, SessionFailed
from pgpromote.postgres.membership import become
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import APPLICATION, LOCK_CLASS, Database, Session

SUFFIX = re.compile(r"__shadow_[0-9a-f]{8}$")
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
# CREATE DATABASE cannot be in one transaction with a comment. This connection limit says from the first
# moment whose the database is, and that nobody has been able to use it.
UNFINISHED = LOCK_CLASS


@dataclass(frozen=True)
class Shadow:
    """A shadow: the database beside prod that is to become prod, with prod's name and OID at its creation."""

    name: str
    oid: int
    prod: str
    prod_oid: int

    def at(self, target: Database) -> Database:
        """Return the shadow as a database to connect to, with prod's server and login."""
        return target.at(self.name)


@dataclass(frozen=True)
class Swept:
    """The orphaned shadows of dead promotions: names of the dropped ones, findings for those that stay."""

    dropped: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Origin:
    """The properties of prod that a shadow takes over at its creation.

    `tablespace` is None for template0's own.

    `owner` is prod's, None where our role cannot make it the shadow's, or is it already.
    """

    oid: int
    name: str
    encoding: str
    collate: str
    ctype: str
    provider: str
    locale: str | None
    icu_rules: str | None
    tablespace: str | None
    now: datetime
    owner: str | None = None


def create(place: Place) -> Shadow:
    """Create an empty database beside prod with prod's encoding, collation, locale and tablespace.

    Raises PgpromoteError when there is no prod, SessionFailed when the role may not create databases.
    """
    with place.session() as session:
        origin = _origin(session, place.target)
        name = name_beside(origin.name, f"__shadow_{uuid4().hex[:8]}")
        session.execute(plan(name, origin).sql.encode())
        opening = Mark(Kind.SHADOW, origin.name, origin.oid, place.run_id, origin.now)
        try:
            apply(session, _open(name, opening, origin.owner))
        except BaseException:
            _drop_unfinished(session, name)
            raise
        found = next(each for each in mark.find(session, origin.name, Kind.SHADOW) if each.name == name)
        return Shadow(name, found.oid, origin.name, origin.oid)


def plan(name: str, origin: Origin) -> Statement:
    """Return CREATE DATABASE for a shadow. The database is closed until it is marked."""
    clauses: list[Composable] = [
        SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)),
        SQL("ENCODING {}").format(Literal(origin.encoding)),
        SQL("LOCALE_PROVIDER {}").format(SQL(PROVIDERS[origin.provider])),
        SQL("LC_COLLATE {} LC_CTYPE {}").format(Literal(origin.collate), Literal(origin.ctype)),
    ]
    if origin.provider == "i":
        clauses.append(SQL("ICU_LOCALE {}").format(Literal(origin.locale)))
    if origin.icu_rules is not None:
        clauses.append(SQL("ICU_RULES {}").format(Literal(origin.icu_rules)))
    if origin.provider == "b":
        clauses.append(SQL("BUILTIN_LOCALE {}").format(Literal(origin.locale)))
    if origin.tablespace is not None:
        clauses.append(SQL("TABLESPACE {}").format(Identifier(origin.tablespace)))
    clauses.append(SQL("ALLOW_CONNECTIONS false CONNECTION LIMIT {}").format(Literal(UNFINISHED)))
    return statement(SQL(" ").join(clauses), "the new content grows beside prod, in a database like prod")


def drop(place: Place, name: str) -> None:
    """Drop a shadow of this prod, ending the sessions in it; do nothing when there is none.

    Raises Refused for every database that is not marked as a shadow of this prod.
    """
    prod = place.target.name
    with place.session() as session:
        found = [each for each in mark.find(session, prod, Kind.SHADOW) if each.name == name]
        if found and SUFFIX.search(name):
            mark.drop(session, found[0], force=True)
        elif name in _unfinished(session, prod):
            _drop_unfinished(session, name)
        elif _exists(session, name):
            message = f"{name} is not marked as a shadow database of {prod}, so it is not dropped."
            raise Refused([Finding("shadow_mark", Severity.ERROR, name, message)])


def drop_orphans(place: Place) -> Swept:
    """Drop the orphaned shadows of this prod; one that cannot be dropped is a finding, not an error."""
    with place.session() as session:
        names = orphans(session, place.target.name)
    dropped, staying = [], []
    for name in names:
        try:
            drop(place, name)
        except SessionFailed as problem:
            staying.append(_stays(name, problem))
        else:
            dropped.append(name)
    return Swept(tuple(dropped), tuple(staying))


def _stays(name: str, problem: SessionFailed) -> Finding:
    return Finding(
        "orphan_kept",
        Severity.WARNING,
        name,
        f"{name}, which a dead promotion has left, cannot be dropped: {problem.message}",
        "The next run tries again. As a superuser, or as its owner when nobody else is connected to it: "
        + SQL("DROP DATABASE {} WITH (FORCE);").format(Identifier(name)).as_string(),
    )


def orphans(session: Session, prod: str) -> list[str]:
    """Return the shadows of prod whose promotion is dead: no session on the server bears its name any more.

    `session` is in the agreed database and bears the name of the promotion that asks.
    """
    with session.cursor(row_factory=scalar_row) as cursor:
        alive = set(cursor.execute(sql.read("shadow/alive"), {"application": APPLICATION}).fetchall())
    shadows = mark.find(session, prod, Kind.SHADOW)
    dead = [each.name for each in shadows if _session_name(each.mark.promotion) not in alive]
    # Whose an unfinished one is, nobody has written down: it may be that of any other promotion alive.
    ours = session.info.parameter_status("application_name")
    return dead if alive - {ours} else [*dead, *_unfinished(session, prod)]


def _session_name(run_id: str) -> str:
    """Return the sessions' name as the server keeps it: cut like an identifier."""
    return f"{APPLICATION}:{run_id}"[: mark.NAME_BYTES]


def _origin(session: Session, target: Database) -> Origin:
    with session.cursor(row_factory=class_row(Origin)) as cursor:
        parameters = {"prod": target.name, "become": become(session)}
        origin = cursor.execute(sql.read("shadow/origin"), parameters).fetchone()
    if origin is None:
        raise PgpromoteError(
            f"There is no database {target.label}.", "Create prod first, or correct the URL."
        )
    return origin


def _open(name: str, opening: Mark, owner: str | None) -> list[Statement]:
    shadow = Identifier(name)
    giving = [SQL("ALTER DATABASE {} OWNER TO {}").format(shadow, Identifier(owner))] if owner else []
    return [
        mark.comment(name, opening.text(), "whoever finds it knows whose it is"),
        statement(
            SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(shadow), "nobody uses it before it is proven"
        ),
        statement(
            SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true CONNECTION LIMIT -1").format(shadow),
            "the restore connects to it",
        ),
        *(statement(query, "prod's owner may have objects in it, as in prod") for query in giving),
    ]


def _unfinished(session: Session, prod: str) -> list[str]:
    with session.cursor(row_factory=scalar_row) as cursor:
        names = cursor.execute(sql.read("shadow/unfinished"), {"limit": UNFINISHED}).fetchall()
    matches = ((str(name), SUFFIX.search(str(name))) for name in names)
    return [name for name, match in matches if match and name == name_beside(prod, match[0])]


def _drop_unfinished(session: Session, name: str) -> None:
    session.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(name)))


def _exists(session: Session, name: str) -> bool:
    return session.execute(sql.read("shadow/exists"), {"name": name}).fetchone() is not None
