"""Objects of extensions, with users' changes to them: pg_dump leaves all of it to CREATE EXTENSION.

Rows that an extension has not registered as its configuration, columns, indexes, triggers and whatever else
was put on its tables are in no archive. So the source is asked at the dump, and prod is compared with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pgpromote.postgres import server
from pgpromote.postgres.model import Archived, Content, Finding, Manifest, Member, Severity
from pgpromote.postgres.rows import contents
from pgpromote.postgres.server import Session

# What it is called before the restore, and after it.
RULE, PROVEN = "extension_contents", "extension_members"
HINT = (
    "Bring it over yourself after the promotion. If it is yours and not the extension's, take it out on dev: "
    "ALTER EXTENSION … DROP …; then it is dumped. An extension's author registers tables with "
    "pg_extension_config_dump."
)


@dataclass(frozen=True)
class _Found:
    """One object of an extension as the catalogs have it; the names are those of a relation."""

    extension: str
    version: str
    object: str
    schema: str | None
    name: str | None
    holds_rows: bool | None
    readable: bool | None
    archived: str
    parts: list[str]


def read(session: Session, *, hashed: bool = True) -> dict[str, Member]:
    """Return the objects of a database's extensions: by kind and name, such as `table public.queue`."""
    found = server.rows(session, _Found, "members/members")
    tables = {
        each.object: (each.schema or "", each.name or "")
        for each in found
        if each.holds_rows and each.readable
    }
    held = contents.measure(session, list(tables.values()), hashed=hashed)
    return {
        each.object: Member(
            each.extension,
            each.version,
            tuple(each.parts),
            Archived(each.archived),
            held.get(table := ".".join(tables.get(each.object, ()))),
            table,
        )
        for each in found
    }


def lost(manifest: Manifest, session: Session, *, restored: bool, hashed: bool = True) -> Iterator[Finding]:
    """Yield findings for objects and rows of the source's extensions that this database lacks.

    Before the archive is `restored`, only rows that it does not bring can be compared; an extension that is
    not there is created, and its future objects are not known. Not `hashed` means that rows are counted.
    """
    wanted = manifest.members or {}
    present = read(session, hashed=hashed) if wanted else {}
    installed = {member.extension for member in present.values()}
    for name, member in wanted.items():
        if name in present:
            yield from _lacking(name, member, present[name])
            if restored or member.archived is Archived.NONE:
                yield from _otherwise_filled(name, member, present[name])
        elif member.extension in installed:
            yield _gone(name, member, present)
        elif member.archived is Archived.NONE and member.content and member.content.rows:
            message = f"{_told(name, member)} It has {_rows(member.content)} on dev."
            yield Finding(RULE, Severity.WARNING, name, message, HINT)


def _lacking(name: str, wanted: Member, present: Member) -> Iterator[Finding]:
    if missing := [part for part in wanted.parts if part not in present.parts]:
        severity = Severity.WARNING if wanted.version == present.version else Severity.INFO
        message = f"{_told(name, wanted)} Prod's lacks what dev's has: {', '.join(missing)}."
        yield Finding(RULE, severity, name, message, HINT)


def _otherwise_filled(name: str, wanted: Member, present: Member) -> Iterator[Finding]:
    if wanted.archived is Archived.ALL or wanted.content is None or present.content is None:
        return
    one, other = wanted.content, present.content
    if one.rows == other.rows and (one.hash == other.hash or not contents.comparable(one, other)):
        return
    counts = f"{_rows(one)} on dev and {other.rows} on prod"
    message = f"{_told(name, wanted)} It has {counts}{', not the same' if one.rows == other.rows else ''}."
    # Another version of the extension fills its tables otherwise, and has told which rows are the user's.
    other_version = wanted.archived is Archived.SOME and wanted.version != present.version
    yield Finding(RULE, Severity.INFO if other_version else Severity.WARNING, name, message, HINT)


def _gone(name: str, wanted: Member, present: Mapping[str, Member]) -> Finding:
    version = next(each.version for each in present.values() if each.extension == wanted.extension)
    empty = wanted.content is None or wanted.content.rows == 0
    rows = f", with {_rows(wanted.content)}" if wanted.content else ""
    message = f"{_told(name, wanted)} Dev has it{rows}; prod does not."
    other_version = empty and version != wanted.version
    return Finding(RULE, Severity.INFO if other_version else Severity.WARNING, name, message, HINT)


def _told(name: str, member: Member) -> str:
    part = "only a part of it is" if member.archived is Archived.SOME else "it is not"
    return f"{name} belongs to the extension {member.extension}, so {part} in the archive."


def _rows(content: Content) -> str:
    return f"{content.rows} row{'' if content.rows == 1 else 's'}"
