"""The rules about objects that the archive brings and prod's server cannot hold, or holds otherwise."""

import re

from pgpromote.postgres.archives.archive import NAME, extension_schema, unquote
from pgpromote.postgres.checks.catalog import Catalog
from pgpromote.postgres.checks.facts import Facts, entries
from pgpromote.postgres.checks.permissions import Found, quoted
from pgpromote.postgres.disk import HEADROOM, shown
from pgpromote.postgres.model import Archive, Dump, ServerVersion, Severity, TocEntry, parse_version
from pgpromote.postgres.naming import option, setting

COLLATION = re.compile(rf"\bCOLLATE\s+(?:({NAME})\.)?({NAME})")
NAME_OR_STRING = re.compile(r"""("(?:[^"]|"")*")|'(?:[^']|'')*'""")
# What says COLLATE only within a text or as a definition of its own.
WITH_COLUMNS = ("TABLE", "FOREIGN TABLE", "DOMAIN", "TYPE")
SETTING = re.compile(
    rf"^ALTER (?:DATABASE {NAME}|ROLE (?P<role>{NAME}) IN DATABASE {NAME}) SET (?P<name>{NAME}(?:\.{NAME})*) "
    r"TO (?P<value>(?:'(?:[^']|'')*'|[^;'])+);$", re.MULTILINE
)  # fmt: skip
# Parentheses within parentheses, as deep as an expression may reasonably be.
NESTED = r"\((?:[^()]|\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\))*\)"
NEW_IN_18 = {
    "a virtual generated column": re.compile(rf"\bGENERATED ALWAYS AS {NESTED}(?! STORED)"),
    "a constraint that is NOT ENFORCED": re.compile(r" NOT ENFORCED\b"),
    "a constraint over time": re.compile(r" WITHOUT OVERLAPS\)|, PERIOD "),
    "a NOT NULL that is NOT VALID": re.compile(rf"\bCONSTRAINT {NAME} NOT NULL {NAME} NOT VALID\b"),
}
NO_COLLATION = frozenset({"FUNCTION", "PROCEDURE", "COMMENT", "COLLATION"})


def extensions(facts: Facts) -> Found:
    """Every extension that the archive needs is on prod, or can be created by our role."""
    for entry, catalog in entries(facts, "EXTENSION"):
        name = entry.tag
        extension = catalog.extensions.get(name)
        present = (extension.version or extension.default_version or "") if extension else ""
        created = extension is not None and extension.version is not None and not facts.choice.strategy.empty
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
                if not facts.choice.strategy.empty
                else "A new database needs it anew: promote as a superuser, or set trusted = true in its "
                "control file on prod's server (docs/howto/roles.md)."
            )
            yield Severity.ERROR, name, message, hint
        elif created and extension.schema != (schema := extension_schema(entry)):
            message = f"The extension {name} is in the schema {extension.schema} on prod, in {schema} on dev."
            hint = (
                f"Move it: ALTER EXTENSION {quoted(name)} SET SCHEMA {quoted(schema)}; what uses it follows."
            )
            yield Severity.ERROR, name, message, hint
        elif wanted and parse_version(present) < parse_version(wanted):
            message = f"The source has {name} {wanted}, prod would use {present}, which is older."
            hint = f"Update it on prod: ALTER EXTENSION {quoted(name)} UPDATE;"
            yield Severity.WARNING, name, message, hint


def collations(facts: Facts) -> Found:
    """Every collation that the archive refers to exists on prod, whatever its provider."""
    if facts.archive is None or facts.catalog is None:
        return
    known = {
        (c.schema, c.name) for c in facts.catalog.collations if c.provider != "i" or facts.catalog.has_icu
    }
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


def _collation_definitions(archive: Dump, catalog: Catalog) -> Found:
    libc_locales = {c.locale for c in catalog.collations if c.provider == "c"}
    for entry in archive.of_kind("COLLATION"):
        locale = re.search(r"\b(?:locale|lc_collate) = '((?:[^']|'')*)'", entry.definition)
        if "provider = icu" in entry.definition and not catalog.has_icu:
            message = f"The collation {entry.name} uses ICU; prod's server is built without it."
            yield Severity.ERROR, entry.name, message, "Use a server built with ICU."
        elif "provider = libc" in entry.definition and locale and locale[1] not in libc_locales:
            message = f"The collation {entry.name} uses the locale {locale[1]}; prod does not know it."
            yield Severity.ERROR, entry.name, message, _collation_hint(locale[1])


