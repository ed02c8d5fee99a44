"""The separate build login: give it a shadow, take the shadow back, and prove that nothing stayed behind.

`SET ROLE` is no wall: code that runs within a restore can reset it. A login of its own can reach only the
objects that it was given. So it restores, fills and analyzes; the promoter makes the shadow, and every step
after the building is the promoter's again. The database itself is never given: its owner could open it to
others.

Owners are changed object by object. REASSIGN OWNED would move databases, too, prod itself among them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pgpromote.postgres import sql
from pgpromote.postgres.apply import apply, apply_together
from pgpromote.postgres.databases import lock
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.place import Place
from pgpromote.postgres.rights import carry, ownership
from pgpromote.postgres.rights.ownership import DATABASE_OWNER, KEEPS_OWNER, SHARED_SCHEMA, Owned, Rights
from pgpromote.postgres.server import Database, Session, connect, rows

RULE = "build_login"
# Objects in a transaction: a new owner costs a table's locks and those of its indexes.
BATCH = 200
HINT = (
    "Something that dev wrote has made it while it was restored. Look for it in dev's functions, or ask who "
    "else uses this login; then start again."
)


@dataclass(frozen=True)
class Builder:
    """The build login: its connection to prod's server, the name of its role there, and its settings."""

    login: Database
    role: str
    settings: tuple[str, ...] = ()

    def at(self, shadow: Database) -> Database:
        """Return the shadow as a database to connect to, with the build login."""
        return self.login.at(shadow.name)


@dataclass(frozen=True)
class _Bound:
    """A table whose row security binds its owner: the statement that frees it, and the one that binds it."""

    free: str
    bind: str


@dataclass(frozen=True)
class _Left:
    how: str
    what: str


def log_in(login: Database, place: Place) -> Builder:
    """Log in to the agreed database, and return the login with its role. Raises ConnectionFailed."""
    with lock.agreeing(), connect(login.at(place.agreed), place.run_id, autocommit=True) as session:
        row = session.execute("SELECT SESSION_USER::text").fetchone()
        role = str(row[0] if row else "")
        return Builder(login, role, _settings(session, role))


def give(shadow: Database, builder: Builder, run_id: str) -> None:
    """Let the build login build in a database that holds nothing but extensions and their schemas."""
    with connect(shadow, run_id, autocommit=True) as session:
        apply(session, _for(session, "give", builder))


def free(building: Database, run_id: str) -> list[Statement]:
    """Let the build login see the rows of its own tables; return the statements that end this.

    So it needs no BYPASSRLS. Nobody else can come in.
    """
    with connect(building, run_id, autocommit=True) as session:
        bound = rows(session, _Bound, "build_login/forced")
        _run(
            session, [Statement(each.free, "its owner repairs it and fills views from it") for each in bound]
        )
    return [Statement(each.bind, "row security binds its owner on dev") for each in bound]


def bind(building: Database, run_id: str, statements: Sequence[Statement]) -> None:
    """Run the statements that `free` has returned."""
    with connect(building, run_id, autocommit=True) as session:
        _run(session, statements)


def take_back(shadow: Database, builder: Builder, run_id: str) -> None:
    """Close a shadow to the build login, end its sessions there, and make all that it owns the promoter's.

    Objects that cannot be taken, such as an extension that it has made, stay: `prove_gone` finds them.
    """
    with connect(shadow, run_id, autocommit=True) as session:
        apply(session, _for(session, "close", builder))
        session.execute(sql.read("build_login/end_sessions"), {"builder": builder.role})
        here = ownership.capture(session, columns_of=())
        _run(session, carry.without_defaults(here, builder.role))
        _run(session, list(_owners(here, builder.role, session.info.user)))
        _run(session, _for(session, "published", builder))


def prove_gone(shadow: Database, builder: Builder, run_id: str) -> tuple[Finding, ...]:
    """Return an error for everything that the build login still owns, may or does in a shadow."""
    with connect(shadow, run_id, autocommit=True) as session:
        left = rows(session, _Left, "build_login/left", {"builder": builder.role})
        if _settings(session, builder.role) != builder.settings:
            left.append(_Left("has other settings than before, in", "all databases"))
    return tuple(
        Finding(
            RULE, Severity.ERROR, each.what, f"The build login {builder.role} {each.how} {each.what}.", HINT
        )
        for each in left
    )


def _settings(session: Session, role: str) -> tuple[str, ...]:
    """Read the role's settings for its sessions in all databases, which its own code can change."""
    return tuple(str(row[0]) for row in session.execute(sql.read("build_login/settings"), {"role": role}))


def _for(session: Session, query: str, builder: Builder) -> list[Statement]:
    return rows(session, Statement, f"build_login/{query}", {"builder": builder.role})


def _owners(here: Rights, old: str, new: str) -> Iterator[Statement]:
    """Yield the statements that give a role's objects to another.

    The schema that every database has goes to the database's owner.
    """
    for each in here.objects.values():
        if each.owner == old and not each.part_of and each.kind not in KEEPS_OWNER:
            yield carry.giving(each, DATABASE_OWNER if _is_shared(each) else new, "the build login is done")


def _is_shared(each: Owned) -> bool:
    return each.kind == "SCHEMA" and each.identity == SHARED_SCHEMA


def _run(session: Session, statements: Sequence[Statement]) -> None:
    """Run statements that do not depend on each other, many in a round trip."""
    for start in range(0, len(statements), BATCH):
        apply_together(session, statements[start : start + BATCH])
