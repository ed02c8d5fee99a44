"""Conditions and expressions over the columns of a relation, for checks, indexes, views, policies."""

from pgpromote_tests.generator.world import Column, Relation, World

CONDITIONS = {
    "integer": (
        "{c} > -5",
        "{c} IS DISTINCT FROM 7",
        "{c} BETWEEN -100000 AND 2147483647",
        "{c} = ANY (ARRAY[1, 2, 3]) OR {c} <> 4",
        "{c} IN (1, 2) IS NOT TRUE OR {c} < 10",
        "CASE WHEN {c} < 0 THEN false ELSE {c} % 7 < 7 END",
        "NULLIF({c}, 0) IS NOT NULL OR {c} IS NULL OR {c} = 0",
        "{c}::numeric(20,2) < 1e19",
    ),
    "text": (
        "{c} <> 'no'",
        "{c} IN ('a', 'b') IS NOT NULL OR {c} IS NULL",
        "{c} ~ '^[^!]*$' OR true",
        "{c} LIKE 'a%' OR length({c}) < 70",
        "{c} IS DISTINCT FROM 'A'",
        "lower({c}) <> 'x' COLLATE \"C\"",
        "CASE {c} WHEN 'zz' THEN false ELSE true END",
        "{c} NOT IN ('q', 'w')",
        "({c} || 'x') > ''",
        "COALESCE({c}, '') = {c} OR {c} IS NULL",
    ),
    "boolean": (
        "{c} IS NOT FALSE OR NOT {c}",
        "({c} OR NOT {c}) IS NOT FALSE",
        "{c} IS UNKNOWN OR {c} = {c}",
    ),
    "time": ("{c} > '4713-01-01 BC'", "isfinite({c}) OR {c} IS NOT NULL OR {c} IS NULL", "{c} <= 'infinity'"),
    "number": (
        "{c} >= 0 OR {c} < 0 OR {c} IS NULL",
        "{c} <> 3.5",
        "{c} = 'NaN' OR {c} <> 'NaN' OR {c} IS NULL",
    ),
    "range": ("isempty({c}) OR NOT isempty({c})", "lower_inf({c}) IS NOT NULL OR {c} IS NULL"),
    "json": ("({c} ->> 'a') IS DISTINCT FROM 'never'", "({c} #>> '{{a,1}}') IS NULL OR true"),
    "array": ("cardinality({c}) < 100", "array_ndims({c}) IS NULL OR array_ndims({c}) > 0"),
}
VALUES = {
    "integer": (
        "({c} + 1)",
        "abs({c} % 1000)",
        "({c})::text",
        "COALESCE({c}, 0)",
        "GREATEST({c}, 5)",
        "(-{c})",
    ),
    "text": (
        "lower({c})",
        "upper({c}::text)",
        "md5({c})",
        "({c} || '!')",
        "length({c})",
        "(({c} COLLATE \"C\") || '')",
    ),
    "boolean": ("(NOT {c})", "CASE WHEN {c} THEN 1 ELSE 0 END"),
    "number": ("({c} * 2)", "(- {c})"),
    "json": ("({c} ->> 'a')", "({c} -> 0)"),
    "range": ("isempty({c})", "lower_inc({c})"),
    "array": ("cardinality({c})", "array_length({c}, 1)"),
    "document": ("strip({c})",),
}
ALWAYS = ("true", "1 < 2", "CURRENT_USER IS NOT NULL")


def condition(world: World, relation: Relation, prefix: str = "") -> str:
    """Draw a condition that most rows meet; it uses one or two columns, or a function of the script."""
    usable = relation.of(*CONDITIONS)
    if not usable:
        return world.one(ALWAYS)
    parts = [_condition(world, column, prefix) for column in world.some(usable, 2)]
    return world.one((" AND ", " OR ")).join(f"({part})" for part in parts)


def _condition(world: World, column: Column, prefix: str) -> str:
    written = prefix + column.sql
    taking = [
        f for f in world.functions if f.takes == column.type.sql and f.gives == "boolean" and f.immutable
    ]
    if taking and world.chance(0.5):
        return f"{world.one(taking).id.sql}({written}) IS NOT NULL OR {written} IS NULL"
    return world.one(CONDITIONS[column.type.family]).format(c=written)


def value(world: World, relation: Relation, prefix: str = "") -> str:
    """Draw an immutable expression over one column, or the column itself."""
    column = world.one(relation.columns)
    written = prefix + column.sql
    taking = [f for f in world.functions if f.takes == column.type.sql and f.immutable]
    if taking and world.chance(0.4):
        return f"{world.one(taking).id.sql}({written})"
    return world.one(VALUES.get(column.type.family, ("({c})",))).format(c=written)
