"""Prove that what was restored is what was dumped. Every difference is a finding; errors fail the run."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from pgpromote.postgres import access, contents, objects, sql
from pgpromote.postgres.archive import unquoted
from pgpromote.postgres.description import Description, describe
from pgpromote.postgres.errors import NotProven
from pgpromote.postgres.model import Archive, Clearance, Content, Finding, Manifest, Severity
from pgpromote.postgres.objects import Column, Rewrite
from pgpromote.postgres.sequences import behind, excluded_tables, set_back
from pgpromote.postgres.server import Database, Session, beside, connect, identify
from pgpromote.postgres.tools import Tools

EXACT, COUNT, OFF = "exact", "count", "off"
# Every rule that a proof can break, and what it demands. `rights.prove` finds what breaks the last one.
RULES = {
    "objects": "Everything that the archive brings is there as on dev, and works, and nothing else is.",
    "extension_versions": "Every extension of the archive is there, in dev's version.",
    "sequences": "No sequence is behind a column that it feeds, or behind where dev had it.",
    "contents": "Every table holds the rows that were dumped.",
    "rights_kept": "Every role can do what it could before, no more, and sees no hidden row (strategy swap).",
}
HINT = (
    "The restore lost or changed rows, or somebody wrote to prod since. Restore again; find the writer first."
)
HINT_BEHIND = "An insert would fail with a duplicate key. Run pgpromote repair."


@dataclass(frozen=True)
class Compared:
    """One table: rows that were dumped, rows that are there, and whether their hashes were compared, too."""

    table: str
    dumped: int
    restored: int
    hashed: bool


@dataclass(frozen=True)
class Proof:
    """What was compared and what differed; `rows` counts the rows of all tables that were compared."""

    mode: str
    tables: int
    rows: int
    findings: tuple[Finding, ...]
    compared: tuple[Compared, ...] = ()

    def of(self, rule: str) -> tuple[Finding, ...]:
        """Return the findings of one rule."""
        return tuple(finding for finding in self.findings if finding.rule == rule)

    def with_findings(self, findings: tuple[Finding, ...]) -> "Proof":
        """Add findings of another proof."""
        return replace(self, findings=self.findings + findings)

    def proven(self) -> "Proof":
        """Return the proof itself. Raises NotProven when something differs."""
        if self.errors:
            raise NotProven(self.findings)
        return self

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid to call it proven."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def prove(
    clearance: Clearance,
    manifest: Manifest | None,
    target: Database,
    promotion: str,
    mode: str = EXACT,
    *,
    available: Sequence[Tools],
    rewrite: Rewrite,
    repaired: bool = True,
    identities: Collection[Column] = (),
    exclude: Sequence[str] = (),
    meanwhile: Callable[[], None] = lambda: None,
) -> Proof:
    """Compare what was restored with the archive's entries and with what the manifest says tables held.

    `exact` compares rows and hashes, `count` rows only, `off` nothing. Without a manifest, or for plain
    SQL, rows cannot be compared, and a warning says so. A sequence that is behind is an error only where it
    was to be repaired: `repaired` says that repair ran, `identities` what it made, `exclude` what it left
    alone. `rewrite` restores definitions once more into an empty database. `meanwhile` is what leaves rows
    alone and can be done while they are compared, such as to fill materialized views. Raises ToolFailed.
    """
    archive = clearance.archive
    with connect(target, promotion) as session:
        hidden = _hidden(session, archive) if archive and clearance.in_place else []
        with beside(session, lambda session: _compare(session, clearance, manifest, mode)) as comparing:
            meanwhile()
            found = archive and describe(
                target, available, archive.pg_dump_version, promotion, leave_out=hidden
            )
            compared = comparing.result()
        findings = (
            *(
                _objects(session, clearance, manifest, found, rewrite=rewrite, identities=identities)
                if found
                else ()
            ),
            *_extensions(session, clearance, manifest),
            *_sequences(session, clearance, excluded_tables(session, exclude), repaired=repaired),
        )
    return replace(compared, findings=findings + compared.findings)


def _hidden(session: Session, archive: Archive) -> list[str]:
    """List what only prod has and our role may not read; what the archive brings is ours to describe."""
    brought = {entry.name for entry in archive.entries} | {contents.LARGE_OBJECTS}
    return [name for name in access.undumpable(session) if not {name, unquoted(name)} & brought]


def _objects(
    session: Session,
    clearance: Clearance,
    manifest: Manifest | None,
    found: Description,
    *,
    rewrite: Rewrite,
    identities: Collection[Column],
) -> Iterator[Finding]:
    if archive := clearance.archive:
        wanted = Description(archive.entries, manifest.rests_on if manifest else None)
        whole, limited = not clearance.in_place, clearance.filters.schema_only or clearance.filters.data_only
        yield from objects.compare(archive, wanted, found, rewrite, whole=whole, identities=identities)
        yield from objects.not_working(session, archive, whole=whole, populated=not limited)


def _extensions(session: Session, clearance: Clearance, manifest: Manifest | None) -> Iterator[Finding]:
    rule = "extension_versions"
    rows = session.execute(sql.read("catalog/extension_versions")).fetchall()
    versions = {str(name): str(version) for name, version in rows}
    for name in (entry.tag for entry in clearance.archive.of_kind("EXTENSION")) if clearance.archive else ():
        present, dumped = versions.get(name), manifest.extensions.get(name) if manifest else None
        if present is None:
            message = f"The extension {name} of the archive is not there."
            yield Finding(rule, Severity.ERROR, name, message, f"Run CREATE EXTENSION {name}.")
        elif dumped and present != dumped:
            older = _numbers(present) < _numbers(dumped)
            severity = Severity.WARNING if older else Severity.INFO
            message = (
                f"The extension {name} is {present}, {'older' if older else 'newer'} than dev's {dumped}."
            )
            yield Finding(rule, severity, name, message, f"ALTER EXTENSION {name} UPDATE." if older else "")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _sequences(
    session: Session, clearance: Clearance, excluded: frozenset[int], *, repaired: bool
) -> Iterator[Finding]:
    for feed, position, repairable in behind(session, excluded):
        users = " or ".join(
            f"{table}.{column}" for table, column in zip(feed.users, feed.columns, strict=True)
        )
        held = (
            f"{users} holds {position.furthest}" if position.furthest is not None else "it has no number left"
        )
        message = f"{feed.sequence} would give {position.upcoming} next; {held}."
        severity = Severity.ERROR if repaired and repairable else Severity.WARNING
        yield Finding("sequences", severity, str(feed.sequence), message, HINT_BEHIND)
    if clearance.archive:
        yield from set_back(session, clearance.archive)


def _compare(session: Session, clearance: Clearance, manifest: Manifest | None, mode: str) -> Proof:
    if mode == OFF or clearance.filters.schema_only:
        return Proof(OFF, 0, 0, ())
    if manifest is None or clearance.archive is None:
        return Proof(mode, 0, 0, (_nothing_to_compare(clearance),))
    hashed = mode == EXACT
    encoding = None if identify(session).encoding == manifest.encoding else manifest.encoding
    present = _measure(session, clearance, hashed=hashed, encoding=encoding)
    wanted = {name: manifest.contents[name] for name in present if name in manifest.contents}
    findings = tuple(_differences(wanted, present, hashed=hashed))
    compared = tuple(
        Compared(name, dumped.rows, present[name].rows, hashed and contents.comparable(dumped, present[name]))
        for name, dumped in wanted.items()
    )
    return Proof(mode, len(wanted), sum(each.dumped for each in compared), findings, compared)


def _measure(
    session: Session, clearance: Clearance, *, hashed: bool, encoding: str | None
) -> dict[str, Content]:
    entries = clearance.archive.entries if clearance.archive else ()
    tables = contents.loaded_tables(entries)
    present = contents.measure(session, tables, hashed=hashed, encoding=encoding)
    if any(entry.kind == "BLOBS" for entry in entries):
        present[contents.LARGE_OBJECTS] = contents.measure_large_objects(session, hashed=hashed)
    return present


def _differences(
    wanted: dict[str, Content], present: dict[str, Content], *, hashed: bool
) -> Iterator[Finding]:
    for name, content in wanted.items():
        if content.rows != present[name].rows:
            message = f"{name} holds {present[name].rows} rows; {content.rows} were dumped."
            yield Finding("contents", Severity.ERROR, name, message, HINT)
        elif hashed and not contents.comparable(content, present[name]):
            message = f"{name} cannot be hashed here as it was at the dump, so its rows were only counted."
            yield Finding("contents", Severity.WARNING, name, message)
        elif hashed and content.hash != present[name].hash:
            message = f"{name} holds as many rows as were dumped ({content.rows}), but not the same."
            yield Finding("contents", Severity.ERROR, name, message, HINT)


def _nothing_to_compare(clearance: Clearance) -> Finding:
    message = f"{clearance.path} has no manifest, so its contents cannot be compared with prod's."
    hint = "Dump with pgpromote dump; it writes the manifest beside the archive."
    return Finding("contents", Severity.WARNING, str(clearance.path), message, hint)
