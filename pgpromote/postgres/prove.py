"""Prove that what was restored is what was dumped. Every difference is a finding; errors fail the run."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pgpromote.postgres import contents, objects
from pgpromote.postgres.errors import NotProven
from pgpromote.postgres.model import Clearance, Content, Finding, Manifest, Severity
from pgpromote.postgres.server import Database, Session, connect, identify

EXACT, COUNT, OFF = "exact", "count", "off"
HINT = (
    "The restore lost or changed rows, or somebody wrote to prod since. Restore again; find the writer first."
)


@dataclass(frozen=True)
class Proof:
    """What was compared and what differed; `rows` counts the rows of all tables that were compared."""

    mode: str
    tables: int
    rows: int
    findings: tuple[Finding, ...]

    def of(self, rule: str) -> tuple[Finding, ...]:
        """Return the findings of one rule."""
        return tuple(finding for finding in self.findings if finding.rule == rule)

    def with_findings(self, findings: tuple[Finding, ...]) -> "Proof":
        """Add findings of another proof."""
        return replace(self, findings=self.findings + findings)

    def proven(self) -> "Proof":
        """Return the proof itself. Raises NotProven when something differs."""
        if any(finding.severity is Severity.ERROR for finding in self.findings):
            raise NotProven(self.findings)
        return self


def prove(
    clearance: Clearance, manifest: Manifest | None, target: Database, promotion: str, mode: str = EXACT
) -> Proof:
    """Compare what was restored with the archive's entries and with what the manifest says tables held.

    `exact` compares rows and hashes, `count` rows only, `off` nothing. Without a manifest, or for plain
    SQL, nothing can be compared, and a warning says so.
    """
    with connect(target, promotion) as session:
        missing = tuple(objects.incomplete(session, clearance.archive)) if clearance.archive else ()
        compared = _compare(session, clearance, manifest, mode)
    return replace(compared, findings=missing + compared.findings)


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
    return Proof(mode, len(wanted), sum(content.rows for content in wanted.values()), findings)


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
        elif hashed and content.hash != present[name].hash:
            message = f"{name} holds as many rows as were dumped ({content.rows}), but not the same."
            yield Finding("contents", Severity.ERROR, name, message, HINT)


def _nothing_to_compare(clearance: Clearance) -> Finding:
    message = f"{clearance.path} has no manifest, so its contents cannot be compared with prod's."
    hint = "Dump with pgpromote dump; it writes the manifest beside the archive."
    return Finding("contents", Severity.WARNING, str(clearance.path), message, hint)
