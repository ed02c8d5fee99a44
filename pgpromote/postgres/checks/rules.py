"""The rules that must hold before prod is touched.

A rule is a function named as the check that people see; its docstring states its demand. It takes the facts
and yields (severity, object, message, hint) for each violation.
"""

import re
from collections.abc import Callable

from pgpromote.postgres.archives import origin
from pgpromote.postgres.archives.archive import NAME, unquote
from pgpromote.postgres.checks.builder import build_login
from pgpromote.postgres.checks.facts import (
    Facts,
    entries,
    no_archive,
    no_client,
    no_manifest,
    no_prod,
    no_source,
)
from pgpromote.postgres.checks.fit import (
    collations,
    database_settings,
    disk_space,
    encoding_and_locale,
    extensions,
    money,
    source_version,
    tablespaces,
    xml,
)
from pgpromote.postgres.checks.permissions import Found, quoted, rights, rollback_possible
from pgpromote.postgres.checks.row_security import no_trigger_fires, rows_protected, rows_visible
from pgpromote.postgres.checks.trust import (
    archive_is_ours,
    archive_readable,
    connection_encrypted,
    manifest_there,
    only_sql,
    runs_dev_code,
)
from pgpromote.postgres.databases import hold, mark, standbys
from pgpromote.postgres.databases.obstacles import PASSING
from pgpromote.postgres.model import EVERYTHING, Foreign, Policy, ServerVersion, Severity
from pgpromote.postgres.naming import setting
from pgpromote.postgres.reset import DATA_LOSS
from pgpromote.postgres.tools import Tools

POLICY_ROLES = re.compile(
    rf"CREATE POLICY {NAME} ON (?:{NAME}\.)?{NAME}(?: AS \w+)?(?: FOR \w+)? TO ({NAME}(?:, {NAME})*)"
)
RESTRICTIVE = " AS RESTRICTIVE "
GRANT_ROLES = re.compile(rf"\b(?:TO|FROM|FOR ROLE|SESSION AUTHORIZATION) ({NAME})")
MAINTENANCE = "postgres"
KEYWORD_ROLES = frozenset({"public", "current_user", "current_role", "session_user"})

Rule = Callable[[Facts], Found]
# What a rule needs: each says why it is missing, "" when it is there.
Part = Callable[[Facts], str]


def target_reachable(facts: Facts) -> Found:
    """Prod answers, the database exists, and it can be written to."""
    if facts.prod.problem:
        yield Severity.ERROR, facts.target.label, facts.prod.problem.message, facts.prod.problem.hint
    elif facts.catalog and facts.catalog.identity.standby:
        message = f"{facts.target.label} is a standby; it can only be read."
        hint = f"Point {setting('prod_database_url')} at the primary."
        yield Severity.ERROR, facts.target.label, message, hint


def target_allowed(facts: Facts) -> Found:
    """Prod is a database of its own: no template, not where the server or Dagster keeps its own things."""
    if facts.catalog is None:
        return
    name = facts.catalog.identity.database
    hint = f"Name another database in {setting('prod_database_url')}."
    if facts.catalog.template:
        yield Severity.ERROR, name, f"{name} is a template for new databases.", hint
    if name == MAINTENANCE:
        yield Severity.ERROR, name, f"{name} is the server's maintenance database.", hint
    elif name == facts.place.agreed:
        yield Severity.ERROR, name, f"{name} is the database that holds the promotion lock.", hint
    for schema in facts.catalog.dagster_schemas:
        message = f"{name} holds Dagster's own storage, in the schema {schema}."
        yield Severity.ERROR, name, message, hint


def client_tools(facts: Facts) -> Found:
    """pg_restore is there, and neither older than prod nor older than the archive."""
    programs: dict[tuple[str, str], list[str]] = {}
    for program, problem in (("pg_restore", facts.client_problem), ("pg_dump", facts.source_client_problem)):
        if problem:
            programs.setdefault((problem.message, problem.hint), []).append(program)
    for (message, hint), named in programs.items():
        yield Severity.ERROR, " and ".join(named), message, hint
    if facts.client and facts.catalog:
        yield from _newer_client(facts.client, facts.catalog.identity.version)


