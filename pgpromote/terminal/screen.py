"""Values on the screen of the command line: tables and lines for people, JSON for programs."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pgpromote.postgres import disk
from pgpromote.postgres.details import one_line, visible
from pgpromote.postgres.errors import IN_REPORT, ProdState
from pgpromote.postgres.excerpt import ERRORS, INFOS, WARNINGS, cut, fitting
from pgpromote.postgres.model import (
    Aim,
    Archive,
    Filters,
    Finding,
    Manifest,
    Severity,
    TocEntry,
)
from pgpromote.postgres.rows.compare import NOT_PROVEN
from pgpromote.postgres.strategy import Strategy
from pgpromote.terminal import console as consoles
from pgpromote.terminal import listing, streams, summary

# Types of shown values: a command that shows a dump loads nothing of a run.
if TYPE_CHECKING:
    from pgpromote.postgres.audit import Audit
    from pgpromote.postgres.checks.preflight import Report
    from pgpromote.postgres.databases.cutover import CutOver
    from pgpromote.postgres.keys.repair import Repair
    from pgpromote.postgres.losses.plan import Plan
    from pgpromote.run.doctor import Line
    from pgpromote.run.last import Last
    from pgpromote.run.options import Options
    from pgpromote.run.rollback import Status, Way
    from pgpromote.run.state import Note
    from pgpromote.terminal.past import Kept
    from pgpromote.terminal.progress import Dumping, Refreshing, Returning, Running

OUT, ERR, literal = consoles.OUT, consoles.ERR, consoles.literal
INDENT = 6
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


def in_lines(*, verbose: bool) -> bool:
    """Return whether progress is told in lines, and not drawn."""
    return verbose or ERR.quiet or not ERR.is_interactive


@contextmanager
def drawn(
    picture: "Dumping | Running | Returning", *, verbose: bool = False, opening: str = ""
) -> Iterator[Callable[[str], None]]:
    """Draw a picture of the block's progress on a terminal, one plain line otherwise.

    Yields the callback for a tool's lines; `verbose` prints them instead of the picture. The plain line is
    the picture's title, or its `opening`.
    """
    if in_lines(verbose=verbose):
        ERR.print(opening or picture.title)
        yield ERR.print if verbose else picture.count.take
        return
    with Live(picture, console=ERR, transient=True):
        yield picture.count.take


@contextmanager
def only_steps(picture: "Refreshing", *, verbose: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield the callback that shows a step, and keep all other output of the block off the terminal.

    On a terminal it is shown in the picture, otherwise on a plain line.

    Dagster captures the tools' lines for its UI and copies them to stdout and stderr; here nobody asked.
    """
    with ExitStack() as stack:
        stream = stack.enter_context(streams.keeping(os.dup(2)))
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


def show_ended(ended: summary.Ended, *, briefly: bool = False) -> None:
    """Show the end of a run: facts, findings, and the verdict as its last line.

    One screen of it on a terminal or `briefly`, otherwise no line is cut.
    """
    whole = _whole() and not briefly
    _facts(summary.of_run(ended), whole=whole)
    for line in listing.at_the_end(summary.of_interest(ended.state), whole=whole):
        OUT.print(line)
    if ERR.quiet:  # a mail of cron: an object that is gone is no ordinary night
        for line in listing.told(ended.state.gone, IN_REPORT):
            ERR.loud(line)
    word, told, well = summary.verdict(ended)
    _headline(word, told, "green" if well else "yellow")


def show_scope(filters: Filters) -> None:
    """Warn when the scope is limited on purpose."""
    if str(filters):
        from pgpromote.run.notes import limited  # noqa: PLC0415 - slow to load, and rarely wanted

        ERR.print(limited(str(filters)))


def show_notes(notes: "Iterable[Note]") -> None:
    """Print the notes on a step that a person at the terminal should see."""
    for note in notes:
        if note.severity is Severity.WARNING:
            ERR.print(note.text)


def show_problem(problem: str) -> None:
    """Print a loud warning about a failure that does not fail the command."""
    ERR.loud(f"Warning: {problem}", style="bold yellow")


