"""The psql commands in a plain SQL dump: they run programs, read files, connect, or end the transaction.

Text is parsed as psql does (psqlscan.l): strings, dollar quotes, comments and the rows of COPY are no
commands. Only the commands that pg_dump itself writes pass: SQL, rows, \\restrict and \\unrestrict.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pgpromote.postgres.model import Ref

# As pg_dump writes them. Another command may follow in the same line, and a backtick runs a program.
HARMLESS = re.compile(r"\\(?:un)?restrict \w+")
PART = re.compile(
    r"""--.* | /\* | (?<![\w$])[eE]' | ' | " | \\\S* | [;()]
      | \$(?:[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*)?\$
      | [^\x00-@\[-^`{-\x7f][^\x00-#%-/:-@\[-^`{-\x7f]* """,  # names, as in sql_text
    re.VERBOSE,
)
# Within a string, a name or a comment: its end, and the escapes that only look like it.
WITHIN = {
    "'": re.compile(r"''|'"),
    "E'": re.compile(r"\\.|\\$|''|'"),
    '"': re.compile(r'""|"'),
    "/*": re.compile(r"/\*|\*/"),
}
CLOSING = {"'": "'", "E'": "'", '"': '"'}
COPY = re.compile(r"COPY .*\bFROM STDIN\b", re.IGNORECASE)
ROUTINE = re.compile(r"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b", re.IGNORECASE)
ENDING = re.compile(r"(?:COMMIT|END|ROLLBACK|ABORT|PREPARE TRANSACTION)\b", re.IGNORECASE)
# Settings that change the end of a string. FRAME is how pg_dump sets them.
READING = re.compile(r"standard_conforming_strings|client_encoding", re.IGNORECASE)
FRAME = re.compile(
    r"SET standard_conforming_strings = on;"
    r"|SET client_encoding = '(?!SJIS|SHIFT_JIS_2004|BIG5|GBK|GB18030|UHC|JOHAB)\w+';"
)
END_OF_ROWS = "\\."


def is_plain_sql(ref: Ref) -> bool:
    """Tell whether a file is a plain SQL dump, which its name alone decides: it ends in `.sql`."""
    return ref.suffix == ".sql"


@dataclass(frozen=True)
class Command:
    """A command of psql, or the end of the transaction: name, such as `\\!` or `COMMIT`, and line, from 1."""

    name: str
    line: int


@dataclass
class _Scan:
    """The state of the lexer: the open string or comment, nesting, and the words of the statement so far."""

    within: str = ""
    depth: int = 0
    parentheses: int = 0
    blocks: int = 0
    words: list[str] = field(default_factory=list)
    rows: bool = False

    @property
    def statement(self) -> str:
        return " ".join(self.words)

    def take(self, text: str) -> Iterator[str]:
        """Scan one line, and yield the name of each command in it."""
        if self.rows:
            self.rows = text != END_OF_ROWS
            return
        if (setting := READING.search(text)) and not FRAME.fullmatch(text):
            yield setting[0].lower()
        place = 0
        while place < len(text):
            if self.within:
                place = self._leave(text, place)
                continue
            found = PART.search(text, place)
            if found is None:
                break
            place = found.end()
            if found[0].startswith("\\"):
                if not HARMLESS.fullmatch(text):
                    yield found[0]
                place = len(text)  # its arguments
            else:
                yield from self._enter(found[0])

    def _leave(self, text: str, place: int) -> int:
        """Skip the open string, name or comment, and return the position where it or the line ends."""
        if self.within.startswith("$"):
            end = text.find(self.within, place)
            place, self.within = (len(text), self.within) if end < 0 else (end + len(self.within), "")
            return place
        for found in WITHIN[self.within].finditer(text, place):
            if self.within == "/*":
                self.depth += 1 if found[0] == "/*" else -1
            if found[0] == CLOSING.get(self.within) or (self.within == "/*" and not self.depth):
                self.within = ""
                return found.end()
        return len(text)

    def _enter(self, found: str) -> Iterator[str]:
        if found == "/*":
            self.within, self.depth = found, 1
        elif found[-1] in "'\"" or found[0] == "$":
            self.within = found.upper()[-2:] if found[-1] == "'" else found
            self.words.append("'")
        elif found in "()":
            self.parentheses = max(0, self.parentheses + (1 if found == "(" else -1))
        elif found == ";":
            yield from self._end()
        elif not found.startswith("--"):
            self._word(found)

    def _word(self, word: str) -> None:
        self.words.append(word)
        if ROUTINE.match(self.statement):  # its body may be SQL without quotes: BEGIN ATOMIC … END
            self.blocks += {"BEGIN": 1, "CASE": min(self.blocks, 1), "END": -min(self.blocks, 1)}.get(
                word.upper(), 0
            )

    def _end(self) -> Iterator[str]:
        """End a statement, unless it is within parentheses or a body."""
        if self.parentheses or self.blocks:
            return
        if ENDING.match(self.statement):
            yield self.words[0].upper()
        self.rows = COPY.match(self.statement) is not None
        self.words = []


def commands(lines: Iterable[str]) -> Iterator[Command]:
    """Yield psql's own commands in a text, line by line."""
    scan = _Scan()
    for number, line in enumerate(lines, start=1):
        for name in scan.take(line.rstrip("\r\n")):
            yield Command(name, number)
