"""Prod's catalog: the facts that the checks compare an archive with, read in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from pgpromote.postgres import sql
from pgpromote.postgres.archives.archive import large_objects, restorable
from pgpromote.postgres.model import Dump, TocEntry
from pgpromote.postgres.server import Identity, Session, identify, rows


@dataclass(frozen=True)
class Extension:
    """An extension on prod: installed when `version` is set, available when `default_version` is."""

    name: str
    version: str | None
    schema: str | None
    default_version: str | None
    trusted: bool


@dataclass(frozen=True)
class Collation:
    """A collation of prod: its provider is `c` (libc), `i` (ICU), `b` (builtin) or `d` (default)."""

    schema: str
    name: str
    provider: str
    locale: str | None


@dataclass(frozen=True)
class Replaced:
    """An object of prod that a restore replaces, whether our role may, and the statement that makes room.

    `statement` is None when the object is of another sort than the archive's.
    """

    identity: str
    owner: str
    ours: bool
    statement: str | None
    description: str


@dataclass(frozen=True)
class Dependent:
    """An object only prod has that would be lost with one that is replaced."""

    dependent: str
    needed: str


@dataclass(frozen=True)
class Published:
    """A replaced object that a publication of prod would no longer publish; `member` adds it again."""

    publication: str
    what: str
    member: str


@dataclass(frozen=True)
class Schema:
    """A schema of prod and whether our role may create in it."""

    name: str
    creatable: bool


@dataclass(frozen=True)
class Catalog:
    """Prod as the checks see it. `dagster_schemas` are those that hold the tables of Dagster's storage.

    `tablespace` is the database's own. `settings` are (role, name) of the settings that the database makes
    for all ("") or for one role, names in lower case. `has_xml` says that the server is built with libxml.
    """

    identity: Identity
    may_create_schemas: bool
    template: bool
    dagster_schemas: tuple[str, ...]
    extensions: dict[str, Extension]
    collations: tuple[Collation, ...]
    roles: frozenset[str]
    tablespaces: frozenset[str]
    schemas: dict[str, Schema]
    replaced: tuple[Replaced, ...] = field(repr=False)
    dependents: tuple[Dependent, ...] = field(repr=False)
    published: tuple[Published, ...] = field(repr=False)
    tablespace: str = "pg_default"
    settings: frozenset[tuple[str, str]] = frozenset()
    has_xml: bool = True

    @property
    def has_icu(self) -> bool:
        """Whether the server is built with ICU; without it, one collation of it is there, unusable."""
        return any(one.provider == "i" and one.name != "unicode" for one in self.collations)


def read(session: Session, dropped: Sequence[TocEntry], reset_schema: str = "") -> Catalog:
    """Read prod's catalog, and the obstacles to dropping the objects of these archive entries.

    A schema that is reset is gone before them, with everything in it.
    """
    objects = _named(dropped)
    return Catalog(
        identity=identify(session),
        may_create_schemas=bool(_column(session, "catalog/may_create_schemas")[0]),
        template=bool(_column(session, "catalog/is_template")[0]),
        dagster_schemas=tuple(str(name) for name in _column(session, "catalog/dagster_schemas")),
        extensions={row.name: row for row in rows(session, Extension, "catalog/extensions")},
        collations=tuple(rows(session, Collation, "catalog/collations")),
        roles=frozenset(str(name) for name in _column(session, "catalog/roles")),
        tablespaces=frozenset(str(name) for name in _column(session, "catalog/tablespaces")),
        schemas={row.name: row for row in rows(session, Schema, "catalog/schemas")},
        replaced=(
            *rows(session, Replaced, "catalog/replaced", objects),
            *rows(session, Replaced, "catalog/large_objects", {"numbers": large_objects(dropped)}),
        ),
        published=tuple(rows(session, Published, "catalog/published", objects)),
        tablespace=str(_column(session, "catalog/own_tablespace")[0]),
        settings=frozenset(
            (str(role), str(name)) for role, name in session.execute(sql.read("catalog/settings"))
        ),
        has_xml=_has_xml(session),
        dependents=tuple(
            rows(session, Dependent, "catalog/dependents", {**objects, "reset_schema": reset_schema})
        ),
    )


def _column(session: Session, query: str) -> list[object]:
    return [row[0] for row in session.execute(sql.read(query)).fetchall()]


def _has_xml(session: Session) -> bool:
    """Return whether the simplest use of libxml works: only superusers may see how a server was built."""
    try:
        with session.transaction():
            session.execute("SELECT pg_catalog.xml_is_well_formed('')")
    except psycopg.errors.FeatureNotSupported:
        return False
    return True


def brought_by(archive: Dump | None) -> dict[str, list[str]]:
    """Return all names that an archive brings, for a query of prod's own; none for a plain SQL dump."""
    return _named(tuple(restorable(archive)) if archive else ())


def _named(entries: Sequence[TocEntry]) -> dict[str, list[str]]:
    """Return the names of archive entries for a query, as parallel lists."""
    return {
        "kinds": [entry.kind for entry in entries],
        "schemas": [entry.schema for entry in entries],
        "names": [entry.tag for entry in entries],
        "drops": [entry.drop for entry in entries],
    }
