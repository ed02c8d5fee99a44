"""Values on the screen of the command line: tables and lines for people, JSON for programs."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass, replace
from itertools import groupby
from typing import cast

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pgpromote.postgres import audit
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.details import one_line, visible
from pgpromote.postgres.errors import ProdState
from pgpromote.postgres.keys.repair import Repair
from pgpromote.postgres.losses.plan import Plan
from pgpromote.postgres.model import (
    Archive,
    Filters,
    Finding,
    Manifest,
    Severity,
    TocEntry,
)
from pgpromote.postgres.rows.compare import NOT_PROVEN
from pgpromote.postgres.strategy import Strategy
from pgpromote.run.doctor import Line
from pgpromote.run.notes import limited
from pgpromote.run.options import Options
from pgpromote.run.rollback import Status, Way
from pgpromote.run.state import Note, State
from pgpromote.terminal import console as consoles
from pgpromote.terminal import past, summary
from pgpromote.terminal.progress import Dumping, Refreshing, Returning, Running

OUT, ERR, literal = consoles.OUT, consoles.ERR, consoles.literal
SHOWN = 3
COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def show_json(value: object) -> None:
    """Print a value as JSON on stdout."""
    click.echo(visible(json.dumps(_plain(value), indent=2, ensure_ascii=False, default=str)))


def _plain(value: object) -> object:
    if isinstance(value, Strategy):
        return value.name
    if isinstance(value, ProdState):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


@contextmanager
def drawn(
    picture: Dumping | Running | Returning, *, verbose: bool = False
) -> Iterator[Callable[[str], None]]:
    """Draw a picture of the block's progress on a terminal, one plain line otherwise.

    Yields the callback for a tool's lines; `verbose` prints them instead of the picture.
    """
    if verbose or ERR.quiet or not ERR.is_interactive:
        ERR.print(picture.title)
        yield ERR.print if verbose else picture.count.take
        return
    with Live(picture, console=ERR, transient=True):
        yield picture.count.take


@contextmanager
def only_steps(picture: Refreshing, *, verbose: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield the callback that shows a step, and keep all other output of the block off the terminal.

    On a terminal it is shown in the picture, otherwise on a plain line.

    Dagster captures the tools' lines for its UI and copies them to stdout and stderr; here nobody asked.
    """
    with ExitStack() as stack:
        stream = stack.enter_context(os.fdopen(os.dup(2), "w", encoding="utf-8"))
        console = literal(file=stream, quiet=ERR.quiet)
        console.copy = ERR.copy
        elsewhere = os.dup(2) if verbose else os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, elsewhere)
        for number in (1, 2):
            kept = os.dup(number)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, number)
            os.dup2(elsewhere, number)
        stack.callback(sys.stdout.flush)
        if console.is_interactive and not verbose and not ERR.quiet:
            stack.enter_context(
                Live(picture, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
            )
            yield picture.begin
        else:
            yield lambda step: console.print(f"  {step.rpartition('.')[2].replace('_', ' ')}")


def show_dumped(archive: Archive, manifest: Manifest) -> None:
    """Show a new archive on one screen."""
    _headline("Dumped", f"{manifest.source} in {manifest.seconds} s")
    _facts(summary.of_dump(archive, manifest))


def show_adopted(archive: Archive, manifest: Manifest) -> None:
    """Show an adopted archive on one screen, and that the contents of its source are not known."""
    _headline("Adopted", f"{archive.path}; its {NOT_PROVEN}", "yellow")
    _facts(summary.of_adoption(archive, manifest))


def show_run(done: State) -> None:
    """Show a run on one screen."""
    if done.cut_over:
        _headline("Swapped", done.target)
    elif done.strategy.beside:
        _headline("Rehearsed", "everything but the cut-over went well; prod is untouched")
    else:
        _headline("Restored", f"into {done.target}, in place")
    _facts(summary.of_run(done))
    for line in summary.findings(summary.of_interest(done), whole=_whole()):
        OUT.print(line)


def show_scope(filters: Filters) -> None:
    """Warn when the scope is limited on purpose."""
    if str(filters):
        ERR.print(limited(str(filters)))


def show_notes(notes: Iterable[Note]) -> None:
    """Print the notes on a step that a person at the terminal should see."""
    for note in notes:
        if note.severity is Severity.WARNING:
            ERR.print(note.text)


def show_problem(problem: str) -> None:
    """Print a loud warning about a failure that does not fail the command."""
    ERR.loud(f"Warning: {problem}", style="bold yellow")


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
    """Show every check, with its findings or the reason why it was skipped."""
    for check in report.checks:
        if why := report.skipped.get(check):
            _headline(f"{'skipped':>9}", f"{check.replace('_', ' ')}: {why}", "dim")
            continue
        found = report.of(check)
        worst = next((s for s in Severity if any(f.severity is s for f in found)), None)
        mark = worst.value if worst else "ok"
        _headline(f"{mark:>9}", check.replace("_", " "), COLOURS[worst] if worst else "green")
        for finding in found:
            show_finding(finding)


def show_doctor(lines: Sequence[Line]) -> None:
    """Show what was looked at, a line each, and below it what to do."""
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    for line in lines:
        _headline(f"{line.state.value:>4}", one_line(f"{line.name}: {line.seen}"), colours[line.state.value])
        if line.to_do:
            OUT.print(f"     → {line.to_do}")


def show_finding(finding: Finding) -> None:
    """Show a finding and its remedy."""
    OUT.print(f"      {finding.message}")
    if finding.hint:
        OUT.print(f"      → {finding.hint}")


def show_plan(
    plan: Plan, options: Options, fingerprint: str, command: str, dropped: Sequence[str] = ()
) -> None:
    """Show the predicted losses, the sessions, the needs of a swap, and the command that does it.

    `dropped` are the names that retention would drop afterwards.
    """
    lost = any(finding.severity is not Severity.INFO for finding in plan.losses)
    limited = f", limited to {options.filters}" if str(options.filters) else ""
    loss = "what follows" if lost else "nothing"
    _headline("Plan", f"by {options.strategy}{limited}, prod would lose {loss}; {_kept(options)}")
    show_losses(plan.losses, OUT)
    _facts(
        {
            "sessions": summary.sessions(plan, options.strategy),
            "prod holds": f"{plan.present_size:,} bytes",
            "a swap needs": summary.needed(plan),
            "drops then": ", ".join(dropped),
            "fingerprint": fingerprint,
            "go on with": command,
        }
    )


def _kept(options: Options) -> str:
    if options.strategy.beside:
        return "the previous database keeps what prod was"
    where = f"outside of the schema {options.strategy.reset}, " if options.strategy.reset else ""
    what = "a safety archive" if options.safety_archive else "nothing"
    return f"{where}what is not replaced stays as it is; {what} keeps what prod was"


def show_losses(losses: Sequence[Finding], console: Console = ERR) -> None:
    """Show the losses of prod; a remedy is shown once for findings in a row."""
    for hint, found in groupby(losses, lambda finding: finding.hint):
        for finding in found:
            console.print(f"      {finding.message}")
        if hint:
            console.print(f"      → {hint}")


def show_history(found: Sequence[past.Kept]) -> None:
    """Show earlier contents of prod, newest first, each with a line for the command that brings it back."""
    if not found:
        OUT.print("No previous database and no safety archive is kept.")
    for each in found:
        row = (each.kind, each.until.isoformat(" ", "seconds"), each.size, each.what, each.back)
        kind, until, size, what, back = map(one_line, row)
        if OUT.is_terminal:
            _headline(f"{kind} until {until}, {size}:", what)
            OUT.print(f"  {back}")
        else:
            click.echo(f"{kind}\t{until}\t{size}\t{what}\t{back}")


def show_status(status: Status) -> None:
    """Show the status of prod, and whether it is on hold."""
    _facts({name: one_line(value) for name, value in past.of_status(status).items()})


def show_way(way: Way) -> None:
    """Show the current prod, and the one that a rollback would bring back."""
    ERR.print(*map(one_line, past.of_way(way)), sep="\n")


def show_cut_over(done: CutOver) -> None:
    """Show a cut-over that is done."""
    _headline("Swapped", f"{done.target}; the gap was {done.downtime_ms} ms, {done.previous} is kept")


def show_audit(
    found: Mapping[str, Sequence[Finding]],
    suppressed: Sequence[Finding] = (),
    notes: Sequence[Finding] = (),
) -> None:
    """Show the findings of each audit rule that has some, the worst first, with their remedies.

    `notes` say which rules had nothing to go on.
    """
    for severity in Severity:
        for rule, findings in found.items():
            if findings and severity is min((f.severity for f in findings), key=list(Severity).index):
                why = audit.describe(rule) if rule in audit.RULES else ""
                title = f"{rule.replace('_', ' ')}: {len(findings)}  {why}"
                _headline(f"{severity.value:>9}", title, COLOURS[severity])
                for finding in _by_table(findings) if rule == audit.NOT_NULL else findings:
                    OUT.print(one_line(f"      {finding.told}"))
                    if finding.remedy:
                        OUT.print(one_line(f"      → {finding.remedy}"))
    sound = sum(not findings for findings in found.values())
    _headline(f"{'ok':>9}", f"{sound} rules found nothing")
    for finding in suppressed:
        accepted = f"{finding.rule.replace('_', ' ')}: {finding.told}"
        _headline("suppressed", one_line(accepted), "dim")
    for note in notes:
        _headline(f"{'note':>9}", f"{note.rule.replace('_', ' ')}: {note.message}", "dim")


def _by_table(found: Sequence[Finding]) -> Iterator[Finding]:
    """Join plain information about the columns of a table into one line; worse findings stay as they are."""
    for (plain, table), columns in groupby(
        found, lambda each: (each.severity is Severity.INFO and each.judged, each.object.rpartition(".")[0])
    ):
        several = list(columns)
        if plain and len(several) > 1:
            names = ", ".join(each.object.rpartition(".")[2] for each in several)
            yield replace(several[0], object=table, message=names, fix="")
        else:
            yield from several


def show_repair(repair: Repair, *, done: bool) -> None:
    """Show the statements with their reasons, and the keys that were left alone."""
    _headline("Repaired" if done else "Would repair", f"{len(repair.changes)} primary key(s)")
    for statement in repair.statements:
        OUT.print(f"  {statement.sql};")
        OUT.print(f"    -- {statement.why}", style="dim")
    told, composite = summary.told_and_counted(repair)
    for skipped in told:
        OUT.print(f"  left alone: {skipped.message}")
    if composite:
        OUT.print(f"  left alone: {composite} composite key(s); --json lists them")
    for finding in repair.findings:
        show_finding(finding)


def show_refreshed(
    assets: Mapping[str, Mapping[str, object]], failed_checks: Sequence[str], *, briefly: bool = False
) -> None:
    """Show the results of a refresh: one screen on a terminal or `briefly`, otherwise all of them."""
    archive, prod = assets["dev_dump_archive"], assets["prod_schema"]
    rows, skipped = len(_records(prod["rows by table"])), len(_records(prod["repair skipped"]))
    audits = [f"{found['findings']} in {name}" for name, found in assets.items() if name.endswith("_audit")]
    _facts(
        {
            "archive": str(archive["path"]),
            "size": f"{archive['size (bytes)']:,} bytes, {archive['objects']} objects",
            "sha256": str(archive["sha256"]),
            "gap": f"{prod['gap (ms)']} ms without a connection" if "gap (ms)" in prod else "",
            "previous": str(prod.get("previous database", "")),
            "back with": "pgpromote rollback" if "previous database" in prod else "",
            "proven": str(prod["proven"]),
            "restored": f"{prod['dagster/row_count']:,} rows in {rows} tables into {prod['target']}",
            "repaired": f"{prod['repairs']} statements, {skipped} keys left alone",
            "lost": _lost(prod),
            "found": f"{', '.join(audits)}; pgpromote audit shows them" if audits else "",
            "checks": f"{', '.join(failed_checks)} not passed" if failed_checks else "all passed",
            "report": str(assets.get("promotion_report", {}).get("report", "")),
        }
    )
    statements = [f"{each['statement']};" for each in _records(prod["repair statements"])]
    for line in summary.first(statements, whole=_whole() and not briefly):
        OUT.print(line)


def _lost(prod: Mapping[str, object]) -> str:
    """Return the names of objects only prod had; after a swap they are still in the previous database."""
    names = [each["object"] for each in _records(prod["loss preview"]) if each["severity"] != Severity.INFO]
    shown = len(names) if _whole() else SHOWN
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    previous = prod.get("previous database")
    where = f"now in {previous}" if previous else "was only in prod"
    return f"{', '.join(names[:shown])}{more} ({where})" if names else ""


def _whole() -> bool:
    return not OUT.is_terminal


def _headline(word: str, rest: str, colour: str = "green") -> None:
    OUT.print(Text.assemble((word, colour), " ", rest))


def _records(table: object) -> list[dict[str, str]]:
    records = getattr(table, "records", ())
    return [cast("dict[str, str]", record.data) for record in records]


def _facts(facts: Mapping[str, str]) -> None:
    for line in summary.lines(facts, whole=_whole()):
        OUT.print(line)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show a table on a terminal, and one line per row to a program that reads lines."""
    if not OUT.is_terminal:
        for row in rows:
            click.echo("\t".join(map(one_line, row)))
        return
    table = Table(*columns, box=None, pad_edge=True, header_style="bold")
    for row in rows:
        table.add_row(*map(one_line, row))
    OUT.print(table, soft_wrap=False)
