"""The databases that pgpromote keeps beside prod, and the mark by which it knows them again.

The mark is the database's comment: the purpose of the database, its prod, its promotion. Nothing without it
is ever dropped or swapped in. A comment can be forged by the database's owner, so the owner counts, too: it
has to be ourselves, prod's owner or a superuser.

The origin of prod's content is written on the database that prod took the place of: prod's own comment is its
users'. Prod itself may carry another mark: a setting of the database, which stays with its name in every
cut-over.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from psycopg.errors import InsufficientPrivilege
from psycopg.rows import class_row
from psycopg.sql import SQL, Composable, Identifier, Literal

from pgpromote.postgres import details, sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.naming import command, setting
from pgpromote.postgres.server import Session

NAME_BYTES = 63
DIGEST_LETTERS = 8
SIGN = "pgpromote "
PROD_SETTING, PROD_VALUE = "pgpromote.environment", "prod"


class Kind(StrEnum):
    """The kind of a database beside prod: prod's next content, or an earlier prod."""

    SHADOW = "shadow"
    PREVIOUS = "previous"


class End(StrEnum):
    """The reason why a previous database is no longer prod.

    RETURN: the rollback that had brought it was undone.
    """

    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    RETURN = "return"


@dataclass(frozen=True)
class Provenance:
    """The origin of the content of a prod; None means not known.

    `promotion` is the name of the promotion, `run` its run, `archive` the name of the file, `sha256` its
    digest, `source` the origin of the archive, as `Origin.text` writes it. `oid` is the database, `since`
    when it became prod, by the server's clock, and `changed_at` when it was last changed in place after that.
    `began` is when a content that a rollback has brought was prod first, at the latest.
    """

    promotion: str | None = None
    run: str | None = None
    archive: str | None = None
    sha256: str | None = None
    oid: int | None = None
    since: datetime | None = None
    changed_at: datetime | None = None
    source: str | None = None
    began: datetime | None = None


@dataclass(frozen=True)
class Mark:
    """The mark on a database beside prod.

    `prod_oid` is the OID of prod when the mark was made, `promotion` the run that made it, `at` the server's
    time then, `comment` the database's own comment, whose place the mark takes. `overwritten_at` is when prod
    was last changed in place since: its safety archive has that time in its name, if one was taken.

    Of a previous database, and None in older marks: `ended` is why it is no longer prod, `was` its provenance
    as prod, `followed` that of its successor; `held_at` is when a rollback has put it aside, until the
    promotion is resumed. `promoted` is the baseline of the database that took its place (`baseline`); on a
    shadow, of the shadow itself.
    """

    kind: Kind
    prod: str
    prod_oid: int
    promotion: str
    at: datetime
    comment: str | None = None
    overwritten_at: datetime | None = None
    ended: End | None = None
    was: Provenance | None = None
    followed: Provenance | None = None
    held_at: datetime | None = None
    promoted: str | None = None

    @property
    def state_of(self) -> datetime:
        """The time of which a previous database is the state: of its end, or before a rollback brought it."""
        was = self.was or Provenance()
        changed = was.changed_at and was.since and was.changed_at >= was.since
        return was.began if was.began and not changed else self.at

    def text(self) -> str:
        """Return the mark as a comment, in ASCII: the agreed database may have any encoding.

        None is left out, and newer fields stand within the promotion: an older pgpromote reads a mark only if
        it knows every key, and takes any value for the promotion.
        """
        known = _without_none(asdict(self))
        newer = {key: known.pop(key) for key in NEWER if key in known}
        if newer:
            known["promotion"] = {"run": self.promotion, **newer}
        return SIGN + json.dumps(known, default=datetime.isoformat)


NEWER = ("ended", "was", "followed", "held_at", "promoted")
PARTS = {"oid": int, "since": datetime, "changed_at": datetime, "began": datetime}
TIMES = ("at", "overwritten_at", "held_at", "since", "changed_at", "began")


def _without_none(found: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in found.items()
        if value is not None
    }


