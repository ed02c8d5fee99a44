"""Code of the source that runs while its archive is restored.

A check, a domain, a generated column, an expression of an index, a partition key or statistics is computed
for each row, a materialized view when it is filled: with the rights of the role that restores. Whether one of
them calls more than the server's own is decided from the archive's text, for a manifest may be forged, and so
may the text: every statement has to be one that pg_dump writes. A text that is not understood counts as code.

pg_dump qualifies every name that is not pg_catalog's, and lets pg_restore set an empty search path.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pgpromote.postgres import sql
from pgpromote.postgres.archives.dump_text import CALLED_BY_RANGE, CHANGING, COPIED, FRAME, LOADED, WRITTEN
from pgpromote.postgres.archives.sql_text import (
    DEPTH,
    Token,
    Tokens,
    chain,
    closing,
    items,
    shape,
    statements,
    tokens,
)
from pgpromote.postgres.model import Archive, Manifest, TocEntry
from pgpromote.postgres.server import Session

ROUTINE = frozenset({"FUNCTION", "PROCEDURE"})
# Computed while an archive is restored.
COMPUTED = frozenset(
    {"TABLE", "DOMAIN", "CONSTRAINT", "CHECK CONSTRAINT", "INDEX", "STATISTICS", "MATERIALIZED VIEW",
     "TABLE ATTACH", "FK CONSTRAINT", "STATISTICS DATA"}
)  # fmt: skip
# What a materialized view may read: it runs what they call.
READ = frozenset({"VIEW", "RULE", "MATERIALIZED VIEW", "FOREIGN TABLE"})
WITH_DATA = frozenset({"TABLE DATA", "BLOBS"})
NUMBERED = frozenset({"BLOB METADATA", "BLOBS"})  # their definition is a list of numbers
# Words before a parenthesis that are syntax, though no keywords: PARTITION BY HASH (x).
WORDS = frozenset({"hash", "list"})
BEHIND_DEFAULT = (
    "default", "generated", "not", "null", "constraint", "check", "collate", "primary", "unique", "references"
)  # fmt: skip
SETTING_DEFAULT = ["alter", "column", "set", "default"]
AS, TYPE, COMMA = Token("word", "as"), Token("sign", "::"), Token("sign", ",")
UNCLEAR = "is not as pg_dump writes it"


@dataclass(frozen=True)
class Code:
    """An object of the archive that is code, or may be, and the reason."""

    name: str
    why: str


@dataclass(frozen=True)
class Server:
    """The known names of a server: its own functions, and words of SQL that call none."""

    harmless: frozenset[str] = frozenset()
    other: frozenset[str] = frozenset()
    keywords: frozenset[str] = frozenset()


@dataclass
class _Table:
    """A table that rows are copied into: columns whose default is code, and the tables it inherits from."""

    columns: set[str] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)


@dataclass
class _Search:
    """The state of a search through the archive's definitions.

    Relations that may be read are kept by name.
    """

    server: Server
    tables: dict[str, _Table] = field(default_factory=dict)
    readable: dict[str, list[tuple[TocEntry, Tokens]]] = field(default_factory=dict)

    def why(self, entry: TocEntry) -> str:
        """Return the reason why an entry counts as code, "" when it does not."""
        found, pattern = tokens(entry.definition), WRITTEN.get(entry.kind)
        if pattern is None:
            return "runs while it is restored"
        if found is None or (entry.has_data or entry.copy != "") != (entry.kind in WITH_DATA):
            return UNCLEAR
        if ";" in entry.drop.rstrip(";\n") and len(statements(tokens(entry.drop) or ()) or ()) != 1:
            return UNCLEAR  # a new owner is given by it
        if entry.kind in NUMBERED:
            return "" if all(token.kind == "number" for token in found) else UNCLEAR
        made = statements(found, routine=entry.kind in ROUTINE)
        if made is None or not all(re.fullmatch(pattern, shape(each)) for each in made):
            return UNCLEAR
        return next((why for each in made if each and (why := self._statement(entry, each))), "")

    def _statement(self, entry: TocEntry, statement: Tokens) -> str:
        table, body = named(statement)
        if entry.kind in READ and not (entry.kind == "RULE" and CHANGING.match(shape(statement))):
            self.readable.setdefault(table.rpartition(".")[2], []).append((entry, body))
        if entry.kind in ROUTINE:
            return "is code of the machine" if LOADED.search(shape(statement)) else ""
        if entry.kind == "TYPE":
            return self._range(body)
        if entry.kind not in COMPUTED and not statement[0].is_word("alter"):
            return ""
        if statement[1].is_word("table", "foreign", "unlogged"):
            parts = self._of_table(table, statement, body)
            if parts is None:
                return UNCLEAR
            body = parts
        elif entry.kind == "DOMAIN" and body[:1] == (AS,):
            body = (TYPE, *body[1:])
        return self.calls(body) or (self.reads(body) if entry.kind in READ else "")

    def _range(self, body: Tokens) -> str:
        """Return the call of a range type that may be more than the server's own, "" for none.

        It calls a function to compare values, and one to measure their distance.
        """
        for option, called in CALLED_BY_RANGE.findall(shape(body)):
            name = called.replace(" ", "").removeprefix("pg_catalog.")
            if "." in name or (option != "subtype_opclass" and name not in self.server.harmless):
                return f"calls {name}"
        return ""

    def _of_table(self, table: str, statement: Tokens, body: Tokens) -> Tokens | None:
        """Return a table's definition without its uncomputed parts: types of columns, and their defaults."""
        if statement[0].is_word("alter"):
            if len(list(items(body))) > 1:
                return None
            return self._default(table, body) if "set default" in shape(body) else body
        start = next((place for place, token in enumerate(body) if token.is_sign("(")), len(body))
        end = closing(body, start)
        if any(token.is_word("as", "select", "table") for token in body[end:]):
            return None
        columns = [self._column(table, column) for column in items(body[start + 1 : end])]
        self._inherit(table, body[end:])
        return (*(token for column in columns for token in (*column, COMMA)), *body[end + 1 :])

    def _column(self, table: str, column: Tokens) -> Tokens:
        if len(column) < 2 or not (column[0].named and column[1].named):
            return column
        typed = (column[0], TYPE, *column[1:])
        depth = 0
        for place, token in enumerate(typed):
            depth += DEPTH.get(token.text, 0) if token.kind == "sign" else 0
            if token.is_word("default") and not depth:
                end = next(
                    (e for e in range(place + 1, len(typed)) if _ends(typed, place + 1, e)), len(typed)
                )
                self._note(table, column[0].text, typed[place + 1 : end])
                return (*typed[:place], *typed[end:])
        return typed

    def _default(self, table: str, body: Tokens) -> Tokens | None:
        """Note the default that a statement of its own sets, ALTER COLUMN … SET DEFAULT."""
        if len(body) < 6 or [token.text for token in body[:2] + body[3:5]] != SETTING_DEFAULT:
            return None
        self._note(table, body[2].text, body[5:])
        return ()

    def _note(self, table: str, column: str, default: Tokens) -> None:
        if self.calls(default):
            self.tables.setdefault(table, _Table()).columns.add(column)

    def _inherit(self, table: str, rest: Tokens) -> None:
        for place, token in enumerate(rest):
            if token.is_word("inherits"):
                parents = items(rest[place + 2 : closing(rest, place + 1)])
                known = self.tables.setdefault(table, _Table()).parents
                known |= {".".join(t.text for t in parent if t.named) for parent in parents}

    def calls(self, found: Tokens) -> str:
        """Return the call in an expression that may be more than the server's own, "" for none."""
        place = 0
        while place < len(found):
            end = chain(found, place) if found[place].named else place + 1
            if found[place].named and (called := self._called(found, place, end)):
                return f"calls {called}"
            place = end
        return ""

    def _called(self, found: Tokens, place: int, end: int) -> str:
        """Return the name that begins here if it is called and not harmless, "" for all others."""
        names = [token for token in found[place:end] if token.named]
        before = found[place - 1] if place else COMMA
        opened = end < len(found) and found[end].is_sign("(")
        if before.is_sign("::"):
            return ""
        # A part of a row may be a call: (x).name is name(x).
        parts = names if before.is_sign(".") else names[2:]
        if any(part.text in self.server.other for part in parts):
            return ".".join(name.text for name in names)
        if opened and len(names) == 1 and names[0].is_word("operator"):
            return _operator(found[end + 1 : closing(found, end)])
        if not opened or (names[0].kind == "word" and self._is_syntax(names, before)):
            return ""
        own = len(names) == 2 and names[0].text == "pg_catalog"
        harmless = (len(names) == 1 or own) and names[-1].text in self.server.harmless
        return "" if harmless else ".".join(name.text for name in names)

    def _is_syntax(self, names: Sequence[Token], before: Token) -> bool:
        """Return whether a name before a parenthesis is a word of SQL, or no call for another reason."""
        if before.is_word("references"):
            return True
        if len(names) > 1:
            return False
        word = names[0].text in self.server.keywords or names[0].text in WORDS
        return word or before.is_word("using", "with", "recursive")

    def reads(self, found: Tokens) -> str:
        """Return the catalog that a query reads: with a superuser's eyes, passwords as well."""
        names = (token.text for token in found if token.named)
        secret = (name for name in names if name.startswith("pg_") or name == "information_schema")
        return next((f"reads {name}" for name in secret if name != "pg_catalog"), "")

    def read_by_views(self) -> Iterator[Code]:
        """Yield code in relations that materialized views read, at any distance."""
        seen = set[str]()
        wanted = {
            name
            for name, all_of in self.readable.items()
            if any(e.kind == "MATERIALIZED VIEW" for e, _ in all_of)
        }
        while wanted := wanted - seen:
            seen |= wanted
            bodies = [one for name in wanted for one in self.readable[name]]
            wanted = {t.text for _, body in bodies for t in body if t.named} & self.readable.keys()
        for name in sorted(seen):
            for entry, body in self.readable[name]:
                if why := self._read(entry, body):
                    yield Code(f"{entry.kind} {entry.name}", f"{why}, and a materialized view reads it")

    def _read(self, entry: TocEntry, body: Tokens) -> str:
        if entry.kind == "FOREIGN TABLE":
            return "reaches outside"
        return "" if entry.kind == "MATERIALIZED VIEW" else self.calls(body) or self.reads(body)

    def copied(self, entry: TocEntry) -> str:
        """Return the reason why a table's rows are code; "" for plain rows for which nothing is computed."""
        made = statements(tokens(entry.copy) or ())
        match = COPIED.fullmatch(shape(made[0])) if made and len(made) == 1 else None
        if made is None or match is None:
            return UNCLEAR if entry.copy else "holds rows as statements"
        table, body = named(made[0])
        given = {token.text for token in body[1 : closing(body, 0)]} if match["columns"] else None
        left = self._defaults(table, set()) - given if given is not None else set[str]()
        return f"leaves {min(left)} to its default, which is code" if left else ""

    def _defaults(self, table: str, seen: set[str]) -> set[str]:
        """Return the columns of a table, or of those it inherits from, whose defaults are code."""
        known = self.tables.get(table)
        if known is None or table in seen:
            return set()
        return known.columns.union(*(self._defaults(parent, seen | {table}) for parent in known.parents))


