"""Comparison of every table's rows with those that were dumped: counts and hashes, table by table.

Partitions that pg_dump loads through their root are compared at the root: a hash partition by enum may get
other rows than it had on dev, because an enum's values are other numbers there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from pgpromote.postgres.archives.archive import NAME, unquote
from pgpromote.postgres.model import (
    EVERYTHING,
    Archived,
    Clearance,
    Content,
    Finding,
    Manifest,
    Severity,
    TocEntry,
)
from pgpromote.postgres.naming import command
from pgpromote.postgres.rows import contents, members
from pgpromote.postgres.rows.reading import Reading
from pgpromote.postgres.server import Session, identify

EXACT, COUNT, OFF = "exact", "count", "off"
RULE = "contents"
HINT = (
    "The restore lost or changed rows, or somebody wrote to prod since. Restore again; find the writer first."
)
NOT_PROVEN = "rows NOT proven"
HINT_DUMP = "Dump again with this version of pgpromote to have the rows compared."
# pg_dump writes it before the data of a partition that it loads through the root (pg_dump.c, from 16 on).
ROOT = "-- load via partition root "


class Unproven(StrEnum):
    """The reason why no table's rows were proven, as every report says it."""

    PLAIN_SQL = "plain SQL has no list of objects and no manifest"
    NO_MANIFEST = "no manifest"
    ADOPTED = "the archive was adopted, so nobody knows what dev held"
    DEFINITIONS = "only definitions were restored"
    OFF = "they were not to be compared"
    COUNTED = "they were only counted"


# What somebody chose is no warning.
CHOSEN = frozenset({Unproven.DEFINITIONS, Unproven.OFF, Unproven.COUNTED})


@dataclass(frozen=True)
class Compared:
    """One table, or tree of partitions: rows dumped, rows restored, and whether hashes were compared, too."""

    table: str
    dumped: int
    restored: int
    hashed: bool


@dataclass(frozen=True)
class Comparison:
    """The result of comparing rows: the mode, the differences, and the reason why nothing was proven.

    `unproven` is None where rows were proven, table by table.
    """

    mode: str
    compared: tuple[Compared, ...] = ()
    findings: tuple[Finding, ...] = ()
    unproven: Unproven | None = None


def compare(session: Session, clearance: Clearance, mode: str, reading: Reading | None = None) -> Comparison:
    """Compare the tables' content with the manifest.

    `exact` compares by rows and hashes, `count` by rows, `off` not at all. `reading` is told how far it is.
    """
    manifest, unproven = clearance.manifest, _unproven(clearance, mode)
    told = (_not_proven(clearance, unproven),) if unproven else ()
    if manifest is None or unproven not in {None, Unproven.COUNTED}:
        return Comparison(OFF, findings=told, unproven=unproven)
    encoding = None if identify(session).encoding == manifest.encoding else manifest.encoding
    hashed = mode == EXACT
    roots = loaded_through(clearance.archive.entries)
    reading = reading or Reading()
    reading.expect(_known(clearance, manifest))
    measured = _measure(session, clearance.archive.entries, reading, hashed=hashed, encoding=encoding)
    whole = measured.keys() - _partly_archived(manifest)
    known = whole & manifest.contents.keys()
    present = _at_roots({name: measured[name] for name in measured if name in known}, roots)
    wanted = _at_roots({name: manifest.contents[name] for name in measured if name in known}, roots)
    findings = (*told, *_differences(wanted, present, hashed=hashed), *map(_unknown, sorted(whole - known)))
    if clearance.filters == EVERYTHING:
        lost = members.lost(manifest, session, restored=True, hashed=hashed)
        findings += tuple(replace(found, rule=members.PROVEN) for found in lost)
    compared = tuple(
        Compared(name, dumped.rows, present[name].rows, hashed and contents.comparable(dumped, present[name]))
        for name, dumped in wanted.items()
    )
    return Comparison(mode, compared, findings, unproven)


