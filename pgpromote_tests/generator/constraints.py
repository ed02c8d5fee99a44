"""Constraints added to existing tables: checks, keys, exclusions, foreign keys."""

from dataclasses import replace

from pgpromote_tests.generator import expressions, tables
from pgpromote_tests.generator.names import quote
from pgpromote_tests.generator.world import Column, Relation, World

ACTIONS = ("NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT")


def _deferrable(world: World) -> str:
    return world.one(("", "", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"))


def check(world: World) -> None:
    """Add a check, now and then only for new rows, or for this table alone, or one that old rows break."""
    if not (found := world.tables()):
        return
    relation, extra = world.one(found), world.one(("", "", " NOT VALID", " NO INHERIT"))
    condition = expressions.condition(world, relation)
    if extra == " NOT VALID" and world.chance(0.5):
        condition = f"{world.one(relation.columns).sql} IS NULL"
    if world.traits.major >= 18 and world.chance(0.2):
        extra = " NOT ENFORCED"
    label = world.label("check")
    world.say("CONSTRAINT", f"ALTER TABLE {relation.sql} ADD CONSTRAINT {label} CHECK ({condition}){extra}")
    world.commented.append(f"CONSTRAINT {label} ON {relation.sql}")


def not_null(world: World) -> None:
    """Forbid nulls in a column; from 18 on with a name, and only for new rows."""
    if not (found := world.tables()):
        return
    relation = world.one(found)
    column = world.one(relation.columns).sql
    if world.traits.major >= 18 and world.chance(0.6):
        extra = world.one(("", " NOT VALID", " NO INHERIT"))
        change = f"ADD CONSTRAINT {world.label('nn')} NOT NULL {column}{extra}"
    else:
        change = f"ALTER COLUMN {column} SET NOT NULL"
    world.say("CONSTRAINT", f"ALTER TABLE {relation.sql} {change}")


def key(world: World) -> None:
    """Add a primary key or a unique constraint."""
    if not (found := world.tables()):
        return
    relation = world.one(found)
    if not relation.keys and world.chance(0.4):
        tables.primary_key(world, relation)
        return
    usable = [column for column in relation.columns if column.type.sortable]
    if not usable:
        return
    chosen = world.some(usable, 2)
    nulls = " NULLS NOT DISTINCT" if world.chance(0.2) else ""
    label, written = world.label("key"), ", ".join(column.sql for column in chosen)
    world.say(
        "CONSTRAINT",
        f"ALTER TABLE {relation.sql} ADD CONSTRAINT {label} UNIQUE{nulls} ({written}){_deferrable(world)}",
    )
    world.commented.append(f"CONSTRAINT {label} ON {relation.sql}")
    world.replace(relation, replace(relation, keys=(*relation.keys, tuple(c.name for c in chosen))))
    if world.chance(0.15):
        world.say("TABLE", f"ALTER TABLE {relation.sql} CLUSTER ON {label}")
    if world.chance(0.15):
        world.say("TABLE", f"ALTER TABLE {relation.sql} REPLICA IDENTITY USING INDEX {label}")


def exclusion(world: World) -> None:
    """Forbid overlapping ranges, or equal values by a btree."""
    found = [
        (relation, column)
        for relation in world.tables("r")
        for column in relation.of("range", "integer", "text")
    ]
    if not found:
        return
    relation, column = world.one(found)
    ranged = column.type.family == "range" and world.chance(0.8)
    using, operator = ("gist", "&&") if ranged else ("btree", "=")
    where = f" WHERE ({expressions.condition(world, relation)})" if world.chance(0.5) else ""
    world.say(
        "CONSTRAINT",
        f"ALTER TABLE {relation.sql} ADD CONSTRAINT {world.label('excl')} EXCLUDE USING {using} "
        f"({column.sql} WITH {operator}){where}{_deferrable(world)}",
    )


def _referencing(relation: Relation, key: list[Column]) -> list[Column] | None:
    chosen: list[Column] = []
    for wanted in key:
        match = [c for c in relation.columns if c.type.sql == wanted.type.sql and c not in chosen]
        if not match:
            return None
        chosen.append(match[-1])
    return chosen


def foreign_key(world: World) -> None:
    """Let a table reference a key of any, itself too; rows that break it make it NOT VALID or fail it."""
    pairs = [
        (relation, target, [c for n in names for c in target.columns if c.name == n], chosen)
        for target in world.tables()
        for names in target.keys
        for relation in world.tables()
        if (chosen := _referencing(relation, [c for n in names for c in target.columns if c.name == n]))
    ]
    if not pairs or world.chance(0.4):
        _with_reference(world)
        return
    relation, target, wanted, chosen = world.one(pairs)
    ours, theirs = (", ".join(column.sql for column in side) for side in (chosen, wanted))
    extra = world.one((" NOT VALID", " NOT VALID", "")) + _deferrable(world)
    actions = (
        f"{world.one(('', '', ' MATCH FULL'))} ON DELETE {world.one(ACTIONS)} ON UPDATE {world.one(ACTIONS)}"
    )
    label = world.label("fk")
    world.say(
        "FK CONSTRAINT",
        f"ALTER TABLE {relation.sql} ADD CONSTRAINT {label} FOREIGN KEY ({ours}) "
        f"REFERENCES {target.sql} ({theirs}){actions}{extra}",
    )
    world.commented.append(f"CONSTRAINT {label} ON {relation.sql}")


def _with_reference(world: World) -> None:
    found = [relation for relation in world.tables() if relation.keys]
    if not found:
        return
    target = world.one(found)
    (columns,) = [[c for n in names for c in target.columns if c.name == n] for names in target.keys[:1]]
    made = world.new("referencing")
    lines = [f"{quote(f'r{number}')} {column.type.sql}" for number, column in enumerate(columns)]
    ours = ", ".join(quote(f"r{number}") for number in range(len(columns)))
    theirs = ", ".join(column.sql for column in columns)
    world.say("TABLE", f"CREATE TABLE {made.sql} ({', '.join(lines)})", f"TABLE {made.sql}")
    world.say("ROW", f"INSERT INTO {made.sql} SELECT {theirs} FROM {target.sql}")
    action = world.one(ACTIONS)
    world.say(
        "FK CONSTRAINT",
        f"ALTER TABLE {made.sql} ADD FOREIGN KEY ({ours}) REFERENCES {target.sql} ({theirs}) "
        f"ON DELETE {action}{_deferrable(world)}",
    )
    renamed = tuple(Column(f"r{number}", column.type) for number, column in enumerate(columns))
    world.relations.append(Relation(made, "r", renamed))


MAKERS = {
    "check": check,
    "not_null": not_null,
    "key": key,
    "exclusion": exclusion,
    "foreign_key": foreign_key,
}
