"""The rules that must hold before prod is touched.

A rule is a function named as the check that people see; its docstring says what it demands. It takes the
facts and yields (severity, object, message, hint) for everything that is not so.
"""

import re
from collections.abc import Callable, Iterator

from pgpromote.postgres import mark
from pgpromote.postgres.archive import NAME, extension_schema, unquote
from pgpromote.postgres.catalog import Catalog
from pgpromote.postgres.facts import Facts, no_archive, no_client, no_manifest, no_prod, no_source
from pgpromote.postgres.model import EVERYTHING, Archive, Foreign, Policy, Severity, TocEntry
from pgpromote.postgres.obstacles import PASSING
from pgpromote.postgres.permissions import Found, quoted, rights, rollback_possible
from pgpromote.postgres.reset import DATA_LOSS
from pgpromote.postgres.row_security import no_trigger_fires, rows_protected, rows_visible

COLLATION = re.compile(rf"\bCOLLATE\s+(?:({NAME})\.)?({NAME})")
POLICY_ROLES = re.compile(
    rf"CREATE POLICY {NAME} ON (?:{NAME}\.)?{NAME}(?: AS \w+)?(?: FOR \w+)? TO ({NAME}(?:, {NAME})*)"
)
RESTRICTIVE = " AS RESTRICTIVE "
GRANT_ROLES = re.compile(rf"\b(?:TO|FROM|FOR ROLE|SESSION AUTHORIZATION) ({NAME})")
NAME_OR_STRING = re.compile(r"""("(?:[^"]|"")*")|'(?:[^']|'')*'""")
# What says COLLATE only within a text or as a definition of its own.
NO_COLLATION = frozenset({"FUNCTION", "PROCEDURE", "COMMENT", "COLLATION"})
MAINTENANCE = "postgres"
KEYWORD_ROLES = frozenset({"public", "current_user", "current_role", "session_user"})

Rule = Callable[[Facts], Found]
# What a rule needs: each says why it is missing, "" when it is there.
Part = Callable[[Facts], str]


def target_reachable(facts: Facts) -> Found:
    """Prod answers, the database exists, and it can be written to."""
    if facts.target_problem:
        yield Severity.ERROR, facts.target.label, facts.target_problem.message, facts.target_problem.hint
    elif facts.catalog and facts.catalog.identity.standby:
        message = f"{facts.target.label} is a standby; it can only be read."
        yield Severity.ERROR, facts.target.label, message, "Point PROD_DATABASE_URL at the primary."


def target_allowed(facts: Facts) -> Found:
    """Prod is a database of its own: no template, not where the server or Dagster keeps its own things."""
    if facts.catalog is None:
        return
    name, hint = facts.catalog.identity.database, "Name another database in PROD_DATABASE_URL."
    if facts.catalog.template:
        yield Severity.ERROR, name, f"{name} is a template for new databases.", hint
    if name == MAINTENANCE:
        yield Severity.ERROR, name, f"{name} is the server's maintenance database.", hint
    elif name == facts.agreed:
        yield Severity.ERROR, name, f"{name} is the database that holds the promotion lock.", hint
    for schema in facts.catalog.dagster_schemas:
        message = f"{name} holds Dagster's own storage, in the schema {schema}."
        yield Severity.ERROR, name, message, hint


def client_tools(facts: Facts) -> Found:
    """pg_restore is there, and neither older than prod nor older than the archive's source."""
    programs: dict[tuple[str, str], list[str]] = {}
    for program, problem in (("pg_restore", facts.client_problem), ("pg_dump", facts.source_client_problem)):
        if problem:
            programs.setdefault((problem.message, problem.hint), []).append(program)
    for (message, hint), named in programs.items():
        yield Severity.ERROR, " and ".join(named), message, hint
    if facts.client is None or facts.catalog is None:
        return
    version, client = facts.catalog.identity.version, facts.client.version
    if client.major > version.major:
        message = f"pg_restore is {client}, prod is {version}: newer than needed, which usually works."
        yield Severity.WARNING, "pg_restore", message, f"Install postgresql-client-{version.major}."
    if facts.archive:
        source_major = int(re.findall(r"\d+", facts.archive.server_version)[0])
        if source_major > version.major:
            message = (
                f"The archive comes from PostgreSQL {facts.archive.server_version}, prod is {version}: "
                "it may hold what the older server does not know."
            )
            yield Severity.WARNING, "prod", message, f"Upgrade prod to {source_major}, or rehearse first."


