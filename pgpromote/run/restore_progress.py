"""The progress of a restore, weighed by the rows that each entry loads, sorts or checks."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pgpromote.postgres.archives.archive import restorable
from pgpromote.postgres.loading.activity import Activity, watched
from pgpromote.postgres.loading.passes import FILLED
from pgpromote.postgres.model import Clearance, TocEntry
from pgpromote.postgres.server import Database

# With several jobs pg_restore names each entry when it is done with it; with one it only says what it does.
ITEM = re.compile(r"pg_restore: (?:processing|finished) item (\d+) ")
BEGUN = re.compile(r"pg_restore: (?:creating|executing|processing data for table) ")
# What an entry costs beside its rows, and what loading a row costs, in rows that are sorted or checked: on
# 16.14 about 0.3 ms, 1.2 µs and 0.3 µs.
ENTRY = 1000
LOADED = 4
READ = 1
SCANNED = ("INDEX", "CONSTRAINT", "FK CONSTRAINT")


def remaining(done: float, total: float, seconds: float) -> float | None:
    """Estimate the seconds that remain if each part takes the same time; None before the first is done."""
    return max(0, seconds * (total - done) / done) if done else None


@dataclass
class Work:
    """The entries of a restore, and its progress.

    `rows` is the number of rows of each table, by `schema.name`; without a manifest it is not known, and
    entries count alike. `now` holds the current activities, `loaded` the number of rows seen to have come
    into each table: the server knows nothing of a table between its last row and pg_restore's word that it is
    done.
    """

    entries: Sequence[TocEntry] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    now: Sequence[Activity] = ()
    items: set[int] = field(default_factory=set)
    loaded: dict[str, int] = field(default_factory=dict)
    begun: int = 0
    started: float = field(default_factory=time.monotonic)
    weights: dict[int, float] = field(init=False)
    data: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Compute the weight of each entry, once."""
        tables = {entry.dump_id: entry.name for entry in self.entries if entry.kind == "TABLE"}
        self.weights = {entry.dump_id: self._weigh(entry, tables) for entry in self.entries}
        self.data = {entry.name: entry.dump_id for entry in self.entries if entry.kind == "TABLE DATA"}

    def _weigh(self, entry: TocEntry, tables: Mapping[int, str]) -> float:
        table = next((tables[each] for each in entry.dependencies if each in tables), "")
        if entry.kind == "TABLE DATA":
            return ENTRY + LOADED * self.rows.get(entry.name, 0)
        return ENTRY + READ * self.rows.get(table, 0) * (entry.kind in SCANNED)

    def take(self, line: str) -> None:
        """Record one line of pg_restore."""
        if match := ITEM.match(line):
            self.items.add(int(match[1]))
        elif BEGUN.match(line):
            self.begun += 1

    def see(self, now: Sequence[Activity]) -> None:
        """Record the current activities."""
        # A new dictionary each time: another thread may be reading the old one.
        self.loaded = self.loaded | {each.name: each.rows for each in now if each.rows is not None}
        self.now = now

    @contextmanager
    def followed(
        self,
        target: Database,
        run_id: str,
        on_line: Callable[[str], None],
        on_work: Callable[["Work"], None],
    ) -> Iterator[Callable[[str], None]]:
        """Yield a callback for the lines of the tools, which passes each on; call `on_work` once a second."""

        def take(line: str) -> None:
            self.take(line)
            on_line(line)

        def see(now: Sequence[Activity]) -> None:
            self.see(now)
            on_work(self)

        with watched(target, run_id, see):
            yield take
        self.now = ()

    @property
    def done(self) -> set[int]:
        """The dump ids of the entries that are done."""
        if self.items:
            return self.items & self.weights.keys()
        return {entry.dump_id for entry in self.entries[: max(self.begun - 1, 0)]}

    @property
    def share(self) -> float:
        """The progress, from 0 to 1."""
        whole, done = sum(self.weights.values()), self.done
        came = sum(self._came(name) for name in self.loaded if self.data.get(name) not in done)
        built = sum(self.rows.get(each.name, 0) * READ * (each.share or 0) for each in self.now)
        return min((sum(self.weights[each] for each in done) + came + built) / whole, 1) if whole else 0

    @property
    def remaining(self) -> float | None:
        """The estimated seconds that remain; None before anything is done."""
        return remaining(self.share, 1, time.monotonic() - self.started)

    def told(self) -> str:
        """Return the number of entries that are done as text: `12 of 40 entries`."""
        return f"{len(self.done)} of {len(self.entries)} entries"

    def doing(self) -> list[str]:
        """Return the current activities as text, a table each: `loading public.orders, 5 of 10 rows`."""
        return list(map(self._told, self.now))

    def _came(self, table: str) -> float:
        return LOADED * min(self.loaded[table], self.rows.get(table, 0))

    def _told(self, activity: Activity) -> str:
        if activity.rows is None:
            return f"index of {activity.name} {activity.share or 0:.0%}"
        known = self.rows.get(activity.name)
        of = f" of {known:,}" if known is not None else ""
        return f"loading {activity.name}, {activity.rows:,}{of} rows"


def planned_for(clearance: Clearance) -> Work:
    """Return the planned work of a restore; materialized views, which are filled later, are no part of it."""
    manifest = clearance.manifest
    return Work(
        [entry for entry in restorable(clearance.archive) if entry.kind != FILLED],
        {name: content.rows for name, content in manifest.contents.items()} if manifest else {},
    )