def _operator(found: Tokens) -> str:
    """Return an operator's name, `schema.+`, if it is not the server's own."""
    own = not found or not found[0].named or found[0].text == "pg_catalog"
    return "" if own else "".join(token.text for token in found)


def _ends(column: Tokens, start: int, end: int) -> bool:
    """Return whether the default that starts here ends there."""
    depth = sum(DEPTH.get(token.text, 0) for token in column[start:end] if token.kind == "sign")
    return not depth and column[end].is_word(*BEHIND_DEFAULT)


def named(statement: Tokens) -> tuple[str, Tokens]:
    """Return the first name with a schema, `schema.name`, and the tokens after it."""
    for place, token in enumerate(statement):
        if token.named and (end := chain(statement, place)) > place + 1:
            return ".".join(t.text for t in statement[place:end] if t.named), statement[end:]
    return "", statement


def powers(session: Session) -> tuple[str, ...]:
    """Return the roles by which our own one rules the server, none for an ordinary role."""
    return tuple(str(row[0]) for row in session.execute(sql.read("dev_code/powers")))


def find(archive: Archive, session: Session) -> tuple[Code, ...]:
    """Return the objects of an archive that run, or may run, while it is restored into a server."""
    return tuple(search(archive, read(session)))


def read(session: Session) -> Server:
    """Read the functions that may be called on a server."""
    found = session.execute(sql.read("dev_code/harmless")).fetchall()
    harmless, other, keyword = (
        frozenset(str(name) for name, kind in found if kind == wanted)
        for wanted in ("harmless", "other", "keyword")
    )
    return Server(harmless, other, keyword)