def _collation_hint(name: str) -> str:
    if "-x-icu" in name or name == "unicode":
        return "Use a server built with ICU, or drop the collation from the source's definition."
    return (
        f"Install the locale {name} on prod's server, then: SELECT pg_import_system_collations('pg_catalog');"
    )


def encoding_and_locale(facts: Facts) -> Found:
    """Prod can hold the archive's characters, and sorts as the source does."""
    if facts.archive is None or facts.catalog is None:
        return
    identity, encoding = facts.catalog.identity, facts.archive.encoding
    source = facts.manifest.encoding if facts.manifest else encoding
    if encoding and identity.encoding not in {encoding, source}:
        message = f"The source's encoding is {encoding}, prod's is {identity.encoding}."
        if identity.encoding == "UTF8" and encoding != "SQL_ASCII":
            yield Severity.INFO, "encoding", f"{message} Every character can be converted.", ""
        else:
            hint = f"Create prod again with ENCODING '{encoding}' TEMPLATE template0."
            if encoding == "SQL_ASCII":
                dumped = f"dump with {option('encoding', identity.encoding)}"
                hint += f" Or {dumped}, if all text of dev is valid in it."
            yield Severity.ERROR, "encoding", f"{message} Characters may be lost or refused.", hint
    prod_locale = f"{identity.provider} {identity.locale or identity.collate}"
    if facts.manifest and facts.manifest.locale and facts.manifest.locale != prod_locale:
        message = f"The source sorts by {facts.manifest.locale}, prod by {prod_locale} (provider, locale)."
        hint = "Order and uniqueness of text may differ; create prod with the source's locale to keep both."
        yield Severity.WARNING, "locale", message, hint


def tablespaces(facts: Facts) -> Found:
    """Every tablespace that the archive names exists on prod."""
    if facts.archive is None or facts.catalog is None:
        return
    named = {entry.tablespace: entry.name for entry in facts.archive.entries if entry.tablespace}
    for tablespace, user in sorted(named.items()):
        if tablespace not in facts.catalog.tablespaces:
            message = f"{user} lies in the tablespace {tablespace}; prod does not have it."
            yield Severity.ERROR, tablespace, message, f"Create the tablespace {tablespace} on prod's server."
    yield from _partitioned_in_own(facts.archive, facts.catalog.tablespace)


def _partitioned_in_own(archive: Dump, own: str) -> Found:
    """Yield partitioned tables and indexes in the database's own tablespace.

    PostgreSQL does not let that tablespace be named for them.
    """
    partitioned = {table.dump_id for table in archive.of_kind("TABLE") if _is_partitioned(table)}
    for entry in archive.of_kind("TABLE", "INDEX", "CONSTRAINT"):
        if entry.tablespace == own and partitioned & {entry.dump_id, *entry.dependencies}:
            message = (
                f"{entry.name} is partitioned and in the tablespace {own}, which is the one of prod's "
                "database; PostgreSQL does not let that be named for it."
            )
            what = "TABLE" if entry.kind == "TABLE" else "INDEX"
            hint = f"On dev: ALTER {what} … SET TABLESPACE pg_default; or move prod to another tablespace."
            yield Severity.ERROR, entry.name, message, hint


def _is_partitioned(table: TocEntry) -> bool:
    return re.search(r"\)\s*PARTITION BY ", _without_strings(table.definition)) is not None


def source_version(facts: Facts) -> Found:
    """The archive comes from a server of prod's release or an older one."""
    if facts.archive is None or not facts.archive.listed or facts.catalog is None:
        return
    prod = facts.catalog.identity.version
    source_major = parse_version(facts.archive.server_version)[0]
    if source_major > prod.major:
        message = (
            f"The archive comes from PostgreSQL {facts.archive.server_version}, prod is {prod}: it may hold "
            "what the older server does not know."
        )
        yield Severity.WARNING, "prod", message, f"Upgrade prod to {source_major}, or rehearse first."
    if prod.major < 18 <= source_major:
        yield from _new_in_18(facts.archive, prod)


