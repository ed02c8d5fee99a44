"""Names of 1 to 63 bytes of all alphabets, and how SQL writes them."""

from random import Random

LONGEST = 63
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz_0123456789",
    "aBcDeFgHiJ XyZ",
    "a\"b'c\\d`e",
    "äöüßÄÖÉé ñ",
    "абвгдежЖШЩ",
    "表字段名数据库索引",
    "-.,;:()[]{}%&$#@!?*+/<>=|~^ ",
    "🐘🦆🦖e\u0301",
    "جدولفهرسعمود",
    "ab\tc\nd",
)
RESERVED = (
    "select",
    "user",
    "table",
    "order",
    "name",
    "id",
    "value",
    "public",
    "old",
    "new",
    "Table",
    "oid2",
)


def quote(name: str) -> str:
    """Write a name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a string constant that is the same with any standard_conforming_strings."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return " E" + quoted if "\\" in text else quoted


def name(rng: Random, hint: str) -> str:
    """Draw a name: mostly tidy, sometimes reserved, often long and odd."""
    style = rng.random()
    if style < 0.35:
        return f"{hint}_{rng.randrange(1000)}"
    if style < 0.42:
        return rng.choice(RESERVED)
    if style < 0.55:
        return _filled(rng, ALPHABETS[0], rng.choice((62, 63)), f"{hint}_{rng.randrange(1000)}_")
    return _filled(rng, rng.choice(ALPHABETS), rng.choice((1, 3, 8, 20, 40, LONGEST)))


def _filled(rng: Random, alphabet: str, length: int, begin: str = "") -> str:
    text = begin or rng.choice(alphabet)
    while len((longer := text + rng.choice(alphabet)).encode()) <= length:
        text = longer
    return text