def search(archive: Archive, server: Server) -> Iterator[Code]:
    """Yield the objects of an archive that run, or may run, in a restore into a server of known names."""
    yield from _frame(archive)
    seen, late = _Search(server), set[int]()
    for entry in archive.entries:
        # A trigger comes last, and with it whatever is said to depend on it: rows would fire it.
        if entry.kind == "TRIGGER" or not late.isdisjoint(entry.dependencies):
            late.add(entry.dump_id)
        if why := seen.why(entry) or ("fires a trigger" if _fires(entry, late) else ""):
            yield Code(f"{entry.kind} {entry.name}", why)
    yield from seen.read_by_views()
    for entry in archive.of_kind("TABLE DATA"):
        if why := seen.copied(entry):
            yield Code(f"{entry.kind} {entry.name}", why)


def in_manifest(manifest: Manifest | None) -> Iterator[Code]:
    """Yield statements of a manifest that are not those which give a range type its rights."""
    for name, texts in ((manifest and manifest.range_rights) or {}).items():
        if not all(_is_written("ACL", f"{text};") for text in texts):
            yield Code(f"the manifest's rights of {name}", UNCLEAR)


def _is_written(kind: str, text: str) -> bool:
    """Return whether a text is one statement of this kind."""
    made = statements(tokens(text) or ())
    return made is not None and len(made) == 1 and re.fullmatch(WRITTEN[kind], shape(made[0])) is not None


def _fires(entry: TocEntry, late: set[int]) -> bool:
    return entry.kind == "TABLE DATA" and entry.dump_id in late


def _frame(archive: Archive) -> Iterator[Code]:
    """Yield entries by which pg_restore sets up each session that are not as pg_dump writes them."""
    counted = Counter(entry.kind for entry in archive.frame)
    for kind, pattern in FRAME.items():
        entries = [entry for entry in archive.frame if entry.kind == kind]
        if counted[kind] != 1 or not pattern.fullmatch(entries[0].definition):
            yield Code(kind, UNCLEAR)
