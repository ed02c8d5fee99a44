"""The measurements as tables on a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from pgpromote_tests.bench.contenders import Promoted
from pgpromote_tests.bench.figures import Row, Verdict, exponent, figure, medians
from pgpromote_tests.bench.measures import Point

COLOURS = {
    Verdict.MET: "green",
    Verdict.FIRST: "yellow",
    Verdict.MISSED: "red",
    Verdict.NOT_MEASURED: "dim",
}
SMALLEST = 0.005  # seconds: less is not worth a line


def rows(console: Console, measured: Sequence[Row]) -> None:
    """Show each goal with its measurement."""
    table = _table("goals", "row", "what", "goal", "median", "least … greatest", "verdict", "of")
    for row in measured:
        colour = COLOURS[row.verdict]
        median = spread = "-"
        if row.figure:
            median = _value(row.figure.median, row.unit)
            spread = f"{_value(row.figure.least)} … {_value(row.figure.greatest)}"
        goal = f"≤ {_value(row.goal, row.unit)}" + (f", then {_value(row.then)}" if row.then else "")
        table.add_row(row.key, row.title, goal, median, spread, f"[{colour}]{row.verdict}[/]", row.why)
    console.print(table)
    for row in measured:
        if row.verdict is Verdict.MISSED and row.because:
            console.print(f"{row.key} misses its goal: {row.because}")
    console.print("What was tried, and what it brought: docs/explanation/speed.md")


def contenders(console: Console, title: str, seconds: Mapping[str, Sequence[float]]) -> None:
    """Show the seconds of each contender."""
    table = _table(title, "contender", "median s", "least … greatest", "spread")
    for name, values in seconds.items():
        all_of = figure(values)
        between = f"{all_of.least:.2f} … {all_of.greatest:.2f}"
        table.add_row(name, f"{all_of.median:.2f}", between, f"{all_of.spread:.0%}")
    console.print(table)


def split(console: Console, title: str, promoted: Sequence[Promoted]) -> None:
    """Show where the time of a promotion went: step by step, and part by part."""
    phases = medians([each.phases for each in promoted])
    parts = medians([each.split for each in promoted])
    queries = promoted[-1].queries
    table = _table(f"{title}: steps", "step", "median s")
    for name, seconds in phases.items():
        table.add_row(name, f"{seconds:.3f}")
    console.print(table)
    table = _table(f"{title}: parts, each counted once", "part", "median s", "queries")
    for name, seconds in sorted(parts.items(), key=lambda part: -part[1]):
        if seconds >= SMALLEST:
            table.add_row(name, f"{seconds:.3f}", str(queries.get(name, "")))
    console.print(table)


def growth(console: Console, title: str, points: Sequence[Point], sizes: Sequence[float]) -> None:
    """Show how a promotion grows, with the exponent of each part that counts."""
    labels = [f"{p.size / 1e6:,.0f} MB, {p.tables:,} tables" for p in points]
    table = _table(title, "what", *labels, "exponent")
    told = {
        "whole, s": [p.promoted.seconds for p in points],
        "gap, s": [p.promoted.gap_ms / 1000 for p in points],
        "gap as a client sees it, s": [p.outage for p in points],
        "peak memory, MB": [p.promoted.peak_bytes / 1e6 for p in points],
        "queries": [float(sum(p.promoted.queries.values())) for p in points],
    }
    splits = [point.promoted.split for point in points]
    told |= {f"  {part}, s": [split.get(part, 0.0) for split in splits] for part in splits[-1]}
    for name, values in told.items():
        if name.startswith("  ") and max(values) < SMALLEST * 10:
            continue
        power = f"{exponent(sizes, values):.2f}" if min(values) > 0 else ""
        table.add_row(name, *(_value(value) for value in values), power)
    console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 or column in {"what", "of"} else "right")
    return table


def _value(value: float, unit: str = "") -> str:
    text = f"{value:,.0f}" if value >= 100 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
    return f"{text} {unit}".strip()