def archive_readable(facts: Facts) -> Found:
    """A whole file that this client can read, and the one its manifest describes."""
    if facts.archive_problem:
        yield Severity.ERROR, str(facts.path), facts.archive_problem.message, facts.archive_problem.hint
    elif facts.manifest and facts.manifest.sha256 != facts.sha256:
        message = (
            f"{facts.path} is not the file that its manifest describes: SHA-256 is {facts.sha256[:12]}…, "
            f"the manifest says {facts.manifest.sha256[:12]}…."
        )
        hint = "Dump again; or, if the file was replaced on purpose, remove the .manifest.json beside it."
        yield Severity.ERROR, str(facts.path), message, hint


def whole_archive(facts: Facts) -> Found:
    """An archive that is swapped in as the whole of prod holds the whole of dev."""
    if facts.manifest and facts.manifest.filters and not facts.in_place:
        message = (
            f"{facts.path} was limited on purpose ({facts.manifest.filters}): swapped in, prod would keep "
            "nothing of the rest."
        )
        yield Severity.ERROR, str(facts.path), message, "Dump without filters, or choose the strategy clean."


def extensions(facts: Facts) -> Found:
    """Every extension that the archive needs is on prod, or can be created by our role."""
    for entry, catalog in _entries(facts, "EXTENSION"):
        name = entry.tag
        extension = catalog.extensions.get(name)
        created = extension is not None and extension.version is not None and facts.in_place
        wanted = facts.manifest.extensions.get(name) if facts.manifest else None
        if extension is None:
            message = f"The archive needs the extension {name}; prod's server does not have it."
            hint = f"Install the operating-system package that carries {name} on prod's server."
            yield Severity.ERROR, name, message, hint
        elif not created and not (extension.trusted or catalog.identity.superuser):
            message = (
                f"The archive needs the extension {name}; it is available on prod but has to be created, and "
                f"the role {catalog.identity.user} may not create it (it is not trusted)."
            )
            hint = (
                f"As a superuser, run in {facts.target.name}: CREATE EXTENSION {quoted(name)};"
                if facts.in_place
                else "A new database needs it anew: promote as a superuser, or choose the strategy clean."
            )
            yield Severity.ERROR, name, message, hint
        elif created and extension.schema != (schema := extension_schema(entry)):
            message = f"The extension {name} is in the schema {extension.schema} on prod, in {schema} on dev."
            hint = (
                f"Move it: ALTER EXTENSION {quoted(name)} SET SCHEMA {quoted(schema)}; what uses it follows."
            )
            yield Severity.ERROR, name, message, hint
        elif wanted and _older(present := extension.version or extension.default_version or "", wanted):
            message = f"The source has {name} {wanted}, prod would use {present}, which is older."
            hint = f"Update it on prod: ALTER EXTENSION {quoted(name)} UPDATE;"
            yield Severity.WARNING, name, message, hint


