"""Functions in SQL and PL/pgSQL, procedures, aggregates, operators and their classes, casts."""

from pgpromote_tests.generator import types
from pgpromote_tests.generator.names import literal, name, quote
from pgpromote_tests.generator.world import Function, World

BODIES = {
    "integer": (
        "SELECT $1 + 1",
        "SELECT pg_catalog.abs($1 % 1000)",
        "SELECT CASE WHEN $1 > 0 THEN $1 ELSE -1 END",
    ),
    "text": ("SELECT pg_catalog.lower($1)", "SELECT 'x' || $1", 'SELECT pg_catalog.btrim($1) COLLATE "C"'),
    "boolean": ("SELECT $1 IS NOT NULL", "SELECT $1 <> $1 IS NOT TRUE"),
}
PROPERTIES = (
    "STRICT",
    "SECURITY DEFINER",
    "LEAKPROOF",
    "PARALLEL SAFE",
    "PARALLEL RESTRICTED",
    "COST 55",
    "SET search_path TO pg_catalog, pg_temp",
    "SET search_path TO ''",
    "SET work_mem TO '8MB'",
    "SET datestyle TO 'ISO, DMY'",
    "SET timezone FROM CURRENT",
)
SIGNATURES = (
    ("a integer DEFAULT 5, b text DEFAULT 'it''s'", "text", "SELECT a::text || b"),
    ("VARIADIC v integer[] DEFAULT '{1,2}'", "bigint", "SELECT sum(x) FROM unnest(v) x"),
    ("a integer, OUT b integer, OUT c text", "", "SELECT a, 'c'::text"),
    ("INOUT a numeric, b date DEFAULT CURRENT_DATE", "", "SELECT a"),
    ("n integer", "TABLE(x integer, y text)", "SELECT g, g::text FROM generate_series(1, n) g"),
    ("n integer", "SETOF integer", "SELECT generate_series(1, n)"),
    ("a anyelement, b anyarray", "boolean", "SELECT a = ANY (b)"),
    ("a double precision, b timestamp with time zone", "interval", "SELECT now() - b"),
)
INTEGERS = "SFUNC = int4pl, STYPE = int4"
PERCENTILE = (
    "SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA"
)
AGGREGATES = (
    ("integer", f"{INTEGERS}, INITCOND = '0', PARALLEL = safe, COMBINEFUNC = int4pl"),
    ("integer", f"{INTEGERS}, MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int4, MINITCOND = '0'"),
    ("float8 ORDER BY anyelement", PERCENTILE),
    ("text", "SFUNC = textcat, STYPE = text, SORTOP = OPERATOR(pg_catalog.>)"),
    ("*", "SFUNC = int8inc, STYPE = bigint, INITCOND = '0'"),
)
SIGNS = ("<", "<=", "=", ">=", ">")
READING = (
    ("FUNCTION", "RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count({column}) FROM {table}; END"),
    ("FUNCTION", "RETURNS SETOF {table} LANGUAGE sql STABLE AS $body$ TABLE {table} $body$"),
    ("FUNCTION", "RETURNS bigint LANGUAGE sql STABLE AS $body$ SELECT count(*) FROM {table} $body$"),
    (
        "FUNCTION",
        "RETURNS {table}.{column}%TYPE LANGUAGE sql AS $body$ SELECT {column} FROM {table} LIMIT 1 $body$",
    ),
    ("PROCEDURE", "LANGUAGE sql BEGIN ATOMIC DELETE FROM {table} AS gone WHERE gone.{column} IS NULL; END"),
    ("PROCEDURE", "LANGUAGE plpgsql AS $body$ BEGIN PERFORM 1 FROM {table}; END $body$"),
)


def _properties(world: World) -> str:
    return (
        " ".join({p.split()[0]: p for p in world.some(PROPERTIES, 3)}.values()) if world.chance(0.4) else ""
    )


