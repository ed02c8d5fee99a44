"""The access of our role in prod: to read objects for an archive, and to give them back to their owners."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg.rows import scalar_row

from pgpromote.postgres import sql
from pgpromote.postgres.archives.archive import large_objects, restorable
from pgpromote.postgres.membership import become
from pgpromote.postgres.model import Dump, TocEntry
from pgpromote.postgres.server import Session, rows

# The owner of a database, whoever that is; the schema public belongs to it unless somebody changed that.
DATABASE_OWNER = "pg_database_owner"


@dataclass(frozen=True)
class Given:
    """The objects that owners are given: owner and schema ("" for none) → an example; and schemas' owners."""

    things: dict[tuple[str, str], str] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Owned:
    owner: str
    schema: str
    kind: str
    name: str
    thing: str


@dataclass(frozen=True)
class Barred:
    """An owner that our role cannot give something to in a new database beside prod, such as `thing`.

    Not `ours`: our role may not act as it. Else it may not create in the `schema`, which is the `holder`'s.
    """

    owner: str
    schema: str
    holder: str
    ours: bool
    thing: str


@dataclass(frozen=True)
class NotOurs:
    """An object of prod and a role as which ours may not act: its owner (`owns`), or one that gave rights.

    `giving` is the statement that gives the object to a role as which we may act, "" for none. `made`: the
    server made the object, of a range type, for the first superuser.
    """

    thing: str
    role: str
    superuser: bool
    owns: bool
    made: bool
    giving: str


def given(archive: Dump) -> Given:
    """Return the objects that a restore of the archive with its own owners gives to each owner."""
    return _given([(e.owner, e.schema, e.kind, e.tag, f"{e.kind} {e.name}") for e in restorable(archive)])


def barred(session: Session, wanted: Given) -> tuple[Barred, ...]:
    """Return the owners that our role cannot give their objects to."""
    if not wanted.things:
        return ()
    pairs = sorted(wanted.things)
    parameters = {
        "owners": [owner for owner, _ in pairs],
        "schemas": [schema for _, schema in pairs],
        "holders": [wanted.holders.get(schema) for _, schema in pairs],
        "things": [wanted.things[pair] for pair in pairs],
        "become": become(session),
    }
    return tuple(rows(session, Barred, "preflight/owners", parameters))


def barred_in(session: Session) -> tuple[Barred, ...]:
    """Return the owners in this database that our role could not give their objects back to."""
    if session.info.parameter_status("is_superuser") == "on":  # from whom nothing is barred
        return ()
    owned = rows(session, _Owned, "preflight/owned", {})
    return barred(session, _given([(o.owner, o.schema, o.kind, o.name, o.thing) for o in owned]))


def not_ours(session: Session, brought: Sequence[TocEntry], *, public: bool) -> tuple[NotOurs, ...]:
    """Return the objects of this database with owners or grants that our role could not keep.

    Only objects that the archive brings count; and with `public` the schema that every database has.
    """
    parameters = {
        "kinds": [entry.kind for entry in brought],
        "schemas": [entry.schema for entry in brought],
        "names": [entry.tag for entry in brought],
        "drops": [entry.drop for entry in brought],
        "numbers": large_objects(brought),
        "public": public,
        "become": become(session),
    }
    return tuple(rows(session, NotOurs, "preflight/not_ours", parameters))


def undumpable(session: Session) -> tuple[str, ...]:
    """Return the relations of this database that pg_dump has to read and our role may not."""
    with session.cursor(row_factory=scalar_row) as cursor:
        return tuple(map(str, cursor.execute(sql.read("preflight/undumpable")).fetchall()))


def _given(objects: list[tuple[str, ...]]) -> Given:
    owned = [each for each in objects if each[0] not in {"", DATABASE_OWNER}]
    return Given(
        {(owner, schema): thing for owner, schema, _, _, thing in owned},
        {name: owner for owner, _, kind, name, _ in owned if kind == "SCHEMA"},
    )


@dataclass(frozen=True)
class RowSecured:
    """A table of prod with row security switched on; `active` says that it hides rows from our role.

    `forced` says that it binds the owner, `restrictive` counts the policies that only take rows away.
    """

    schema: str
    name: str
    forced: bool
    restrictive: int
    active: bool


@dataclass(frozen=True)
class Firing:
    """A table of prod and its triggers, quoted, that fire when rows are copied into it."""

    schema: str
    name: str
    triggers: list[str]


@dataclass(frozen=True)
class Defaults:
    """Default privileges in prod of a role as which our role may not act.

    `schema` is "" for the whole database; `undo` are the statements that take them back.
    """

    role: str
    superuser: bool
    schema: str
    kind: str
    undo: str


@dataclass(frozen=True)
class Limits:
    """The limits of our role in prod, and the triggers that would change rows that it loads."""

    bypasses: bool = True
    superusers: frozenset[str] = frozenset()
    secured: tuple[RowSecured, ...] = ()
    firing: tuple[Firing, ...] = ()
    defaults: tuple[Defaults, ...] = ()


NO_LIMITS = Limits()


def limits(session: Session, loaded: Sequence[tuple[str, str]]) -> Limits:
    """Read the limits of our role; `loaded` are tables of prod, as (schema, name), that only get rows."""
    tables = {"schemas": [schema for schema, _ in loaded], "names": [name for _, name in loaded]}
    with session.cursor(row_factory=scalar_row) as cursor:
        bypasses = bool(cursor.execute(sql.read("preflight/bypasses")).fetchone())
        superusers = frozenset(map(str, cursor.execute(sql.read("preflight/superusers"))))
    return Limits(
        bypasses,
        superusers,
        tuple(rows(session, RowSecured, "preflight/row_secured")),
        tuple(rows(session, Firing, "preflight/firing", tables)) if loaded else (),
        tuple(rows(session, Defaults, "preflight/defaults", {"become": become(session)})),
    )
