"""Types: the server's own with their odd values, and enums, domains, composites and ranges."""

from random import Random

from pgpromote_tests.generator.names import literal, name
from pgpromote_tests.generator.world import Literal, Type, World

TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "ß",
    "ÄÖ ü",
    "ab'c",
    'd"e',
    "\\N",
    "\\",
    "a\tb\nc",
    "🐘",
    "日本",
    " x ",
    "%",
    "null",
    "Zoë",
)
ARRAYS = ("'{}'", "'{1,NULL,3}'", "'[2:3]={7,8}'", "'{{1,2},{3,4}}'")
# Type, family, constants; those of the third list have no default btree or hash operator class.
INTEGERS = (("smallint", 32767), ("integer", 2147483647), ("bigint", 9223372036854775807))
PLAIN: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "numeric",
        "number",
        ("0", "1.10", "NaN", "Infinity", "1e200", "-0.00000000000000000001", "12345678901234567890.5"),
    ),
    ("numeric(12,3)", "number", ("0", "1.5", "NaN", "-99999.999")),
    ("real", "number", ("0", "-0", "NaN", "-Infinity", "1e-30", "3.4e38")),
    ("double precision", "number", ("0", "NaN", "Infinity", "1e-300", "0.1", "1.7976931348623157e308")),
    ("boolean", "boolean", ("t", "f")),
    ("date", "time", ("2024-02-29", "infinity", "0044-03-15 BC", "-infinity", "5874897-12-31")),
    (
        "timestamp(3) without time zone",
        "time",
        ("2024-01-01 12:00:00.123", "infinity", "4713-01-01 00:00 BC"),
    ),
    (
        "timestamp with time zone",
        "time",
        ("2024-06-01 12:00:00.123456+02", "-infinity", "0001-01-01 00:00+00 BC"),
    ),
    ("interval", "other", ("1 year 2 mons -3 days 04:05:06.7", "0", "-178000000 years")),
    ("interval day to second(2)", "other", ("1 day 02:03:04.5",)),
    ("time(2)", "other", ("24:00", "00:00:00.25")),
    ("time with time zone", "other", ("12:00+05:30", "24:00-12")),
    ("uuid", "other", ("00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("jsonb", "json", ("null", '{"a": [1, 2.50, {"b": null}], "é": "\\u0001"}', "[]", '"x"')),
    ("bytea", "other", ("\\x", "\\x00ff5c27", "\\xdeadbeef")),
    ("bit varying(9)", "other", ("", "101", "000000001")),
    ("bit(3)", "other", ("101", "000")),
    ("inet", "other", ("10.0.0.1/8", "::1", "192.168.1.0/24")),
    ("cidr", "other", ("10.0.0.0/8", "2001:db8::/32")),
    ("macaddr8", "other", ("08:00:2b:01:02:03:04:05",)),
    ("pg_lsn", "other", ("0/0", "16/B374D848")),
    ("oid", "other", ("0", "4294967295")),
    ("money", "other", ("1.25", "-92233720368547758.08")),
    ("int4range", "range", ("empty", "[1,5)", "(,)", "[3,3]")),
    ("tstzrange", "range", ("[2024-01-01 00:00+00,)", "empty")),
    ("nummultirange", "range", ("{}", "{[1,2),[3.5,)}")),
    ("tsvector", "document", ("", "'a':1A 'fat cat':2,3B")),
    ("tsquery", "other", ("a & !b | 'c d' <-> e:*",)),
)
UNSORTED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("json", "json", ('{"b":1,  "a": 2, "a": 3}', "[1e2]", "null")),
    ("jsonpath", "other", ('$."a"[*] ? (@ > 1)', "strict $")),
    ("point", "other", ("(1,2)", "(NaN,Infinity)")),
    ("box", "other", ("(1,2),(0,0)",)),
    ("circle", "other", ("<(1,2),3>",)),
    ("polygon", "other", ("((0,0),(1,0),(0,1))",)),
    ("path", "other", ("[(0,0),(1,1)]",)),
    ("xid8", "other", ("18446744073709551615",)),
)


def _constants(sql: str, values: tuple[str, ...]) -> Literal:
    return lambda rng: f"{literal(rng.choice(values))}::{sql}"


def integer(sql: str, highest: int) -> Type:
    """Return an integer type; most constants are small and differ."""

    def value(rng: Random) -> str:
        drawn = rng.choice((0, -1, highest, -highest)) if rng.random() < 0.1 else rng.randrange(1, 5000)
        return f"'{drawn}'::{sql}"

    return Type(sql, "integer", value)


def _text(sql: str, longest: int | None = None) -> Type:
    return Type(sql, "text", lambda rng: f"{literal(rng.choice(TEXTS)[:longest])}::{sql}")


INT4 = integer("integer", 2147483647)
TEXT = _text("text")
TIDY = (INT4, TEXT, integer("bigint", 9223372036854775807), _text("character varying(20)", 20))
BUILTIN: tuple[Type, ...] = (
    *(integer(sql, highest) for sql, highest in INTEGERS),
    TEXT,
    TEXT,
    _text("character varying"),
    _text("character varying(20)", 20),
    _text("character(7)", 7),
    _text("name"),
    Type('"char"', "other", _constants('"char"', ("a", "", "\\101"))),
    *(Type(sql, family, _constants(sql, values)) for sql, family, values in PLAIN),
    *(Type(sql, family, _constants(sql, values), False, False) for sql, family, values in UNSORTED),
)


def draw(world: World) -> Type:
    """Draw a type: often a tidy one, else any of the server's or of the script's, or an array of it."""
    chance = world.rng.random()
    if chance < 0.4:
        return world.one(TIDY)
    found = world.one(world.types) if world.types and chance < 0.65 else world.one(BUILTIN)
    return array(found) if world.chance(0.15) else found


