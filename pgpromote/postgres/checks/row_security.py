"""The rules about rows: row security that shows or hides them, and triggers that change loaded ones."""

import re
from collections import Counter
from collections.abc import Iterator

from pgpromote.postgres.archives.archive import NAME, unquote
from pgpromote.postgres.checks.access import RowSecured
from pgpromote.postgres.checks.facts import Facts
from pgpromote.postgres.checks.permissions import Found, quoted
from pgpromote.postgres.model import Dump, Policy, Severity
from pgpromote.postgres.rights.parity import hint_on_rows

FORCED = re.compile(rf"^ALTER TABLE ONLY (?:{NAME}\.)?{NAME} FORCE ROW LEVEL SECURITY;$", re.MULTILINE)
RESTRICTIVE = re.compile(rf"CREATE POLICY {NAME} ON ({NAME})\.({NAME}) AS RESTRICTIVE\b")

Name = tuple[str, str]


def rows_visible(facts: Facts) -> Found:
    """Row security hides from our role no row that it loads and has to prove."""
    if facts.archive is None or facts.catalog is None or facts.prod.limits.bypasses:
        return
    user = facts.catalog.identity.user
    for schema, table in sorted(_hidden(facts, facts.archive)):
        name, target = f"{schema}.{table}", f"{quoted(schema)}.{quoted(table)}"
        message = (
            f"Row security of {name} would hide rows from the role {user}, which loads them and has to prove "
            "that they are all there: the role has no BYPASSRLS."
        )
        hint = (
            f"As a superuser: ALTER ROLE {quoted(user)} BYPASSRLS; or promote as a role that has it. Or, if "
            f"its owner may see all rows, on dev and prod: ALTER TABLE {target} NO FORCE ROW LEVEL SECURITY;"
        )
        yield Severity.ERROR, name, message, hint


def _hidden(facts: Facts, archive: Dump) -> Iterator[Name]:
    """Yield the tables that bind their owner, and those of prod that stay and hide rows from us."""
    loaded = {(entry.schema, entry.tag) for entry in archive.of_kind("TABLE DATA")}
    brought = set() if facts.choice.filters.data_only else _tables(archive)
    yield from loaded & brought & _secured(archive) & _forced(archive)
    yield from loaded & {(t.schema, t.name) for t in facts.prod.limits.secured if t.active} - brought


def rows_protected(facts: Facts) -> Found:
    """Each table that has row security in prod has it in the archive."""
    if facts.archive is None or facts.choice.filters.data_only:
        return
    severity = Severity.ERROR if facts.choice.rights is Policy.KEEP else Severity.WARNING
    brought, secured, forced = _tables(facts.archive), _secured(facts.archive), _forced(facts.archive)
    restrictive = Counter(
        (unquote(match[1]), unquote(match[2]))
        for entry in facts.archive.of_kind("POLICY")
        if (match := RESTRICTIVE.match(entry.definition))
    )
    for table in facts.prod.limits.secured:
        name = (table.schema, table.name)
        if name in brought and (lost := _lost(table, name in secured, name in forced, restrictive[name])):
            where = f"{table.schema}.{table.name}"
            yield severity, where, f"{where}: {lost}", hint_on_rows()


def _lost(table: RowSecured, secured: bool, forced: bool, restrictive: int) -> str:
    if not secured:
        return "row security is on in prod and off in the archive: all rows would be seen."
    if table.forced and not forced:
        return "row security binds the owner in prod (FORCE), and would not any more."
    if table.restrictive > restrictive:
        return f"prod has {table.restrictive} restrictive policies, the archive {restrictive}."
    return ""


def no_trigger_fires(facts: Facts) -> Found:
    """Rows that are loaded into tables of prod that stay fire none of their triggers."""
    for table in facts.prod.limits.firing:
        name, target = f"{table.schema}.{table.name}", f"{quoted(table.schema)}.{quoted(table.name)}"
        message = (
            f"Rows alone are loaded into {name}, and each fires its triggers of INSERT, which may change, "
            f"refuse or copy them: {', '.join(table.triggers)}."
        )
        off = " ".join(f"ALTER TABLE {target} DISABLE TRIGGER {each};" for each in table.triggers)
        hint = f"Bring definitions and rows together, or switch them off for the load: {off}"
        yield Severity.ERROR, name, message, hint


def _tables(archive: Dump) -> set[Name]:
    return {(entry.schema, entry.tag) for entry in archive.of_kind("TABLE")}


def _secured(archive: Dump) -> set[Name]:
    return {(entry.schema, entry.tag) for entry in archive.of_kind("ROW SECURITY")}


def _forced(archive: Dump) -> set[Name]:
    found = (entry for entry in archive.of_kind("TABLE") if FORCED.search(entry.definition))
    return {(entry.schema, entry.tag) for entry in found}
