"""Names in our SQL: a UNION takes the type of its first branch, and the type name is cut at 63 bytes."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

FOLDER = Path(str(files("pgpromote.postgres.sql")))
FILES = sorted(FOLDER.rglob("*.sql"))
NOISE = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
WORD = re.compile(r"\b(SELECT|FROM|UNION)\b|([(),])", re.IGNORECASE)
# A column of a catalog that holds a name, or a CASE of them, as it stands.
BARE_NAME = re.compile(r"^(?:\w+\.)?[a-z]{2,4}name$")


def first_branches(query: str) -> Iterator[list[str]]:
    """Yield the select list of each first branch of a UNION, at any depth of brackets."""
    text = NOISE.sub("''", query)
    found: dict[int, list[str]] = {}
    depth, start, reading = 0, 0, dict[int, bool]()
    for match in WORD.finditer(text):
        word = (match[1] or match[2]).upper()
        if word == "SELECT" and depth not in found:
            found[depth], reading[depth], start = [], True, match.end()
        elif reading.get(depth) and word in {",", "FROM"}:
            found[depth].append(text[start : match.start()].strip())
            start, reading[depth] = match.end(), word == ","
        elif word == "UNION" and depth in found:
            yield found[depth]
        elif word == "(":
            depth += 1
        elif word == ")":
            found.pop(depth, None)
            reading.pop(depth, None)
            depth -= 1


def cut(query: str) -> list[str]:
    """List the names that a UNION would cut in what follows."""
    items = [item for branch in first_branches(query) for item in branch]
    return [item for item in items if BARE_NAME.match(re.sub(r"\s+AS\s+\S+$", "", item))]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT n.nspname, c.relname FROM a UNION ALL SELECT 'x', 'y'", ["n.nspname", "c.relname"]),
        ("SELECT n.nspname::text AS a FROM a UNION SELECT 1", []),
        ("WITH x AS (SELECT 1, t.tgname AS b FROM a UNION SELECT 2, 'z') SELECT 1 FROM x", ["t.tgname AS b"]),
        ("SELECT format('%s, %s', c.relname, 1) FROM a -- UNION\n UNION SELECT relname FROM b", []),
        ("SELECT relname FROM b WHERE EXISTS (SELECT 1 FROM c UNION SELECT relname FROM d)", []),
    ],
)
def test_the_reading_finds_what_would_be_cut(query: str, found: list[str]) -> None:
    assert cut(query) == found


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_union_begins_with_a_name_that_cuts_the_others(path: Path) -> None:
    assert cut(path.read_text()) == []
