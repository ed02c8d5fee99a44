"""Indexes of every access method, and statistics objects."""

from pgpromote_tests.generator import expressions
from pgpromote_tests.generator.names import quote
from pgpromote_tests.generator.world import Column, Relation, World

METHODS = {
    "text": ("btree", "hash", "spgist", "brin"),
    "integer": ("btree", "btree", "hash", "brin"),
    "json": ("gin", "btree"),
    "array": ("gin", "btree"),
    "range": ("gist", "spgist", "btree"),
    "document": ("gin", "gist"),
    "other": ("btree", "hash", "gist", "brin"),
}
CLASSES = {
    "text": ("text_pattern_ops", "varchar_ops"),
    "json": ("jsonb_path_ops",),
    "document": ("tsvector_ops",),
}
OPTIONS = {
    "btree": (" WITH (fillfactor = 55)", " WITH (deduplicate_items = off)"),
    "gin": (" WITH (fastupdate = off)",),
    "gist": (" WITH (buffering = on)",),
    "brin": (" WITH (pages_per_range = 8, autosummarize = on)",),
}
STATISTICS = ("", " (ndistinct)", " (dependencies, mcv)")


def _element(world: World, relation: Relation, column: Column, method: str) -> str:
    parts = [expressions.value(world, relation)] if world.chance(0.25) else [column.sql]
    if parts[0] != column.sql:
        parts = [f"({parts[0]})"]
    if column.type.family == "text" and world.chance(0.2):
        parts.append(f"COLLATE {world.one(world.collations)}")
    if world.chance(0.25) and (classes := (*CLASSES.get(column.type.family, ()), *world.classes)):
        parts.append(world.one(classes))
    if method == "btree" and world.chance(0.3):
        parts.append(world.one(("DESC", "ASC NULLS FIRST", "DESC NULLS LAST")))
    return " ".join(parts)


def index(world: World) -> None:
    """Index a table, a partitioned table (also it ONLY) or a materialized view."""
    if not (found := world.tables("rplm")):
        return
    relation = world.one(found)
    column = world.one(relation.columns)
    method = world.one(METHODS.get(column.type.family, ("btree",)))
    elements = [_element(world, relation, column, method)]
    if method == "btree" and world.chance(0.4):
        other = world.one(relation.columns)
        elements.append(_element(world, relation, other, method))
    unique = "UNIQUE " if method == "btree" and world.chance(0.2) else ""
    only = "ONLY " if relation.kind == "p" and world.chance(0.3) else ""
    label = world.label("index")
    text = f"CREATE {unique}INDEX {label} ON {only}{relation.sql} USING {method} ({', '.join(elements)})"
    if method == "btree" and world.chance(0.2):
        text += f" INCLUDE ({world.one(relation.columns).sql})"
    if unique and world.chance(0.3):
        text += " NULLS NOT DISTINCT"
    if world.chance(0.2):
        text += world.one(OPTIONS.get(method, ("",)))
    if world.chance(0.25):
        text += f" WHERE {expressions.condition(world, relation)}"
    world.say("INDEX", text)
    schema = quote(relation.id.schema)
    world.commented.append(f"INDEX {schema}.{label}")
    if elements[0].startswith("(") and world.chance(0.3):
        world.say("INDEX", f"ALTER INDEX {schema}.{label} ALTER COLUMN 1 SET STATISTICS 77")


def statistics(world: World) -> None:
    """Make a statistics object over columns and expressions."""
    if not (found := world.tables()):
        return
    relation, made = world.one(found), world.new("stat")
    parts = [column.sql for column in world.some(relation.columns, 3)]
    if world.chance(0.5):
        parts.append(f"({expressions.value(world, relation)})")
    kinds = world.one(STATISTICS) if len(parts) > 1 else ""
    world.say("STATISTICS", f"CREATE STATISTICS {made.sql}{kinds} ON {', '.join(parts)} FROM {relation.sql}")
    if world.chance(0.3):
        world.say("STATISTICS", f"ALTER STATISTICS {made.sql} SET STATISTICS {world.one((0, 200))}")
    world.commented.append(f"STATISTICS {made.sql}")


MAKERS = {"index": index, "statistics": statistics}