def show_archive(archive: Archive, found: Sequence[TocEntry] | None) -> None:
    """Show an archive's header and counts; of a search, stdout gets the entries alone."""
    _facts(
        {
            "archive": str(archive.path),
            "created": archive.created_at.isoformat(" "),
            "source": f"{archive.source_database}, PostgreSQL {archive.server_version}",
            "written by": f"pg_dump {archive.pg_dump_version}",
            "format": f"custom {'.'.join(map(str, archive.format_version))}, {archive.compression}",
            "size": f"{archive.size:,} bytes",
        },
        console=OUT if found is None else ERR,
    )
    if found is None:
        _table(("kind", "entries"), [(kind, str(count)) for kind, count in archive.counts().items()])
    else:
        _table(("kind", "name", "owner"), [(entry.kind, entry.name, entry.owner) for entry in found])


def show_report(report: "Report") -> None:
    """Show every check, with its findings or the reason why it was skipped."""
    for check in report.checks:
        if why := report.skipped.get(check):
            _headline(f"{'skipped':>9}", f"{check.replace('_', ' ')}: {why}", "dim")
            continue
        found = report.of(check)
        worst = listing.worst(found)
        mark = worst.value if worst else "ok"
        _headline(f"{mark:>9}", check.replace("_", " "), COLOURS[worst] if worst else "green")
        show_findings(found, OUT)


def show_doctor(lines: "Sequence[Line]") -> None:
    """Show the lines of an examination, each with its remedy below it."""
    colours = {"ok": "green", "skip": "dim", "warn": "yellow", "fail": "red"}
    for line in lines:
        _headline(f"{line.state.value:>4}", one_line(f"{line.name}: {line.seen}"), colours[line.state.value])
        if line.to_do:
            OUT.print(f"     → {line.to_do}")


def show_plan(
    plan: "Plan",
    options: "Options",
    fingerprint: str,
    command: str,
    *,
    aim: Aim,
    dropped: Sequence[str] = (),
) -> None:
    """Show the predicted losses, the sessions, the needs of a swap, and the command that does it.

    `aim` is the archive that was looked at, `dropped` are the names that retention would drop afterwards.
    """
    limited = f", limited to {options.filters}" if str(options.filters) else ""
    _headline("Plan", f"by {options.strategy}{limited}, {summary.loss(plan, aim)}; {_kept(options)}")
    show_findings(plan.losses, OUT)
    _facts(
        {
            "archive": str(aim.path),
            "sessions": summary.sessions(plan, options.strategy),
            "prod holds": disk.shown(plan.present_size),
            "a swap needs": summary.needed(plan),
            "drops then": ", ".join(dropped),
            "fingerprint": fingerprint,
            "go on with": command,
        }
    )


def _kept(options: "Options") -> str:
    if options.strategy.beside:
        return "the previous database keeps what prod was"
    where = f"outside of the schema {options.strategy.reset}, " if options.strategy.reset else ""
    what = "a safety archive" if options.safety_archive else "nothing"
    return f"{where}what is not replaced stays as it is; {what} keeps what prod was"


def show_findings(found: Sequence[Finding], console: Console = ERR) -> None:
    """Show findings with their remedies; on a terminal the first of each rule, and how many follow."""
    for line in listing.told(found, whole=not console.is_terminal):
        _indented(line, console)


def _indented(line: str, console: Console | None = None, style: str = "") -> None:
    """Print a line below its title, wrapped on a terminal; a remedy is not: it may be a command to copy."""
    console = console or OUT
    pieces = [line] if line.startswith(listing.REMEDY) else _wrapped(line, console, INDENT)
    for piece in pieces:
        console.print(Text(" " * INDENT).append(piece), style=style)


def show_history(found: "Sequence[Kept]") -> None:
    """Show earlier contents of prod, newest first, each with the command that brings it back."""
    from pgpromote.terminal import past  # noqa: PLC0415 - it loads a rollback, for few commands

    if not found:
        OUT.print("No previous database and no safety archive is kept.")
    for each in found:
        row = (each.kind, past.moment(each.until), each.size, each.what, each.back)
        kind, until, size, what, back = map(one_line, row)
        if OUT.is_terminal:
            _headline(kind, f"until {until}, {size}:")
            for line in (*Text(what).wrap(OUT, OUT.width - 2), *past.folded(back, OUT.width - 2)):
                OUT.print(Text("  ").append(line))
        else:
            click.echo(f"{kind}\t{until}\t{size}\t{what}\t{back}")


def show_status(status: "Status", promoted: "Last") -> None:
    """Show the status of prod, the last promotion, and whether prod is on hold."""
    from pgpromote.terminal import past  # noqa: PLC0415 - it loads a rollback, for few commands

    _facts({name: one_line(value) for name, value in past.of_status(status, promoted).items()})


