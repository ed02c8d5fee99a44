"""Inheritance and partitions: two levels, default partitions, children added or attached later."""

from dataclasses import replace

from pgpromote_tests.generator import tables, types
from pgpromote_tests.generator.names import name, quote
from pgpromote_tests.generator.world import Column, Named, Relation, World


def inheritance(world: World) -> None:
    """Let a table inherit one or two others, with own columns, a default of its own, a column merged in."""
    if not (found := world.tables("r")):
        return
    parents, made = world.some(found, 2), world.new("child")
    inherited = {column.name: column for parent in parents for column in parent.columns}
    own = tuple(c for c in tables.columns(world, 3) if c.name not in inherited)
    if world.chance(0.25):
        own = (*own, world.one([*inherited.values()]))
    lines = ", ".join(tables.definition(world, column) for column in own if not column.generated)
    names = ", ".join(parent.sql for parent in parents)
    world.say("TABLE", f"CREATE TABLE {made.sql} ({lines}) INHERITS ({names})", f"TABLE {made.sql}")
    child = Relation(made, "r", tuple({**inherited, **{c.name: c for c in own}}.values()))
    world.relations.append(child)
    plain = [column for column in inherited.values() if not column.generated]
    if plain and world.chance(0.4):
        column = world.one(plain)
        change = world.one(("DROP DEFAULT", f"SET DEFAULT {column.type.value(world.rng)}", "SET NOT NULL"))
        world.say("TABLE", f"ALTER TABLE {made.sql} ALTER COLUMN {column.sql} {change}")
    if world.chance(0.35):
        _add_to_parent(world, world.one(parents), child)
    tables.fill(world, world.relations[-1])


def _add_to_parent(world: World, parent: Relation, child: Relation) -> None:
    column = Column(name(world.rng, "later"), types.draw(world))
    world.say("TABLE", f"ALTER TABLE {parent.sql} ADD COLUMN {tables.definition(world, column)}")
    for relation in (parent, child):
        world.replace(relation, replace(relation, columns=(*relation.columns, column)))


def inherit_later(world: World) -> None:
    """Make a table with another column order a child, or let a child go."""
    if not (found := world.tables("r")):
        return
    parent, made = world.one(found), world.new("adopted")
    plain = [column for column in parent.columns if not column.generated]
    columns = [*world.rng.sample(plain, len(plain)), Column(name(world.rng, "own"), types.draw(world))]
    lines = ", ".join(f"{column.sql} {column.type.sql}" for column in columns)
    world.say("TABLE", f"CREATE TABLE {made.sql} ({lines})", f"TABLE {made.sql}")
    child = Relation(made, "r", tuple(columns))
    world.relations.append(child)
    tables.fill(world, child)
    world.say("TABLE", f"ALTER TABLE {made.sql} INHERIT {parent.sql}")
    if world.chance(0.2):
        world.say("TABLE", f"ALTER TABLE {made.sql} NO INHERIT {parent.sql}")


def partitions(world: World) -> None:
    """Partition a table by list, range or hash, with one or two levels."""
    made, drawn = world.new("tree"), tables.columns(world, 4)
    usable = [column for column in drawn if column.type.sortable and column.type.hashable]
    integers = [column for column in usable if column.type.family == "integer"]
    method = world.one(("list", "range", "hash"))
    if method == "range":
        usable = integers
    if not usable:
        return
    key = world.one(usable)
    written = key.sql if method != "hash" or world.chance(0.8) else f"({key.sql})"
    bare = world.chance(0.5)  # so that tables made elsewhere can be attached
    lines = ", ".join(tables.definition(world, column, bare=bare) for column in drawn)
    world.say(
        "TABLE",
        f"CREATE TABLE {made.sql} ({lines}) PARTITION BY {method} ({written})",
        f"TABLE {made.sql}",
    )
    root = Relation(made, "p", drawn)
    world.relations.append(root)
    if world.chance(0.3):
        tables.primary_key(world, root)
        root = world.relations[-1]
    for bound in _bounds(world, method, key):
        _partition(world, root, bound)
    for _ in range(world.rng.randint(0, 2)):
        tables.fill(world, root)
    if world.chance(0.4):
        _index(world, root)


