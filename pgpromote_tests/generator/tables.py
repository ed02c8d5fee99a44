"""Tables: columns with their properties, storage, rows."""

from dataclasses import replace

from pgpromote_tests.generator import expressions, types
from pgpromote_tests.generator.names import literal, name, quote
from pgpromote_tests.generator.world import Column, Relation, World

PARAMETERS = (
    "fillfactor = 70",
    "autovacuum_enabled = false",
    "toast.autovacuum_enabled = false",
    "parallel_workers = 2",
    "autovacuum_vacuum_scale_factor = 0.05",
    "user_catalog_table = true",
)
ROWS = 4


def columns(world: World, most: int = 6) -> tuple[Column, ...]:
    """Draw columns with different names; the first is an integer more often than not."""
    drawn = [Column(name(world.rng, "c"), types.draw(world)) for _ in range(world.rng.randint(1, most))]
    if world.chance(0.75):
        drawn[0] = replace(drawn[0], type=world.one((types.INT4, types.TIDY[2])))
    return tuple({column.name: column for column in drawn}.values())


def definition(world: World, column: Column, identity: bool = False, bare: bool = False) -> str:
    """Write a column as CREATE TABLE takes it; a bare one has a default at most."""
    parts = [column.sql, column.type.sql]
    if bare:
        return " ".join([*parts, f"DEFAULT {default(world, column)}" if world.chance(0.2) else ""])
    if world.chance(0.15) and world.traits.major >= 16 and column.type.family == "text":
        parts.append("STORAGE external")
    if column.type.family == "text" and column.type.sql != "name" and world.chance(0.15):
        parts.append(f"COLLATE {world.one(world.collations)}")
    if identity:
        parts.append(_identity(world))
    elif world.chance(0.3):
        parts.append(f"DEFAULT {default(world, column)}")
    if world.chance(0.2):
        named = f"CONSTRAINT {world.label('nn')} " if world.chance(0.4) else ""
        parts.append(f"{named}NOT NULL")
    return " ".join(parts)


def _identity(world: World) -> str:
    when = world.one(("ALWAYS", "BY DEFAULT"))
    options = world.one(
        (
            "",
            "(START WITH 10000 INCREMENT BY 10)",
            "(INCREMENT -1 MINVALUE -9 MAXVALUE 9 START 3)",
            "(CYCLE CACHE 5)",
        )
    )
    return f"GENERATED {when} AS IDENTITY {options}"


def default(world: World, column: Column) -> str:
    """Draw a default: a constant, a time, a sequence, a function of the script."""
    if column.type.family == "integer" and world.sequences and world.chance(0.4):
        return f"nextval({literal(world.one(world.sequences).sql)}::regclass)"
    makers = [f for f in world.functions if f.takes == "" and f.gives == column.type.sql]
    if makers and world.chance(0.5):
        return f"{world.one(makers).id.sql}()"
    by_type = {
        "text": ("CURRENT_USER", "md5('x'::text)", "('a' || 'b')"),
        "timestamp with time zone": ("now()", "(clock_timestamp() + '1 day'::interval)"),
        "date": ("CURRENT_DATE", "('2024-01-01'::date + 7)"),
        "uuid": ("gen_random_uuid()",),
        "integer": ("(1 + 2)", "COALESCE(NULL::integer, 5)"),
    }
    chosen = by_type.get(column.type.sql, ())
    return world.one(chosen) if chosen and world.chance(0.6) else column.type.value(world.rng)


def _generated(world: World, made: tuple[Column, ...]) -> tuple[str, Column] | None:
    source = [column for column in made if column.type.family in ("integer", "text")]
    if not source or not world.chance(0.25):
        return None
    column = world.one(source)
    kind, family = column.type, column.type.family
    expression = "({c} % 100)" if family == "integer" else "lower({c}::text)"
    result = kind if family == "integer" else types.TEXT
    made_column = Column(
        name(world.rng, "g"), replace(result, sql="bigint") if family == "integer" else result, True
    )
    stored = "VIRTUAL" if world.traits.major >= 18 and world.chance(0.4) else "STORED"
    written = f"GENERATED ALWAYS AS ({expression.format(c=column.sql)}) {stored}"
    return f"{made_column.sql} {made_column.type.sql} {written}", made_column