def show_way(way: "Way") -> None:
    """Show the current prod, and the one that a rollback would bring back."""
    from pgpromote.terminal import past  # noqa: PLC0415 - it loads a rollback, for few commands

    for line in map(one_line, past.of_way(way)):
        ERR.print(*_wrapped(line, ERR), sep="\n")


def show_cut_over(done: "CutOver") -> None:
    """Show a cut-over that is done."""
    _headline("Swapped", f"{done.target}; the gap was {done.downtime_ms} ms, {done.previous} is kept")


def show_audit(done: "Audit") -> None:
    """Show the findings of each audit rule that has some, the worst first, with their remedies.

    What is only information about tables comes after them, a line for each table and rule.
    """
    from pgpromote.postgres import audit  # noqa: PLC0415 - slow to load, for one command

    ranked = sorted(done.apart, key=lambda each: list(Severity).index(each.severity))
    for rule in dict.fromkeys(finding.rule for finding in ranked):
        _show_rule(rule, [finding for finding in ranked if finding.rule == rule])
    tables = list(done.by_table().items())
    shown = len(tables) if _whole() else fitting(len(tables), WARNINGS)
    for table, rules in tables[:shown]:
        _headline(f"{Severity.INFO.value:>9}", one_line(table), COLOURS[Severity.INFO])
        for rule, findings in rules.items():
            _indented(one_line(f"{rule.replace('_', ' ')}: {audit.listed(findings)}"))
    for line in cut([table for table, _ in tables], shown, listing.JSON)[shown:]:
        _indented(line)
    sound = sum(not findings for findings in done.by_rule().values())
    _headline(f"{'ok':>9}", f"{sound} rules found nothing")
    for group in listing.by_rule(done.suppressed):
        _headline("suppressed", f"{group[0].rule.replace('_', ' ')}: {len(group)}", "dim")
        for line in listing.some([each.told for each in group], INFOS, whole=_whole()):
            _indented(one_line(line), style="dim")
    for note in done.notes:
        _headline(f"{'note':>9}", f"{note.rule.replace('_', ' ')}: {note.message}", "dim")


def _show_rule(rule: str, found: Sequence[Finding]) -> None:
    """Show the findings of one audit rule, the worst first, and its reason."""
    from pgpromote.postgres import audit  # noqa: PLC0415 - slow to load, for one command

    worst = found[0].severity
    _headline(f"{worst.value:>9}", f"{rule.replace('_', ' ')}: {len(found)}", COLOURS[worst])
    if rule in audit.RULES:
        _indented(audit.describe(rule), style="dim")
    for line in listing.told(found, named=True, whole=_whole()):
        _indented(one_line(line))


def show_repair(repair: "Repair", *, done: bool) -> None:
    """Show the statements with their reasons, and the keys of one column that were left alone."""
    _headline("Repaired" if done else "Would repair", f"{len(repair.changes)} primary key(s)")
    statements = [f"{each.sql};\n    -- {each.why}" for each in repair.statements]
    for line in listing.some(statements, ERRORS, whole=_whole()):
        OUT.print(f"  {line}")
    left = [each.message for each in summary.left_alone(repair)]
    for line in listing.some(left, WARNINGS, whole=_whole()):
        OUT.print(f"  {line}")
    show_findings(repair.findings, OUT)


def _whole() -> bool:
    return not OUT.is_terminal


def _headline(word: str, rest: str, colour: str = "green") -> None:
    """Print a line that begins with a word in colour, wrapped below its rest on a terminal."""
    margin = len(word) + 1
    first, *more = _wrapped(rest, OUT, margin)
    OUT.print(Text.assemble((word, colour), " ", first))
    for line in more:
        OUT.print(Text(" " * margin).append(line))


def _wrapped(line: str, console: Console, margin: int = 0) -> "Sequence[Text | str]":
    """Return a line, in pieces that fit beside a margin where the console is a terminal."""
    if not console.is_terminal:
        return [line]
    return [*Text(line).wrap(console, max(console.width - margin, INDENT))] or [line]


def _facts(facts: Mapping[str, str], *, whole: bool | None = None, console: Console | None = None) -> None:
    for line in summary.lines(facts, whole=_whole() if whole is None else whole):
        (console or OUT).print(line)


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
