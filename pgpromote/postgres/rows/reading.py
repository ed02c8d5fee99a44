"""The progress of reading tables, weighed by the rows that each is known to hold."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# One statement reads so many tables at most, and so many rows or so large a part of all, but for a larger
# table by itself: between two statements it is known how far the reading is.
CHUNK = 100
ROWS = 100_000
PART = 0.02


@dataclass
class Reading:
    """Tables that are being read, and how far that is.

    `known` are the rows of each, by `schema.name`; `rows` are those read, `table` is the largest that is read
    at present, "" for none.
    """

    known: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    table: str = ""
    started: float = field(default_factory=time.monotonic)

    def expect(self, known: Mapping[str, int]) -> None:
        """Begin to read tables with so many rows."""
        self.known, self.rows, self.started = known, 0, time.monotonic()

    def begin(self, tables: Sequence[str]) -> None:
        """Begin to read some of the tables."""
        self.table = max(tables, key=lambda table: self.known.get(table, 0), default="")

    def end(self, tables: Sequence[str]) -> None:
        """Count the rows of tables that are read."""
        self.rows += sum(self.known.get(table, 0) for table in tables)
        self.table = ""

    @property
    def share(self) -> float:
        """The progress, from 0 to 1; 0 where no row is known."""
        total = sum(self.known.values())
        return self.rows / total if total else 0

    def told(self) -> str:
        """Return the number of rows that are read as text: `12 of 40 rows`."""
        return f"{self.rows:,} of {sum(self.known.values()):,} rows"

    def doing(self) -> list[str]:
        """Return the table that is read as text, with its rows: `reading public.orders, 10 rows`."""
        return [f"reading {self.table}, {self.known.get(self.table, 0):,} rows"] if self.table else []

    def chunks(self, tables: Sequence[str]) -> Iterator[slice]:
        """Yield the places of the tables of each statement; 2/PART statements at most are for their rows."""
        most = max(ROWS, PART * sum(self.known.values()))
        first, held = 0, 0
        for number, table in enumerate(tables):
            rows = self.known.get(table, 0)
            if number > first and (number - first == CHUNK or (held and held + rows > most)):
                yield slice(first, number)
                first, held = number, 0
            held += rows
        if first < len(tables):
            yield slice(first, len(tables))
