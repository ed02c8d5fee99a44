"""Prove that what was restored is what was dumped. Every difference is a finding; errors fail the run."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pgpromote.postgres import contents, objects, sql
from pgpromote.postgres.errors import NotProven
from pgpromote.postgres.model import Clearance, Content, Finding, Manifest, Severity
from pgpromote.postgres.sequences import behind, excluded_tables
from pgpromote.postgres.server import Database, Session, beside, connect, identify

EXACT, COUNT, OFF = "exact", "count", "off"
# Every rule that a proof can break, and what it demands. `statistics.gather` and `rights.prove` find what
# breaks the last two.
RULES = {
    "objects": "Everything that the archive brings is there, and works as it did on dev.",
    "extension_versions": "Every extension of the archive is there, in dev's version.",
    "sequences": "No sequence is behind a column that it feeds, or behind where dev had it.",
    "contents": "Every table holds the rows that were dumped.",
    "statistics": "Every table can be analyzed, so that its queries are planned well (strategy swap).",
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
    repaired: bool = True,
    exclude: Sequence[str] = (),
    meanwhile: Callable[[], None] | None = None,
) -> Proof:
    """Compare what was restored with the archive's entries and with what the manifest says tables held.

    `exact` compares rows and hashes, `count` rows only, `off` nothing. Without a manifest, or for plain
    SQL, rows cannot be compared, and a warning says so. A sequence that is behind is an error only where it
    was to be repaired: `repaired` says that repair ran, `exclude` what it left alone. `meanwhile` is what
    leaves rows alone and can be done while they are compared, such as to fill materialized views.
    """
    with connect(target, promotion) as session:
        if meanwhile:
            with beside(session, lambda session: _compare(session, clearance, manifest, mode)) as comparing:
                meanwhile()
                compared = comparing.result()
        else:
            compared = _compare(session, clearance, manifest, mode)
        findings = (
            *_objects(session, clearance),
            *_extensions(session, clearance, manifest),
            *_sequences(session, clearance, excluded_tables(session, exclude), repaired=repaired),
        )
    return replace(compared, findings=findings + compared.findings)


def _objects(session: Session, clearance: Clearance) -> list[Finding]:
    limited = clearance.filters.schema_only or clearance.filters.data_only
    archive = clearance.archive
    return objects.incomplete(session, archive, populated=not limited) if archive else []


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
        yield from objects.set_back(session, clearance.archive)


def _compare(session: Session, clearance: Clearance, manifest: Manifest | None, mode: str) -> Proof:
    if mode == OFF or clearance.filters.schema_only:
        return Proof(OFF, 0, 0, ())
    if manifest is None or clearance.archive is None:
        return Proof(mode, 0, 0, (_nothing_to_compare(clearance),))
    same_encoding = identify(session).encoding == manifest.encoding
    hashed = mode == EXACT and same_encoding
    present = _measure(session, clearance, hashed=hashed)
    wanted = {name: manifest.contents[name] for name in present if name in manifest.contents}
    findings = tuple(_differences(wanted, present, hashed=hashed))
    if mode == EXACT and not same_encoding:
        message = "Prod has another encoding than the source, so rows were only counted."
        findings += (Finding("contents", Severity.WARNING, "encoding", message),)
    compared = tuple(
        Compared(name, dumped.rows, present[name].rows, hashed and contents.comparable(dumped, present[name]))
        for name, dumped in wanted.items()
    )
    return Proof(mode, len(wanted), sum(each.dumped for each in compared), findings, compared)


def _measure(session: Session, clearance: Clearance, *, hashed: bool) -> dict[str, Content]:
    entries = clearance.archive.entries if clearance.archive else ()
    present = contents.measure(session, contents.loaded_tables(entries), hashed=hashed)
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