def _unproven(clearance: Clearance, mode: str) -> Unproven | None:
    """Return the reason why rows will not be proven; None when every table is compared by rows and hashes."""
    known = {EXACT: None, COUNT: Unproven.COUNTED, OFF: Unproven.OFF}[mode]
    if not clearance.archive.listed:
        return Unproven.PLAIN_SQL
    if clearance.filters.schema_only:
        return Unproven.DEFINITIONS
    if clearance.manifest is None:
        return Unproven.NO_MANIFEST
    return Unproven.ADOPTED if clearance.manifest.adopted else known


def loaded_through(entries: Iterable[TocEntry]) -> dict[str, str]:
    """Return the root through which a restore loads a partition: `schema.partition` → `schema.root`."""
    return {
        entry.name: ".".join(unquote(part) for part in re.findall(NAME, entry.definition[len(ROOT) :]))
        for entry in entries
        if entry.kind == "TABLE DATA" and entry.definition.startswith(ROOT)
    }


def _partly_archived(manifest: Manifest) -> set[str]:
    """Return the tables that hold more than the archive brings: extensions fill them themselves."""
    return {each.table for each in (manifest.members or {}).values() if each.archived is Archived.SOME}


def _known(clearance: Clearance, manifest: Manifest) -> dict[str, int]:
    """Return the rows that tables of the archive are known to hold."""
    tables = map(".".join, contents.loaded_tables(clearance.archive.entries))
    return {name: manifest.contents[name].rows for name in tables if name in manifest.contents}


def _measure(
    session: Session, entries: Iterable[TocEntry], reading: Reading, *, hashed: bool, encoding: str | None
) -> dict[str, Content]:
    entries = tuple(entries)
    tables = contents.loaded_tables(entries)
    present = contents.measure(session, tables, hashed=hashed, encoding=encoding, reading=reading)
    if any(entry.kind == "BLOBS" for entry in entries):
        present[contents.LARGE_OBJECTS] = contents.measure_large_objects(session, hashed=hashed)
    return present


def _at_roots(held: Mapping[str, Content], roots: Mapping[str, str]) -> dict[str, Content]:
    """Add up the contents of partitions that are loaded through one root."""
    parts: dict[str, list[Content]] = {}
    for name, content in held.items():
        parts.setdefault(roots.get(name, name), []).append(content)
    return {name: found[0] if len(found) == 1 else contents.total(found) for name, found in parts.items()}


def _differences(
    wanted: Mapping[str, Content], present: Mapping[str, Content], *, hashed: bool
) -> Iterator[Finding]:
    if hashed and (old := sum(map(contents.outdated, wanted.values()))):
        message = f"An older pgpromote has hashed {old} of the archive's tables otherwise: only counted."
        yield Finding(RULE, Severity.WARNING, "hashes", message, HINT_DUMP)
    for name, content in wanted.items():
        if content.rows != present[name].rows:
            message = f"{name} holds {present[name].rows} rows; {content.rows} were dumped."
            yield Finding(RULE, Severity.ERROR, name, message, HINT)
        elif not hashed or contents.outdated(content):
            continue
        elif not contents.comparable(content, present[name]):
            message = f"{name} cannot be hashed here as it was at the dump, so its rows were only counted."
            yield Finding(RULE, Severity.WARNING, name, message)
        elif content.hash != present[name].hash:
            message = f"{name} holds as many rows as were dumped ({content.rows}), but not the same."
            yield Finding(RULE, Severity.ERROR, name, message, HINT)


def hint_to_dump() -> str:
    """Return the hint for an archive whose rows can be proven."""
    return f"Dump with {command('dump')}; it writes down what dev holds."


def _unknown(name: str) -> Finding:
    message = f"The manifest does not say what {name} held on dev, so its rows were not compared."
    return Finding(RULE, Severity.ERROR, name, message, HINT_DUMP)


def _not_proven(clearance: Clearance, why: Unproven) -> Finding:
    severity, hint = (Severity.INFO, "") if why in CHOSEN else (Severity.WARNING, hint_to_dump())
    return Finding(RULE, severity, str(clearance.path), f"{clearance.path}: {NOT_PROVEN}: {why}.", hint)
