"""One query per file, read once."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def read(name: str) -> LiteralString:
    """Read the query `name`, such as `catalog/identity`.

    The files ship with the package, so their text counts as literal.
    """
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def names(folder: str) -> list[str]:
    """List the queries in a folder, sorted."""
    entries = files(__package__).joinpath(folder).iterdir()
    return sorted(entry.name.removesuffix(".sql") for entry in entries if entry.name.endswith(".sql"))
