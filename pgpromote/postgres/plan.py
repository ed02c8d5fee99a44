"""What a promotion would cost prod, said before anything is touched; whether prod is still as it was then."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from psycopg import sql as compose
from psycopg.rows import class_row

from pgpromote.postgres import archive as archives
from pgpromote.postgres import contents, sql
from pgpromote.postgres.errors import Refused, ToolFailed
from pgpromote.postgres.model import Archive, Clearance, Content, Finding, Manifest, Severity
from pgpromote.postgres.selection import RELATIONS
from pgpromote.postgres.server import APPLICATION, Database, Session, connect, identify, redact
from pgpromote.postgres.tools import Tools, choose, run

Row = TypeVar("Row")

RULE, EXPECTED = "loss_preview", "expect_plan"
DESCRIPTION = "Nothing that only prod has would be lost: objects, columns, rows."
# A swap needs room for the new content beside prod, and the log may grow to its limit (facts §4).
HEADROOM = 1.3
PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
HINT = "Bring it to dev first if it shall stay."
HINT_ROWS = "Save these rows first if they matter; promote only when dev's are the right ones."
HINT_READ = "Grant SELECT on it, and BYPASSRLS where row security hides rows."
HINT_MANIFEST = "Dump with pgpromote dump; it writes the manifest beside the archive."


@dataclass(frozen=True)
class Sessions:
    """How many sessions of one application and user are connected to prod."""

    application: str
    user: str
    count: int


@dataclass(frozen=True)
class Plan:
    """What a promotion would cost: what prod would lose, who would be disconnected, the room it takes.

    Sizes are in bytes. `needed_size` is what a swap needs on prod's server beside prod; None for a
    promotion in place and for an archive that does not say how large its source was.
    """

    losses: tuple[Finding, ...]
    sessions: tuple[Sessions, ...]
    present_size: int
    needed_size: int | None


@dataclass(frozen=True)
class _Object:
    """An object of prod, named as in an archive; `part_of` is the relation that it cannot exist without."""

    kind: str
    schema: str
    name: str
    part_of: str | None

    @property
    def relation(self) -> tuple[str, str]:
        return self.schema, self.part_of or self.name

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class _Written:
    """A column or check constraint of a table of prod: an archive holds it in the table's definition."""

    kind: str
    schema: str
    table: str
    name: str


@dataclass(frozen=True)
class _Table:
    schema: str
    name: str
    readable: bool
    of_extension: bool

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class _Scope:
    """What a promotion brings and what it takes away."""

    archive: Archive
    manifest: Manifest | None
    in_place: bool
    reset_schema: str

    @cached_property
    def definitions(self) -> Mapping[tuple[str, str, str], str]:
        """What the archive brings: kind, schema and tag → definition."""
        return {(entry.kind, entry.schema, entry.tag): entry.definition for entry in self.archive.entries}

    @cached_property
    def relations(self) -> frozenset[tuple[str, str]]:
        """What the archive brings anew with all its parts: (schema, name)."""
        return frozenset((e.schema, e.tag) for e in self.archive.of_kind(*RELATIONS))

    def loses(self, found: _Object) -> bool:
        """Tell whether prod's object would be gone: in place, most of what the archive lacks stays."""
        if (found.kind, found.schema, found.name) in self.definitions:
            return False
        replaced = found.part_of is not None and found.relation in self.relations
        return not self.in_place or replaced or found.schema == self.reset_schema != ""

    def brought(self, table: _Table) -> Content | None:
        """Return what the archive brings into a table, None when that is not known."""
        if ("TABLE DATA", table.schema, table.name) not in self.definitions:
            return Content(0, None)
        return self.manifest.contents.get(table.label) if self.manifest else None


def preview(
    clearance: Clearance,
    manifest: Manifest | None,
    target: Database,
    promotion: str,
    *,
    reset_schema: str = "",
) -> Plan:
    """Look at what prod would lose by a promotion, without changing anything.

    Rows are counted, not estimated. A plain SQL dump says nothing of what it holds, so only a finding says
    that. Raises ConnectionFailed, SessionFailed.
    """
    with connect(target, promotion, autocommit=True) as session:
        return Plan(
            losses=tuple(_losses(session, clearance, manifest, reset_schema)),
            sessions=tuple(_rows(session, "plan/sessions", Sessions, {"application": APPLICATION})),
            present_size=identify(session).size,
            needed_size=None if clearance.in_place else _needed_size(session, manifest),
        )


