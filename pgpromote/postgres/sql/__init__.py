"""One query per file, read once."""

from functools import cache
from pathlib import Path
from typing import LiteralString

PLACE = Path(__file__).parent


@cache
def read(name: str) -> LiteralString:
    """Read the query `name`, such as `catalog/identity`.

    The files ship with the package, so their text counts as literal.
    """
    return (PLACE / f"{name}.sql").read_text(encoding="utf-8")


def names(folder: str) -> list[str]:
    """List the queries in a folder, sorted."""
    return sorted(path.stem for path in (PLACE / folder).glob("*.sql"))
