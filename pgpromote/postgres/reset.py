"""The reset of a schema of prod before an in-place restore: drop and recreate it, with its cost known before.

`plan` looks, `reset` does. The DROP cascades: it takes columns, views, extensions and more in other schemas
(facts §0.7). So the plan walks pg_depend by the server's own rule and names everything outside the schema.
The properties of the schema itself come back: owner, grants, default privileges, comment, security labels,
its place in publications, and the extensions that lived in it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TypeVar

import psycopg
from psycopg.rows import class_row

from pgpromote.postgres import sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.errors import ConfigError, PgpromoteError, Refused
from pgpromote.postgres.membership import become
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.server import Session, rows

# What holds rows or a state that no definition brings back.
HOLDS_DATA = frozenset({"table", "table column", "composite type column", "sequence"})
# The rules that `allow_data_loss_outside` overrides.
DATA_LOSS = frozenset({"reset_outside_data", "reset_extension_data"})
# The names of no archive entry at all.
NOTHING: Mapping[str, list[str]] = {"kinds": [], "schemas": [], "names": [], "drops": []}


@dataclass(frozen=True)
class Reset:
    """The plan of a reset of `schema`: its losses and its statements.

    `outside` names the objects that the DROP takes outside the schema: an ERROR where data is lost or cannot
    come back, a WARNING where a definition is lost, INFO where `statements` recreate it. `inside` counts the
    schema's own objects per type. `locks` is the number of locks that the DROP holds at once.
    """

    schema: str
    outside: tuple[Finding, ...]
    inside: dict[str, int]
    statements: tuple[Statement, ...]
    locks: int


def plan(session: Session, schema: str, brought: Mapping[str, list[str]] = NOTHING) -> Reset:
    """Return the plan of a reset, without changing anything.

    `brought` names the entries of the archive that is restored afterwards, as `catalog.brought_by` does:
    objects that they bring again are not lost.

    Reads catalogs, asks the tables in which extensions keep a user's data whether they hold any, and tries
    the schema's security labels in a transaction that it rolls back. Raises ConfigError when there is no such
    schema, or when it is one of the server's own.
    """
    present = _schema(session, schema)
    taken = rows(session, _Taken, "reset/taken", {"schema": schema, **brought})
    extensions = _extensions(session, [row.objid for row in taken if row.type == "extension"])
    grants = _rows(session, _Grant, "grants", schema=schema, become=become(session))
    defaults = _rows(session, _Default, "default_privileges", schema=schema)
    publications = _rows(session, _Publication, "publications", schema=schema)
    labels = _rows(session, Statement, "labels", schema=schema)
    kept = {label: _accepted(session, label) for label in labels}
    return Reset(
        schema,
        outside=(
            *_rights(present),
            *_outside(taken),
            *(_extension_returns(extension) for extension in extensions),
            *(finding for extension in extensions for finding in _extension_changes(extension)),
            *_extension_data(session, extensions),
            *_grants(present, grants),
            *_defaults(defaults),
            *_publications(publications),
            *_labels(present, kept),
        ),
        inside=dict(sorted(Counter(row.type for row in taken if row.inside and not row.part).items())),
        statements=(
            *_rows(session, Statement, "recreate", schema=schema),
            *(Statement(e.sql, "the reset took this extension") for e in extensions),
            *(Statement(grant.sql, grant.why) for grant in grants),
            *(Statement(d.sql, "the same default privileges as before") for d in defaults if d.ours),
            *(Statement(p.sql, "replication as before") for p in publications if p.ours),
            *_rows(session, Statement, "comment", schema=schema),
            *(label for label, accepted in kept.items() if accepted),
        ),
        locks=len({(row.classid, row.objid) for row in taken}),
    )


def reset(
    session: Session,
    wanted: Reset | str,
    brought: Mapping[str, list[str]] = NOTHING,
    *,
    allow_data_loss_outside: bool = False,
    on_statement: Callable[[Statement], None] = lambda s: None,
) -> Reset:
    """Drop and recreate a schema, given by its name or its plan, in one transaction; return the plan.

    The plan is made again in that transaction, so the present state is judged. Raises Refused before anything
    is run: for every ERROR of the plan, or when the plan no longer holds. `allow_data_loss_outside` overrides
    the data losses, never objects that cannot be recreated. Raises PgpromoteError when the schema has more
    objects than the server has locks, and psycopg.Error of a statement that fails; nothing is changed then.
    """
    schema = wanted.schema if isinstance(wanted, Reset) else wanted
    locks = 0
    try:
        with session.transaction():
            current = plan(session, schema, brought)
            locks = current.locks
            _check(current, wanted, allow_data_loss_outside)
            apply(session, current.statements, on_statement)
    except psycopg.errors.OutOfMemory as error:
        raise _too_many_locks(session, schema, locks) from error
    return current


def _check(current: Reset, wanted: Reset | str, allow_data_loss_outside: bool) -> None:
    allowed = DATA_LOSS if allow_data_loss_outside else frozenset[str]()
    blocking = [f for f in current.outside if f.severity is Severity.ERROR and f.rule not in allowed]
    if isinstance(wanted, Reset) and (wanted.outside, wanted.statements) != (
        current.outside,
        current.statements,
    ):
        changed = "Since the reset was planned, prod has changed in what the reset would take or recreate."
        blocking.append(
            Finding("reset_plan_outdated", Severity.ERROR, current.schema, changed, "Plan the reset again.")
        )
    if blocking:
        raise Refused(blocking)


def _too_many_locks(session: Session, schema: str, locks: int) -> PgpromoteError:
    settings = _rows(session, _LockSettings, "lock_settings")[0]
    return PgpromoteError(
        f"Dropping the schema {schema} takes about {locks} locks in one transaction, and the server ran out "
        f"of shared memory for them (max_locks_per_transaction = {settings.per_transaction}). "
        "Nothing was changed.",
        f"Set max_locks_per_transaction to at least {locks // settings.transactions + 1} and restart the "
        "server, or promote into a new database instead of resetting a schema.",
    )


@dataclass(frozen=True)
class _LockSettings:
    per_transaction: int
    transactions: int


@dataclass(frozen=True)
class _Schema:
    identity: str
    owner: str
    owned: bool
    can_become_owner: bool
    can_create: bool
    extension: str | None


@dataclass(frozen=True)
class _Taken:
    classid: int
    objid: int
    objsubid: int
    type: str
    identity: str
    inside: bool
    part: bool
    again: bool


@dataclass(frozen=True)
class _Extension:
    oid: int
    name: str
    present_version: str
    version: str | None
    creatable: bool
    owned: bool
    owner: str
    new_owner: str
    requires: list[int]
    changed_grants: int
    sql: str


@dataclass(frozen=True)
class _ExtensionData:
    extension: str
    identity: str
    readable: bool
    query: str


@dataclass(frozen=True)
class _Grant:
    sql: str
    why: str
    lost_grantor: str | None


@dataclass(frozen=True)
class _Default:
    role: str
    ours: bool
    kind: str
    grantee: str
    sql: str


@dataclass(frozen=True)
class _Publication:
    publication: str
    ours: bool
    sql: str


Row = TypeVar("Row")


def _rows(session: Session, shape: type[Row], query: str, **parameters: object) -> list[Row]:
    with session.cursor(row_factory=class_row(shape)) as cursor:
        return cursor.execute(sql.read(f"reset/{query}"), parameters).fetchall()


def _schema(session: Session, schema: str) -> _Schema:
    choice = [str(row[0]) for row in session.execute(sql.read("reset/schemas"))]
    if schema not in choice:
        raise ConfigError(
            f"There is no schema {schema!r} to reset in {session.info.dbname}.",
            f"Choose one of: {', '.join(choice)}." if choice else "The database has only system schemas.",
        )
    return _rows(session, _Schema, "schema", schema=schema, become=become(session))[0]


def _extensions(session: Session, oids: list[int]) -> list[_Extension]:
    """Read the extensions with these OIDs; each comes after those it requires."""
    found = {row.oid: row for row in _rows(session, _Extension, "extensions", extensions=oids)}
    order = TopologicalSorter({oid: row.requires for oid, row in found.items()})
    return [found[oid] for oid in order.static_order()]


def _accepted(session: Session, statement: Statement) -> bool:
    """Return whether a security label can be set.

    No catalog tells whether its provider is loaded on this server.
    """
    try:
        with session.transaction(force_rollback=True):
            session.execute(statement.sql.encode())
    except (psycopg.errors.InvalidParameterValue, psycopg.errors.InsufficientPrivilege):
        return False
    return True


def _rights(schema: _Schema) -> Iterator[Finding]:
    def error(message: str, hint: str) -> Finding:
        return Finding("reset_schema_rights", Severity.ERROR, f"schema {schema.identity}", message, hint)

    if schema.extension:
        yield error(
            f"The schema belongs to the extension {schema.extension}; the server does not drop it alone.",
            "Reset the schemas that hold your own objects.",
        )
    if not schema.owned:
        yield error(f"We do not have the rights of its owner {schema.owner}.", "Connect as the owner.")
    elif not schema.can_become_owner:
        yield error(
            f"We may not SET ROLE {schema.owner}, so we cannot give the new schema to its owner.",
            "Connect as the owner, or grant us that role WITH SET TRUE.",
        )
    if not schema.can_create:
        yield error(
            "We may not create schemas in this database.",
            "Grant us CREATE on the database, or connect as its owner.",
        )


def _outside(taken: list[_Taken]) -> Iterator[Finding]:
    for row in taken:
        if row.inside or row.part or row.again or row.type == "extension":
            continue
        name = f"{row.type} {row.identity}"
        if row.type in HOLDS_DATA:
            message = f"The reset destroys the {name} with its data."
            hint = "Move it into the schema, or make it independent of the schema, first."
            yield Finding("reset_outside_data", Severity.ERROR, name, message, hint)
        else:
            message = f"The reset drops the {name}."
            hint = "Create it again after the restore, if the archive does not."
            yield Finding("reset_outside_definition", Severity.WARNING, name, message, hint)


def _extension_returns(extension: _Extension) -> Finding:
    name = f"extension {extension.name}"
    if extension.version is None:
        message = "The reset drops the extension, and the server does not offer it any more."
        return Finding(
            "reset_extension", Severity.ERROR, name, message, "Install its files on the server again."
        )
    if not extension.creatable:
        message = "The reset drops the extension, and only a superuser can create it again."
        hint = "Connect as a superuser, or move it away first: ALTER EXTENSION … SET SCHEMA …"
        return Finding("reset_extension", Severity.ERROR, name, message, hint)
    if extension.version != extension.present_version:
        message = (
            f"Version {extension.present_version} is not on offer any more; the reset creates version "
            f"{extension.version} instead."
        )
        return Finding("reset_extension", Severity.WARNING, name, message)
    message = f"The reset drops the extension and creates it again at version {extension.version}."
    return Finding("reset_extension", Severity.INFO, name, message)


def _extension_changes(extension: _Extension) -> Iterator[Finding]:
    name = f"extension {extension.name}"
    if not extension.owned:
        message = f"The reset drops the extension, which belongs to {extension.owner}."
        hint = "Connect as its owner or as a superuser."
        yield Finding("reset_extension", Severity.ERROR, name, message, hint)
    elif extension.owner != extension.new_owner:
        message = f"The extension belongs to {extension.owner}, the new one to {extension.new_owner}."
        yield Finding("reset_extension", Severity.WARNING, name, message)
    if extension.changed_grants:
        message = (
            f"GRANT or REVOKE changed the rights on {extension.changed_grants} of its objects; that is lost."
        )
        hint = "Repeat it after the restore."
        yield Finding("reset_extension", Severity.WARNING, name, message, hint)


def _extension_data(session: Session, extensions: list[_Extension]) -> Iterator[Finding]:
    oids = [extension.oid for extension in extensions]
    for table in _rows(session, _ExtensionData, "extension_data", extensions=oids):
        if table.readable and session.execute(table.query.encode()).fetchone() == (False,):
            continue
        holds = "holds data" if table.readable else "may hold data (we cannot read it)"
        message = f"{table.identity} {holds}, and goes with the extension {table.extension}."
        hint = "Save it first, and load it into the new extension."
        yield Finding("reset_extension_data", Severity.ERROR, table.identity, message, hint)


def _grants(schema: _Schema, grants: list[_Grant]) -> Iterator[Finding]:
    for grant in grants:
        if grant.lost_grantor:
            message = (
                f"{grant.sql}: the right came from {grant.lost_grantor}; now it comes from {schema.owner}."
            )
            yield Finding("reset_grant", Severity.WARNING, f"schema {schema.identity}", message)


def _defaults(defaults: list[_Default]) -> Iterator[Finding]:
    for default in defaults:
        name = f"default privileges of {default.role} on {default.kind.lower()} to {default.grantee}"
        if default.ours:
            message = "The reset drops the default privileges in the schema and gives them again."
            yield Finding("reset_default_privileges", Severity.INFO, name, message)
        else:
            message = (
                f"The reset drops the default privileges in the schema; only {default.role} can renew them."
            )
            hint = f"Run afterwards: {default.sql}"
            yield Finding("reset_default_privileges", Severity.WARNING, name, message, hint)


def _publications(publications: list[_Publication]) -> Iterator[Finding]:
    for publication in publications:
        name = f"publication {publication.publication}"
        if publication.ours:
            message = "The reset takes the schema out of the publication and puts it back."
            yield Finding("reset_publication", Severity.INFO, name, message)
        else:
            message = "The reset takes the schema out of the publication; only a superuser can put it back."
            hint = f"Run afterwards: {publication.sql}"
            yield Finding("reset_publication", Severity.WARNING, name, message, hint)


def _labels(schema: _Schema, kept: dict[Statement, bool]) -> Iterator[Finding]:
    for label, accepted in kept.items():
        if not accepted:
            message = "The server does not accept the schema's security label any more; it is lost."
            hint = f"Run afterwards: {label.sql}"
            yield Finding(
                "reset_security_label", Severity.WARNING, f"schema {schema.identity}", message, hint
            )
