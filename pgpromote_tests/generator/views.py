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


def _queries(world: World, one: Relation, two: Relation) -> tuple[tuple[str, tuple[Column, ...] | None], ...]:
    """Write queries over two relations, with the columns that are known to come out (None: not known)."""
    chosen = world.some(one.columns, 4)
    listed = ", ".join(column.sql for column in chosen)
    first, second = chosen[0], world.one(two.columns)
    where, whole = expressions.condition(world, one), tuple(chosen)
    alias, value = world.label("alias"), expressions.value(world, one, "x.")
    joined = f"{one.sql} x JOIN {two.sql} y"
    same = [a.sql for a in one.columns for b in two.columns if a.name == b.name and a.type.sql == b.type.sql]
    return (
        (f"SELECT {listed} FROM {one.sql} WHERE {where}", whole),
        (f"SELECT x.* FROM {one.sql} x WHERE {expressions.condition(world, one, 'x.')}", one.columns),
        (f"SELECT {value} AS {alias}, x.{first.sql} FROM {one.sql} x", None),
        (f"SELECT {listed} FROM {one.sql} UNION ALL SELECT {listed} FROM {one.sql} WHERE {where}", whole),
        (f"SELECT DISTINCT {first.sql} FROM {one.sql} EXCEPT SELECT NULL", None),
        (f"WITH w AS MATERIALIZED (SELECT * FROM {one.sql}) SELECT {listed} FROM w", whole),
        (
            f"SELECT count(*) AS n, count(DISTINCT x.{first.sql}) FILTER (WHERE {expressions.condition(world, one, 'x.')}) "
            f"AS d FROM {one.sql} x GROUP BY x.{first.sql} HAVING count(*) > 0",
            None,
        ),
        (f"SELECT {first.sql}, rank() OVER w AS r FROM {one.sql} WINDOW w AS (ORDER BY {first.sql} DESC NULLS LAST)", None),
        (
            f"SELECT x.{first.sql}, sum(1) OVER (PARTITION BY x.{first.sql} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s "
            f"FROM {one.sql} x",
            None,
        ),
        (f"SELECT x.{first.sql} AS a, y.{second.sql} AS b FROM {joined} ON x.{first.sql}::text = y.{second.sql}::text", None),
        (f"SELECT * FROM {one.sql} x NATURAL JOIN {two.sql} y", None),
        (f"SELECT {same[0] if same else '1'} AS u FROM {one.sql} x FULL JOIN {two.sql} y USING ({same[0] if same else 'id'})", None),
        (f"SELECT q.{same[0] if same else 'id'} FROM {joined} USING ({same[0] if same else 'id'}) AS q", None),
        (f"SELECT x.{first.sql}, l.n FROM {one.sql} x, LATERAL (SELECT count(*) AS n FROM {two.sql} y "
         f"WHERE y.{second.sql}::text = x.{first.sql}::text) l", None),
        (f"SELECT g, f.* FROM generate_series(1, 3) WITH ORDINALITY AS g(g, o), unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS f(a, b)",
         None),
        ("WITH RECURSIVE r(n, p) AS (SELECT 1, ARRAY[1] UNION ALL SELECT n + 1, p || n FROM r WHERE n < 4) "
         "CYCLE n SET c USING q SELECT n, p FROM r", None),
        (f"SELECT x.{first.sql} FROM {one.sql} x WHERE EXISTS (SELECT FROM {two.sql} y WHERE y.{second.sql} IS NOT NULL) "
         f"ORDER BY 1", None),
        (f"SELECT x AS whole, (x).{first.sql} AS part FROM {one.sql} x", None),
        (f"SELECT GROUPING({first.sql}) AS g, {first.sql} FROM {one.sql} GROUP BY ROLLUP ({first.sql})", None),
        (f"SELECT (SELECT max(y.{second.sql}::text) FROM {two.sql} y) AS m, CASE WHEN {where} THEN 'j' ELSE 'n' END AS c "
         f"FROM {one.sql}", None),
        (f"SELECT string_agg({first.sql}::text, ',' ORDER BY {first.sql}::text COLLATE \"C\") AS s FROM {one.sql}", None),
        ("SELECT * FROM (VALUES (1, 'a'::varchar), (2, NULL)) AS v(k, w)", None),
        (f"SELECT {first.sql} FROM ONLY {one.sql} OFFSET 0", None),
        ("SELECT '2024-01-01'::date + i AS d, format('%s-%s', i, 'x') AS f, i::money AS m FROM generate_series(1, 2) AS i", None),
        (f"SELECT {first.sql} FROM {one.sql} TABLESAMPLE system (100) WHERE {where}", None),
        (f"SELECT {first.sql} AS {alias} FROM {one.sql} WHERE ({first.sql})::text = ANY (ARRAY['a'::varchar, 'b'])", None),
    )  # fmt: skip


def view(world: World) -> None:
    """Make a view, with options and a check option where it can be updated."""
    if not (found := world.tables("rpvm")):
        return
    query, columns = world.one(_queries(world, world.one(found), world.one(found)))
    made, options = world.new("view"), world.one(OPTIONS) if world.chance(0.25) else ""
    names = ""
    if columns and world.chance(0.3):
        columns = tuple(Column(name(world.rng, "v"), column.type) for column in columns)
        names = f" ({', '.join(column.sql for column in columns)})"
    check = world.one((" WITH CASCADED CHECK OPTION", " WITH LOCAL CHECK OPTION")) if world.chance(0.1) else ""
    world.say("VIEW", f"CREATE VIEW {made.sql}{names}{options} AS {query}{check}", f"VIEW {made.sql}")
    if columns:
        world.relations.append(Relation(made, "v", columns))
        if world.chance(0.15):
            column = world.one(columns)
            world.say("VIEW", f"ALTER VIEW {made.sql} ALTER COLUMN {column.sql} SET DEFAULT {column.type.value(world.rng)}")


def materialized(world: World) -> None:
    """Make a materialized view, with or without data, indexed or not."""
    if not (found := world.tables("rpvm")):
        return
    query, columns = world.one(_queries(world, world.one(found), world.one(found)))
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
            world.say("INDEX", f"CREATE INDEX {world.label('mat_index')} ON {made.sql} ({world.one(columns).sql})")


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
    world.say("FUNCTION", f"CREATE FUNCTION {function.sql}({made.sql}) RETURNS bigint LANGUAGE sql AS 'SELECT $1.n'")


def rule(world: World) -> None:
    """Make a rule on a table or a view, disabled now and then."""
    if not (found := world.tables("rv")):
        return
    relation, label = world.one(found), world.label("rule")
    event = world.one(("INSERT", "UPDATE", "DELETE"))
    prefix = "OLD." if event == "DELETE" else "NEW."
    where = f" WHERE {expressions.condition(world, relation, prefix)}" if relation.kind == "r" and world.chance(0.5) else ""
    action = world.one(("INSTEAD NOTHING", "ALSO NOTHING", f"ALSO NOTIFY {world.label('channel')}"))
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
    "view_more": view,
    "view_most": view,
    "materialized": materialized,
    "circular": circular,
    "rule": rule,
    "typed_text": typed_text,
}