def array(element: Type) -> Type:
    """Return the type of arrays of a type."""
    sql = f"{element.sql}[]"

    def value(rng: Random) -> str:
        if element.family == "integer" and rng.random() < 0.5:
            return f"{rng.choice(ARRAYS)}::{sql}"
        items = [element.value(rng) for _ in range(rng.randrange(3))]
        return f"ARRAY[{', '.join([*items, 'NULL'])}]::{sql}"

    return Type(sql, "array", value, element.sortable, element.hashable)


def _domain_check(world: World, base: Type) -> str:
    by_family = {
        "integer": ("VALUE > -100000000000000", "VALUE <> 7 OR VALUE IS NULL", "VALUE % 1 = 0"),
        "text": (
            "length(VALUE) < 64",
            "VALUE <> ALL (ARRAY['x1', 'x2'])",
            "VALUE !~ '^zz'",
            "VALUE::text <> 'no'",
        ),
    }
    checks = by_family.get(base.family, ("VALUE IS NOT NULL OR true", "(VALUE IS NULL) IS NOT NULL"))
    return f"CONSTRAINT {world.label('check')} CHECK ({world.one(checks)})"


def enum(world: World) -> None:
    made, labels = world.new("mood"), list(dict.fromkeys(name(world.rng, "label") for _ in range(3)))
    world.say(
        "TYPE", f"CREATE TYPE {made.sql} AS ENUM ({', '.join(map(literal, labels))})", f"TYPE {made.sql}"
    )
    if world.chance(0.3):
        labels.append("between")
        world.say("TYPE", f"ALTER TYPE {made.sql} ADD VALUE 'between' BEFORE {literal(labels[0])}")
    if world.chance(0.2):
        world.say("TYPE", f"ALTER TYPE {made.sql} RENAME VALUE {literal(labels[0])} TO 'renamed'")
        labels[0] = "renamed"
    world.types.append(Type(made.sql, "enum", _constants(made.sql, tuple(labels))))


def domain(world: World) -> None:
    made, base = world.new("domain"), draw(world)
    parts = [f"CREATE DOMAIN {made.sql} AS {base.sql}"]
    if base.family == "text" and world.chance(0.3):
        parts.append(f"COLLATE {world.one(world.collations)}")
    if world.chance(0.4):
        parts.append(f"DEFAULT {base.value(world.rng)}")
    if world.chance(0.7):
        parts.append(_domain_check(world, base))
    world.say("DOMAIN", " ".join(parts), f"DOMAIN {made.sql}")
    if world.chance(0.3):
        world.say("DOMAIN", f"ALTER DOMAIN {made.sql} ADD {_domain_check(world, base)} NOT VALID")

    def value(rng: Random) -> str:
        return f"({base.value(rng)})::{made.sql}"

    family = base.family if base.family in ("integer", "text") else "other"
    world.types.append(Type(made.sql, family, value, base.sortable, base.hashable))


def composite(world: World) -> None:
    made, parts = world.new("pair"), [draw(world) for _ in range(world.rng.randint(1, 3))]
    names = [world.label(f"part{number}") for number in range(len(parts))]
    attributes = [
        f"{name} {part.sql}" + (f" COLLATE {world.one(world.collations)}" if part.family == "text" else "")
        for name, part in zip(names, parts, strict=True)
    ]
    world.say("TYPE", f"CREATE TYPE {made.sql} AS ({', '.join(attributes)})", f"TYPE {made.sql}")
    if world.chance(0.3):
        world.say("TYPE", f"ALTER TYPE {made.sql} ADD ATTRIBUTE {world.label('more')} text")
        parts.append(TEXT)
    if world.chance(0.2) and len(parts) > 1:
        world.say("TYPE", f"ALTER TYPE {made.sql} DROP ATTRIBUTE {names[0]}")
        parts.pop(0)
    fixed = tuple(parts)

    def value(rng: Random) -> str:
        items = ["NULL" if rng.random() < 0.2 else part.value(rng) for part in fixed]
        return f"ROW({', '.join(items)})::{made.sql}"

    world.types.append(
        Type(made.sql, "composite", value, all(p.sortable for p in fixed), all(p.hashable for p in fixed))
    )


def value_range(world: World) -> None:
    made, multi = world.new("range"), world.new("ranges")
    subtype = world.one(
        [t for t in (*BUILTIN, *world.types) if t.sortable and t.family in ("text", "number", "enum")]
    )
    options = [f"SUBTYPE = {subtype.sql}"]
    if subtype.family == "text" and subtype.sql != "name":
        options.append(f"COLLATION = {world.one(world.collations)}")
    if subtype.sql == "double precision":
        options.append("SUBTYPE_DIFF = float8mi")
    if named := world.chance(0.5):
        options.append(f"MULTIRANGE_TYPE_NAME = {multi.sql}")
    world.say("TYPE", f"CREATE TYPE {made.sql} AS RANGE ({', '.join(options)})", f"TYPE {made.sql}")

    def value(rng: Random) -> str:
        bound = subtype.value(rng)
        return rng.choice(
            (f"'empty'::{made.sql}", f"{made.sql}({bound}, {bound}, '[]')", f"{made.sql}(NULL, {bound})")
        )

    world.types.append(Type(made.sql, "range", value))
    if named:
        world.types.append(Type(multi.sql, "range", lambda rng: f"{multi.sql}({value(rng)})"))


MAKERS = {"enum": enum, "domain": domain, "composite": composite, "value_range": value_range}
