"""Messages of servers and client programs, in two parts: a text for anybody, and details that hold rows.

PostgreSQL's messages are fixed texts with names and values in quotes. Shown are the message with its values
masked, the SQLSTATE, and the object. DETAIL, CONTEXT, values, and whatever code of a database raises with a
text of its own go to a file that is readable by its owner alone.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.errors import Diagnostic

from pgpromote.postgres.model import Dump

MASK = '"…"'
RAISED = "an error that code of the database raised with a text of its own"
# So much of one error, and of all of them together, is kept; what is older is in the file before.
ERROR_BYTES, FILE_BYTES = 1 << 16, 1 << 20

# Words before a quoted name. Before a value stands a colon, or another word.
KINDS = frozenset(
    {
        "relation", "table", "view", "index", "sequence", "column", "constraint", "schema", "database",
        "role", "user", "tablespace", "type", "domain", "function", "procedure", "aggregate", "operator",
        "class", "family", "method", "language", "extension", "collation", "conversion", "server", "wrapper",
        "publication", "subscription", "slot", "policy", "trigger", "rule", "parameter", "encoding",
        "dictionary", "configuration", "parser", "template", "object", "provider", "transaction",
    }
)  # fmt: skip
# What is looked up may be a value: 'x'::regclass.
LOOKED_UP = re.compile(r"does not exist|not found|unrecognized|unknown|no such")
# A server that speaks another language quotes otherwise.
QUOTES = '"«»„“”「」『』'
QUOTE = re.compile(f"[{QUOTES}]")
# A value may begin as a name does.
VALUE_BEFORE = re.compile(r"(?:[:\uff1a]|\b(?:value|near|zone|unit|symbol|argument|string|key|input)) ?$")
KIND_BEFORE = re.compile(r"(\w+) $")
# Errors of the server's own state (08, 28, 53, 55, 57, 58) hold no values.
OF_THE_STATE = re.compile(r"08|28|53|55|57|58")
# Whatever raised it, SQLSTATE and text may be its author's: RAISE, ASSERT, another language, another server.
BY_CODE = re.compile(r"\b(?:RAISE|ASSERT)\b|PL/(?!pgSQL)|remote SQL|dblink")
ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
RAISED_STATES = frozenset({"P0001", "P0004", "38000", "39000"})
PLACES = (
    re.compile(r"(PL/pgSQL function .+?\)) line (\d+)"),
    re.compile(r"(COPY .+?), line (\d+)(?:, column (.+?)(?=: \"|: null input|$))?(?::|$)"),
)
OBJECTS = {
    "schema_name": "schema", "table_name": "table", "column_name": "column", "datatype_name": "type",
    "constraint_name": "constraint",
}  # fmt: skip
FIELDS = {"SQLSTATE": "sqlstate", **{name.upper().replace("_", " "): name for name in OBJECTS}}
PART = re.compile(rf"(?m)^(DETAIL|HINT|QUERY|CONTEXT|LOCATION|LINE \d+|Command was|{'|'.join(FIELDS)}): *")
SAID = re.compile(r"(?s)(?P<before>(?:.*?: )?)(?P<severity>\w+):  (?:(?P<state>[0-9A-Z]{5}): )?(?P<text>.*)")
TELLING = re.compile(r"error:|detail:|ERROR:|FATAL:")
# So many of the last messages are told of a program that named no error.
SHOWN = 3
PROGRAM = re.compile(r"(?:pg_dump|pg_restore): |psql:")
STATEMENT = re.compile(r"((?:Command|Query) was: )(.*)", re.DOTALL)
TOKEN = re.compile(
    r"""(?isx) (?P<comment> --[^\n]* | /\*.*?\*/ )
      | (?P<text> \b[en]'(?:\\.|''|[^'\\])*(?:'|$) | '(?:''|[^'])*(?:'|$)
        | (?<![\w$]) \$(?P<tag>[^\W\d]\w*|)\$ (?P<body>.*?) (?:\$(?P=tag)\$|$) )
      | "(?P<quoted>(?:""|[^"])*)(?:"|$)
      | (?P<word>[^\W\d][\w$]*)"""
)


@dataclass(frozen=True)
class Details:
    """The file of a promotion's error details; without a path nothing is kept."""

    path: Path | None = None

    def keep(self, label: str, text: str) -> str:
        """Append details to the file. Returns its place, as `details: PATH`; "" without a file."""
        if self.path is None:
            return ""
        head = f"--- {datetime.now(UTC).isoformat(timespec='milliseconds')} {os.getpid()} {visible(label)}\n"
        kept = visible(text).encode(errors="backslashreplace")[:ERROR_BYTES]
        try:
            self._append(head.encode(errors="backslashreplace") + kept.rstrip() + b"\n")
        except OSError as error:
            return f"details could not be kept in {self.path}: {error.strerror}"
        return f"details: {self.path}"

    def _append(self, record: bytes) -> None:
        path = self.path or Path()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open(path, flags, 0o600)
        with open(handle, "ab", buffering=0) as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(0, "it is no regular file")
            os.fchmod(handle, 0o600)
            file.write(record)
        if found.st_size + len(record) > FILE_BYTES:
            path.replace(path.with_name(f"{path.name}.before"))

    def since(self, size: int) -> str:
        """Return the text appended after the file had this size; of a file that was begun anew, all."""
        if self.path is None or not self.path.is_file():
            return ""
        content = self.path.read_bytes()
        return content[size if size <= len(content) else 0 :].decode(errors="backslashreplace")

    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self.path.stat().st_size if self.path and self.path.is_file() else 0


NOWHERE = Details()


@dataclass(frozen=True)
class Told:
    """The part of an error that may be shown, and the whole of it where that says more."""

    shown: str
    whole: str

    @property
    def hides(self) -> bool:
        """Whether the whole says more than the shown part."""
        return _joined(self.whole) not in _joined(self.shown)


@dataclass(frozen=True)
class _Said:
    """The parts of a server's message. `objects` are its names by the keys of OBJECTS."""

    message: str
    state: str = ""
    hint: str = ""
    context: str = ""
    objects: tuple[tuple[str, str], ...] = ()


def of_error(error: psycopg.Error, known: AbstractSet[str] = frozenset(), *, code: bool = False) -> Told:
    """Return an error of a session in its two parts. `code`: the statement ran the database's code over rows.

    `known` are names that may be shown, wherever they stand in quotes.
    """
    if error.diag.message_primary is None:  # libpq's or psycopg's own
        whole = str(error)
        value = isinstance(error, psycopg.DataError)
        return Told("a value that came from the server cannot be read" if value else _joined(whole), whole)
    return of_message(error.diag, known, code=code)


def of_message(said: Diagnostic, known: AbstractSet[str] = frozenset(), *, code: bool = False) -> Told:
    """Return an error or a warning of a server in its two parts, as `of_error` does."""
    found = _Said(
        said.message_primary or "",
        said.sqlstate or "",
        said.message_hint or "",
        said.context or "",
        tuple((name, value) for name in OBJECTS if (value := getattr(said, name))),
    )
    parts = {"DETAIL": said.message_detail, "HINT": said.message_hint, "CONTEXT": said.context}
    whole = [found.message, *(f"{name}: {text}" for name, text in parts.items() if text)]
    return Told(_shown(found, known, code=code), "\n".join(whole))


def of_login(text: str) -> Told:
    """Return the reason why a server was not reached, in its two parts.

    A trigger on login may have raised it, with a text of its own.
    """
    return Told(of_record(text.split("\n")) if "\nCONTEXT:" in text else _joined(text), text)


def of_program(
    lines: Iterable[str], ending: str = "", known: AbstractSet[str] = frozenset(), *, code: bool = False
) -> Told:
    """Return the errors of a client program; without one its last messages, and its ending."""
    records = list(records_of(lines))
    errors = [record for record in records if TELLING.search(record[0])]
    told = errors or records[-SHOWN:]
    shown = [*(of_record(record, known, code=code) for record in told), *([] if errors else [ending])]
    return Told(" ".join(filter(None, shown)), "\n".join("\n".join(record) for record in told))


def of_record(record: list[str], known: AbstractSet[str] = frozenset(), *, code: bool = False) -> str:
    """Return the part of a client program's message that may be shown, without the statement that failed."""
    text = "\n".join(record)
    if statement := STATEMENT.fullmatch(text.partition(": detail: ")[2]):
        return _joined(f"{statement[1]}{without_literals(statement[2])}")
    said = SAID.match(record[0])
    if said is None:
        return _joined(record[0] if PROGRAM.match(record[0]) else MASK)
    parts = PART.split("\n".join([said["text"], *record[1:]]))
    found = dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))
    objects = tuple((key, found[name]) for name, key in FIELDS.items() if key in OBJECTS and name in found)
    before, severity = said["before"], said["severity"]
    if severity not in ERRORS and ": error: " not in before:  # a notice, whose context is not told
        return f"{before}{severity}:  {RAISED}"
    server = _Said(
        parts[0].strip(), said["state"] or "", found.get("HINT", ""), found.get("CONTEXT", ""), objects
    )
    return f"{before}{severity}:  {_shown(server, known, code=code)}"


