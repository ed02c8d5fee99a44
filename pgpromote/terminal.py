"""How the command line shows values: tables and lines for people, JSON for programs."""

import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pgpromote.postgres.audit import describe
from pgpromote.postgres.cutover import CutOver
from pgpromote.postgres.model import Archive, ColumnFinding, Filters, Finding, Manifest, Severity, TocEntry
from pgpromote.postgres.plan import Plan
from pgpromote.postgres.preflight import Report
from pgpromote.postgres.previous import Previous
from pgpromote.postgres.prove import EXACT, Proof
from pgpromote.postgres.repair import Repair
from pgpromote.postgres.reset import Reset
from pgpromote.postgres.restore import Restored
from pgpromote.postgres.safety import Safety
from pgpromote.record import Kept, Record

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
# Names of databases and tables may look like markup or emoji codes; they are shown as they are.
LITERAL = {"highlight": False, "soft_wrap": True, "markup": False, "emoji": False}
OUT = Console(**LITERAL)  # type: ignore[arg-type]
ERR = Console(stderr=True, **LITERAL)  # type: ignore[arg-type]


def show_json(value: object) -> None:
    """Print a value as JSON on stdout."""
    OUT.print(json.dumps(_plain(value), indent=2, ensure_ascii=False, default=str))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


@contextmanager
def progress(task: str, total: int | None = None, *, verbose: bool = False) -> Iterator["Line"]:
    """Show a bar on a terminal, one plain line otherwise; yields what takes a tool's lines."""
    if verbose or not ERR.is_terminal:
        ERR.print(task)
        yield Line(None, verbose=verbose)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=ERR, transient=True) as bars:
        bars.add_task(task, total=total)
        yield Line(bars, verbose=False)