def simple(world: World) -> None:
    """Make a function of one parameter that indexes, checks and generated columns may use."""
    made, takes = world.new("f"), world.one((types.INT4, types.TEXT, *world.types))
    family = takes.family if takes.sql in ("integer", "text") and world.chance(0.7) else "boolean"
    body = world.one(BODIES[family])
    gives = "boolean" if family == "boolean" else takes.sql
    volatility = world.one(("IMMUTABLE", "IMMUTABLE", "STABLE", "VOLATILE"))
    text = f"AS $body$ {body} $body$" if world.chance(0.6) else f"RETURN ({body})"
    language = "LANGUAGE sql"
    if world.chance(0.3):
        language = "LANGUAGE plpgsql"
        text = f"AS $body$ BEGIN RETURN ({body}); END $body$"
    head = f"CREATE FUNCTION {made.sql}({takes.sql}) RETURNS {gives} {language} {volatility}"
    world.say("FUNCTION", f"{head} {_properties(world)} {text}", f"FUNCTION {made.sql}({takes.sql})")
    world.functions.append(Function(made, takes.sql, gives, volatility == "IMMUTABLE"))


def constant(world: World) -> None:
    """Make a function without parameters, for defaults."""
    made, gives = world.new("make"), types.draw(world)
    head = f"CREATE FUNCTION {made.sql}() RETURNS {gives.sql} LANGUAGE sql {_properties(world)}"
    world.say(
        "FUNCTION", f"{head} AS $body$ SELECT {gives.value(world.rng)} $body$", f"FUNCTION {made.sql}()"
    )
    world.functions.append(Function(made, "", gives.sql, immutable=False))


def signature(world: World) -> None:
    """Make a function with a longer signature: defaults, VARIADIC, OUT, a table; long parameter names."""
    made, (takes, gives, body) = world.new("call"), world.one(SIGNATURES)
    returns = f"RETURNS {gives}" if gives else ""
    extra = " ROWS 7" if gives.startswith(("TABLE", "SETOF")) and world.chance(0.5) else ""
    if world.chance(0.4):
        takes = f"{takes.split(' DEFAULT')[0]}" if "DEFAULT" not in takes else takes
        body = f"{body} /* {world.label('note').replace('*/', '')} */"
    atomic = world.chance(0.3) and "any" not in takes
    text = f"BEGIN ATOMIC {body}; END" if atomic else f"AS {literal(body)}"
    world.say("FUNCTION", f"CREATE FUNCTION {made.sql}({takes}) {returns} LANGUAGE sql{extra} {text}")


def long_signature(world: World) -> None:
    """Make a function whose signature is far longer than 63 bytes, twice by the same name."""
    made = world.new("long")
    named = world.types or list(types.BUILTIN)
    for count in (world.rng.randint(2, 5), 1):
        takes = ", ".join(f"{quote(f'p{number} é')} {world.one(named).sql}" for number in range(count))
        text = "AS $body$ BEGIN RAISE NOTICE 'é %', $1; END $body$"
        world.say("FUNCTION", f"CREATE FUNCTION {made.sql}({takes}) RETURNS void LANGUAGE plpgsql {text}")


def reading(world: World) -> None:
    """Make a function or procedure that reads or writes a table, by text or by an atomic body."""
    if not (found := world.tables("rplv")):
        return
    relation, made = world.one(found), world.new("read")
    column = world.one(relation.columns).sql
    kind, rest = world.one(READING)
    rest = rest.format(table=relation.sql, column=column)
    world.say(kind, f"CREATE {kind} {made.sql}() {rest}", f"{kind} {made.sql}()")


def aggregate(world: World) -> None:
    made, (takes, options) = world.new("total"), world.one(AGGREGATES)
    world.say(
        "AGGREGATE", f"CREATE AGGREGATE {made.sql}({takes}) ({options})", f"AGGREGATE {made.sql}({takes})"
    )


