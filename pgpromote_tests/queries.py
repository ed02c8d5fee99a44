"""Which of our queries the servers of each version have run: `make test-queries`.

The servers' logs have them, also what a child process of a test has run.
"""

import json
import os
import re
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

from pgpromote.postgres import sql

PLACE = os.environ.get("PGPROMOTE_QUERIES", "")
SETTINGS = {"log_statement": "all"} if PLACE else {}
# What is put into a query may have a line or two of its own, which the log indents.
ANY = r"(?:.|\n\t){1,1000}?"
PUT = re.compile(r"\{\w+\}")
FOLDER = Path(sql.__file__).parent


@cache
def marks() -> dict[str, re.Pattern[str]]:
    """Return a line of each query that no other has, whatever is put into it."""
    lines = {
        str(path.relative_to(FOLDER).with_suffix("")): path.read_text().splitlines()
        for path in sorted(FOLDER.glob("*/*.sql"))
    }
    count = Counter(line for each in lines.values() for line in each)
    own = {
        name: [line for line in each if count[line] == 1 and "%" not in line] for name, each in lines.items()
    }
    # The longest of those into which nothing is put, else the longest.
    found = {name: max(each, key=lambda line: ("{" not in line, len(line))) for name, each in own.items()}
    return {name: re.compile(ANY.join(map(re.escape, PUT.split(line)))) for name, line in found.items()}


def keep(major: int, log: Path) -> None:
    """Note which queries a server has run, where `make test-queries` wants it."""
    if PLACE:
        text = log.read_text(errors="replace")
        ran = [name for name, mark in marks().items() if mark.search(text)]
        with Path(PLACE).open("a") as notes:
            notes.write(json.dumps([major, ran]) + "\n")


def main(notes: Path) -> None:
    """Print how many queries each version has run, and the names of the others."""
    ran = defaultdict[int, set[str]](set)
    for line in notes.read_text().splitlines():
        major, names = json.loads(line)
        ran[major] |= set(names)
    for major, names in sorted(ran.items()):
        missing = " ".join(sorted(set(marks()) - names))
        print(f"{major}: {len(names)} of {len(marks())}; not run: {missing or 'none'}")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
