"""Proof that the restored database equals the dumped one.

Every difference is a finding; errors fail the run.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from pgpromote.postgres import sql
from pgpromote.postgres.archives import objects
from pgpromote.postgres.archives.archive import digest, unquoted
from pgpromote.postgres.archives.description import Description, describe
from pgpromote.postgres.archives.objects import Column, Rewrite
from pgpromote.postgres.checks import access
from pgpromote.postgres.errors import ArchiveError, NotProven
from pgpromote.postgres.keys.sequences import behind, excluded_tables, set_back
from pgpromote.postgres.model import Archive, Clearance, Finding, Severity, parse_version
from pgpromote.postgres.naming import command
from pgpromote.postgres.rows import compare, contents
from pgpromote.postgres.rows.compare import EXACT, NOT_PROVEN, Compared, Comparison, Unproven
from pgpromote.postgres.rows.reading import Reading
from pgpromote.postgres.server import Database, Session, beside, connect
from pgpromote.postgres.tools import Tools

# Every rule that a proof can break, and what it demands. `views`, `index_keys`, `statistics.gather`,
# `rights.prove` and `unchanged` find what breaks the last five.
RULES = {
    "objects": "Everything that the archive brings is there as on dev, and works, and nothing else is.",
    "extension_versions": "Every extension of the archive is there, in dev's version.",
    "sequences": "No sequence is behind a column that it feeds, or behind where dev had it.",
    "contents": "Every table holds the rows that were dumped.",
    "extension_members": "What belongs to an extension, and so is not in the archive, is as on dev.",
    "materialized_views": "Every materialized view is filled, and a second refresh would not change it.",
    "index_keys": "Indexes hold the keys that applications will look for, whoever calls their functions.",
    "statistics": "Every table can be analyzed, so that its queries are planned well.",
    "rights_kept": "Every role can do what it could before, no more, and sees no hidden row (strategy swap).",
    "archive_unchanged": "The file that was restored is the one that the checks have allowed.",
}
UNCHANGED = "archive_unchanged"
HINT_CHANGED = "Start again. What lands while a restore runs, such as a nightly dump, needs another name."


@dataclass(frozen=True)
class Proof:
    """The result of a proof: comparisons and differences; `rows` counts the rows of all compared tables.

    `unproven` is the reason why no table's rows were proven, None when they were compared by their hashes.
    """

    mode: str
    tables: int
    rows: int
    findings: tuple[Finding, ...]
    compared: tuple[Compared, ...] = ()
    unproven: Unproven | None = None

    def of(self, rule: str) -> tuple[Finding, ...]:
        """Return the findings of one rule."""
        return tuple(finding for finding in self.findings if finding.rule == rule)

    def with_findings(self, findings: tuple[Finding, ...]) -> "Proof":
        """Return the proof with findings of another proof added."""
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

    @property
    def doubt(self) -> str:
        """The reason why rows are not, or not all, proven; "" when every table's hash was compared."""
        counted = sum(not each.hashed for each in self.compared)
        if self.unproven:
            return f"{NOT_PROVEN}: {self.unproven}"
        return f"{NOT_PROVEN}: {counted} of {self.tables} tables were only counted" if counted else ""

    @property
    def sentence(self) -> str:
        """The result in a sentence, proven and not proven parts: every report on a proof uses it."""
        if self.errors:
            return f"NOT proven: {len(self.errors)} difference(s)"
        what = "nothing" if self.unproven is Unproven.PLAIN_SQL else "objects only"
        if self.tables:
            how = "as many as were dumped" if self.doubt else "rows and hashes equal to what was dumped"
            what = f"{self.tables} tables, {self.rows:,} rows: {how}"
        return (
            f"{what}; {self.doubt}" if self.doubt else what if self.tables else "objects; no table with rows"
        )


@dataclass(frozen=True)
class Demand:
    """The demands of a proof.

    `mode` is `exact` to compare rows and hashes, `count` for rows only, `off` for no rows. A sequence that is
    behind is an error only where it was to be repaired: `repaired` says that repair ran, `identities` are the
    columns it made identities, `exclude` the tables it left alone. `filled` demands materialized views that
    are filled.
    """

    mode: str = EXACT
    repaired: bool = True
    identities: Collection[Column] = ()
    exclude: Sequence[str] = ()
    filled: bool = True


