"""The progress of a run as a picture, redrawn each moment: phases, percent, bytes, remaining time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pgpromote.postgres.archives.store import FILES, Store
from pgpromote.postgres.model import Ref

# A dump loads nothing of a run.
if TYPE_CHECKING:
    from pgpromote.run.run import Run
    from pgpromote.run.steps import Step

BAR_WIDTH = 16
TABLE = "pg_dump: dumping contents of table "


@dataclass
class Count:
    """A count of the tables that pg_dump has begun."""

    tables: int = 0

    def take(self, line: str) -> None:
        """Count one line of pg_dump."""
        self.tables += line.startswith(TABLE)


@dataclass
class Dumping:
    """A dump into a store; `last_size` is the size in bytes of the archive it replaces, 0 for none."""

    title: str
    path: Ref
    last_size: int = field(init=False)
    count: Count = field(default_factory=Count)
    started: float = field(default_factory=time.monotonic)
    store: Store = FILES

    def __post_init__(self) -> None:
        """Read the size of the archive that the dump replaces."""
        last = self.store.state(self.path)
        self.last_size = last.size if last else 0

    def __rich__(self) -> RenderableType:
        """Draw the dump in its present state."""
        seconds = time.monotonic() - self.started
        written = self.store.written(self.path)
        if not self.last_size:
            told = f"{decimal(written)}, {self.count.tables} tables, {clock(seconds)}"
            return Group(_title(self.title), _line("dump", Text(told)))
        told = f"{decimal(written)} of {decimal(self.last_size)} last time"
        return Group(_title(self.title), _line("dump", *_bar(written, self.last_size, seconds), Text(told)))


@dataclass
class Running:
    """A run: the steps of it that are done, and the one that is being walked."""

    title: str
    run: "Run"
    steps: "tuple[Step, ...]"
    count: Count = field(default_factory=Count)
    started: float = field(default_factory=time.monotonic)

    def __rich__(self) -> RenderableType:
        """Draw the run in its present state."""
        state = self.run.state
        if not state.current:
            return Group(_title(self.title), _line("", Text(clock(time.monotonic() - self.started))))
        lines = [_line(each.phase, Text(f"{each.seconds:.1f} s", "green")) for each in state.steps]
        current = next((each for each in self.steps if each.name == state.current), None)
        if current and current.name not in {each.name for each in state.steps}:
            seconds = (datetime.now(UTC) - state.current_since).total_seconds()
            lines += self._current(current, seconds)
        return Group(_title(self.title), *lines)

    def _current(self, step: "Step", seconds: float) -> Iterator[RenderableType]:
        if (work := self.run.work) and work.entries:
            yield _barred(step.phase, work.share, work.remaining, work.told())
            yield from map(_doing, work.doing())
            return
        from pgpromote.run.restore_progress import remaining  # noqa: PLC0415 - only a terminal asks

        reading = self.run.reading
        if reading and reading.known:  # by the step, or by the one within which it is walked
            outer = next((each.phase for each in self.steps if each.name == step.within), step.phase)
            left = remaining(reading.share, 1, time.monotonic() - reading.started)
            yield _barred(outer, reading.share, left, reading.told())
            yield from map(_doing, reading.doing())
            if not step.within:
                return
        dumping = self.count.tables and not self.run.state.prepared
        tables = f", {self.count.tables} tables of Prod dumped" if dumping else ""
        yield _line(step.phase, Text(f"{clock(seconds)}{tables}"))


@dataclass
class Stepping:
    """Steps that are known only when they begin."""

    steps: list[tuple[str, float]] = field(default_factory=list)

    def begin(self, step: str) -> None:
        """Begin a step, which ends the one before."""
        self.steps.append((step, time.monotonic()))

    def __rich__(self) -> RenderableType:
        """Draw the steps in their present state."""
        ends = [*(began for _, began in self.steps), time.monotonic()][1:]
        seconds = (end - began for (_, began), end in zip(self.steps, ends, strict=True))
        return Group(
            *(Text(f"  {step:<32} {s:6.1f} s") for (step, _), s in zip(self.steps, seconds, strict=True))
        )


@dataclass
class Refreshing:
    """A refresh through Dagster: its dump, its run into prod, and the steps that come after it."""

    dumping: Dumping
    running: Running | None = None
    dumped: float | None = None
    after: Stepping = field(default_factory=Stepping)

    def watch(self, run: "Run") -> Callable[[str], None]:
        """Draw this run from its start on, and return the callback for the lines of its tools."""
        from pgpromote.run.steps import STEPS  # noqa: PLC0415 - who has a run has loaded it

        self.running = Running(f"Restoring into {run.target.label}", run, STEPS)
        return self.running.count.take

    def begin(self, step: str) -> None:
        """Begin a step, by Dagster's name: one within an asset is one of the run."""
        _, within, name = step.rpartition(".")
        if within and self.running and self.dumped is None:
            self.running.started = time.monotonic()
            self.dumped = self.running.started - self.dumping.started
        elif not within and self.running and self.dumped is not None:
            self.after.begin(name.replace("_", " "))

    def __rich__(self) -> RenderableType:
        """Draw the refresh in its present state."""
        if self.running is None or self.dumped is None:
            return self.dumping
        dumped = _line("dump", Text(f"{self.dumped:.1f} s", "green"))
        return Group(_title(self.dumping.title), dumped, self.running, self.after)


@dataclass
class Returning:
    """A rollback: nothing but its title, until a run restores a safety archive."""

    title: str
    count: Count = field(default_factory=Count)
    running: Running | None = None

    def watch(self, run: "Run") -> Callable[[str], None]:
        """Draw this run from its start on, and return the callback for the lines of its tools."""
        from pgpromote.run.steps import STEPS  # noqa: PLC0415 - who has a run has loaded it

        self.running = Running(self.title, run, STEPS, self.count)
        return self.count.take

    def __rich__(self) -> RenderableType:
        """Draw the rollback in its present state."""
        return self.running or _title(self.title)


def clock(seconds: float) -> str:
    """Return seconds as a clock shows them: `0:01:05`."""
    return str(timedelta(seconds=int(seconds)))


def _bar(done: int, total: int, seconds: float) -> tuple[RenderableType, RenderableType]:
    """Return a bar with percent, and the time that remains. More than the last size or time stays at 99 %."""
    from pgpromote.run.restore_progress import remaining  # noqa: PLC0415 - only a terminal asks

    percent = min(100 * done // total, 99 if done > total else 100)
    bar = ProgressBar(total=total, completed=min(done, total), width=BAR_WIDTH)
    return bar, _percent(percent, remaining(done, total, seconds))


def _percent(percent: float, left: float | None) -> Text:
    return Text(f"{percent:3.0f} %" + ("" if left is None else f", {clock(left)} left"))


def _title(title: str) -> Text:
    return Text(title, no_wrap=True, overflow="ellipsis")


def _barred(phase: str, share: float, left: float | None, told: str) -> RenderableType:
    bar = ProgressBar(total=1, completed=share, width=BAR_WIDTH)
    return _line(phase, bar, _percent(100 * share, left), Text(told))


def _doing(told: str) -> Text:
    return Text(f"{'':12}{told}", no_wrap=True, overflow="ellipsis")


def _line(name: str, *parts: RenderableType) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_row(f"  {name:<9}", *parts)
    return grid
