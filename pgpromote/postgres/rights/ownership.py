"""Owners and grants of the objects of a database, and their expected values after a promotion.

`capture` reads one database. `expected` holds the rule for the new one: an object of both databases has the
old one's owner and grants; a new object belongs to its schema's owner, or to the database's where a superuser
owns the schema `public`, and is open to those whom the old default privileges name.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple

from psycopg.rows import args_row, class_row, dict_row

from pgpromote.postgres import sql
from pgpromote.postgres.membership import become
from pgpromote.postgres.server import Session

# No role can have this name, so it stands for everybody, as in pg_catalog.has_table_privilege().
PUBLIC = "public"
# The server names this role's one member itself: the database's owner.
DATABASE_OWNER = "pg_database_owner"
# In databases made before 15 it belongs to a superuser, only because initdb made it.
SHARED_SCHEMA = "public"
# The server writes `name IN ('a', 'b')` in one way at first, and in the other when it has read that back.
LIST = re.compile(r"\(ARRAY\[((?:'(?:[^']|'')*'::character varying(?:, )?)+)\]\)::text\[\]")
LIST_ITEM = re.compile(r"'(?:[^']|'')*'::character varying")
# The server has no ALTER EXTENSION … OWNER TO, and gives wrappers to superusers only.
KEEPS_OWNER = frozenset({"EXTENSION", "FOREIGN DATA WRAPPER"})
# The kinds of `ALTER DEFAULT PRIVILEGES` behind a new object of each kind.
DEFAULTS_OF = {
    "TABLE": "TABLES",
    "SEQUENCE": "SEQUENCES",
    "ROUTINE": "ROUTINES",
    "TYPE": "TYPES",
    "SCHEMA": "SCHEMAS",
    "LARGE OBJECT": "LARGE OBJECTS",
}


class Grant(NamedTuple):
    """One right that one role gave to another, on a whole object or on one column of it."""

    grantor: str
    grantee: str
    privilege: str
    grantable: bool
    column: str = ""

    @property
    def right(self) -> tuple[str, str, str, str]:
        """The key under which the server keeps a right once, whether grantable or not."""
        return self.grantor, self.grantee, self.privilege, self.column


Grants = frozenset[Grant]
Key = tuple[str, str]
DefaultKey = tuple[str, str, str]


class Owned(NamedTuple):
    """An object with an owner and grants; `kind` and `identity` name it in every database.

    `target` is its name in SQL. `part_of` is the relation whose owner it shares: a column's sequence, a row
    type. `runs_as_owner` is true for SECURITY DEFINER functions and for views without security_invoker.
    `extension` is the one that brings the object, "" for none. `initial` says that the grants are those that
    initdb or the extension gave, `pinned` that the object is in every database; `builtin` are the grants that
    the server gives to a new object by itself.

    A tuple, because there are tens of thousands of them.
    """

    kind: str
    type: str
    identity: str
    target: str
    schema: str
    part_of: str
    owner: str
    runs_as_owner: bool
    extension: str
    initial: bool
    pinned: bool
    grants: Grants
    builtin: Grants

    @property
    def key(self) -> Key:
        """The key of the object in every database: kind, identity."""
        return self.kind, self.identity

    @property
    def name(self) -> str:
        """The object as people write it: `view public.totals`."""
        return f"{self.type} {self.identity}"


@dataclass(frozen=True)
class Default:
    """The default privileges of a role on its new objects of one kind, in a schema, or everywhere for ""."""

    role: str
    schema: str
    kind: str
    grants: Grants
    builtin: Grants = field(repr=False)

    @property
    def name(self) -> str:
        """The default privileges as people write them."""
        where = f" in schema {self.schema}" if self.schema else ""
        return f"default privileges of {self.role} on {self.kind}{where}"


@dataclass(frozen=True)
class RowPolicy:
    """A policy on a table's rows; two with the same content are equal, whatever their names.

    `using` and `check` are the conditions as the server writes them, "" for none.
    """

    name: str = field(compare=False)
    permissive: bool
    command: str
    roles: tuple[str, ...]
    using: str
    check: str


@dataclass(frozen=True)
class RowSecurity:
    """The row security of a table: its policies, and whether they bind its owner, too."""

    forced: bool
    policies: frozenset[RowPolicy]


@dataclass(frozen=True, order=True)
class Unreadable:
    """A relation that a view reads although the view's owner may not."""

    view: str
    owner: str
    relation: str


@dataclass(frozen=True)
class Role:
    """A role of the server, and whether we may become it or already have its rights."""

    name: str
    superuser: bool
    is_us: bool
    made_by_initdb: bool
    owns_database: bool
    can_become: bool
    has_rights: bool