def _newer_client(client: Tools, prod: ServerVersion) -> Found:
    if client.sends_unknown_setting(prod):
        message = (
            f"pg_restore is {client.version}, prod is {prod}: each of its connections begins with a setting "
            "that prod does not know, transaction_timeout. That one error is expected and not counted; any "
            "other fails the restore, but only at its end."
        )
        hint = f"Install postgresql-client-{prod.major}, and let it write the archive: it ends sooner."
        yield Severity.WARNING, "pg_restore", message, hint
    elif client.version.major > prod.major:
        message = f"pg_restore is {client.version}, prod is {prod}: newer, which makes no difference here."
        yield Severity.INFO, "pg_restore", message, ""


def whole_archive(facts: Facts) -> Found:
    """An archive that is swapped in as the whole of prod holds the whole of dev."""
    if facts.manifest and facts.manifest.filters and facts.choice.strategy.empty:
        message = (
            f"{facts.path} was limited on purpose ({facts.manifest.filters}): swapped in, prod would keep "
            "nothing of the rest."
        )
        yield Severity.ERROR, str(facts.path), message, "Dump without filters."


def extension_contents(facts: Facts) -> Found:
    """Nothing is lost that users put into an extension's own tables: no archive has it."""
    for found in facts.prod.lost_in_extensions:
        yield found.severity, found.object, found.message, found.hint


def policy_roles(facts: Facts) -> Found:
    """Every role that a row-level-security policy names exists on prod."""
    for entry, catalog in entries(facts, "POLICY"):
        match = POLICY_ROLES.match(entry.definition)
        roles = [unquote(name) for name in re.findall(NAME, match[1])] if match else []
        for role in roles:
            if role not in catalog.roles and role not in KEYWORD_ROLES:
                message = f"The policy {entry.name} names the role {role}; prod does not have it."
                hint = f"CREATE ROLE {quoted(role)}; without the policy nobody would see any row."
                yield Severity.ERROR, role, message, hint


def source_roles(facts: Facts) -> Found:
    """With the source's owners and grants: every role that they name exists on prod."""
    if facts.choice.rights is not Policy.SOURCE or facts.archive is None or facts.catalog is None:
        return
    users = {entry.owner: entry.name for entry in facts.archive.entries if entry.owner}
    for entry in facts.archive.of_kind("ACL", "DEFAULT ACL"):
        roles = (unquote(name) for name in GRANT_ROLES.findall(entry.definition) if name != "PUBLIC")
        users |= dict.fromkeys(roles, entry.name)
    for role in sorted(users.keys() - facts.catalog.roles):
        message = f"{users[role]} names the role {role}; prod does not have it."
        yield Severity.ERROR, role, message, f"CREATE ROLE {quoted(role)}; or keep prod's owners and grants."


def not_same_database(facts: Facts) -> Found:
    """Dev and prod are two databases, whatever their URLs look like."""
    if facts.dev and facts.dev.same_database:
        both = f"{setting('dev_database_url')} and {setting('prod_database_url')}"
        message = f"{both} lead to the same database, {facts.target.label}."
        yield Severity.ERROR, facts.target.label, message, "Correct one of them."
    elif facts.dev and facts.dev.problem:
        message = f"Dev cannot be asked whether it is the same database: {facts.dev.problem.message}"
        yield Severity.WARNING, "dev", message, facts.dev.problem.hint


def right_direction(facts: Facts) -> Found:
    """Dev is not marked as prod, and was not promoted from prod."""
    if facts.dev and facts.dev.marked:
        found = mark.marked_source(setting("dev_database_url"))
        yield found.severity, found.object, found.message, found.hint
    elif facts.dev and facts.dev.came_from:
        yield from origin.exchanged(facts.dev.came_from, facts.known, facts.choice.allow)


def no_other_writer(facts: Facts) -> Found:
    """Nobody else's promotion still writes to prod where it is changed in place, such as one that died."""
    for writer in () if facts.choice.strategy.beside else facts.prod.writers:
        message = f"{writer.name} (pid {writer.pid}) writes to {facts.target.label}: it is another promotion."
        hint = (
            "Start again: what a dead promotion left ends within a second. If it does not, run: "
            f"SELECT pg_terminate_backend({writer.pid});"
        )
        yield Severity.ERROR, writer.name, message, hint


def swap_possible(facts: Facts) -> Found:
    """Prod can be exchanged for the new database, as far as that can be told before the restore."""
    for found in facts.prod.obstacles if facts.choice.strategy.beside else ():
        if found.rule in PASSING:
            message = f"{found.message} If that is so at the swap, it is refused after the whole restore."
            yield Severity.WARNING, found.object, message, found.hint
        else:
            yield found.severity, found.object, found.message, found.hint