def _needed_size(session: Session, manifest: Manifest | None) -> int | None:
    if manifest is None or manifest.database_size is None:
        return None
    row = session.execute(sql.read("plan/reserve")).fetchone()
    return int(HEADROOM * manifest.database_size) + int(str(row[0] if row else 0))


def _losses(
    session: Session, clearance: Clearance, manifest: Manifest | None, reset_schema: str
) -> Iterator[Finding]:
    if manifest is None:
        message = f"{clearance.path} has no manifest, so its rows cannot be compared with prod's."
        yield Finding(RULE, Severity.INFO, str(clearance.path), message, HINT_MANIFEST)
    if clearance.archive is not None:
        scope = _Scope(clearance.archive, manifest, clearance.in_place, reset_schema)
        lost = [each for each in _rows(session, "plan/objects", _Object, {}) if scope.loses(each)]
        whole = frozenset(each.relation for each in lost if each.kind in RELATIONS and each.part_of is None)
        yield from _lost_objects_and_rows(session, scope, lost, whole)
        yield from _lost_within_tables(session, scope)
    if clearance.archive is not None and not clearance.in_place:
        yield from _lost_large_objects(session, clearance.archive, manifest)


def _lost_objects_and_rows(
    session: Session, scope: _Scope, lost: list[_Object], whole: frozenset[tuple[str, str]]
) -> Iterator[Finding]:
    tables = [
        table
        for table in _rows(session, "plan/tables", _Table)
        if not table.of_extension and (table.schema, table.name) in whole | scope.relations
    ]
    held = contents.measure(session, [(t.schema, t.name) for t in tables if t.readable], hashed=False)
    for each in lost:
        if each.part_of is None or each.relation not in whole:
            yield _only_in_prod(each.kind, each.label, held.get(each.label) if each.kind == "TABLE" else None)
    for table in tables:
        if not table.readable:
            message = f"{table.label} cannot be read by our role, so its rows in prod are not counted."
            yield Finding(RULE, Severity.WARNING, table.label, message, HINT_READ)
        elif (table.schema, table.name) not in whole:
            yield from _lost_rows(table.label, held[table.label], scope.brought(table))


def _only_in_prod(kind: str, label: str, content: Content | None = None) -> Finding:
    rows = f" with its {content.rows} row(s)" if content and content.rows else ""
    message = f"{kind} {label} is only in prod; it would be lost{rows}."
    return Finding(RULE, Severity.WARNING, label, message, HINT)


def _lost_within_tables(session: Session, scope: _Scope) -> Iterator[Finding]:
    missing = (each for each in _rows(session, "plan/written", _Written) if not _is_written(scope, each))
    for (kind, schema, table), group in groupby(missing, lambda each: (each.kind, each.schema, each.table)):
        names = [each.name for each in group]
        if kind == "COLUMN":
            message = f"{schema}.{table} has columns only in prod, which would be lost: {', '.join(names)}."
            yield Finding(RULE, Severity.WARNING, f"{schema}.{table}", message, HINT)
        else:
            yield from (_only_in_prod(kind, f"{schema}.{table} {name}") for name in names)


def _is_written(scope: _Scope, each: _Written) -> bool:
    """Tell whether the archive's definition of the table has it; True for a table it does not bring."""
    kinds = ("TABLE", "FOREIGN TABLE")
    found = (scope.definitions.get((kind, each.schema, each.table)) for kind in kinds)
    definition = next((text for text in found if text is not None), None)
    if definition is None or (each.kind, each.schema, f"{each.table} {each.name}") in scope.definitions:
        return True
    # As pg_dump writes it: each column on its own line. Which words it quotes depends on its version.
    quoted = '"' + each.name.replace('"', '""') + '"'
    spellings = (quoted, each.name) if PLAIN_NAME.fullmatch(each.name) else (quoted,)
    pattern = "\n    {} " if each.kind == "COLUMN" else "CONSTRAINT {} CHECK "
    return any(pattern.format(spelling) in definition for spelling in spellings)


def _lost_rows(label: str, present: Content, brought: Content | None) -> Iterator[Finding]:
    if brought and (told := _more(present, brought)):
        yield Finding(RULE, Severity.WARNING, label, f"{label}: {told}.", HINT_ROWS)