def operator(world: World) -> None:
    """Make an operator over a function of the script; with a commutator that may stay a shell."""
    taking = world.one((types.INT4, types.TEXT, *world.types)).sql
    function, schema, sign = (
        world.new("op"),
        world.one(world.schemas),
        world.one(("<=>", "@#@", "%%", "~~~", "=&=")),
    )
    world.say(
        "FUNCTION",
        f"CREATE FUNCTION {function.sql}({taking}, {taking}) RETURNS boolean LANGUAGE sql IMMUTABLE "
        "AS 'SELECT $1 IS NOT NULL AND $2 IS NOT NULL'",
    )
    commutators = (
        "",
        f", COMMUTATOR = OPERATOR({quote(schema)}.{sign})",
        f", NEGATOR = OPERATOR({quote(schema)}.!!)",
    )
    estimators = ("", ", RESTRICT = eqsel, JOIN = eqjoinsel", ", HASHES, MERGES")
    world.say(
        "OPERATOR",
        f"CREATE OPERATOR {quote(schema)}.{sign} (FUNCTION = {function.sql}, LEFTARG = {taking}, "
        f"RIGHTARG = {taking}{world.one(commutators)}{world.one(estimators)})",
        f"OPERATOR {quote(schema)}.{sign} ({taking}, {taking})",
    )


def operator_class(world: World) -> None:
    """Make an operator class for integers or texts, perhaps in a family that gets another operator."""
    schema, label = world.one(world.schemas), name(world.rng, "ops")
    made, family = f"{quote(schema)}.{quote(label)}", world.new("family").sql
    kind, compare = world.one((("integer", "btint4cmp"), ("text", "bttextcmp")))
    in_family = world.chance(0.5)
    inside = f" FAMILY {family}" if in_family else ""
    if in_family:
        world.say(
            "OPERATOR FAMILY",
            f"CREATE OPERATOR FAMILY {family} USING btree",
            f"OPERATOR FAMILY {family} USING btree",
        )
    signs = ", ".join(f"OPERATOR {number} {sign}" for number, sign in enumerate(SIGNS, 1))
    world.say(
        "OPERATOR CLASS",
        f"CREATE OPERATOR CLASS {made} FOR TYPE {kind} USING btree{inside} AS "
        f"{signs}, FUNCTION 1 {compare}({kind}, {kind})",
        f"OPERATOR CLASS {made} USING btree",
    )
    world.classes.append(made)
    if in_family and kind == "integer":
        signs = ", ".join(f"OPERATOR {n} {sign} (int4, int8)" for n, sign in enumerate(SIGNS, 1))
        world.say(
            "OPERATOR FAMILY",
            f"ALTER OPERATOR FAMILY {family} USING btree ADD {signs}, FUNCTION 1 btint48cmp(int4, int8)",
        )


def cast(world: World) -> None:
    """Make a cast from a type of the script, by its text or by a function."""
    if not world.types:
        return
    source = world.one(world.types)
    target, how = (
        world.one(("text", "integer", "bytea", "varchar")),
        world.one(("", " AS ASSIGNMENT", " AS IMPLICIT")),
    )
    if world.chance(0.5):
        world.say(
            "CAST",
            f"CREATE CAST ({source.sql} AS {target}) WITH INOUT{how}",
            f"CAST ({source.sql} AS {target})",
        )
        return
    function = world.new("cast")
    world.say(
        "FUNCTION",
        f"CREATE FUNCTION {function.sql}({source.sql}) RETURNS {target} LANGUAGE sql IMMUTABLE "
        f"AS 'SELECT NULL::{target}'",
    )
    world.say(
        "CAST",
        f"CREATE CAST ({source.sql} AS {target}) WITH FUNCTION {function.sql}({source.sql}){how}",
        f"CAST ({source.sql} AS {target})",
    )


MAKERS = {
    "simple": simple,
    "constant": constant,
    "signature": signature,
    "long_signature": long_signature,
    "reading": reading,
    "aggregate": aggregate,
    "operator": operator,
    "operator_class": operator_class,
    "cast": cast,
}
