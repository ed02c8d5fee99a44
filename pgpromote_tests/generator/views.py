"""Views of many forms, materialized views, rules."""

from pgpromote_tests.generator import expressions, types
from pgpromote_tests.generator.names import name, quote
from pgpromote_tests.generator.world import Column, Named, Relation, World

OPTIONS = (
    " WITH (security_barrier)",
    " WITH (security_invoker = true)",
    " WITH (check_option = local)",
    " WITH (security_barrier = false, security_invoker)",
)


# Queries over two relations; `same` is a column that both have. The first ones give the columns of `listed`.
LISTED = (
    "SELECT {listed} FROM {one} WHERE {where}",
    "SELECT {listed} FROM {one} UNION ALL SELECT {listed} FROM {one} WHERE {where}",
    "WITH w AS MATERIALIZED (SELECT * FROM {one}) SELECT {listed} FROM w",
    "SELECT {listed} FROM {one} WHERE {where} ORDER BY {first} DESC NULLS LAST OFFSET 0",
)
OTHERS = (
    "SELECT {value} AS {alias}, x.{first} FROM {one} x",
    "SELECT DISTINCT {first} FROM {one} EXCEPT SELECT NULL",
    (
        "SELECT count(*) AS n, count(DISTINCT {first}) FILTER (WHERE {where}) AS d FROM {one} "
        "GROUP BY {first} HAVING count(*) > 0"
    ),
    "SELECT {first}, rank() OVER w AS r FROM {one} WINDOW w AS (ORDER BY {first} DESC NULLS LAST)",
    (
        "SELECT x.{first}, sum(1) OVER (PARTITION BY x.{first} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) "
        "AS s FROM {one} x"
    ),
    "SELECT x.{first} AS a, y.{second} AS b FROM {one} x JOIN {two} y ON x.{first}::text = y.{second}::text",
    "SELECT * FROM {one} x NATURAL JOIN {two} y",
    "SELECT {same} AS u FROM {one} x FULL JOIN {two} y USING ({same})",
    "SELECT q.{same} FROM {one} x JOIN {two} y USING ({same}) AS q",
    (
        "SELECT x.{first}, l.n FROM {one} x, LATERAL (SELECT count(*) AS n FROM {two} y "
        "WHERE y.{second}::text = x.{first}::text) l"
    ),
    (
        "SELECT g, f.* FROM generate_series(1, 3) WITH ORDINALITY AS g(g, o), "
        "unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS f(a, b)"
    ),
    (
        "WITH RECURSIVE r(n, p) AS (SELECT 1, ARRAY[1] UNION ALL SELECT n + 1, p || n FROM r WHERE n < 4) "
        "CYCLE n SET c USING q SELECT n, p FROM r"
    ),
    "SELECT x.{first} FROM {one} x WHERE EXISTS (SELECT FROM {two} y WHERE y.{second} NOTNULL) ORDER BY 1",
    "SELECT x AS whole, (x).{first} AS part FROM {one} x",
    "SELECT GROUPING({first}) AS g, {first} FROM {one} GROUP BY ROLLUP ({first})",
    "SELECT (SELECT max(y.{second}::text) FROM {two} y), CASE WHEN {where} THEN 'j' END AS c FROM {one}",
    "SELECT string_agg({first}::text, ',' ORDER BY {first}::text COLLATE \"C\") AS s FROM {one}",
    "SELECT * FROM (VALUES (1, 'a'::varchar), (2, NULL)) AS v(k, w)",
    "SELECT {first} FROM ONLY {one} OFFSET 0",
    "SELECT '2024-01-01'::date + i AS d, format('%s-%s', i, 'x') AS f FROM generate_series(1, 2) AS i",
    "SELECT {first} FROM {one} TABLESAMPLE system (100) WHERE {where}",
    "SELECT {first} AS {alias} FROM {one} WHERE ({first})::text = ANY (ARRAY['a'::varchar, 'b'])",
    "SELECT CASE {first} WHEN {first} THEN 1 ELSE 2 END AS c, NULLIF({first}, {first}) AS i FROM {one}",
)


def _query(world: World) -> tuple[str, tuple[Column, ...]] | None:
    """Return a query over any relations, and its columns; None where these are not known."""
    if not (found := world.tables("rplvm")):
        return None
    one, two = world.one(found), world.one(found)
    chosen = world.some(one.columns, 4)
    same = [a.sql for a in one.columns for b in two.columns if (a.name, a.type.sql) == (b.name, b.type.sql)]
    names = {
        "one": one.sql,
        "two": two.sql,
        "listed": ", ".join(column.sql for column in chosen),
        "first": chosen[0].sql,
        "second": world.one(two.columns).sql,
        "same": world.one(same) if same else chosen[0].sql,
        "where": expressions.condition(world, one),
        "value": expressions.value(world, one, "x."),
        "alias": world.label("alias"),
    }
    if world.chance(0.4):
        return world.one(LISTED).format_map(names), tuple(chosen)
    return world.one(OTHERS).format_map(names), ()


