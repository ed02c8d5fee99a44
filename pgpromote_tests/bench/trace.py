"""Record the seconds of the parts of a promotion, and the queries that each makes."""

import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg

# What is taken down: the name of a part, and the functions of the package that do it.
PARTS = {
    "hashes": ("postgres.rows.contents.measure", "postgres.rows.contents.measure_large_objects"),
    "archive: verify": ("postgres.archives.archive.verify",),
    "archive: digest": ("postgres.archives.archive.digest",),
    "archive: read": ("postgres.archives.archive.read",),
    "dump": ("postgres.dump.dump",),
    "checks": ("postgres.checks.preflight.examine",),
    "loss preview": ("postgres.losses.plan.preview",),
    "tally": ("postgres.losses.counts.read",),
    "shadow: create": ("postgres.databases.shadow.create",),
    "shadow: drop orphans": ("postgres.databases.shadow.drop_orphans",),
    "restore": ("postgres.loading.restore.restore",),
    "ANALYZE": ("postgres.loading.statistics.gather",),
    "repair plan": ("postgres.keys.repair.repair",),
    "repairs made": ("postgres.keys.repair._make",),
    "completeness": ("postgres.prove.prove",),
    "rights": (
        "postgres.rights.carry.read",
        "postgres.rights.carry.take_over",
        "postgres.rights.carry.prove",
    ),
    "rights made": ("postgres.rights.carry.apply",),
    "materialized views": ("postgres.loading.restore.fill_materialized_views",),
    "swap": ("postgres.databases.cutover.swap",),
    "retention": ("postgres.databases.previous.retain", "postgres.archives.safety.retain"),
    "audits": ("postgres.audit.audit",),
    "report": ("report.build", "report.write"),
}


@dataclass
class Part:
    """Seconds without those of other parts within, and queries."""

    seconds: float = 0.0
    queries: int = 0


@dataclass
class Frame:
    """A part that runs: its start, and the seconds of the parts within."""

    name: str
    started: float
    within: float = 0.0


@dataclass
class Trace:
    """A recording. A part that runs beside the main thread is kept apart: its time is not added."""

    parts: dict[str, Part] = field(default_factory=lambda: defaultdict(Part))
    commands: list[list[str]] = field(default_factory=list)
    own: threading.local = field(default_factory=threading.local)

    def stack(self) -> list[Frame]:
        """Return the parts that run in this thread, the outermost first."""
        if not hasattr(self.own, "frames"):
            self.own.frames = []
        frames: list[Frame] = self.own.frames
        return frames

    def name(self, part: str) -> str:
        """Return the name of a part for the thread it runs in."""
        return part if threading.current_thread() is threading.main_thread() else f"{part} (beside)"

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Record the block as a part."""
        frames, frame = self.stack(), Frame(self.name(name), time.monotonic())
        frames.append(frame)
        try:
            yield
        finally:
            frames.pop()
            self.add(frame.name, time.monotonic() - frame.started, frame.within)

    def add(self, name: str, seconds: float, within: float = 0.0) -> None:
        """Add the seconds of a part, and subtract them from the part around it."""
        self.parts[name].seconds += seconds - within
        if self.stack():
            self.stack()[-1].within += seconds

    def count(self) -> None:
        """Count a query for the innermost part."""
        name = self.stack()[-1].name if self.stack() else self.name("others")
        self.parts[name].queries += 1

    def traced(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function of a part, wrapped so that it is recorded."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return call


@contextmanager
def watching(trace: Trace) -> Iterator[None]:
    """Record parts, programs that are started, and queries, for the duration of the block."""
    execute = psycopg.Cursor.execute

    class Watched(subprocess.Popen[bytes]):
        """A program whose duration counts as a part of its own, in the thread that waits for its end."""

        started = ended = 0.0

        def __init__(self, args: list[str], **kwargs: Any) -> None:
            self.started = time.monotonic()
            self.command = [str(each) for each in args]
            trace.commands.append(self.command)
            super().__init__(args, **kwargs)

        def wait(self, timeout: float | None = None) -> int:
            code = super().wait(timeout)
            if not self.ended:
                self.ended = time.monotonic()
                trace.add(trace.name(program(self.command)), self.ended - self.started)
            return code

    def counted(cursor: Any, *args: Any, **kwargs: Any) -> Any:
        trace.count()
        return execute(cursor, *args, **kwargs)

    with ExitStack() as stack:
        for name, functions in PARTS.items():
            for path in functions:
                module, _, attribute = f"pgpromote.{path}".rpartition(".")
                found = getattr(import_module(module), attribute)
                stack.enter_context(patch(f"{module}.{attribute}", trace.traced(name, found)))
        stack.enter_context(patch.object(subprocess, "Popen", Watched))
        stack.enter_context(patch.object(psycopg.Cursor, "execute", counted))
        yield


def program(command: Sequence[str]) -> str:
    """Return the name of a program, and its purpose when that is not to connect to a database."""
    name = Path(command[0]).name
    if any(argument.startswith("--dbname=") for argument in command):
        return name
    return "tool versions" if name == "pg_dump" else f"{name} (verify)"