@dataclass(frozen=True)
class Rights:
    """All ownership, grants and default privileges of one database, by keys that are valid in every database.

    `columns` holds the columns of tables, `row_security` the tables where it is on, `unreadable` the views
    that their owner's rights break.
    """

    roles: Mapping[str, Role] = field(repr=False)
    objects: Mapping[Key, Owned] = field(repr=False)
    columns: Mapping[str, frozenset[str]] = field(repr=False)
    defaults: Mapping[DefaultKey, Default] = field(repr=False)
    row_security: Mapping[str, RowSecurity] = field(repr=False)
    unreadable: frozenset[Unreadable] = field(repr=False)

    @cached_property
    def database_owner(self) -> str:
        """The role that owns the database."""
        return next(role.name for role in self.roles.values() if role.owns_database)

    @cached_property
    def superusers(self) -> frozenset[str]:
        """The roles that may do everything."""
        return frozenset(role.name for role in self.roles.values() if role.superuser)

    @cached_property
    def with_column_grants(self) -> list[str]:
        """The tables that have grants on single columns."""
        return [o.identity for o in self.objects.values() if columns_named(o.grants)]


def capture(session: Session, columns_of: Collection[str] | None = None) -> Rights:
    """Read all rights of the session's database; change nothing.

    Columns are read of the tables `columns_of` only, of all when it is None. 10,000 tables take about a
    quarter of a second. Needs the search path that `server.connect` sets.
    """
    with session.cursor(row_factory=args_row(_owned)) as objects:
        owned = {o.key: o for o in objects.execute(sql.read("rights/objects"), {}).fetchall()}
    with session.cursor(row_factory=dict_row) as cursor:
        defaults = [
            Default(**{**row, "grants": _grants(row["grants"]), "builtin": _grants(row["builtin"])})
            for row in cursor.execute(sql.read("rights/defaults"), {})
        ]
        row_security = {
            row["name"]: RowSecurity(
                row["forced"], frozenset(_policy(**policy) for policy in row["policies"])
            )
            for row in cursor.execute(sql.read("rights/row_security"))
        }
    with session.cursor(row_factory=class_row(Unreadable)) as views:
        unreadable = frozenset(views.execute(sql.read("rights/unreadable")))
    return Rights(
        _roles(session),
        owned,
        _columns(session, columns_of),
        {(d.role, d.schema, d.kind): d for d in defaults},
        row_security,
        unreadable,
    )


def _owned(*row: Any) -> Owned:
    """Return an object from a row of the query, whose columns are in the order of the fields."""
    *named, grants, column_grants, builtin = row
    return Owned._make((*named, _grants(grants, column_grants), _grants(builtin)))


def _columns(session: Session, tables: Collection[str] | None) -> dict[str, frozenset[str]]:
    if tables is not None and not tables:
        return {}
    parameters = {"tables": None if tables is None else list(tables)}
    with session.cursor(row_factory=args_row(lambda name, columns: (name, frozenset(columns)))) as cursor:
        return dict(cursor.execute(sql.read("rights/columns"), parameters))


def _policy(
    *, name: str, permissive: bool, command: str, roles: list[str], using: str, check: str
) -> RowPolicy:
    return RowPolicy(name, permissive, command, tuple(roles), _settled(using), _settled(check))


def _settled(condition: str) -> str:
    """Return a condition as the server writes it after a dump and a restore."""
    return LIST.sub(lambda match: "ARRAY[" + LIST_ITEM.sub(r"(\g<0>)::text", match[1]) + "]", condition)


@cache
def _grants(*exploded: str) -> Grants:
    """Parse an ACL from the query's JSON; most objects share theirs with many others."""
    return frozenset(Grant(*row) for each in exploded for row in json.loads(each))


def _roles(session: Session) -> dict[str, Role]:
    """Read every role of the server by its name."""
    with session.cursor(row_factory=class_row(Role)) as cursor:
        found = cursor.execute(sql.read("rights/roles"), {"become": become(session)})
        return {role.name: role for role in found}


def aligned(one: Rights, other: Rights) -> tuple[Rights, Rights]:
    """Return both databases' rights, completed by untouched objects that only the other one lists."""
    return _completed(one, other), _completed(other, one)


def _completed(here: Rights, there: Rights) -> Rights:
    added = (_untouched(o, here) for key, o in there.objects.items() if key not in here.objects)
    return replace(here, objects={**here.objects, **{o.key: o for o in added if o}})


def _untouched(there: Owned, here: Rights) -> Owned | None:
    """Return an object as it is in a database that does not list it; None when it cannot be there."""
    relation = here.objects.get(("TABLE", there.part_of))
    if there.pinned:
        owner = next(role.name for role in here.roles.values() if role.made_by_initdb)
    elif there.kind == "TYPE" and relation:
        owner = relation.owner
    else:
        return None
    builtin = handed_over(there.builtin, there.owner, owner)
    return there._replace(owner=owner, runs_as_owner=False, initial=True, grants=builtin, builtin=builtin)