def _bounds(world: World, method: str, key: Column) -> list[str]:
    if method == "range":
        bounds = ["FROM (MINVALUE) TO (0)", "FROM (0) TO (1000)", "FROM (1000) TO (4000)"]
    elif method == "hash":
        return [f"FOR VALUES WITH (MODULUS 2, REMAINDER {rest})" for rest in range(2)]
    else:
        values = [key.type.value(world.rng) for _ in range(3)]
        bounds = [f"IN ({', '.join(dict.fromkeys(values[:2]))})", f"IN ({values[2]}, NULL)"]
    chosen = [f"FOR VALUES {bound}" for bound in world.some(bounds, 3)]
    return [*chosen, "DEFAULT"] if world.chance(0.6) else chosen


def _partition(world: World, root: Relation, bound: str) -> None:
    made = world.new("part")
    if world.chance(0.3):
        _attach(world, root, made, bound)
        return
    deeper, sub = "", None
    if world.chance(0.2) and (found := root.of("integer")):
        deeper, sub = f" PARTITION BY RANGE ({world.one(found).sql})", world.new("leaf")
    options = f" ({world.one(root.columns).sql} DEFAULT NULL)" if world.chance(0.2) else ""
    world.say(
        "TABLE",
        f"CREATE TABLE {made.sql} PARTITION OF {root.sql}{options} {bound}{deeper}",
        f"TABLE {made.sql}",
    )
    world.relations.append(Relation(made, "p" if sub else "l", root.columns))
    if sub:
        world.say("TABLE", f"CREATE TABLE {sub.sql} PARTITION OF {made.sql} DEFAULT", f"TABLE {sub.sql}")
        world.relations.append(Relation(sub, "l", root.columns))


def _attach(world: World, root: Relation, made: Named, bound: str) -> None:
    columns = world.rng.sample(list(root.columns), len(root.columns))
    lines = [f"{column.sql} {column.type.sql}" for column in columns]
    if world.chance(0.4):
        lines.insert(0, '"dropped soon" text')
    world.say("TABLE", f"CREATE TABLE {made.sql} ({', '.join(lines)})", f"TABLE {made.sql}")
    if world.chance(0.2):
        label = world.label("check")
        world.say("CONSTRAINT", f"ALTER TABLE {made.sql} ADD CONSTRAINT {label} CHECK (1 < 2)")
    if len(lines) > len(columns):
        world.say("TABLE", f'ALTER TABLE {made.sql} DROP COLUMN "dropped soon"')
    world.say("TABLE", f"ALTER TABLE {root.sql} ATTACH PARTITION {made.sql} {bound}")
    world.relations.append(Relation(made, "l", tuple(columns)))


def _index(world: World, root: Relation) -> None:
    usable = [column for column in root.columns if column.type.sortable]
    if not usable:
        return
    column, label = world.one(usable), world.label("tree_index")
    only = world.chance(0.5)
    world.say("INDEX", f"CREATE INDEX {label} ON {'ONLY ' if only else ''}{root.sql} ({column.sql})")
    children = [r for r in world.relations if r.columns == root.columns and r.kind == "l"]
    if only and children:
        child, own = world.one(children), world.label("part_index")
        schemas = [quote(relation.id.schema) for relation in (root, child)]
        world.say("INDEX", f"CREATE INDEX {own} ON {child.sql} ({column.sql})")
        world.say("INDEX", f"ALTER INDEX {schemas[0]}.{label} ATTACH PARTITION {schemas[1]}.{own}")


def detach(world: World) -> None:
    """Detach a partition from its tree, if it is one."""
    roots, leaves = world.tables("p"), world.tables("l")
    if roots and leaves:
        root, leaf = world.one(roots), world.one(leaves)
        world.say("TABLE", f"ALTER TABLE {root.sql} DETACH PARTITION {leaf.sql}")


MAKERS = {
    "inheritance": inheritance,
    "inherit_later": inherit_later,
    "partitions": partitions,
    "detach": detach,
}