def nothing_in_the_way(facts: Facts) -> Found:
    """Nothing that only prod has would be lost with an object that is replaced."""
    if facts.catalog is None:
        return
    for replaced in facts.catalog.replaced:
        if replaced.statement is None:
            message = f"{replaced.description} is on prod, where the archive has another object of that name."
            yield Severity.ERROR, replaced.identity, message, "Rename or drop it on prod."
    for published in facts.catalog.published:
        message = f"The publication {published.publication} of prod would no longer publish {published.what}."
        hint = f"Afterwards: ALTER PUBLICATION {published.publication} ADD {published.member};"
        yield Severity.WARNING, published.publication, message, hint
    for dependent in facts.catalog.dependents:
        message = (
            f"{dependent.dependent} of prod is not among what is restored, and depends on "
            f"{dependent.needed}, which the restore replaces: it would be lost."
        )
        hint = (
            "Create it on dev too, or drop it on prod."
            if facts.choice.filters == EVERYTHING
            else "Widen the filters so that it comes along, or drop it on prod and make it again afterwards."
        )
        if facts.left_out:
            hint += " If dev has it and the check left_out names it, bring its kind along."
        yield Severity.ERROR, dependent.dependent, message, hint


def nothing_lost_outside(facts: Facts) -> Found:
    """A schema reset destroys nothing outside of the schema that it cannot put back."""
    for finding in facts.prod.reset.outside if facts.prod.reset and facts.archive else ():
        allowed = finding.rule in DATA_LOSS and facts.choice.allow_data_loss_outside
        severity = Severity.WARNING if allowed else finding.severity
        yield severity, finding.object, finding.message, finding.hint


def not_on_hold(facts: Facts) -> Found:
    """No rollback has put prod on hold, or a person goes on all the same."""
    if facts.prod.held:
        found = hold.refusal(facts.prod.held, despite=facts.choice.despite_hold)
        yield found.severity, found.object, found.message, found.hint


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


def standby_sessions(facts: Facts) -> Found:
    """No session on a standby of prod reads the old prod on after the swap."""
    if not facts.choice.strategy.beside or facts.catalog is None:
        return
    identity = facts.catalog.identity
    for found in standbys.findings(facts.prod.standbys, identity.database, identity.user):
        yield found.severity, found.object, found.message, found.hint


def plausible(facts: Facts) -> Found:
    """Dev lost no table's rows, nor half of all rows, since the archive that prod came from."""
    for found in facts.prod.implausible:
        yield found.severity, found.object, found.message, found.hint


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        target_reachable, target_allowed, client_tools, archive_readable, only_sql, whole_archive,
        source_version, extensions, extension_contents, collations, encoding_and_locale, money, xml,
        database_settings,
        policy_roles, source_roles, tablespaces, rights, rows_visible, rows_protected, no_trigger_fires,
        not_same_database, right_direction, no_other_writer, swap_possible, rollback_possible,
        nothing_in_the_way, nothing_lost_outside, left_out, archive_is_ours, manifest_there,
        connection_encrypted, standby_sessions, not_on_hold, plausible, runs_dev_code,
        disk_space, build_login,
    )
}  # fmt: skip
# Without these a rule cannot look, or not at everything: some find a part all the same, so each rule is run.
NEEDS: dict[str, tuple[Part, ...]] = {
    "target_allowed": (no_prod,),
    "client_tools": (no_prod,),
    "archive_readable": (no_client,),
    "whole_archive": (no_manifest,),
    "source_version": (no_prod, no_archive),
    "extensions": (no_prod, no_archive),
    "extension_contents": (no_prod, no_manifest),
    "collations": (no_prod, no_archive),
    "encoding_and_locale": (no_prod, no_archive),
    "money": (no_prod, no_archive),
    "xml": (no_prod, no_archive),
    "database_settings": (no_prod, no_archive),
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
    "manifest_there": (no_archive,),
    "connection_encrypted": (no_prod,),
    "standby_sessions": (no_prod,),
    "archive_is_ours": (no_prod, no_archive),
    "not_on_hold": (no_prod,),
    "plausible": (no_prod, no_archive),
    "runs_dev_code": (no_prod, no_archive),
    "disk_space": (no_prod, no_manifest),
    "build_login": (no_prod,),
}


def missing(check: str, facts: Facts) -> str:
    """Return the reason why a check cannot look, "" when it can."""
    return next((why for part in NEEDS.get(check, ()) if (why := part(facts))), "")


def describe(check: str) -> str:
    """Return the demand of a check in one sentence."""
    return (RULES[check].__doc__ or "").strip()