def table(world: World) -> None:
    """Make a table, change how its columns are stored, and fill it."""
    made, drawn = world.new("table"), columns(world)
    integers = [column for column in drawn if column.type.family == "integer" and "." not in column.type.sql]
    with_identity = world.one(integers) if integers and world.chance(0.25) else None
    lines = [definition(world, column, column == with_identity) for column in drawn]
    if world.chance(0.15):
        serial = Column(name(world.rng, "serial"), types.INT4)
        if serial.name not in {column.name for column in drawn}:
            lines.append(f"{serial.sql} {world.one(('serial', 'bigserial', 'smallserial'))}")
            drawn = (*drawn, serial)
    if (extra := _generated(world, drawn)) and extra[1].name not in {column.name for column in drawn}:
        lines.append(extra[0])
        drawn = (*drawn, extra[1])
    relation = Relation(made, "r", drawn)
    if world.chance(0.2):
        lines.append(f"CONSTRAINT {world.label('check')} CHECK ({expressions.condition(world, relation)})")
    storage = f" WITH ({', '.join(world.some(PARAMETERS, 2))})" if world.chance(0.15) else ""
    unlogged = "UNLOGGED " if world.chance(0.1) else ""
    world.say(
        "TABLE", f"CREATE {unlogged}TABLE {made.sql} ({', '.join(lines)}){storage}", f"TABLE {made.sql}"
    )
    world.relations.append(relation)
    if world.chance(0.4):
        primary_key(world, relation)
        relation = world.relations[-1]
    fill(world, relation)
    if world.chance(0.3):
        tune(world, relation)
    world.commented.append(f"COLUMN {made.sql}.{world.one(drawn).sql}")


def primary_key(world: World, relation: Relation) -> None:
    """Give a table a primary key over one to three columns."""
    usable = [column for column in relation.columns if column.type.sortable]
    if not usable:
        return
    first = [column for column in usable if column.type.family == "integer"][:1]
    chosen = first if first and world.chance(0.6) else world.some(usable, 3)
    named = f"CONSTRAINT {world.label('pk')} " if world.chance(0.7) else ""
    include = [column for column in relation.columns if column not in chosen and not column.generated]
    extra = f" INCLUDE ({include[0].sql})" if include and world.chance(0.15) else ""
    written = ", ".join(column.sql for column in chosen)
    world.say("CONSTRAINT", f"ALTER TABLE {relation.sql} ADD {named}PRIMARY KEY ({written}){extra}")
    world.replace(relation, replace(relation, keys=(*relation.keys, tuple(c.name for c in chosen))))


def fill(world: World, relation: Relation, most: int = ROWS) -> None:
    """Insert rows, one by one, so that those that a constraint refuses are dropped alone."""
    taken = [column for column in relation.columns if not column.generated]
    names = ", ".join(column.sql for column in taken)
    for _ in range(world.rng.randint(0, most)):
        values = ["NULL" if world.chance(0.12) else column.type.value(world.rng) for column in taken]
        if len(taken) > 1 and world.chance(0.1):
            values[world.rng.randrange(len(taken))] = "DEFAULT"
        world.say(
            "ROW",
            f"INSERT INTO {relation.sql} ({names}) OVERRIDING SYSTEM VALUE VALUES ({', '.join(values)})",
        )


def rows(world: World) -> None:
    """Insert more rows anywhere, also by the defaults alone, or change and delete some."""
    if not (found := world.tables()):
        return
    relation = world.one(found)
    if world.chance(0.3):
        world.say("ROW", f"INSERT INTO {relation.sql} DEFAULT VALUES")
    elif world.chance(0.2):
        world.say("ROW", f"DELETE FROM {relation.sql} WHERE {expressions.condition(world, relation)}")
    else:
        fill(world, relation)


def tune(world: World, relation: Relation) -> None:
    """Change storage and statistics of columns, and the replica identity."""
    column = quote(world.one(relation.columns).name)
    changes = [
        f"ALTER COLUMN {column} SET STATISTICS {world.one((0, 50, 1000))}",
        f"ALTER COLUMN {column} SET STORAGE {world.one(('EXTERNAL', 'MAIN', 'EXTENDED'))}",
        f"ALTER COLUMN {column} SET COMPRESSION pglz",
        f"ALTER COLUMN {column} SET (n_distinct = -0.5)",
        f"REPLICA IDENTITY {world.one(('FULL', 'NOTHING'))}",
        "SET (fillfactor = 40)",
    ]
    for change in world.some(changes, 3):
        world.say("TABLE", f"ALTER TABLE {relation.sql} {change}")


MAKERS = {"table": table, "rows": rows}