def view(world: World) -> None:
    """Make a view, with options and a check option where it can be updated."""
    if not (drawn := _query(world)):
        return
    query, columns = drawn
    made, options = world.new("view"), world.one(OPTIONS) if world.chance(0.25) else ""
    names = ""
    if columns and world.chance(0.3):
        columns = tuple(Column(name(world.rng, "v"), column.type) for column in columns)
        names = f" ({', '.join(column.sql for column in columns)})"
    check = (
        world.one((" WITH CASCADED CHECK OPTION", " WITH LOCAL CHECK OPTION")) if world.chance(0.1) else ""
    )
    world.say("VIEW", f"CREATE VIEW {made.sql}{names}{options} AS {query}{check}", f"VIEW {made.sql}")
    if columns:
        world.relations.append(Relation(made, "v", columns))
        if world.chance(0.15):
            column = world.one(columns)
            world.say(
                "VIEW",
                f"ALTER VIEW {made.sql} ALTER COLUMN {column.sql} SET DEFAULT {column.type.value(world.rng)}",
            )


def materialized(world: World) -> None:
    """Make a materialized view, with or without data, indexed or not."""
    if not (drawn := _query(world)):
        return
    query, columns = drawn
    made, data = world.new("mat"), world.one(("", "", "", " WITH NO DATA"))
    storage = " WITH (fillfactor = 60)" if world.chance(0.2) else ""
    world.say(
        "MATERIALIZED VIEW",
        f"CREATE MATERIALIZED VIEW {made.sql}{storage} AS {query}{data}",
        f"MATERIALIZED VIEW {made.sql}",
    )
    if columns:
        world.relations.append(Relation(made, "m", columns))
        if world.chance(0.4):
            world.say(
                "INDEX", f"CREATE INDEX {world.label('mat_index')} ON {made.sql} ({world.one(columns).sql})"
            )


def circular(world: World) -> None:
    """Make a view that needs a primary key for its grouping, so that it is dumped in two parts."""
    found = [(relation, key) for relation in world.tables("r") for key in relation.keys if len(key) == 1]
    if not found:
        return
    relation, (key,) = world.one(found)
    made, column = world.new("grouped"), world.one(relation.columns).sql
    world.say("VIEW", f"CREATE VIEW {made.sql} AS SELECT {quote(key)}, {column} AS other, count(*) AS n "
              f"FROM {relation.sql} GROUP BY {quote(key)}", f"VIEW {made.sql}")  # fmt: skip
    function = Named(made.schema, name(world.rng, "of_view"))
    world.say(
        "FUNCTION", f"CREATE FUNCTION {function.sql}({made.sql}) RETURNS bigint LANGUAGE sql AS 'SELECT $1.n'"
    )


def rule(world: World) -> None:
    """Make a rule on a table or a view, disabled now and then."""
    if not (found := world.tables("rlv")):
        return
    relation, label = world.one(found), world.label("rule")
    event = world.one(("INSERT", "UPDATE", "DELETE"))
    prefix = "OLD." if event == "DELETE" else "NEW."
    where, written = "", f"ALSO NOTIFY {world.label('channel')}"
    if relation.kind == "r" and world.chance(0.5):
        where = f" WHERE {expressions.condition(world, relation, prefix)}"
        written = f"ALSO DELETE FROM {world.one(found).sql} WHERE false"
    action = world.one(("INSTEAD NOTHING", "ALSO NOTHING", written))
    world.say(
        "RULE",
        f"CREATE RULE {label} AS ON {event} TO {relation.sql}{where} DO {action}",
        f"RULE {label} ON {relation.sql}",
    )
    if relation.kind == "r" and world.chance(0.4):
        state = world.one(("DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA"))
        world.say("RULE", f"ALTER TABLE {relation.sql} {state} RULE {label}")


def typed_text(world: World) -> None:
    """Make a view over constants of the script's types, as the server writes them back."""
    if not world.types:
        return
    made, kind = world.new("constants"), world.one((*world.types, types.array(world.one(world.types))))
    values = ", ".join(f"{kind.value(world.rng)} AS {quote(f'v{number}')}" for number in range(2))
    world.say("VIEW", f"CREATE VIEW {made.sql} AS SELECT {values}", f"VIEW {made.sql}")


MAKERS = {
    "view": view,
    "materialized": materialized,
    "circular": circular,
    "rule": rule,
    "typed_text": typed_text,
}
