"""The databases that pgpromote keeps beside prod, and the mark by which it knows them again.

The mark is the database's comment: what the database is for, of which prod, of which promotion. Nothing
without it is ever dropped or swapped in. A comment can be forged by the database's owner, so the owner
counts, too: it has to be ourselves, prod's owner or a superuser.

Prod itself may carry another mark: a setting of the database, which stays with its name in every cut-over.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from psycopg.errors import InsufficientPrivilege
from psycopg.rows import class_row
from psycopg.sql import SQL, Composable, Identifier, Literal

from pgpromote.postgres import sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.server import Session

NAME_BYTES = 63
DIGEST_LETTERS = 8
SIGN = "pgpromote "
PROD_SETTING, PROD_VALUE = "pgpromote.environment", "prod"


class Kind(StrEnum):
    """What a database beside prod is: prod's next content, or what it was before."""

    SHADOW = "shadow"
    PREVIOUS = "previous"


@dataclass(frozen=True)
class Mark:
    """What is written on a database beside prod.

    `prod_oid` is the OID of prod when the mark was made, `at` the server's time then, `comment` the
    database's own comment, whose place the mark takes.
    """

    kind: Kind
    prod: str
    prod_oid: int
    promotion: str
    at: datetime
    comment: str | None = None

    def text(self) -> str:
        """Write the mark as a comment."""
        return SIGN + json.dumps({**asdict(self), "at": self.at.isoformat()}, ensure_ascii=False)


@dataclass(frozen=True)
class Marked:
    """A database with our mark. `usable` is false for one whose DROP was cut short."""

    oid: int
    name: str
    owner: str
    usable: bool
    mark: Mark


@dataclass(frozen=True)
class _Commented:
    oid: int
    name: str
    owner: str
    usable: bool
    comment: str


def read(comment: str) -> Mark | None:
    """Read a mark from a comment; None when the comment is not a mark of ours."""
    if not comment.startswith(SIGN):
        return None
    try:
        found = json.loads(comment.removeprefix(SIGN))
        at = datetime.fromisoformat(found["at"]).astimezone(UTC)
        return Mark(**{**found, "kind": Kind(found["kind"]), "at": at})
    except (ValueError, TypeError, KeyError):
        return None


def find(session: Session, prod: str, kind: Kind) -> list[Marked]:
    """Find the databases of a kind that are marked as this prod's, newest first."""
    with session.cursor(row_factory=class_row(_Commented)) as cursor:
        rows = cursor.execute(sql.read("mark/databases"), {"prod": prod, "sign": SIGN}).fetchall()
    marks = [(row, read(row.comment)) for row in rows]
    marked = [
        Marked(row.oid, row.name, row.owner, row.usable, mark)
        for row, mark in marks
        if mark and (mark.kind, mark.prod) == (kind, prod)
    ]
    return sorted(marked, key=lambda each: each.mark.at, reverse=True)


def name_beside(prod: str, suffix: str) -> str:
    """Name a database beside prod. One that would be too long is cut, and a digest keeps it unique.

    >>> name_beside("shop", "__shadow_1f2e3d4c")
    'shop__shadow_1f2e3d4c'
    """
    if len((prod + suffix).encode()) <= NAME_BYTES:
        return prod + suffix
    tail = f"~{sha256(prod.encode()).hexdigest()[:DIGEST_LETTERS]}{suffix}"
    room = NAME_BYTES - len(tail.encode())
    return prod.encode()[:room].decode(errors="ignore") + tail


def comment(database: str, text: str | None, why: str) -> Statement:
    """Compose the statement that comments a database, with a mark or with the text it had."""
    return statement(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(database), Literal(text)), why)


def statement(query: Composable, why: str) -> Statement:
    """Make a statement of a composed query."""
    return Statement(query.as_string(), why)


def drop(session: Session, found: Marked, *, force: bool) -> None:
    """Drop a marked database, with `force` under the feet of its sessions. The session is in autocommit."""
    option = SQL(" WITH (FORCE)" if force else "")
    query = SQL("DROP DATABASE IF EXISTS {}{}").format(Identifier(found.name), option)
    session.execute(query)


def mark_prod(session: Session) -> None:
    """Mark the session's database as prod, which no source may be.

    Raises PgpromoteError when the role may not: it must own the database, and a superuser must let it set
    the parameter.
    """
    setting = SQL("SET {} TO {}").format(Identifier(*PROD_SETTING.split(".")), Literal(PROD_VALUE))
    _alter(session, setting, "no source may be prod")


def unmark_prod(session: Session) -> None:
    """Take the mark of prod away from the session's database. Raises PgpromoteError as `mark_prod` does."""
    setting = SQL("RESET {}").format(Identifier(*PROD_SETTING.split(".")))
    _alter(session, setting, "this is no longer prod")


def _alter(session: Session, setting: Composable, why: str) -> None:
    database = session.info.dbname
    try:
        apply(session, [statement(SQL("ALTER DATABASE {} {}").format(Identifier(database), setting), why)])
    except InsufficientPrivilege as error:
        raise PgpromoteError(
            f"{database} cannot be marked: {error.diag.message_primary}.",
            f"Be the owner of {database}, and let a superuser run once: "
            f"GRANT SET ON PARAMETER {PROD_SETTING} TO {session.info.user};",
        ) from error


def is_prod(session: Session) -> bool:
    """Tell whether the session's database is marked as prod, whatever a role or a session sets for itself."""
    row = session.execute(sql.read("mark/is_prod"), {"name": PROD_SETTING, "value": PROD_VALUE}).fetchone()
    return row == (True,)


def marked_source(label: str) -> Finding:
    """Say that a source is marked as prod."""
    return Finding(
        "right_direction",
        Severity.ERROR,
        label,
        f"The source {label} is marked as prod: promoting it would go the wrong way.",
        "Exchange DEV_DATABASE_URL and PROD_DATABASE_URL; or, if the mark is wrong: "
        f"ALTER DATABASE … RESET {PROD_SETTING};",
    )
