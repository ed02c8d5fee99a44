"""Attacks that are tried many times: the number that held, as a table of `promise | attack | tries | held`.

`make test` tries a part, chosen by PGPROMOTE_HARD_SEED; `make test-hard` tries all, and prints the table.
"""

import fcntl
import json
import os
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

FULL = os.environ.get("PGPROMOTE_HARD") == "1"
SEED = os.environ.get("PGPROMOTE_HARD_SEED", "3")
# The file that collects the rows of all processes of a test run.
TABLE = "PGPROMOTE_HARD_TABLE"
HEAD = ("promise", "attack", "tries", "held")

Item = TypeVar("Item")


@dataclass(frozen=True)
class Attacks:
    """A record of attacks, kept in a file, one row of JSON a line; nowhere without one."""

    path: Path | None

    def tried(self, promise: str, attack: str, tries: int, held: int) -> None:
        """Record the tries of an attack, and how often the promise held. Fails when it did not every time."""
        print(f"{promise} | {attack} | {tries} | {held}")  # noqa: T201 - shown when a test fails
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(json.dumps([promise, attack, tries, held]) + "\n")
        assert held == tries, f"{promise}: {attack} held only {held} times of {tries}"


def collected() -> Attacks:
    """Return the record of this test run."""
    path = os.environ.get(TABLE)
    return Attacks(Path(path) if path else None)


def some(name: str, items: Sequence[Item], count: int) -> list[Item]:
    """Choose a few by the seed; all of them in a full run."""
    if FULL or count >= len(items):
        return list(items)
    chosen = random.Random(f"{SEED} {name}").sample(range(len(items)), count)  # noqa: S311 - repeatable
    return [items[place] for place in sorted(chosen)]


def table(lines: Iterable[str]) -> list[str]:
    """Add up the rows of each attack, and write them as Markdown does.

    >>> table(['["Never", "bits", 2, 2]', '["Never", "bits", 3, 3]'])[2:]
    ['| Never | bits | 5 | 5 |']
    """
    sums = dict[tuple[str, str], tuple[int, int]]()
    for promise, attack, tries, held in map(json.loads, lines):
        so_far = sums.get((promise, attack), (0, 0))
        sums[promise, attack] = so_far[0] + tries, so_far[1] + held
    rows = [(*names, str(tries), str(held)) for names, (tries, held) in sorted(sums.items())]
    return [f"| {' | '.join(row)} |" for row in (HEAD, ["---"] * len(HEAD), *rows)]


if __name__ == "__main__":
    print(*table(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()), sep="\n")  # noqa: T201
