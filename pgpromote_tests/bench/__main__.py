"""Measure the promotion against its goals: `python -m pgpromote_tests.bench`."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pgpromote_tests.bench import chart, measures, show
from pgpromote_tests.bench import rows as goals
from pgpromote_tests.bench.figures import Row, exponent
from pgpromote_tests.bench.measures import Point, Sides
from pgpromote_tests.bench.stage import SETTINGS, UNSAFE, Stage, set_up

VERSION = 1  # of bench.json: a reader of this one understands all that keep it
GROWN = {"gap", "memory"}
SCALING = "scaling"
SCALE = click.FloatRange(0, min_open=True)
WIDE = 160  # columns, where no terminal says how many


@dataclass
class Bench:
    """One bench: the options, and the measurements so far."""

    console: Console
    major: int
    scale: float
    rounds: int
    wanted: frozenset[str]
    rows: list[Row] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)

    def beside(self, stage: Stage) -> None:
        """Rows 1 and 3: the manual commands, and the same commands with our settings."""
        names = [name for name in ("manual", "bare") if name in self.wanted]
        if names:
            sides = measures.side_by_side(stage, self.scale, self.rounds, names)
            self._show_sides("contenders", sides)
            self.rows += goals.side_rows(sides)

    def beside_pgcopydb(self) -> None:
        """Row 2."""
        if "pgcopydb" in self.wanted:
            sides, said = measures.beside_pgcopydb(self.major, self.scale, self.rounds)
            if sides:
                self._show_sides("beside pgcopydb", sides)
            self.rows.append(goals.pgcopydb_row(sides, said))

    def orchestration(self, stage: Stage) -> None:
        """Row 4."""
        if "orchestration" in self.wanted:
            done = measures.orchestrated(stage, self.rounds)
            show.split(self.console, "almost empty, through Dagster", done)
            self.told["orchestration"] = [asdict(each) for each in done]
            self.rows.append(goals.orchestration_row(done))

    def start(self) -> None:
        """Row 8."""
        if "start" in self.wanted:
            seconds = measures.computed(max(self.rounds, 5), *goals.STARTED)
            self.told["start"] = {"ran": goals.STARTED, "seconds": seconds}
            self.rows += goals.start_rows(seconds)

    def growth(self, stage: Stage) -> None:
        """Rows 6 and 7, and how a promotion grows with its data."""
        if self.wanted & {*GROWN, SCALING}:
            points = measures.grown(stage, self.scale)
            self._show_growth("growth of data", points, [point.size for point in points])
            grown = [*goals.gap_rows(points), *goals.memory_rows(points)]
            self.rows += [row for row in grown if row.key in self.wanted]

    def growth_of_tables(self) -> None:
        """Row 5, and how a promotion grows with the number of tables."""
        if self.wanted & {"catalog", SCALING}:
            with set_up(self.major, settings=UNSAFE) as stage:
                points = measures.grown_tables(stage, self.scale)
            self._show_growth("growth of tables", points, [point.tables for point in points])
            self.rows += goals.catalog_rows(points) if "catalog" in self.wanted else []

    def document(self, version: str, load: float) -> dict[str, Any]:
        """Return all measurements, as `bench.json` has them. `load` is the machine's before the bench."""
        return {
            "version": VERSION,
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"cores": os.cpu_count(), "system": platform.platform(), "load": load},
            "python": platform.python_version(),
            "postgresql": version,
            "settings": SETTINGS,
            "settings for growth of tables": UNSAFE,
            "scale": self.scale,
            "rounds": self.rounds,
            "rows": [{**asdict(row), "verdict": row.verdict} for row in self.rows],
            "measured": self.told,
        }

    def _show_sides(self, title: str, sides: Sides) -> None:
        show.contenders(self.console, f"{title}: {sides.size / 1e6:,.0f} MB", sides.seconds)
        show.split(self.console, title, sides.ours)
        self.told[title] = {**asdict(sides), "seconds": sides.seconds}

    def _show_growth(self, title: str, points: Sequence[Point], sizes: Sequence[float]) -> None:
        show.growth(self.console, title, points, sizes)
        power = exponent(sizes, [point.promoted.seconds for point in points])
        self.told[title] = {"exponent": power, "points": [asdict(point) for point in points]}


@click.command()
@click.option(
    "--major",
    default=str(measures.MAIN),
    show_default=True,
    type=click.Choice(["16", "17", "18"]),
    help="PostgreSQL's version. Of these only 17 is built with zstd, as packages of distributions are.",
)
@click.option(
    "--scale", default=1.0, show_default=True, type=SCALE, help="Size of the data; 1 is about 400 MB."
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Rounds of contenders.")
@click.option(
    "--only", multiple=True, type=click.Choice([*goals.KEYS, SCALING]), help="Only this row; may be repeated."
)
@click.option(
    "--json",
    "json_path",
    default="data/reports/bench.json",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the measurements go; the chart goes beside it.",
)
def main(major: str, scale: float, rounds: int, only: tuple[str, ...], json_path: Path) -> None:
    """Measure promotions side by side with what people do by hand, and say which goals are met."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    load = os.getloadavg()[0]
    bench = Bench(console, int(major), scale, rounds, frozenset(only) or frozenset({*goals.KEYS, SCALING}))
    bench.start()
    with set_up(bench.major) as stage:
        version = stage.version
        bench.beside(stage)
        bench.orchestration(stage)
        bench.growth(stage)
    bench.growth_of_tables()
    bench.beside_pgcopydb()
    bench.rows.sort(key=lambda row: goals.KEYS.index(row.key))
    show.rows(console, bench.rows)
    picture = json_path.with_suffix(".svg")
    json_path.parent.mkdir(parents=True, exist_ok=True)
    json_path.write_text(json.dumps(bench.document(version, load), indent=2, default=dict) + "\n", "utf-8")
    picture.write_text(chart.draw(bench.rows), "utf-8")
    console.print(f"Written: {json_path} and {picture}")


if __name__ == "__main__":
    main()
