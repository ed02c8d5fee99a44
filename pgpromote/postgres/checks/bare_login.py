"""The separate build login: to be a wall, it must be nothing but a name that may log in."""

from dataclasses import dataclass
from itertools import chain

from pgpromote.postgres.databases import lock
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.membership import become
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect, rows


@dataclass(frozen=True)
class BareLogin:
    """The build login as its server sees it.

    `powers` are attributes of its role, such as CREATEDB; `memberships` the roles whose rights it has;
    `owned` its property outside of shadows; `tablespaces` those in which it may create. `ours` says that the
    promoter may give to it and take from it.
    """

    user: str
    powers: list[str]
    memberships: list[str]
    owned: list[str]
    ours: bool
    tablespaces: list[str]


@dataclass(frozen=True)
class Looked:
    """The known state of the build login: itself, or the problem that kept us from asking it.

    Not `same_server` means that prod's is another one.
    """

    login: BareLogin | None = None
    same_server: bool = True
    problem: PgpromoteError | None = None


def look(login: Database, place: Place, promoter: str) -> Looked:
    """Log in to the agreed database, and read the login's powers there."""
    there = login.at(place.agreed)
    try:
        with lock.agreeing(), connect(there, autocommit=True) as session:
            asked = {"promoter": promoter, "become": become(session)}
            (found,) = rows(session, BareLogin, "build_login/login", asked)
            return Looked(found, lock.same_database(session, place.meeting))
    except PgpromoteError as problem:
        return Looked(problem=problem)


def surplus(login: BareLogin) -> list[str]:
    """Return the possessions of the login that code of dev could use: powers, memberships, property."""
    return list(
        chain(
            (f"it has {power}" for power in login.powers),
            (f"it is a member of {role}" for role in login.memberships),
            (f"it owns {what}" for what in login.owned),
        )
    )