def _more(present: Content, brought: Content) -> str:
    """Say what prod has more of than the archive, "" for nothing."""
    told = []
    if present.rows > brought.rows:
        told.append(f"prod has {present.rows} rows, the archive {brought.rows}")
    if present.highest is not None and brought.highest is not None and present.highest > brought.highest:
        told.append(f"prod's highest key is {present.highest}, the archive's {brought.highest}")
    return "; ".join(told)


def _lost_large_objects(session: Session, archive: Archive, manifest: Manifest | None) -> Iterator[Finding]:
    present = contents.measure_large_objects(session, hashed=False)
    brought: Content | None = Content(0, None)
    if archive.of_kind("BLOBS"):
        brought = manifest.contents.get(contents.LARGE_OBJECTS) if manifest else None
    if brought and present.rows > brought.rows:
        message = f"Prod has {present.rows} large objects, the archive {brought.rows}."
        yield Finding(RULE, Severity.WARNING, contents.LARGE_OBJECTS, message, HINT_ROWS)


def fingerprint(target: Database, available: list[Tools], promotion: str) -> str:
    """Digest prod as it is under one snapshot: definitions, grants, settings, rows, sequences, large objects.

    Equal for as long as nobody changes anything; another version of pg_dump may give another one.
    Raises ConnectionFailed, SessionFailed, ToolMissing, ToolFailed.
    """
    with contents.snapshot(target, promotion) as (session, snapshot):
        tools = choose(available, identify(session).version)
        definitions = _definitions(target, tools, snapshot, promotion)
        tables = [(table.schema, table.name) for table in _rows(session, "plan/tables", _Table)]
        held = contents.measure(session, tables)
        held[contents.LARGE_OBJECTS] = contents.measure_large_objects(session)
        state = (
            session.execute(sql.read("plan/database")).fetchone(),
            definitions,
            [(name, content.rows, content.hash) for name, content in held.items()],
            _positions(session),
        )
    return hashlib.sha256(json.dumps(state, default=str).encode()).hexdigest()[:32]


def check(expected: str, target: Database, available: list[Tools], promotion: str) -> None:
    """Check that prod is as it was when its fingerprint was taken. Raises Refused when it is not."""
    found = fingerprint(target, available, promotion)
    if found != expected:
        message = f"{target.label} has changed since the plan: its fingerprint is {found}, not {expected}."
        hint = "Run pgpromote plan again and look."
        raise Refused([Finding(EXPECTED, Severity.ERROR, target.label, message, hint)])


def _definitions(target: Database, tools: Tools, snapshot: str, promotion: str) -> list[tuple[str, ...]]:
    """Let pg_dump write prod's definitions; the file may hold secrets and is gone at once."""
    with TemporaryDirectory(prefix="pgpromote-") as directory:
        path = Path(directory) / "prod.dump"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        command = [tools.path("pg_dump"), f"--dbname={target.argument()}", f"--file={path}", "--no-password"]
        command += ["--schema-only", "--format=custom", "--lock-wait-timeout=300s", f"--snapshot={snapshot}"]
        completed = run(command, target.environment(promotion))
        if completed.returncode != 0:
            reason = redact(" ".join(completed.lines[-3:]), target) or completed.ending
            hint = "Plan as a role that may read all of prod."
            raise ToolFailed(f"pg_dump of the definitions of {target.label} failed: {reason}", hint)
        entries = archives.read(path).entries
    return sorted((e.kind, e.schema, e.tag, e.owner, e.tablespace, e.definition) for e in entries)


def _positions(session: Session) -> list[tuple[object, ...]]:
    sequences = [(str(schema), str(name)) for schema, name in session.execute(sql.read("plan/sequences"))]
    query = compose.SQL(sql.read("plan/position"))
    queries = [
        query.format(name=f"{schema}.{name}", sequence=compose.Identifier(schema, name))
        for schema, name in sequences
    ]
    rows: list[tuple[object, ...]] = []
    for first in range(0, len(queries), contents.CHUNK):
        chunk = compose.SQL("\nUNION ALL\n").join(queries[first : first + contents.CHUNK])
        with session.transaction(force_rollback=True):  # gives up the locks, as contents does
            rows += session.execute(chunk).fetchall()
    return sorted(rows, key=str)


def _rows(
    session: Session, query: str, row: type[Row], parameters: Mapping[str, object] | None = None
) -> list[Row]:
    statement = compose.SQL(sql.read(query)).format(named=compose.SQL(sql.read("catalog/named")))
    with session.cursor(row_factory=class_row(row)) as cursor:
        return cursor.execute(statement, parameters).fetchall()
