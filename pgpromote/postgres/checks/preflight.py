"""The preflight: check everything before prod is touched, and report all findings at once.

Only `examine` builds a Clearance, and everything that touches prod takes one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql as compose

from pgpromote.postgres.archives.archive import extension_schema
from pgpromote.postgres.checks import facts as gathering
from pgpromote.postgres.checks.catalog import Catalog
from pgpromote.postgres.checks.choice import DEFAULT, Choice
from pgpromote.postgres.checks.facts import Facts
from pgpromote.postgres.checks.rules import RULES, missing
from pgpromote.postgres.errors import SILENT, UNTOUCHED, Refused
from pgpromote.postgres.model import (
    MONEY_AS_STORED,
    Aim,
    Clearance,
    Dump,
    Finding,
    Severity,
    Statement,
    TocEntry,
)
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote.postgres.tools import Tools


@dataclass(frozen=True)
class Report:
    """The outcome of all checks: their names, their findings, and the clearance if nothing forbids it.

    `skipped` names those that could not look, each with the reason. `aim` is the archive to compare prod
    with, even if a check forbids the promotion; None when prod or the archive could not be read. `answers`:
    prod could be asked.
    """

    checks: tuple[str, ...]
    findings: tuple[Finding, ...]
    clearance: Clearance | None
    skipped: Mapping[str, str]
    aim: Aim | None
    answers: bool = True

    def of(self, *checks: str) -> tuple[Finding, ...]:
        """Return the findings of one check, or of some."""
        return tuple(finding for finding in self.findings if finding.rule in checks)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid a promotion."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    def cleared(self) -> Clearance:
        """Return the clearance. Raises Refused, with every finding, when there is none."""
        if self.clearance is None:
            raise self.refusal()
        return self.clearance

    def refusal(self) -> Refused:
        """Return the error with every finding, and the state of prod."""
        return Refused(self.findings, UNTOUCHED if self.answers else SILENT)


def examine(
    path: Path,
    place: Place,
    available: list[Tools],
    choice: Choice = DEFAULT,
    *,
    source: Database | None = None,
    build_login: Database | None = None,
    dumped: bool = True,
) -> Report:
    """Examine an archive (or a plain SQL dump, by its suffix `.sql`) and prod, without changing anything.

    `source` is asked only for its identity and its version, and whether it is the same database as prod,
    marked as prod or promoted from it. `build_login` is the separate login that builds beside prod. Before
    the archive is `dumped`, the checks that need it cannot look. Raises ConfigError for choices that cannot
    be combined.
    """
    facts = gathering.gather(
        path, place, available, choice, source=source, build_login=build_login, dumped=dumped
    )
    findings = tuple(
        Finding(name, severity, subject, message, hint)
        for name, rule in RULES.items()
        for severity, subject, message, hint in rule(facts)
    )
    refused = any(finding.severity is Severity.ERROR for finding in findings)
    told = {finding.rule for finding in findings}
    skipped = {name: why for name in RULES if name not in told and (why := missing(name, facts))}
    aim = clearance = None
    if facts.archive and facts.catalog and not facts.archive_problem:
        chosen = facts.choice
        aim = Aim(
            facts.path,
            facts.archive,
            chosen.strategy,
            chosen.filters,
            sha256=facts.sha256,
            manifest=facts.manifest,
        )
        clearance = None if refused else _clear(facts, facts.archive, facts.catalog)
    return Report(tuple(RULES), findings, clearance, skipped, aim, answers=facts.prod.problem is None)


def _clear(facts: Facts, archive: Dump, catalog: Catalog) -> Clearance:
    installed = {name for name, extension in catalog.extensions.items() if extension.version}
    # A database beside prod begins empty, whatever prod has.
    present = set[str]() if facts.choice.strategy.empty else installed
    return Clearance(
        path=facts.path,
        sha256=facts.sha256,
        archive=archive,
        manifest=facts.manifest,
        strategy=facts.choice.strategy,
        target=facts.target.label,
        target_oid=catalog.identity.database_oid,
        filters=facts.choice.filters,
        create_extensions=tuple(
            statement
            for entry in archive.of_kind("EXTENSION")
            if entry.tag not in present
            for statement in _create_extension(entry, catalog)
        ),
        make_room=tuple(
            Statement(replaced.statement, f"The archive brings its own {replaced.description}")
            for replaced in catalog.replaced
            if replaced.statement
        ),
        rights=facts.choice.rights,
        settings=tuple(MONEY_AS_STORED.items()) if facts.money_as_stored else (),
    )


def _create_extension(entry: TocEntry, catalog: Catalog) -> Iterator[Statement]:
    """Yield the statement that creates the extension as in the source, and its schema if prod lacks that."""
    schema = extension_schema(entry)
    if schema not in catalog.schemas and not schema.startswith("pg_"):
        statement = compose.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(compose.Identifier(schema))
        yield Statement(statement.as_string(), f"The extension {entry.tag} lives in it")
    # Not the archive's own words: whoever wrote the file would speak with our rights.
    create = compose.SQL("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {}").format(
        compose.Identifier(entry.tag), compose.Identifier(schema)
    )
    yield Statement(create.as_string(), f"The archive needs the extension {entry.tag}")
