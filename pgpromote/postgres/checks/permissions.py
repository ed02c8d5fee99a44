"""The rules about the rights of our role: for the restore, and for a rollback after it."""

import re
from collections.abc import Container, Iterator, Sequence

from psycopg.sql import Identifier

from pgpromote.postgres.checks.access import Barred, NotOurs
from pgpromote.postgres.checks.catalog import Catalog
from pgpromote.postgres.checks.facts import Facts
from pgpromote.postgres.databases.obstacles import PASSING
from pgpromote.postgres.model import Dump, Policy, Severity
from pgpromote.postgres.naming import option

Found = Iterator[tuple[Severity, str, str, str]]

SHOWN = 5
LARGE_OBJECTS = "large objects"  # as the catalog of prod calls those that it replaces together
# What only a superuser may create, whatever the rights on the database (facts §4).
SUPERUSER_KINDS = frozenset(
    {"EVENT TRIGGER", "FOREIGN DATA WRAPPER", "ACCESS METHOD", "OPERATOR CLASS",
     "OPERATOR FAMILY", "PROCEDURAL LANGUAGE", "PUBLICATION TABLES IN SCHEMA"}
)  # fmt: skip
SUPERUSER_DEFINITIONS = {
    "AGGREGATE": re.compile(r"\bM?STYPE = internal\b"),
    "CAST": re.compile(
        r"\)\s+WITHOUT FUNCTION\b"
    ),  # the owner of a type may make those by a function or text
    "FUNCTION": re.compile(r"\bLANGUAGE\s+(c|internal)\b"),
    "TYPE": re.compile(r"\bINPUT\s*="),
    "PUBLICATION": re.compile(r"\bFOR ALL TABLES\b"),
}


def rights(facts: Facts) -> Found:
    """Our role may replace what the archive replaces and create what it creates."""
    if facts.catalog is None or facts.catalog.identity.superuser:
        return
    user = facts.catalog.identity.user
    yield from _not_ours(facts)
    owned = [each for each in facts.prod.not_ours if each.owns]
    told = {each.thing for each in owned}
    # Large objects are replaced by the hundred.
    told |= {f"{LARGE_OBJECTS} of {each.role}" for each in owned if each.thing.startswith("large object ")}
    for replaced in facts.catalog.replaced:
        if not replaced.ours and told.isdisjoint(
            {replaced.description, f"{replaced.identity} of {replaced.owner}"}
        ):
            message = (
                f"{replaced.description} belongs to {replaced.owner}; the role {user} cannot replace it."
            )
            hint = f"Restore as {replaced.owner}, or: {_act_as(replaced.owner, facts)}"
            yield Severity.ERROR, replaced.identity, message, hint
    if facts.archive:
        yield from (
            _schema_rights(facts.archive, facts.catalog, told) if not facts.choice.strategy.empty else ()
        )
        for name, what in superuser_only(facts.archive):
            message = f"{what} can only be created by a superuser; {user} is none."
            yield Severity.ERROR, name, message, "Restore as a superuser, or drop it from the source."
    if facts.prod.undumpable:
        yield _undumpable(facts.prod.undumpable, user)
    yield from _not_given(facts)


def _not_ours(facts: Facts) -> Found:
    """Yield each object of prod that our role cannot replace, or keep with its owner and grants."""
    user = facts.catalog.identity.user if facts.catalog else ""
    keep = facts.choice.rights is Policy.KEEP
    for each in facts.prod.not_ours:
        if keep or each.owns:
            how = f"belongs to {each.role}" if each.owns and not each.made else f"has grants of {each.role}"
            message = f"{each.thing} of prod {how}; the role {user} may not act as that role."
            yield Severity.ERROR, each.thing, message, _hint(each, facts)


def _hint(found: NotOurs, facts: Facts) -> str:
    user = facts.catalog.identity.user if facts.catalog else ""
    where = f"As a superuser, run in {facts.target.label}:"
    if found.made:
        others = f"{option('rights', 'source')}, or none"
        return (
            "Only a superuser can give them. Open it to all again: GRANT EXECUTE … TO PUBLIC; or choose "
            f"{others}."
        )
    if found.superuser:
        return f"{where} {found.giving}"
    return f"{where} {grant_role(found.role, user)}"


def _not_given(facts: Facts) -> Found:
    """Yield the objects that our role cannot give to their owners, or open to the roles of their grants."""
    for barred in facts.prod.barred:
        if facts.choice.strategy.empty or not barred.ours:
            yield (Severity.ERROR, *_barred(barred, facts))
    if facts.choice.rights is Policy.KEEP and not facts.choice.filters.data_only:
        yield from _defaults(facts)


