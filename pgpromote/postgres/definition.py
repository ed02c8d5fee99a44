"""What the SQL of an archive's entries says about the objects that it makes.

pg_dump writes each kind of statement in one way, so a few patterns read it. Only what the server writes back
unchanged is read: names, types, states. An expression is not, because the server writes some of them
otherwise after a restore (`x IN ('a', 'b')` over varchar).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pgpromote.postgres.archive import NAME, unquote
from pgpromote.postgres.model import TocEntry

STRING_OR_NAME = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
TOKEN = re.compile(r'"(?:[^"]|"")*"|[(),\[\]]')
# What may follow a column's type.
AFTER_TYPE = r" (?:DEFAULT|GENERATED|COLLATE|CONSTRAINT|NOT NULL|OPTIONS)\b"
COLUMN = re.compile(
    rf'({NAME})((?:"(?:[^"]|"")*"|(?!{AFTER_TYPE})[^"])*)( (?:DEFAULT|GENERATED)\b)?', re.DOTALL
)
NOT_NULL = re.compile(rf"(?:CONSTRAINT {NAME} )?NOT NULL ({NAME})")
CHECK = re.compile(rf"CONSTRAINT ({NAME}) CHECK\b")
POLICY = re.compile(
    rf"CREATE POLICY {NAME} ON {NAME}\.{NAME}( AS RESTRICTIVE)?(?: FOR (\w+))?(?: TO ({NAME}(?:, {NAME})*))?"
)
ATTACH = re.compile(rf"ALTER (?:TABLE ONLY|INDEX) ({NAME})\.({NAME}) ATTACH PARTITION ")
OWNED_BY = re.compile(rf" OWNED BY ({NAME})\.({NAME})\.({NAME});")
SEQUENCE = re.compile(
    r"^    (START WITH -?\d+|INCREMENT BY -?\d+|CACHE \d+|(?:NO )?(?:MIN|MAX)VALUE(?: -?\d+)?|CYCLE)\b",
    re.MULTILINE,
)
SETVAL = re.compile(r"SELECT pg_catalog\.setval\('.*', (-?\d+), (true|false)\);", re.DOTALL)
STATE = re.compile(rf"ALTER TABLE {NAME}\.{NAME} (DISABLE|ENABLE(?: REPLICA| ALWAYS)?) (?:TRIGGER|RULE) ")
STATES = {"DISABLE": "disabled", "ENABLE": "enabled", "ENABLE REPLICA": "replica", "ENABLE ALWAYS": "always"}
Facts = tuple[str, ...]


@dataclass(frozen=True)
class Described:
    """An object, named as pg_dump names it, and facts about it; an entry may describe several objects."""

    kind: str
    schema: str
    name: str
    facts: Sequence[str]


def describe(entry: TocEntry) -> Iterator[Described]:
    """Yield the objects that an entry makes, each with the facts that must hold for it afterwards."""
    text = STRING_OR_NAME.sub(lambda match: match[0] if match[0][0] == '"' else "''", entry.definition)
    if entry.kind in {"TABLE", "FOREIGN TABLE"}:
        yield from _table(entry, text)
    elif entry.kind == "DOMAIN":
        for name in CHECK.findall(text):
            yield _part(entry, "CHECK CONSTRAINT", name, "validated")
    elif facts := READERS.get(entry.kind, _none)(text):
        yield Described(entry.kind, entry.schema, entry.tag, facts)


def position(entry: TocEntry) -> tuple[int, bool]:
    """Return where a `SEQUENCE SET` entry puts its sequence: the value, and whether it has been given."""
    match = SETVAL.match(entry.definition)
    if match is None:
        raise ValueError(f"{entry.name} sets no sequence")
    return int(match[1]), match[2] == "true"


def _none(_text: str) -> Facts:
    return ()


def _index(_text: str) -> Facts:
    return ("valid",)


def _key(text: str) -> Facts:
    # PostgreSQL 18 writes a NOT NULL that is not validated as a constraint of its own.
    return () if text.endswith(" NOT VALID;\n") else ("valid", "checked by its triggers")


def _checked(text: str) -> Facts:
    text = text.rstrip(";\n")
    if text.endswith(" NOT ENFORCED"):
        return ()
    always = ("enforced", "checked by its triggers")
    return always if text.endswith(" NOT VALID") else ("validated", *always)


def _state(text: str) -> Facts:
    command = STATE.search(text)
    return (STATES[command[1]] if command else "enabled",)


def _attached(text: str) -> Facts:
    return tuple(f"attached to {unquote(schema)}.{unquote(name)}" for schema, name in ATTACH.findall(text))


def _policy(text: str) -> Facts:
    match = POLICY.match(text)
    if match is None:
        return ()
    restrictive, command, roles = match.groups()
    names = sorted(unquote(name) for name in re.findall(NAME, roles or ""))
    kind = "restrictive" if restrictive else "permissive"
    return (f"{kind} for {command or 'ALL'} to {', '.join(names) or 'everybody'}",)


def _sequence(text: str) -> Facts:
    facts = tuple(SEQUENCE.findall(text))
    return facts if "CYCLE" in facts else (*facts, "NO CYCLE")


def _owned(text: str) -> Facts:
    return tuple(f"owned by {'.'.join(map(unquote, column))}" for column in OWNED_BY.findall(text))


READERS: dict[str, Callable[[str], Facts]] = {
    "INDEX": _index,
    "CONSTRAINT": _key,
    "FK CONSTRAINT": _checked,
    "CHECK CONSTRAINT": _checked,
    "TRIGGER": _state,
    "RULE": _state,
    "TABLE ATTACH": _attached,
    "INDEX ATTACH": _attached,
    "POLICY": _policy,
    "SEQUENCE": _sequence,
    "SEQUENCE OWNED BY": _owned,
}


def _table(entry: TocEntry, text: str) -> Iterator[Described]:
    forced = re.search(rf"\nALTER TABLE ONLY {NAME}\.{NAME} FORCE ROW LEVEL SECURITY;", text)
    if entry.kind == "TABLE":
        facts = (
            "unlogged" if text.startswith("CREATE UNLOGGED ") else "logged",
            "row security forced" if forced else "row security not forced",
        )
        yield Described("TABLE", entry.schema, entry.tag, facts)
    for item in _items(text):
        if check := CHECK.match(item):
            yield _part(entry, "CHECK CONSTRAINT", check[1], *_checked(item))
        elif required := NOT_NULL.match(item):
            yield _part(entry, "COLUMN", required[1], "NOT NULL")
        elif column := COLUMN.match(item):
            yield _part(entry, "COLUMN", column[1], *_column(item, column))


def _column(item: str, column: re.Match[str]) -> Iterator[str]:
    # The column of a typed table takes its type from there.
    if column[2].strip():
        yield column[2].strip()
    if item.endswith(" NOT NULL"):
        yield "NOT NULL"
    if column[3]:
        yield "DEFAULT"


def _part(entry: TocEntry, kind: str, name: str, *facts: str) -> Described:
    return Described(kind, entry.schema, f"{entry.tag} {unquote(name)}", facts)


def _items(text: str) -> Iterator[str]:
    """Take the first parentheses of a text apart at their commas."""
    depth, start = 0, 0
    for token in TOKEN.finditer(text):
        depth += (token[0] in "([") - (token[0] in ")]")
        if token[0] == "(" and depth == 1:
            start = token.end()
        elif (token[0] == "," and depth == 1) or (token[0] == ")" and depth == 0):
            if item := text[start : token.start()].strip():
                yield item
            start = token.end()
        if token[0] == ")" and depth == 0:
            return
