"""A lexer for SQL text that works as the server's (scan.l), or gives up: an unusual text is not guessed.

Only the SQL that pg_dump writes is understood: no block comments, no Unicode escapes, no string in pieces.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pgpromote.postgres.archives.archive import unquote

# Characters of names, by their complement: a range to the last character takes 6 ms to compile.
LETTER = r"[^\x00-@\[-^`{-\x7f]"
LETTER_OR_DIGIT = r"[^\x00-/:-@\[-^`{-\x7f]"
PART_OF_WORD = r"[^\x00-#%-/:-@\[-^`{-\x7f]"
TOKEN = re.compile(
    rf"""
    (?P<space>(?:[ \t\n\r\f\v]|--[^\n\r]*)+)
  | (?P<unclear>/\*|[uU]&['"])
  | (?P<string>[eE]'(?:[^'\\]|''|\\.)*'|[bBxXnN]?'(?:[^']|'')*'
             |\$(?P<tag>(?:{LETTER}{LETTER_OR_DIGIT}*)?)\$.*?\$(?P=tag)\$)
  | (?P<name>"(?:[^"]|"")+")
  | (?P<word>{LETTER}{PART_OF_WORD}*)
  | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+|\$[0-9]+)
  | (?P<sign>::|:=|[()\[\],;:.])
  | (?P<operator>(?:(?!--|/\*)[~!@\#^&|`?+\-*/%<>=])+)
    """,
    re.VERBOSE | re.DOTALL,
)
LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})
DEPTH = {"(": 1, "[": 1, ")": -1, "]": -1}
SPLITTING = re.compile(r'[\s"]')


class Token(NamedTuple):
    """A token of SQL: kind is `word`, `name` (in quotes), `string`, `number`, `sign` or `operator`.

    `text` is a word as the server folds it, a name without its quotes, and "" for a string.
    """

    kind: str
    text: str

    @property
    def named(self) -> bool:
        """Whether it is an identifier, or may be one."""
        return self.kind in {"word", "name"}

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of these words, not in quotes."""
        return self.kind == "word" and self.text in words

    def is_sign(self, *signs: str) -> bool:
        """Return whether it is one of these signs."""
        return self.kind == "sign" and self.text in signs


Tokens = tuple[Token, ...]
STRING = Token("string", "")


def tokens(text: str) -> Tokens | None:
    """Split SQL into tokens; return None when a part of it is not understood."""
    found, place, pieced = list[Token](), 0, False
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None or match.lastgroup == "unclear":
            return None
        place = match.end()
        kind = "string" if match["string"] is not None else str(match.lastgroup)
        if kind == "space":
            continue
        # The second piece would be read as the first one is: with escapes, or without.
        if kind == "string" and pieced:
            return None
        pieced = kind == "string"
        found.append(STRING if kind == "string" else Token(kind, _folded(kind, match[0])))
    return tuple(found)


def _folded(kind: str, text: str) -> str:
    if kind == "word":
        return text.translate(LOWER)
    return unquote(text) if kind == "name" else text


def statements(found: Tokens, *, routine: bool = False) -> list[Tokens] | None:
    """Split into statements; return None when the end of one is not clear.

    A semicolon within parentheses, of a rule, ends none; nor does one in the body of a `routine`, BEGIN
    ATOMIC … END, behind which nothing may follow: whoever forges one could let it end earlier.
    """
    made, start, depth, blocks = list[Tokens](), 0, 0, 0
    for place, token in enumerate(found):
        depth += DEPTH.get(token.text, 0) if token.kind == "sign" else 0
        blocks += _opened(found, place, blocks) if routine and not depth else 0
        if depth < 0 or blocks < 0 or (blocks > 1 and token.is_sign(";")):
            return None
        if token.is_sign(";") and not depth and not blocks:
            made.append(found[start:place])
            start = place + 1
    whole = start == len(found) and not depth and not blocks
    return made if whole and (len(made) == 1 or not routine) else None


def _opened(found: Tokens, place: int, blocks: int) -> int:
    """Return 1 for a word that opens a block, -1 for one that closes it, else 0.

    CASE is a block, and holds no semicolon.
    """
    if not blocks:
        return int([token.text for token in found[place : place + 2]] == ["begin", "atomic"])
    return int(found[place].is_word("case")) - int(found[place].is_word("end"))


def shape(statement: Tokens) -> str:
    """Return a statement in one line, a space between its tokens, for patterns; strings are `''`."""
    return " ".join(_shape(token) for token in statement)


def _shape(token: Token) -> str:
    if token.kind == "string":
        return "''"
    return f'"{SPLITTING.sub("_", token.text)}"' if token.kind == "name" else token.text


def items(found: Tokens) -> Iterator[Tokens]:
    """Split at the commas that are in no parentheses."""
    start, depth = 0, 0
    for place, token in enumerate(found):
        depth += DEPTH.get(token.text, 0) if token.kind == "sign" else 0
        if token.is_sign(",") and not depth:
            yield found[start:place]
            start = place + 1
    yield found[start:]


def chain(found: Tokens, place: int) -> int:
    """Return the end (exclusive) of the qualified name that begins here."""
    end = place + 1
    while end + 1 < len(found) and found[end].is_sign(".") and found[end + 1].named:
        end += 2
    return end


def closing(found: Tokens, place: int) -> int:
    """Return the position of the parenthesis that closes the one opened here, or the end."""
    depth = 0
    for end in range(place, len(found)):
        depth += DEPTH.get(found[end].text, 0) if found[end].kind == "sign" else 0
        if not depth:
            return end
    return len(found)
