"""Changes to objects after their creation: columns dropped, renamed, altered; tables moved."""

from dataclasses import replace

from pgpromote_tests.generator import tables, types
from pgpromote_tests.generator.names import name, quote
from pgpromote_tests.generator.world import Column, Named, Relation, World


def _replace_column(relation: Relation, old: Column, new: tuple[Column, ...]) -> Relation:
    columns = [item for column in relation.columns for item in (new if column == old else (column,))]
    return replace(
        relation, columns=tuple(columns), keys=tuple(k for k in relation.keys if old.name not in k)
    )


def drop_column(world: World) -> None:
    found = [relation for relation in world.tables() if len(relation.columns) > 1]
    if not found:
        return
    relation = world.one(found)
    column = world.one(relation.columns)
    world.say(
        "HISTORY", f"ALTER TABLE {relation.sql} DROP COLUMN {column.sql}{world.one((' CASCADE', '', ''))}"
    )
    world.replace(relation, _replace_column(relation, column, ()))


def rename_column(world: World) -> None:
    if not (found := world.tables("rplv")):
        return
    relation = world.one(found)
    column, renamed = world.one(relation.columns), name(world.rng, "renamed")
    world.say("HISTORY", f"ALTER TABLE {relation.sql} RENAME COLUMN {column.sql} TO {quote(renamed)}")
    world.replace(relation, _replace_column(relation, column, (replace(column, name=renamed),)))


def alter_type(world: World) -> None:
    if not (found := world.tables()):
        return
    relation = world.one(found)
    column, kind = world.one(relation.columns), world.one((types.TEXT, types.draw(world)))
    using = f" USING NULL::{kind.sql}" if world.chance(0.3) else f" USING {column.sql}::text::{kind.sql}"
    world.say("HISTORY", f"ALTER TABLE {relation.sql} ALTER COLUMN {column.sql} TYPE {kind.sql}{using}")


def add_column(world: World) -> None:
    """Add a column, with a default that fills old rows without writing them."""
    if not (found := world.tables()):
        return
    relation, column = world.one(found), Column(name(world.rng, "added"), types.draw(world))
    written = tables.definition(world, column)
    world.say("HISTORY", f"ALTER TABLE {relation.sql} ADD COLUMN {written}")
    world.replace(relation, replace(relation, columns=(*relation.columns, column)))
    if " DEFAULT " in written and world.chance(0.4):
        world.say("HISTORY", f"ALTER TABLE {relation.sql} ALTER COLUMN {column.sql} DROP DEFAULT")


def drop_default(world: World) -> None:
    """Drop or set the default of a column, or drop its expression or NOT NULL."""
    if not (found := world.tables()):
        return
    relation = world.one(found)
    column = world.one(relation.columns)
    changes = (
        "DROP DEFAULT",
        f"SET DEFAULT {tables.default(world, column)}",
        "DROP NOT NULL",
        "DROP EXPRESSION IF EXISTS",
    )
    world.say("HISTORY", f"ALTER TABLE {relation.sql} ALTER COLUMN {column.sql} {world.one(changes)}")


def rename(world: World) -> None:
    """Rename a table or view, or move it to another schema; its sequences keep their names."""
    if not (found := world.tables("rplv")):
        return
    relation = world.one(found)
    if world.chance(0.5):
        made = Named(relation.id.schema, name(world.rng, "renamed"))
        world.say("HISTORY", f"ALTER TABLE {relation.sql} RENAME TO {quote(made.name)}")
    else:
        made = Named(world.one(world.schemas), relation.id.name)
        world.say("HISTORY", f"ALTER TABLE {relation.sql} SET SCHEMA {quote(made.schema)}")
    world.replace(relation, replace(relation, id=made))


def drop(world: World) -> None:
    """Drop an object with its dependents."""
    if found := world.tables("rplv"):
        relation = world.one(found)
        kind = "VIEW" if relation.kind == "v" else "TABLE"
        world.say("HISTORY", f"DROP {kind} {relation.sql}{world.one((' CASCADE', ''))}")


MAKERS = {
    "drop_column": drop_column,
    "rename_column": rename_column,
    "alter_type": alter_type,
    "add_column": add_column,
    "drop_default": drop_default,
    "rename": rename,
    "drop": drop,
}