def expected(here: Rights, wanted: Rights) -> dict[Key, Owned]:
    """Return each object here with the owner and grants that it should have, if prod had `wanted`.

    The two must be `aligned`.
    """
    result: dict[Key, Owned] = {}
    # A schema comes before what is in it, a relation before its parts.
    for key, o in sorted(
        here.objects.items(), key=lambda item: (item[0][0] != "SCHEMA", item[1].part_of != "")
    ):
        old = wanted.objects.get(key)
        if o == old:  # as nearly every object of the system is
            result[key] = o
            continue
        if left_to_extension(o, old):
            owner = _member_owner(o, old, wanted)
            result[key] = o._replace(owner=owner, grants=handed_over(o.grants, o.owner, owner))
            continue
        if o.part_of:
            owner = result["TABLE", o.part_of].owner
        elif old:
            owner = old.owner
        else:
            owner = _new_owner(o, result, wanted)
        if old:
            gone = columns_gone(old, here)
            result[key] = o._replace(
                owner=owner, grants=_kept(old.grants, gone, old.owner, owner, here.superusers)
            )
        else:
            result[key] = o._replace(owner=owner, grants=_new_grants(o, owner, wanted))
    return result


@lru_cache
def columns_named(grants: Grants) -> frozenset[str]:
    """Return the columns that have grants of their own."""
    return frozenset(g.column for g in grants if g.column)


def columns_gone(old: Owned, here: Rights) -> frozenset[str]:
    """Return the columns of a table that have grants of their own in the old database and are not here."""
    named = columns_named(old.grants)
    return named - here.columns.get(old.identity, frozenset()) if named else named


@lru_cache
def _kept(grants: Grants, gone: frozenset[str], old: str, new: str, superusers: frozenset[str]) -> Grants:
    """Return the grants as they are under a new owner, in a database without some of the columns."""
    kept = handed_over(frozenset(g for g in grants if g.column not in gone), old, new)
    # What a superuser gives is recorded as given by the owner.
    return merged(g._replace(grantor=new) if g.grantor in superusers else g for g in kept)


def left_to_extension(here: Owned, old: Owned | None) -> bool:
    """Return whether an extension's own script decides on the grants: nobody has changed them in prod."""
    return here.extension != "" and (old is None or (here.initial and old.initial))


def expected_defaults(here: Rights, wanted: Rights) -> dict[DefaultKey, tuple[Default, Grants]]:
    """Return the default privileges of either database, each with the grants that they should give here."""
    found = {**wanted.defaults, **here.defaults}
    return {
        key: (default, wanted.defaults[key].grants if key in wanted.defaults else default.builtin)
        for key, default in sorted(found.items())
        if not default.schema or ("SCHEMA", default.schema) in here.objects
    }


def _member_owner(here: Owned, old: Owned | None, wanted: Rights) -> str:
    """Return the owner for an extension's object: the extension's creator, unless prod gave it to another."""
    creator = wanted.objects.get(("EXTENSION", here.extension))
    return here.owner if old is None or (creator and old.owner == creator.owner) else old.owner


def _new_owner(new: Owned, expected: Mapping[Key, Owned], wanted: Rights) -> str:
    """Return the owner of a new object: its schema's, or the database's where the schema is everybody's."""
    if new.kind in KEEPS_OWNER:
        return new.owner
    if new.kind == "SCHEMA" or not new.schema:
        return wanted.database_owner
    owner = expected["SCHEMA", new.schema].owner
    everybodys = owner == DATABASE_OWNER or (new.schema == SHARED_SCHEMA and owner in wanted.superusers)
    return wanted.database_owner if everybodys else owner


def _new_grants(new: Owned, owner: str, wanted: Rights) -> Grants:
    """Return the grants that the server would have given to a new object in the old database.

    Source: get_user_default_acl.
    """
    kind = DEFAULTS_OF.get(new.kind, "")
    everywhere = wanted.defaults.get((owner, "", kind))
    in_schema = wanted.defaults.get((owner, new.schema, kind)) if new.kind != "SCHEMA" else None
    given = everywhere.grants if everywhere else handed_over(new.builtin, new.owner, owner)
    if new.kind == "ROUTINE" and new.runs_as_owner and not everywhere:
        # Nobody in prod has decided that everybody may act as this owner.
        given = frozenset(g for g in given if g.grantee != PUBLIC)
    return merged(given | in_schema.grants) if in_schema else given


@lru_cache
def handed_over(grants: Grants, old: str, new: str) -> Grants:
    """Return an ACL as ALTER … OWNER TO leaves it (aclnewowner)."""
    if old == new:
        return grants
    names = {old: new}
    return merged(
        g._replace(grantor=names.get(g.grantor, g.grantor), grantee=names.get(g.grantee, g.grantee))
        for g in grants
    )


def merged(grants: Iterable[Grant]) -> Grants:
    """Return the rights with the grantable one of two equal ones, as the server keeps them."""
    return frozenset({g.right: g for g in sorted(grants)}.values())