@dataclass(frozen=True)
class Marked:
    """A database with our mark.

    `usable` is false for one whose DROP was cut short, `trusted` for one whose owner may have forged
    the mark.
    """

    oid: int
    name: str
    owner: str
    usable: bool
    trusted: bool
    mark: Mark

    @property
    def renamed(self) -> bool:
        """Whether a previous database has another name than the one that it was given."""
        return self.name != previous_name(self.mark.prod, self.mark.at)


@dataclass(frozen=True)
class _Commented:
    oid: int
    name: str
    owner: str
    usable: bool
    trusted: bool
    comment: str


def read(comment: str) -> Mark | None:
    """Parse a mark from a comment; return None when the comment is not a mark of ours."""
    if not comment.startswith(SIGN):
        return None
    try:
        found = json.loads(comment.removeprefix(SIGN), object_hook=_in_utc)
        if isinstance(found["promotion"], dict):
            newer = found["promotion"]
            found = {**found, **{key: newer[key] for key in NEWER if key in newer}, "promotion": newer["run"]}
        kinds = {"kind": Kind(found["kind"]), "ended": End(found["ended"]) if "ended" in found else None}
        parts = {key: _provenance(found[key]) for key in ("was", "followed") if key in found}
        return Mark(**{**found, **kinds, **parts})
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _in_utc(found: dict[str, object]) -> dict[str, object]:
    times = {key: datetime.fromisoformat(str(found[key])).astimezone(UTC) for key in TIMES if key in found}
    return {**found, **times}


def _provenance(found: Mapping[str, object]) -> Provenance:
    """Read a provenance, without fields that a later pgpromote may add. Raises KeyError, TypeError."""
    known = {each.name: found[each.name] for each in fields(Provenance) if each.name in found}
    if not all(isinstance(value, PARTS.get(key, str)) for key, value in known.items()):
        raise TypeError
    return Provenance(**known)  # type: ignore[arg-type]  # checked above


def find(session: Session, prod: str, kind: Kind) -> list[Marked]:
    """Return the trusted databases of a kind that are marked as this prod's, newest first."""
    return [each for each in _marked(session, prod, kind) if each.trusted]


def find_previous(session: Session, prod: str) -> list[Marked]:
    """Return the previous databases of this prod, newest first, also those of an owner who is not trusted.

    Prod may have got another owner since. Of a stranger's database only the name that we give counts.
    """
    found = _marked(session, prod, Kind.PREVIOUS)
    return [each for each in found if each.trusted or not each.renamed]


def provenance(marked: Iterable[Marked], oid: int) -> Provenance | None:
    """Return the origin of prod's content; None when no previous database, newest first, records it."""
    for each in marked:
        came = each.mark.followed if each.trusted else None
        if came and came.oid == oid:
            return replace(came, changed_at=each.mark.overwritten_at or came.changed_at)
    return None


def came_back(found: Marked, at: datetime) -> Provenance:
    """Return the origin of the content of a previous database that becomes prod again."""
    was = found.mark.was or Provenance()
    began = was.changed_at or was.began or was.since or found.mark.at
    return replace(was, oid=found.oid, since=at, began=began)


def _marked(session: Session, prod: str, kind: Kind) -> list[Marked]:
    with session.cursor(row_factory=class_row(_Commented)) as cursor:
        rows = cursor.execute(sql.read("mark/databases"), {"prod": prod, "sign": SIGN}).fetchall()
    marks = [(row, read(row.comment)) for row in rows]
    marked = [
        Marked(row.oid, row.name, row.owner, row.usable, row.trusted, mark)
        for row, mark in marks
        if mark and (mark.kind, mark.prod) == (kind, prod)
    ]
    return sorted(marked, key=lambda each: each.mark.at, reverse=True)