def of_line(line: str) -> str:
    """Return the part of a single line that may be shown, without a server's message: its end is missing.

    "" for a line in the middle of a message.
    """
    if not PROGRAM.match(line):
        return ""
    said = SAID.match(line)
    if said:
        return f"{said['before']}{said['severity']}: …"
    if statement := re.search(r"(?:Command|Query) was: |message from server: ", line):
        return f"{line[: statement.end()]}…"
    return line


def records_of(lines: Iterable[str]) -> Iterator[list[str]]:
    """Group a program's lines: a message begins with the program's name, its other lines follow."""
    record: list[str] = []
    for line in lines:
        if PROGRAM.match(line) and record:
            yield record
            record = []
        record.append(line)
    if record:
        yield record


def names_in(archive: Dump) -> frozenset[str]:
    """Return every name in an archive: of its entries, and all words of their SQL that are no literals."""
    found: set[str] = set()
    for entry in archive.entries:
        found |= {entry.schema, entry.tag, entry.owner, entry.tablespace, entry.name}
        found |= words_of(f"{entry.tag}\n{entry.definition}")
    return frozenset(found - {""})


def words_of(text: str) -> set[str]:
    """Return the names and key words of an SQL text, those of function bodies too, but no literal."""
    found: set[str] = set()
    for token in TOKEN.finditer(text):
        if token["body"]:
            found |= words_of(token["body"])
        elif token["quoted"]:
            found.add(token["quoted"].replace('""', '"'))
        elif token["word"]:
            found.add(token["word"])
    return found