def prove(
    clearance: Clearance,
    target: Database,
    run_id: str,
    demand: Demand,
    *,
    available: Sequence[Tools],
    rewrite: Rewrite,
    meanwhile: Callable[[], None] = lambda: None,
    lagging: tuple[Finding, ...] | None = None,
    reading: Reading | None = None,
) -> Proof:
    """Compare the restored database with the archive's entries and with the tables' content in the manifest.

    Without a manifest, with one of an adopted archive, or for plain SQL, rows cannot be compared, and a
    warning says so. `rewrite` restores definitions once more into an empty database. `meanwhile` is work that
    leaves rows alone and can be done while they are compared, such as to fill materialized views; `lagging`
    are the findings of `sequences`, where it was called before. `reading` is told how far the comparison of
    rows is. Raises ToolFailed.
    """
    archive = clearance.archive

    def comparison(session: Session) -> Comparison:
        return compare.compare(session, clearance, demand.mode, reading)

    with connect(target, run_id) as session:
        hidden = _hidden(session, archive) if archive.listed and not clearance.strategy.empty else []
        with beside(session, comparison) as comparing:
            meanwhile()
            found = (
                describe(
                    target,
                    available,
                    archive.pg_dump_version,
                    run_id,
                    settings=dict(clearance.settings),
                    leave_out=hidden,
                )
                if archive.listed
                else None
            )
            compared = comparing.result()
        findings = (
            *(_objects(session, clearance, found, rewrite, demand) if found else ()),
            *_extensions(session, clearance),
            *(_sequences(session, clearance, demand) if lagging is None else lagging),
        )
    held = compared.compared
    dumped = sum(each.dumped for each in held)
    return Proof(compared.mode, len(held), dumped, findings + compared.findings, held, compared.unproven)


def sequences(clearance: Clearance, database: Database, run_id: str, demand: Demand) -> tuple[Finding, ...]:
    """Return findings for the sequences that are behind, as `prove` does.

    It asks for the highest keys, and the planner calls functions of indexes for that, as the role that asks.
    """
    with connect(database, run_id) as session:
        return tuple(_sequences(session, clearance, demand))


def unchanged(clearance: Clearance) -> Iterator[Finding]:
    """Yield a finding if the file is not the one that the checks allowed: pg_restore opens it by its name."""
    try:
        present = digest(clearance.path)
    except ArchiveError as problem:
        present, told = "", problem.message
    else:
        told = f"SHA-256 was {clearance.sha256[:12]}…, and is {present[:12]}…."
    if present != clearance.sha256:
        message = f"{clearance.path} was replaced or changed while it was restored. {told}"
        yield Finding(UNCHANGED, Severity.ERROR, str(clearance.path), message, HINT_CHANGED)


def _hidden(session: Session, archive: Archive) -> list[str]:
    """Return prod's relations that our role may not read.

    Those that the archive brings are left out: they are ours to describe.
    """
    brought = {entry.name for entry in archive.entries} | {contents.LARGE_OBJECTS}
    return [name for name in access.undumpable(session) if not {name, unquoted(name)} & brought]


def _objects(
    session: Session, clearance: Clearance, found: Description, rewrite: Rewrite, demand: Demand
) -> Iterator[Finding]:
    archive, manifest = clearance.archive, clearance.manifest
    if archive.listed:
        wanted = Description(archive.entries, manifest.rests_on if manifest else None)
        whole, limited = (
            clearance.strategy.empty,
            clearance.filters.schema_only or clearance.filters.data_only,
        )
        yield from objects.compare(archive, wanted, found, rewrite, whole=whole, identities=demand.identities)
        yield from objects.not_working(session, archive, whole=whole, populated=demand.filled and not limited)


def _extensions(session: Session, clearance: Clearance) -> Iterator[Finding]:
    rule, manifest = "extension_versions", clearance.manifest
    found = session.execute(sql.read("catalog/extension_versions")).fetchall()
    versions = {str(name): str(version) for name, version in found}
    for name in (entry.tag for entry in clearance.archive.of_kind("EXTENSION")):
        present, dumped = versions.get(name), manifest.extensions.get(name) if manifest else None
        if present is None:
            message = f"The extension {name} of the archive is not there."
            yield Finding(rule, Severity.ERROR, name, message, f"Run CREATE EXTENSION {name}.")
        elif dumped and present != dumped:
            older = parse_version(present) < parse_version(dumped)
            severity = Severity.WARNING if older else Severity.INFO
            message = (
                f"The extension {name} is {present}, {'older' if older else 'newer'} than dev's {dumped}."
            )
            yield Finding(rule, severity, name, message, f"ALTER EXTENSION {name} UPDATE." if older else "")


def _sequences(session: Session, clearance: Clearance, demand: Demand) -> Iterator[Finding]:
    for feed, position, repairable in behind(session, excluded_tables(session, demand.exclude)):
        users = " or ".join(
            f"{table}.{column}" for table, column in zip(feed.users, feed.columns, strict=True)
        )
        held = (
            f"{users} holds {position.furthest}" if position.furthest is not None else "it has no number left"
        )
        message = f"{feed.sequence} would give {position.upcoming} next; {held}."
        severity = Severity.ERROR if demand.repaired and repairable else Severity.WARNING
        hint = f"An insert would fail with a duplicate key. Run {command('repair')}."
        yield Finding("sequences", severity, str(feed.sequence), message, hint)
    if clearance.archive.listed:
        yield from set_back(session, clearance.archive)