def printable(name: str) -> str:
    """Spell the name of a file so that it can be stored and shown, whatever bytes it is made of.

    >>> printable("shop\\x1b[31m.dump")
    'shop\\\\x1b[31m.dump'
    """
    text = os.fsencode(name).decode("utf-8", errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def name_beside(prod: str, suffix: str) -> str:
    """Return the name of a database beside prod.

    One that would be too long is cut, and a digest keeps it unique.

    >>> name_beside("shop", "__shadow_1f2e3d4c")
    'shop__shadow_1f2e3d4c'
    """
    if len((prod + suffix).encode()) <= NAME_BYTES:
        return prod + suffix
    tail = f"~{sha256(prod.encode()).hexdigest()[:DIGEST_LETTERS]}{suffix}"
    room = NAME_BYTES - len(tail.encode())
    return prod.encode()[:room].decode(errors="ignore") + tail


def previous_name(prod: str, at: datetime) -> str:
    """Return the name of a previous database, from the time at which it was swapped out.

    >>> previous_name("shop", datetime(2026, 3, 1, 4, 5, 6, 78000, UTC))
    'shop__previous_20260301_040506_078'
    """
    milliseconds = f"{at.astimezone(UTC):%Y%m%d_%H%M%S_%f}"[:-3]
    return name_beside(prod, f"__previous_{milliseconds}")


def comment(database: str, text: str | None, why: str) -> Statement:
    """Return the statement that comments a database, with a mark or with the text it had."""
    return statement(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(database), Literal(text)), why)


def statement(query: Composable, why: str) -> Statement:
    """Return a composed query as a statement with its reason."""
    return Statement(query.as_string(), why)


def drop(session: Session, found: Marked, *, force: bool) -> None:
    """Drop a marked database; with `force`, first end the sessions in it that our role may end.

    The session is in autocommit. DROP DATABASE ends autovacuum itself, and waits up to 5 s for everyone else.
    WITH (FORCE) would be refused to an owner while autovacuum, a superuser's, is there. Raises psycopg.Error.
    """
    if force:
        session.execute(sql.read("mark/end_sessions"), {"database": found.oid})
    session.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(found.name)))


def mark_prod(session: Session) -> None:
    """Mark the session's database as prod, which no source may be.

    Raises PgpromoteError when the role may not: it must own the database, and a superuser must let it set
    the parameter.
    """
    setting = SQL("SET {} TO {}").format(Identifier(*PROD_SETTING.split(".")), Literal(PROD_VALUE))
    _alter(session, setting, "no source may be prod")


def unmark_prod(session: Session) -> None:
    """Remove the mark of prod from the session's database. Raises PgpromoteError as `mark_prod` does."""
    setting = SQL("RESET {}").format(Identifier(*PROD_SETTING.split(".")))
    _alter(session, setting, "this is no longer prod")


def _alter(session: Session, setting: Composable, why: str) -> None:
    database = session.info.dbname
    try:
        apply(session, [statement(SQL("ALTER DATABASE {} {}").format(Identifier(database), setting), why)])
    except InsufficientPrivilege as error:
        raise PgpromoteError(
            f"{database} cannot be marked: {details.of_error(error).shown}.",
            f"Be the owner of {database}, and let a superuser run once: "
            f"GRANT SET ON PARAMETER {PROD_SETTING} TO {Identifier(session.info.user).as_string()};",
        ) from None


def is_prod(session: Session) -> bool:
    """Return whether the session's database is marked as prod.

    Values that a role or a session sets for itself do not count.
    """
    row = session.execute(sql.read("mark/is_prod"), {"name": PROD_SETTING, "value": PROD_VALUE}).fetchone()
    return row == (True,)


def marked_source(label: str) -> Finding:
    """Return the finding for a source that is marked as prod."""
    dev, prod = setting("dev_database_url"), setting("prod_database_url")
    return Finding(
        "right_direction",
        Severity.ERROR,
        label,
        f"The source {label} is marked as prod: promoting it would go the wrong way.",
        f"Exchange {dev} and {prod}; or, if the mark is wrong: "
        f'{prod}="${dev}" {command("mark-prod --remove")}',
    )