def without_literals(statement: str) -> str:
    """Mask the texts in a statement; a default may be one, or the body of a function hold some."""
    return TOKEN.sub(lambda token: "'…'" if token["text"] or token["comment"] else token[0], statement)


def visible(text: str) -> str:
    r"""Return a text with invisible characters, and those that control a terminal or text direction, escaped.

    As JSON escapes them, so that JSON that passes through here means the same.

    >>> visible("a\u202eb")
    'a\\u202eb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else json.dumps(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """Return a text as `visible` does, with tabs and line feeds escaped, too: they would split a row."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _joined(text: str) -> str:
    return " ".join(text.split())


def _shown(said: _Said, known: AbstractSet[str], *, code: bool) -> str:
    raised = said.state in RAISED_STATES or BY_CODE.search(said.context)
    names = known | {value for _, value in said.objects}
    message = RAISED if raised else _message(said, names, code=code or bool(said.context))
    hint = "" if raised or not said.hint else f" HINT: {_masked(said.hint, names, code=True)}"
    notes = [f"SQLSTATE {said.state}" if said.state else "", *_objects(said), _place(said.context)]
    noted = ", ".join(filter(None, notes))
    return _joined(f"{message}{f' ({noted})' if noted else ''}{hint}")


def _message(said: _Said, names: AbstractSet[str], *, code: bool) -> str:
    if OF_THE_STATE.match(said.state) and not said.context:
        return said.message
    return _masked(said.message, names, code=code)


def _objects(said: _Said) -> Iterator[str]:
    found = dict(said.objects)
    schema = found.pop("schema_name", "")
    for key, name in found.items():
        whole = f"{schema}.{name}" if schema and key in {"table_name", "datatype_name"} else name
        yield f"{OBJECTS[key]} {whole}"
    if schema and not found:
        yield f"schema {schema}"


def _place(context: str) -> str:
    """Return the place of an error: innermost function and line, and the table, line and column of rows."""
    return ", ".join(filter(None, (_first(place, context) for place in PLACES)))


def _first(place: re.Pattern[str], context: str) -> str:
    match = next(filter(None, map(place.match, context.splitlines())), None)
    if match is None:
        return ""
    name, line, *column = match.groups()
    return f"{name} line {line}{f' column {column[0]}' if any(column) else ''}"


def _masked(text: str, names: AbstractSet[str], *, code: bool) -> str:
    """Mask from the first quote that holds no name to the last one: a value may hold quotes itself."""
    trusted = not (code and LOOKED_UP.search(text))
    place, kept = 0, ""
    while found := QUOTE.search(text, place):
        before = text[: found.start()]
        end = None
        if not VALUE_BEFORE.search(before):
            end = _name_ends(text, found.end(), names, _follows_kind(before) if trusted else None)
        if end is None:
            last = max(text.rfind(quote) for quote in QUOTES)
            rest = text[last + 1 :] if last > found.start() else ""
            return f"{kept}{text[place : found.start()]}{MASK}{rest}"
        kept, place = kept + text[place:end], end
    return kept + text[place:]


def _follows_kind(before: str) -> Callable[[str], bool]:
    kind = KIND_BEFORE.search(before)
    return lambda name: kind is not None and kind[1] in KINDS


def _name_ends(
    text: str, start: int, names: AbstractSet[str], trust: Callable[[str], bool] | None
) -> int | None:
    """Return the end of the quoted name that begins at `start`; None for a text that is no name."""
    ends = list(QUOTE.finditer(text, start))[:8]
    for end in ends:
        name = text[start : end.start()]
        if name in names or all(part.strip('"') in names for part in name.split(".")):
            return end.end()
    if ends and trust and trust(text[start : ends[0].start()]):
        return ends[0].end()
    return None
