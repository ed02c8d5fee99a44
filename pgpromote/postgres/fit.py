"""The rules about what the archive brings and prod's server cannot hold, or holds otherwise."""

import re

from pgpromote.postgres.archive import NAME, extension_schema, unquote
from pgpromote.postgres.catalog import Catalog
from pgpromote.postgres.facts import Facts, entries
from pgpromote.postgres.model import Archive, Severity
from pgpromote.postgres.permissions import Found, quoted

COLLATION = re.compile(rf"\bCOLLATE\s+(?:({NAME})\.)?({NAME})")
NAME_OR_STRING = re.compile(r"""("(?:[^"]|"")*")|'(?:[^']|'')*'""")
# What says COLLATE only within a text or as a definition of its own.
NO_COLLATION = frozenset({"FUNCTION", "PROCEDURE", "COMMENT", "COLLATION"})


def extensions(facts: Facts) -> Found:
    """Every extension that the archive needs is on prod, or can be created by our role."""
    for entry, catalog in entries(facts, "EXTENSION"):
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
            if encoding == "SQL_ASCII":
                hint += f" Or dump with --encoding {identity.encoding}, if all text of dev is valid in it."
            yield Severity.ERROR, "encoding", f"{message} Characters may be lost or refused.", hint
    prod_locale = f"{identity.provider} {identity.locale or identity.collate}"
    if facts.manifest and facts.manifest.locale != prod_locale:
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


def source_version(facts: Facts) -> Found:
    """The archive comes from a server of prod's release or an older one."""
    if facts.archive is None or facts.catalog is None:
        return
    prod = facts.catalog.identity.version
    source_major = int(re.findall(r"\d+", facts.archive.server_version)[0])
    if source_major > prod.major:
        message = (
            f"The archive comes from PostgreSQL {facts.archive.server_version}, prod is {prod}: it may hold "
            "what the older server does not know."
        )
        yield Severity.WARNING, "prod", message, f"Upgrade prod to {source_major}, or rehearse first."