def _new_in_18(archive: Archive, prod: ServerVersion) -> Found:
    for entry in archive.of_kind("TABLE", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT"):
        definition = NAME_OR_STRING.sub('""', entry.definition)
        for what, pattern in NEW_IN_18.items():
            if pattern.search(definition):
                message = f"{entry.name} has {what}, which PostgreSQL has since 18; prod is {prod}."
                yield Severity.ERROR, entry.name, message, "Upgrade prod to 18, or change it on dev."


def money(facts: Facts) -> Found:
    """Money has as many decimals on prod as on dev: the server keeps whole numbers of the smallest unit."""
    if facts.archive is None or facts.catalog is None:
        return
    held = [entry for entry in facts.archive.of_kind(*WITH_COLUMNS) if _has_type("money", entry)]
    here = facts.catalog.identity.money_decimals
    there = facts.manifest.money_decimals if facts.manifest else None
    if not held or there == here:
        return
    name = held[0].name
    if there is None:
        message = f"{name} holds money, written by dev's lc_monetary, which the archive does not name."
        hint = "Values may be read otherwise: dump with this release of pgpromote, or compare some of them."
        yield Severity.WARNING, name, message, hint
    else:
        message = (
            f"{name} holds money, which has {there} decimals on dev and {here} on prod (lc_monetary): each "
            f"value would be worth {'more' if here < there else 'less'}."
        )
        database = quoted(facts.catalog.identity.database)
        hint = f"ALTER DATABASE {database} SET lc_monetary TO that of dev; or change the columns to numeric."
        yield Severity.ERROR, name, message, hint


def xml(facts: Facts) -> Found:
    """Prod's server can read xml values, where the archive has some."""
    if facts.archive is None or facts.catalog is None or facts.catalog.has_xml:
        return
    for entry in facts.archive.of_kind("TABLE"):
        held = facts.manifest.contents.get(entry.name) if facts.manifest else None
        if _has_type("xml", entry) and (held is None or held.rows):
            message = f"{entry.name} has a column of type xml; prod's server is built without libxml."
            yield Severity.ERROR, entry.name, message, "Use a server built with libxml, or another type."


def _has_type(name: str, entry: TocEntry) -> bool:
    """Return whether a definition has a column, or is a domain, of one of the server's own types."""
    return re.search(rf"{NAME} {name}(?=[,;\[\s])", _without_strings(entry.definition)) is not None


def database_settings(facts: Facts) -> Found:
    """What dev's database sets for its sessions, prod's sets as well, be it to another value."""
    if facts.archive is None or facts.catalog is None or facts.choice.filters.data_only:
        return
    database = quoted(facts.catalog.identity.database)
    settings = (match for entry in facts.archive.properties for match in SETTING.finditer(entry.definition))
    for match in settings:
        role, name = unquote(match["role"] or ""), match["name"]
        key = name.replace('"', "").lower()
        if (role, key) not in facts.catalog.settings and (not role or role in facts.catalog.roles):
            # Settings of an application's own may hold its secrets.
            value = "(as on dev)" if "." in key else match["value"]
            whose = f"ROLE {match['role']} IN DATABASE" if role else "DATABASE"
            message = f"Dev's database sets {key}{f' for the role {role}' if role else ''}; prod's does not."
            hint = f"If the application needs it: ALTER {whose} {database} SET {name} TO {value};"
            yield Severity.WARNING, key, message, hint


def disk_space(facts: Facts) -> Found:
    """A new database beside prod, and the log of making it, fit on prod's disk as far as that is known."""
    disk, size = facts.prod.disk, facts.manifest.database_size if facts.manifest else None
    if disk and facts.catalog and not disk.checkpoints:
        user, room = facts.catalog.identity.user, setting("wal_room")
        message = f"{room} asks for checkpoints, which the role {user} may not make."
        yield Severity.ERROR, room, message, f"GRANT pg_checkpoint TO {quoted(user)};"
    if not facts.choice.strategy.beside or disk is None or disk.free is None or size is None:
        return
    needed = int(HEADROOM * size) + disk.log
    message = (
        f"{facts.target.label} has {shown(disk.free)} free, says {disk.source}; the new database beside prod "
        f"needs about {shown(size)}"
    )
    message += f", and the write-ahead log up to {shown(disk.log)}." if disk.log else "."
    enough = f"{setting('prod_free')}='{shown(needed)}'"
    hint = f"Free space; or, if there is more, say how much: {enough}"
    if size > disk.free:
        yield Severity.ERROR, facts.target.label, message, f"{hint} A server whose disk is full stops."
    elif needed > disk.free:
        yield Severity.WARNING, facts.target.label, message, hint
