"""The measurements, their order, and their number of rounds."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pgpromote_tests.bench import contenders
from pgpromote_tests.bench.client import asking
from pgpromote_tests.bench.contenders import Promoted
from pgpromote_tests.bench.stage import Case, Stage, set_up
from pgpromote_tests.servers import binaries

MAIN = 16
PACKAGED = "/usr/lib/postgresql/{}/bin"
GROWTH = (1 / 16, 1 / 4, 1)
TABLES = (100, 1000, 10_000)
SMALL = 3  # tables of the almost empty database

Value = TypeVar("Value")
Contender = Callable[[Case], Value]


@dataclass(frozen=True)
class Sides:
    """Contenders side by side: the seconds of each round, by name. Ours is always among them."""

    version: str
    size: int
    ours: Sequence[Promoted]
    others: Mapping[str, Sequence[float]]

    @property
    def seconds(self) -> dict[str, list[float]]:
        """Return every contender's seconds, round by round."""
        ours = [each.seconds for each in self.ours]
        return {"pgpromote": ours, **{name: list(values) for name, values in self.others.items()}}


@dataclass(frozen=True)
class Point:
    """One promotion of one size, with a client that kept querying prod. `size` is in bytes."""

    size: int
    tables: int
    promoted: Promoted
    outage: float


def side_by_side(stage: Stage, scale: float, rounds: int, names: Sequence[str]) -> Sides:
    """Run the contenders in turn, round by round, after one promotion that is not counted.

    That one warms the caches, and gives the settings for the bare commands.
    """
    source = stage.auction(scale)
    commands = once(stage, source, contenders.ours).commands
    known: dict[str, Contender[float]] = {
        "manual": contenders.manual,
        "bare": lambda case: contenders.bare(case, commands),
        "pgcopydb": contenders.pgcopydb,
    }
    ours: list[Promoted] = []
    others: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        ours.append(once(stage, source, contenders.ours))
        for name in names:
            others[name].append(once(stage, source, known[name]))
    return Sides(stage.version, stage.size(source), ours, others)


def beside_pgcopydb(wanted: int, scale: float, rounds: int) -> tuple[Sides | None, str]:
    """Run pgcopydb and ours on the wanted version, else the newest that pgcopydb knows; return which."""
    version, majors = contenders.pgcopydb_version()
    if not version:
        return None, "pgcopydb is not installed (Debian: apt-get install pgcopydb postgresql)"
    if wanted in majors:
        major, bin_dir = wanted, binaries(wanted)
    else:
        major = max(majors, default=0)
        bin_dir = Path(PACKAGED.format(major))
        if not (bin_dir / "postgres").is_file():
            return None, f"pgcopydb {version} ends at PostgreSQL {major}, which is not installed"
    with set_up(major, bin_dir) as stage:
        sides = side_by_side(stage, scale, rounds, ["pgcopydb"])
    return sides, f"pgcopydb {version}, both from {major} to {major}"


def orchestrated(stage: Stage, rounds: int) -> list[Promoted]:
    """Refresh an almost empty database through Dagster, after one time that is not counted."""
    source = stage.tables(SMALL)

    def refresh(case: Case) -> Promoted:
        return contenders.ours(case, "dagster")

    once(stage, source, refresh)
    return [once(stage, source, refresh) for _ in range(rounds)]


def grown(stage: Stage, scale: float) -> list[Point]:
    """Promote a database that grows sixteenfold."""
    return [_point(stage, stage.auction(scale * share)) for share in GROWTH]


def grown_tables(stage: Stage, scale: float) -> list[Point]:
    """Promote a hundred to ten thousand tables onto tables with other rights; fewer below scale 1."""
    numbers = [max(int(number * min(scale, 1)), 2) for number in TABLES]
    return [_point(stage, stage.tables(number), stage.tables_before(number)) for number in numbers]


def computed(rounds: int, *codes: str) -> list[list[float]]:
    """Run pieces of Python in turn, each in a process of its own; return the seconds that each computed.

    All run once before, which is not counted: that compiles their modules.
    """
    return [[_computed(code) for code in codes] for _ in range(rounds + 1)][1:]


def _computed(code: str) -> float:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, code
    return used.ru_utime + used.ru_stime


def once(stage: Stage, source: str, contender: Contender[Value]) -> Value:
    """Run a contender on a fresh target of a source."""
    with stage.case(source) as case:
        return contender(case)


def _point(stage: Stage, source: str, before: str = "template0") -> Point:
    with stage.case(source, before) as case:
        with asking(stage.prod.url(case.target)) as client:
            promoted = contenders.ours(case)
        assert client.losses, "the client did not notice the cut-over"
    return Point(stage.size(source), promoted.tables, promoted, client.outage)
