"""The page of a report: one HTML file that needs nothing else, no script, no request, no font."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pgpromote.postgres.details import visible
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.rows.compare import NOT_PROVEN
from pgpromote.report.content import Report, Step, Verdict

if TYPE_CHECKING:
    from jinja2 import BytecodeCache

HEADLINES = {
    Verdict.PROMOTED: "Prod is what the archive says.",
    Verdict.REHEARSED: "The rehearsal went well; prod is untouched.",
    Verdict.PARTIAL: "The steps that were asked for went well.",
    Verdict.FAILED: "The run failed.",
}
# Of a run whose rows are not all proven.
DOUBTFUL = {
    Verdict.PROMOTED: f"Prod is restored; {NOT_PROVEN}.",
    Verdict.REHEARSED: f"The rehearsal went well; {NOT_PROVEN}; prod is untouched.",
}
# Rules in the head of the page.
SHOWN = 6
# A relation and a part of it, as `schema.relation.part`.
PART = r'(?:"(?:[^"]|"")+"|[^".]+)'
TABLE = re.compile(rf"{PART}\.{PART}(?=\.{PART}$)")
# Under this, a bar would not be seen.
NARROWEST = 0.4


@dataclass(frozen=True)
class Bar:
    """One step in the timeline of the run: the start of its bar and its length, in percent."""

    step: Step
    start: float
    width: float


@dataclass(frozen=True)
class Worst:
    """A rule in the head of the page: its worst severity, the number of such findings, and the first."""

    rule: str
    severity: Severity
    number: int
    told: str


def render(report: Report) -> Iterator[str]:
    """Yield the page in pieces. Text from a database is escaped, whatever it looks like."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - slow to load, for one page

    environment = Environment(
        loader=FunctionLoader(_read),
        bytecode_cache=_compiled(),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "seconds": _seconds,
        "bytes": _bytes,
        "by_table": by_table,
        "count": _counted,
    }
    return environment.get_template("template.html").generate(
        report=report,
        headline=headline(report),
        bars=bars(report.steps),
        counts={severity.value: report.count(severity) for severity in Severity},
        worst=worst(report),
        shown=SHOWN,
    )


def headline(report: Report) -> str:
    """Return the outcome of the run in one sentence."""
    told = {**HEADLINES, **DOUBTFUL} if report.doubtful else HEADLINES
    return told[report.verdict]


def worst(report: Report) -> list[Worst]:
    """Return the rules that found more than information, the worst first."""
    found = [*(report.losses or ()), *(f for rule in report.rules for f in rule.findings)]
    found += report.rights.findings
    rules: dict[tuple[Severity, str], list[Finding]] = {}
    for each in found:
        rules.setdefault((each.severity, each.rule), []).append(each)
    return [
        Worst(rule, severity, len(several), several[0].told)
        for severity in (Severity.ERROR, Severity.WARNING)
        for (each, rule), several in rules.items()
        if each is severity
    ]


def by_table(found: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Return findings by the table of their object, in the order in which the tables come."""
    tables: dict[str, list[Finding]] = {}
    for each in found:
        tables.setdefault(table_of(each.object), []).append(each)
    return list(tables.items())


def table_of(name: str) -> str:
    """Return the table that an object belongs to: schema and name, quoted or not; other names as they are.

    >>> table_of('shop."Old. orders".total'), table_of("column note of table shop.orders")
    ('shop."Old. orders"', 'column note of table shop.orders')
    """
    matched = TABLE.match(name)
    return matched[0] if matched else name


def _counted(found: Sequence[Finding]) -> list[tuple[str, int]]:
    counted = Counter(each.severity for each in found)
    return [(severity.value, counted[severity]) for severity in Severity if counted[severity]]


def _finalize(value: object) -> object:
    return visible(value) if type(value) is str else value  # what a macro made is no longer a plain str


def number(value: int | None) -> str:
    """Return a number of rows or objects as text, a dash for one that is not known."""
    return "—" if value is None else f"{value:,}"


def bars(steps: tuple[Step, ...]) -> list[Bar]:
    """Return the bars of the steps, from the start of the first to the end of the last."""
    if not steps:
        return []
    began = steps[0].started_at
    offsets = [(step.started_at - began).total_seconds() for step in steps]
    whole = max(offset + step.seconds for offset, step in zip(offsets, steps, strict=True)) or 1
    placed = []
    for step, offset in zip(steps, offsets, strict=True):
        width = max(100 * step.seconds / whole, NARROWEST)
        placed.append(Bar(step, round(min(max(100 * offset / whole, 0), 100 - width), 2), round(width, 2)))
    return placed


def _compiled() -> "BytecodeCache | None":
    """Return the cache of the compiled template, beside that of our modules, if Python may write there."""
    place = Path(__file__).parent / "__pycache__"
    if sys.dont_write_bytecode or not os.access(place, os.W_OK):
        return None
    from pgpromote.report.compiled import Compiled  # noqa: PLC0415 - as in `render`

    return Compiled(str(place))


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _seconds(value: float) -> str:
    if value < 60:
        return f"{value:.2f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _bytes(value: int) -> str:
    size = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "bytes" else f"{value} bytes"
        size /= 1000
    return f"{size:,.1f} TB"