@contextmanager
def only_steps(*, verbose: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield what shows a step, and keep everything else that the block prints off the terminal.

    Dagster captures the tools' lines for its UI and copies them to stdout and stderr; here nobody asked.
    """
    with ExitStack() as stack:
        stream = stack.enter_context(os.fdopen(os.dup(2), "w", encoding="utf-8"))
        console = Console(file=stream, **LITERAL)  # type: ignore[arg-type]
        if not verbose:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            for number in (1, 2):
                kept = os.dup(number)
                stack.callback(os.close, kept)
                stack.callback(os.dup2, kept, number)
                os.dup2(nowhere, number)
        yield lambda step: console.print(f"  {step.rpartition('.')[2].replace('_', ' ')}")


class Line:
    """Takes the lines that a tool prints and moves the bar, or prints them."""

    def __init__(self, bars: Progress | None, *, verbose: bool) -> None:
        self.bars = bars
        self.verbose = verbose

    def __call__(self, line: str) -> None:
        """Take one line."""
        if self.verbose:
            ERR.print(line)
        if self.bars and any(sign in line for sign in ("creating ", "processing data", "dumping contents")):
            self.bars.advance(self.bars.task_ids[0])


def show_manifest(archive: Archive, manifest: Manifest) -> None:
    """Show what was dumped."""
    _headline("Dumped", f"{manifest.source} in {manifest.seconds} s")
    _facts(
        {
            "archive": str(archive.path),
            "size": f"{archive.size:,} bytes, {archive.compression}",
            "sha256": manifest.sha256,
            "objects": _counts(manifest.counts),
        }
    )


def warn_of_scope(filters: Filters) -> None:
    """Warn when the scope is limited on purpose."""
    if str(filters):
        ERR.print(f"Warning: limited on purpose to {filters}; this is not the whole database.")


def show_outside(plan: Reset) -> None:
    """Show what a reset takes outside its schema, before it does."""
    ERR.print(f"Resetting the schema {plan.schema}; outside of it the reset takes:")
    for finding in plan.outside:
        ERR.print(f"  {finding.severity.value}: {finding.message}")
    if not plan.outside:
        ERR.print("  nothing")


def show_archive(archive: Archive, found: Sequence[TocEntry] | None) -> None:
    """Show an archive's header, its counts, and the entries that were searched for."""
    _facts(
        {
            "archive": str(archive.path),
            "created": archive.created_at.isoformat(" "),
            "source": f"{archive.source_database}, PostgreSQL {archive.server_version}",
            "written by": f"pg_dump {archive.pg_dump_version}",
            "format": f"custom {'.'.join(map(str, archive.format_version))}, {archive.compression}",
            "size": f"{archive.size:,} bytes",
        }
    )
    if found is None:
        _table(("kind", "entries"), [(kind, str(count)) for kind, count in archive.counts().items()])
    else:
        _table(("kind", "name", "owner"), [(entry.kind, entry.name, entry.owner) for entry in found])


def show_report(report: Report) -> None:
    """Show every check, with its findings."""
    for check in report.checks:
        found = report.of(check)
        worst = next((s for s in Severity if any(f.severity is s for f in found)), None)
        mark = worst.value if worst else "ok"
        _headline(f"{mark:>9}", check.replace("_", " "), COLOURS[worst] if worst else "green")
        for finding in found:
            show_finding(finding)


def show_finding(finding: Finding) -> None:
    """Show what was found and what to do."""
    OUT.print(f"      {finding.message}")
    if finding.hint:
        OUT.print(f"      → {finding.hint}")


def show_plan(plan: Plan, fingerprint: str) -> None:
    """Show what prod would lose, who is connected to it, what a swap needs, and prod's fingerprint."""
    _headline("Plan", "what a promotion would take from prod" if plan.losses else "prod would lose nothing")
    for finding in plan.losses:
        show_finding(finding)
    sessions = (f"{s.count} of {s.user} ({s.application or 'no name'})" for s in plan.sessions)
    _facts(
        {
            "sessions": ", ".join(sessions),
            "prod holds": f"{plan.present_size:,} bytes",
            "a swap needs": "" if plan.needed_size is None else f"{plan.needed_size:,} bytes beside it",
            "fingerprint": f"{fingerprint}  (pgpromote restore --expect-plan {fingerprint})",
        }
    )


def show_rehearsal(done: Record) -> None:
    """Show what a promotion would have done."""
    _headline("Rehearsed", "everything but the cut-over went well; prod is untouched")
    for finding in done.plan.losses if done.plan else ():
        show_finding(finding)
    if done.repair:
        show_repair(done.repair, done=True)
    if done.proof:
        show_proof(done.proof)


def show_safety(path: Path) -> None:
    """Show where prod's own archive lies."""
    _headline("Kept", f"prod as it was, in {path}; back with: pgpromote rollback")


def show_kept(kept: Kept) -> None:
    """Show what is beyond what is to be kept."""
    if kept.dropped:
        _headline("Dropped", ", ".join(kept.dropped))
    for finding in kept.findings:
        show_finding(finding)


def show_restored(restored: Restored) -> None:
    """Show what was restored."""
    _headline("Restored", f"into {restored.target} in {restored.seconds} s")
    parallel = f"{restored.jobs} jobs" if restored.jobs > 1 else "1 connection"
    _facts(
        {
            "archive": f"{restored.path} ({parallel})",
            "sha256": restored.sha256,
            "objects": _counts(restored.counts),
        }
    )


def show_proof(proof: Proof) -> None:
    """Show what was compared with what was dumped."""
    if proof.tables:
        how = "rows and hashes" if proof.mode == EXACT else "rows"
        _headline("Proven", f"{proof.tables} tables, {proof.rows:,} rows: {how} equal to what was dumped")
    for finding in proof.findings:
        show_finding(finding)


def show_history(databases: Sequence[Previous], archives: Sequence[Safety]) -> None:
    """Show what prod was before in one list, newest first, and how to bring each back."""
    if not databases and not archives:
        OUT.print("No previous database and no safety archive is kept.")
        return
    kept = [(p.swapped_at, "database", p.size, p.name, p.usable) for p in databases]
    kept += [(a.taken_at, "archive", a.size, a.path.name, a.usable) for a in archives]
    rows = [
        (
            kind,
            at.isoformat(" ", "seconds"),
            "unknown size" if size is None else f"{size:,} bytes",
            f"pgpromote rollback {shlex.quote(name)}" if usable else f"not whole, cannot come back: {name}",
        )
        for at, kind, size, name, usable in sorted(kept, reverse=True, key=lambda each: each[0])
    ]
    _table(("kind", "until", "size", "back with"), rows)


def show_cut_over(done: CutOver) -> None:
    """Show a cut-over that is done."""
    _headline("Swapped", f"{done.target}; the gap was {done.downtime_ms} ms, {done.previous} is kept")


def show_audit(found: Mapping[str, Sequence[ColumnFinding]]) -> None:
    """Show the findings of each audit rule."""
    for rule, findings in found.items():
        colour = "green" if not findings else COLOURS[findings[0].severity]
        _headline(rule.replace("_", " "), f"{len(findings)}  {describe(rule)}", colour)
        columns = ("severity", "schema", "table", "column", "type", "suggestion")
        if findings:
            rows = [(f.severity.value, f.schema, f.table, f.column, f.type, f.suggestion) for f in findings]
            _table(columns, rows)


def show_repair(repair: Repair, *, done: bool) -> None:
    """Show the statements with their reasons, and what was left alone."""
    _headline("Repaired" if done else "Would repair", f"{len(repair.changes)} primary key(s)")
    for statement in repair.statements:
        OUT.print(f"  {statement.sql};")
        OUT.print(f"    -- {statement.why}", style="dim")
    for skipped in repair.skipped:
        OUT.print(f"  left alone: {skipped.message}")
    for finding in repair.findings:
        show_finding(finding)


def show_refreshed(assets: Mapping[str, Mapping[str, object]], failed_checks: Sequence[str]) -> None:
    """Show on one screen what a refresh did."""
    archive, prod = assets["dev_dump_archive"], assets["prod_schema"]
    rows = len(getattr(prod["rows by table"], "records", ()))
    repaired, skipped = _records(prod["repair statements"]), _records(prod["repair skipped"])
    _facts(
        {
            "archive": f"{archive['path']}, {archive['size (bytes)']:,} bytes, {archive['objects']} objects",
            "sha256": str(archive["sha256"]),
            "swapped": _swapped(prod),
            "proven": f"{prod['proven tables']} tables, {prod['proven rows']:,} rows ({prod['proof']})",
            "restored": f"{prod['dagster/row_count']:,} rows in {rows} tables into {prod['target']}",
            "repaired": f"{prod['repairs']} statements, {len(skipped)} keys left alone",
        }
    )
    for statement in repaired[:6]:
        OUT.print(f"    {statement['statement']};")
    if len(repaired) > 6:
        OUT.print(f"    … and {len(repaired) - 6} more")
    for name in ("primary_key_audit", "not_null_audit"):
        OUT.print(f"  {name.replace('_', ' '):<12} {assets[name]['findings']} finding(s)")
    OUT.print(
        f"  {'checks':<12} {', '.join(failed_checks) + ' not passed' if failed_checks else 'all passed'}"
    )


def _swapped(prod: Mapping[str, object]) -> str:
    if "gap (ms)" not in prod:
        return ""
    return f"gap {prod['gap (ms)']} ms; kept {prod['previous database']}; back with: pgpromote rollback"


def _headline(word: str, rest: str, colour: str = "green") -> None:
    OUT.print(Text.assemble((word, colour), " ", rest))


def _records(table: object) -> list[dict[str, str]]:
    records = getattr(table, "records", ())
    return [cast("dict[str, str]", record.data) for record in records]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind.lower()}" for kind, count in counts.items())


def _facts(facts: Mapping[str, str]) -> None:
    for name, value in facts.items():
        if value:
            OUT.print(f"  {name:<12} {value}")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show a table on a terminal, and one line per row to a program that reads lines."""
    if not OUT.is_terminal:
        for row in rows:
            OUT.print("\t".join(row))
        return
    table = Table(*columns, box=None, pad_edge=True, header_style="bold")
    for row in rows:
        table.add_row(*row)
    OUT.print(table, soft_wrap=False)