def _older(present: str, wanted: str) -> bool:
    def key(version: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", version)]

    return key(present) < key(wanted)


def collations(facts: Facts) -> Found:
    """Every collation that the archive refers to exists on prod, whatever its provider."""
    if facts.archive is None or facts.catalog is None:
        return
    known = {(c.schema, c.name) for c in facts.catalog.collations}
    known |= {(entry.schema, entry.tag) for entry in facts.archive.of_kind("COLLATION")}
    users: dict[tuple[str, str], str] = {}
    for entry in facts.archive.entries:
        if "COLLATE" in entry.definition and entry.kind not in NO_COLLATION:
            for schema, name in COLLATION.findall(_without_strings(entry.definition)):
                users.setdefault((unquote(schema) or "pg_catalog", unquote(name)), entry.name)
    for (schema, name), user in sorted(users.items()):
        if (schema, name) not in known:
            message = f"{user} uses the collation {schema}.{name}; prod does not have it."
            yield Severity.ERROR, name, message, _collation_hint(name)
    yield from _collation_definitions(facts.archive, facts.catalog)


def _without_strings(definition: str) -> str:
    return NAME_OR_STRING.sub(lambda match: match[1] or "''", definition)


def _collation_definitions(archive: Archive, catalog: Catalog) -> Found:
    has_icu = any(collation.provider == "i" for collation in catalog.collations)
    libc_locales = {c.locale for c in catalog.collations if c.provider == "c"}
    for entry in archive.of_kind("COLLATION"):
        locale = re.search(r"\b(?:locale|lc_collate) = '((?:[^']|'')*)'", entry.definition)
        if "provider = icu" in entry.definition and not has_icu:
            message = f"The collation {entry.name} uses ICU; prod's server is built without it."
            yield Severity.ERROR, entry.name, message, "Use a server built with ICU."
        elif "provider = libc" in entry.definition and locale and locale[1] not in libc_locales:
            message = f"The collation {entry.name} uses the locale {locale[1]}; prod does not know it."
            yield Severity.ERROR, entry.name, message, _collation_hint(locale[1])


def _collation_hint(name: str) -> str:
    if "-x-icu" in name:
        return "Use a server built with ICU, or drop the collation from the source's definition."
    return (
        f"Install the locale {name} on prod's server, then: SELECT pg_import_system_collations('pg_catalog');"
    )


def encoding_and_locale(facts: Facts) -> Found:
    """Prod can hold the archive's characters, and sorts as the source does."""
    if facts.archive is None or facts.catalog is None:
        return
    identity, encoding = facts.catalog.identity, facts.archive.encoding
    if encoding and encoding != identity.encoding:
        message = f"The source's encoding is {encoding}, prod's is {identity.encoding}."
        if identity.encoding == "UTF8" and encoding != "SQL_ASCII":
            yield Severity.INFO, "encoding", f"{message} Every character can be converted.", ""
        else:
            hint = f"Create prod again with ENCODING '{encoding}' TEMPLATE template0."
            yield Severity.ERROR, "encoding", f"{message} Characters may be lost or refused.", hint
    prod_locale = f"{identity.provider} {identity.locale or identity.collate}"
    if facts.manifest and facts.manifest.locale != prod_locale:
        message = f"The source sorts by {facts.manifest.locale}, prod by {prod_locale} (provider, locale)."
        hint = "Order and uniqueness of text may differ; create prod with the source's locale to keep both."
        yield Severity.WARNING, "locale", message, hint


def policy_roles(facts: Facts) -> Found:
    """Every role that a row-level-security policy names exists on prod."""
    for entry, catalog in _entries(facts, "POLICY"):
        match = POLICY_ROLES.match(entry.definition)
        roles = [unquote(name) for name in re.findall(NAME, match[1])] if match else []
        for role in roles:
            if role not in catalog.roles and role not in KEYWORD_ROLES:
                message = f"The policy {entry.name} names the role {role}; prod does not have it."
                hint = f"CREATE ROLE {quoted(role)}; without the policy nobody would see any row."
                yield Severity.ERROR, role, message, hint


def source_roles(facts: Facts) -> Found:
    """With the source's owners and grants: every role that they name exists on prod."""
    if facts.rights is not Policy.SOURCE or facts.archive is None or facts.catalog is None:
        return
    users = {entry.owner: entry.name for entry in facts.archive.entries if entry.owner}
    for entry in facts.archive.of_kind("ACL", "DEFAULT ACL"):
        roles = (unquote(name) for name in GRANT_ROLES.findall(entry.definition) if name != "PUBLIC")
        users |= dict.fromkeys(roles, entry.name)
    for role in sorted(users.keys() - facts.catalog.roles):
        message = f"{users[role]} names the role {role}; prod does not have it."
        yield Severity.ERROR, role, message, f"CREATE ROLE {quoted(role)}; or keep prod's owners and grants."


def tablespaces(facts: Facts) -> Found:
    """Every tablespace that the archive names exists on prod."""
    if facts.archive is None or facts.catalog is None:
        return
    named = {entry.tablespace: entry.name for entry in facts.archive.entries if entry.tablespace}
    for tablespace, user in sorted(named.items()):
        if tablespace not in facts.catalog.tablespaces:
            message = f"{user} lies in the tablespace {tablespace}; prod does not have it."
            yield Severity.ERROR, tablespace, message, f"Create the tablespace {tablespace} on prod's server."


def not_same_database(facts: Facts) -> Found:
    """Dev and prod are two databases, whatever their URLs look like."""
    if facts.same_database:
        message = f"DEV_DATABASE_URL and PROD_DATABASE_URL lead to the same database, {facts.target.label}."
        yield Severity.ERROR, facts.target.label, message, "Correct one of them."
    elif facts.source_problem:
        message = f"Dev cannot be asked whether it is the same database: {facts.source_problem.message}"
        yield Severity.WARNING, "dev", message, facts.source_problem.hint


def right_direction(facts: Facts) -> Found:
    """Dev is not marked as prod."""
    if facts.source_is_prod:
        found = mark.marked_source("DEV_DATABASE_URL")
        yield found.severity, found.object, found.message, found.hint


def no_other_writer(facts: Facts) -> Found:
    """Nobody else's promotion still writes to prod where it is changed in place, such as one that died."""
    for writer in facts.writers if facts.in_place else ():
        message = f"{writer.name} (pid {writer.pid}) writes to {facts.target.label}: it is another promotion."
        hint = (
            "Start again: what a dead promotion left ends within a second. If it does not, run: "
            f"SELECT pg_terminate_backend({writer.pid});"
        )
        yield Severity.ERROR, writer.name, message, hint


def swap_possible(facts: Facts) -> Found:
    """Prod can be exchanged for the new database, as far as that can be told before the restore."""
    for found in () if facts.in_place else facts.obstacles:
        severity = Severity.WARNING if found.rule in PASSING else found.severity
        other = " Or choose the strategy clean or reset-schema, which replace in place."
        hint = found.hint + other if found.rule == "swap_create_database" else found.hint
        yield severity, found.object, found.message, hint


def nothing_in_the_way(facts: Facts) -> Found:
    """Nothing that only prod has would be lost with an object that is replaced."""
    if facts.catalog is None:
        return
    for replaced in facts.catalog.replaced:
        if replaced.statement is None:
            message = f"{replaced.description} is on prod, where the archive has another object of that name."
            yield Severity.ERROR, replaced.identity, message, "Rename or drop it on prod."
    for published in facts.catalog.published:
        message = (
            f"The publication {published.publication} of prod would no longer publish {published.table}."
        )
        hint = f"Afterwards: ALTER PUBLICATION {published.publication} ADD TABLE {published.table};"
        yield Severity.WARNING, published.publication, message, hint
    for dependent in facts.catalog.dependents:
        message = (
            f"{dependent.dependent} of prod is not among what is restored, and depends on "
            f"{dependent.needed}, which the restore replaces: it would be lost."
        )
        hint = (
            "Create it on dev too, or drop it on prod."
            if facts.filters == EVERYTHING
            else "Widen the filters so that it comes along, or drop it on prod and make it again afterwards."
        )
        if facts.left_out:
            hint += " If dev has it and the check left_out names it, bring its kind along."
        yield Severity.ERROR, dependent.dependent, message, hint


def nothing_lost_outside(facts: Facts) -> Found:
    """A schema reset destroys nothing outside of the schema that it cannot put back."""
    for finding in facts.reset.outside if facts.reset else ():
        allowed = finding.rule in DATA_LOSS and facts.allow_data_loss_outside
        severity = Severity.WARNING if allowed else finding.severity
        yield severity, finding.object, finding.message, finding.hint


def left_out(facts: Facts) -> Found:
    """Foreign servers, user mappings, publications, subscriptions and event triggers of dev stay on dev."""
    for left in facts.left_out:
        thing, name = f"{left.entry.kind} {left.entry.name}", left.entry.name
        if left.kind:
            message = f"{thing} of dev is left out: it reaches beyond its database."
            yield Severity.INFO, name, message, f"Bring it with the setting bring: {left.kind}."
            continue
        needed = f"{left.needs.kind} {left.needs.name}" if left.needs else "what is left out"
        message = f"{thing} of dev is left out as well: it needs {needed}."
        hint = f"Bring the foreign servers with the setting bring: {Foreign.SERVERS}."
        if left.entry.kind == "POLICY" and RESTRICTIVE in left.entry.definition:
            yield Severity.ERROR, name, f"{message} Without it, more rows could be seen.", hint
        else:
            yield Severity.WARNING, name, message, hint


def _entries(facts: Facts, kind: str) -> Iterator[tuple[TocEntry, Catalog]]:
    if facts.archive and facts.catalog:
        for entry in facts.archive.of_kind(kind):
            yield entry, facts.catalog


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        target_reachable, target_allowed, client_tools, archive_readable, whole_archive, extensions,
        collations, encoding_and_locale, policy_roles, source_roles, tablespaces, rights, rows_visible,
        rows_protected, no_trigger_fires, not_same_database, right_direction, no_other_writer, swap_possible,
        rollback_possible, nothing_in_the_way, nothing_lost_outside, left_out,
    )
}  # fmt: skip
# Without these a rule finds nothing, whatever is so.
NEEDS: dict[str, tuple[Part, ...]] = {
    "target_allowed": (no_prod,),
    "client_tools": (no_prod,),
    "archive_readable": (no_client,),
    "whole_archive": (no_manifest,),
    "extensions": (no_prod, no_archive),
    "collations": (no_prod, no_archive),
    "encoding_and_locale": (no_prod, no_archive),
    "policy_roles": (no_prod, no_archive),
    "source_roles": (no_prod, no_archive),
    "tablespaces": (no_prod, no_archive),
    "rights": (no_prod, no_archive),
    "rows_visible": (no_prod, no_archive),
    "rows_protected": (no_prod, no_archive),
    "no_trigger_fires": (no_prod, no_archive),
    "not_same_database": (no_prod, no_source),
    "right_direction": (no_prod, no_source),
    "no_other_writer": (no_prod,),
    "swap_possible": (no_prod,),
    "rollback_possible": (no_prod,),
    "nothing_in_the_way": (no_prod, no_archive),
    "nothing_lost_outside": (no_prod,),
    "left_out": (no_archive,),
}


def missing(check: str, facts: Facts) -> str:
    """Say why a check cannot look, "" when it can."""
    return next((why for part in NEEDS.get(check, ()) if (why := part(facts))), "")


def describe(check: str) -> str:
    """Say in one sentence what a check demands."""
    return (RULES[check].__doc__ or "").strip()