def _schema_rights(archive: Dump, catalog: Catalog, told: Container[str]) -> Found:
    user, database = catalog.identity.user, catalog.identity.database
    for schema in sorted({entry.schema for entry in archive.of_kind("TABLE", "VIEW", "FUNCTION")}):
        here = catalog.schemas.get(schema)
        if here and not here.creatable and f"schema {schema}" not in told:
            message = f"The role {user} may not create in the schema {schema}."
            hint = f"GRANT CREATE ON SCHEMA {quoted(schema)} TO {quoted(user)};"
            yield Severity.ERROR, schema, message, hint
        elif here is None and not catalog.may_create_schemas:
            message = f"The role {user} may not create the schema {schema}."
            hint = f"GRANT CREATE ON DATABASE {quoted(database)} TO {quoted(user)};"
            yield Severity.ERROR, schema, message, hint


def superuser_only(archive: Dump) -> Iterator[tuple[str, str]]:
    """Yield the objects that only a superuser can create: by its name alone, and with its kind."""
    for entry in archive.entries:
        pattern = SUPERUSER_DEFINITIONS.get(entry.kind)
        if entry.kind in SUPERUSER_KINDS or (pattern and pattern.search(entry.definition)):
            yield entry.name, f"{entry.kind} {entry.name.removeprefix('CAST ')}"


def _undumpable(names: tuple[str, ...], user: str) -> tuple[Severity, str, str, str]:
    message = (
        f"The role {user} may not read all of {listed(names)}, which the safety archive of prod has to hold."
    )
    hint = (
        f"GRANT pg_read_all_data TO {quoted(user)}; for row security also: ALTER ROLE {quoted(user)} "
        "BYPASSRLS; for large objects: connect as their owner."
    )
    return Severity.ERROR, names[0], message, hint


def _barred(barred: Barred, facts: Facts) -> tuple[str, str, str]:
    """Return owner, message and hint for an owner that cannot get its objects."""
    user = facts.catalog.identity.user if facts.catalog else ""
    if not barred.ours:
        message = (
            f"{barred.thing} belongs to {barred.owner}, or has grants that {barred.owner} made; the role "
            f"{user} may not act as that role."
        )
        return barred.owner, message, _act_as(barred.owner, facts)
    message = (
        f"{barred.thing} belongs to {barred.owner}, but in a new database, where the schema "
        f"{barred.schema} is {barred.holder}'s, {barred.owner} may not create there."
    )
    where = f"As a superuser, run in {facts.target.label}:"
    return barred.owner, message, f"{where} {grant_role(barred.holder, barred.owner)}"


def _defaults(facts: Facts) -> Found:
    """Yield prod's default privileges that our role cannot give to the new database, or to a new schema."""
    user = facts.catalog.identity.user if facts.catalog else ""
    renewed = {entry.tag for entry in facts.archive.of_kind("SCHEMA")} if facts.archive else set()
    renewed |= {"", "public"} if facts.choice.strategy.empty else set()
    for default in facts.prod.limits.defaults:
        if default.schema not in renewed:
            continue
        where = f" in schema {default.schema}" if default.schema else ""
        name = f"default privileges of {default.role} on {default.kind}{where}"
        message = f"Prod has {name}; the role {user} may not act as {default.role}, so it cannot keep them."
        hint = _act_as(default.role, facts)
        if default.superuser:
            hint = (
                f"They are about what the superuser {default.role} itself creates. Have it run once in "
                f"{facts.target.name}: {default.undo} and give them for an owner of prod instead. Or choose "
                f"{option('rights', 'source')}, or none, which leaves them out with a warning."
            )
        yield Severity.ERROR, name, message, hint


def _act_as(role: str, facts: Facts) -> str:
    """Return the hint by which our role may act as another; never as a superuser, which would make it one."""
    if role in facts.prod.limits.superusers:
        return (
            f"{role} is a superuser, so do not grant it: as a superuser, give what it owns to another role "
            "(ALTER … OWNER TO …)."
        )
    return grant_role(role, facts.catalog.identity.user if facts.catalog else "")


def rollback_possible(facts: Facts) -> Found:
    """Our role may bring back a safety archive of prod; its definitions are tried when the restore begins."""
    if facts.catalog is None or not facts.choice.saves_prod:
        return
    after = "A rollback of the safety archive would be refused:"
    for found in facts.prod.obstacles:
        if found.rule not in PASSING:
            yield Severity.WARNING, found.object, f"{after} {found.message}", found.hint
    for barred in facts.prod.barred_in_prod:
        subject, message, hint = _barred(barred, facts)
        yield Severity.WARNING, subject, f"{after} {message}", hint


def listed(names: Sequence[str]) -> str:
    """Return the first few names, and the number of the others, as a text.

    >>> listed(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def grant_role(role: str, user: str) -> str:
    """Return the statement that lets a role act as another one.

    >>> grant_role("owner", "my-app")
    'GRANT "owner" TO "my-app";'
    """
    return f"GRANT {quoted(role)} TO {quoted(user)};"


def quoted(name: str) -> str:
    """Return a name quoted for SQL, whatever it holds."""
    return Identifier(name).as_string()
