"""What was changed in place comes back as it was, whatever prod is made of and whoever owns it."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.databases import room
from pgpromote.postgres.errors import RestoreFailed
from pgpromote.postgres.model import Policy, Severity
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, SWAP
from pgpromote.promotion import TARGET
from pgpromote.run import rollback, states
from pgpromote.run.check import look
from pgpromote.run.steps import PREPARE, promote
from pgpromote.settings import from_environment
from pgpromote_tests.func.shops import roles
from pgpromote_tests.func.walks import Stage, stage, until
from pgpromote_tests.servers import Server

# Built by an owner who needs what the archive gives last, or may no longer do what it once did.
INDEX_FUNCTION = """
    CREATE SCHEMA s; GRANT USAGE ON SCHEMA s TO {owner};
    CREATE FUNCTION s.g(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN lower(t); END';
    CREATE FUNCTION s.f(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN s.g(t); END';
    CREATE TABLE s.t (id integer PRIMARY KEY, x text); INSERT INTO s.t VALUES (1, 'A');
    CREATE INDEX ON s.t (s.f(x)); ALTER TABLE s.t OWNER TO {owner};
"""
VIEW_OWNER = """
    CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1);
    CREATE MATERIALIZED VIEW m AS SELECT * FROM t; ALTER MATERIALIZED VIEW m OWNER TO {owner};
"""
GENERATED = """
    CREATE SCHEMA s; CREATE TABLE s.rate (r numeric); INSERT INTO s.rate VALUES (2);
    CREATE FUNCTION s.f(n numeric) RETURNS numeric IMMUTABLE LANGUAGE plpgsql
        AS 'BEGIN RETURN n * (SELECT r FROM s.rate); END';
    GRANT USAGE ON SCHEMA s TO {owner}; GRANT SELECT ON s.rate TO {owner};
    CREATE TABLE s.t (id integer PRIMARY KEY, n numeric, EXCLUDE (s.f(n) WITH =));
    INSERT INTO s.t (id, n) VALUES (1, 3); ALTER TABLE s.t OWNER TO {owner};
"""
EVERY_KIND = """
    CREATE SCHEMA "Odd ""s"; ALTER SCHEMA "Odd ""s" OWNER TO {owner}; SET search_path = "Odd ""s";
    CREATE DOMAIN price AS numeric CHECK (VALUE > 0); ALTER DOMAIN price OWNER TO {owner};
    CREATE TYPE mood AS ENUM ('good'); ALTER TYPE mood OWNER TO {owner};
    CREATE TYPE pair AS (a integer, b text); ALTER TYPE pair OWNER TO {owner};
    CREATE TYPE span AS RANGE (subtype = integer); ALTER TYPE span OWNER TO {owner};
    CREATE TABLE "ta ble" (id serial PRIMARY KEY, m mood, p price); ALTER TABLE "ta ble" OWNER TO {owner};
    CREATE TABLE parted (id integer, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9); ALTER TABLE part OWNER TO {owner};
    CREATE SEQUENCE alone; ALTER SEQUENCE alone OWNER TO {owner};
    CREATE VIEW v AS SELECT id FROM "ta ble"; ALTER VIEW v OWNER TO {owner};
    CREATE STATISTICS st ON id, m FROM "ta ble"; ALTER STATISTICS st OWNER TO {owner};
    CREATE FUNCTION f(a pair, VARIADIC b integer[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
    ALTER FUNCTION f(pair, integer[]) OWNER TO {owner}; REVOKE ALL ON FUNCTION f FROM PUBLIC;
    CREATE PROCEDURE p(IN a integer, OUT b integer) LANGUAGE sql AS 'SELECT 1';
    ALTER PROCEDURE p OWNER TO {owner};
    CREATE AGGREGATE total(integer) (sfunc = int4pl, stype = integer);
    ALTER AGGREGATE total(integer) OWNER TO {owner};
    CREATE AGGREGATE middle(float8 ORDER BY anyelement)
        (sfunc = ordered_set_transition, stype = internal,
         finalfunc = percentile_disc_final, finalfunc_extra);
    ALTER AGGREGATE middle(float8 ORDER BY anyelement) OWNER TO {owner};
    CREATE AGGREGATE place(VARIADIC "any" ORDER BY VARIADIC "any") (sfunc = ordered_set_transition_multi,
        stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
    CREATE AGGREGATE every_one(*) (sfunc = int8inc, stype = int8, initcond = '0');
    CREATE FUNCTION same(pair, pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a = ($2).a';
    CREATE OPERATOR === (LEFTARG = pair, RIGHTARG = pair, FUNCTION = same, NEGATOR = !==);
    ALTER OPERATOR === (pair, pair) OWNER TO {owner};
    CREATE OPERATOR ### (RIGHTARG = integer, FUNCTION = int4um);
    ALTER OPERATOR ### (NONE, integer) OWNER TO {owner};
    CREATE OPERATOR FAMILY fam USING btree; ALTER OPERATOR FAMILY fam USING btree OWNER TO {owner};
    CREATE OPERATOR CLASS cls FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer);
    ALTER OPERATOR CLASS cls USING hash OWNER TO {owner};
    CREATE COLLATION coll FROM "C"; ALTER COLLATION coll OWNER TO {owner};
    CREATE CONVERSION conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    ALTER CONVERSION conv OWNER TO {owner};
    CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple);
    ALTER TEXT SEARCH DICTIONARY dict OWNER TO {owner};
    CREATE TEXT SEARCH CONFIGURATION conf (COPY = simple);
    ALTER TEXT SEARCH CONFIGURATION conf OWNER TO {owner};
    CREATE CAST (pair AS text) WITH INOUT;
    SELECT lo_from_bytea(4711, 'abc'); ALTER LARGE OBJECT 4711 OWNER TO {owner};
    GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC; COMMENT ON LARGE OBJECT 4711 IS 'kept';
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA "Odd ""s" GRANT SELECT ON TABLES TO PUBLIC;
    GRANT SELECT (id) ON "ta ble" TO PUBLIC; RESET search_path;
"""
SHAPES = {
    "an index function needs the owner's grant": INDEX_FUNCTION,
    "the view's owner may no longer read its source": VIEW_OWNER,
    "a constraint's function reads what the owner is granted": GENERATED,
    "every kind": EVERY_KIND,
}
# What is open to whom among what no archive holds.
CONSTRUCTORS = (
    "SELECT p.oid::regprocedure::text, proowner::regrole::text,"
    "       has_function_privilege('public', p.oid, 'EXECUTE')"
    "  FROM pg_proc AS p WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
)


def way_back(dev: Server, prod: Server, directory: Path, shape: str) -> Stage:
    """Make a dev and a prod of the same shape, with an owner of each server."""
    (ours,), (theirs,) = roles(dev, 1), roles(prod, 1)
    return stage(dev, prod, directory, shape.format(owner=ours), shape.format(owner=theirs))


def back(shop: Stage) -> None:
    with shop.walk() as run:
        rollback.bring_back(run.promotion, run.run_id)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.versions(15, 17)
def test_a_restore_in_place_is_undone_to_the_last_grant(
    dev: Server, prod: Server, tmp_path: Path, shape: str
) -> None:
    shop = way_back(dev, prod, tmp_path, SHAPES[shape])
    before = shop.contents()
    shop.promote(strategy=CLEAN)

    back(shop)

    assert shop.contents() == before


def test_who_may_make_a_range_is_who_might_before(dev: Server, prod: Server, tmp_path: Path) -> None:
    (user,) = roles(prod, 1)
    ranges = "CREATE TYPE span AS RANGE (subtype = integer); CREATE TABLE t (id integer PRIMARY KEY)"
    shop = stage(
        dev,
        prod,
        tmp_path,
        ranges,
        f"ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; {ranges};"
        f"GRANT EXECUTE ON FUNCTION span(integer, integer) TO {user}",
    )
    name = shop.promotion.target().name
    before, held = (
        prod.rows(CONSTRUCTORS, name),
        f"SELECT has_function_privilege('{user}', 'span(int, int)', 'EXECUTE')",
    )

    shop.promote(strategy=CLEAN)
    assert prod.rows(CONSTRUCTORS, name) == before
    back(shop)

    assert prod.rows(CONSTRUCTORS, name) == before
    assert {open_to_all for *_, open_to_all in before} == {False}
    assert prod.rows(held, name) == [(True,)]


def test_the_sources_owners_come_last_in_every_restore_that_brings_them(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    (owner,) = roles(prod, 1)
    dev.execute(f"CREATE ROLE {owner}")
    shop = stage(dev, prod, tmp_path, INDEX_FUNCTION.format(owner=owner), "")
    wanted = dev.rows(
        "SELECT relowner::regrole::text FROM pg_class WHERE relname = 't'", shop.promotion.source().name
    )

    for strategy in (SWAP, CLEAN):
        shop.promote(strategy=strategy, rights=Policy.SOURCE)
        assert wanted == prod.rows(
            "SELECT relowner::regrole::text FROM pg_class WHERE relname = 't'", shop.promotion.target().name
        )


# What prod had itself ---------------------------------------------------------------------------------------

ODDITIES = {
    "an invalid index": """
        CREATE TABLE t (id integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 1), (2, 1);
    """,
    "triggers that are off": """
        CREATE TABLE t (id integer PRIMARY KEY); CREATE TABLE u (id integer PRIMARY KEY REFERENCES t);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE t DISABLE TRIGGER ALL; ALTER TABLE u DISABLE TRIGGER ALL;
    """,
    "row security": """
        CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1); CREATE POLICY p ON t USING (false);
        ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    """,
    "a check that old rows break": """
        CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (-1);
        ALTER TABLE t ADD CHECK (id > 0) NOT VALID;
    """,
    "a sequence that is behind": "CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t VALUES (7);",
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_a_rollback_is_not_refused_for_what_prod_had_itself(
    dev: Server, prod: Server, tmp_path: Path, oddity: str
) -> None:
    shop = stage(dev, prod, tmp_path, "CREATE TABLE added (id integer PRIMARY KEY)", ODDITIES[oddity])
    with suppress(psycopg.errors.UndefinedColumn, psycopg.errors.UniqueViolation):
        shop.in_prod("CREATE UNIQUE INDEX CONCURRENTLY bad ON t (n)")
    before = shop.contents()
    shop.promote(strategy=CLEAN)
    assert shop.contents() != before

    back(shop)

    assert shop.contents() == before


VIEWS_OF_THE_PAST = {
    "a division": "SELECT 1 / n AS share FROM t",
    "a function": "SELECT public.shared(n) AS share FROM t",
    "another view": "SELECT share FROM base",
}


@pytest.mark.parametrize("query", VIEWS_OF_THE_PAST.values(), ids=VIEWS_OF_THE_PAST)
def test_a_view_that_can_be_filled_no_more_stops_no_rollback(
    dev: Server, prod: Server, tmp_path: Path, query: str
) -> None:
    script = f"""
        CREATE TABLE t (n integer); INSERT INTO t VALUES (1);
        CREATE FUNCTION shared(n integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1 / n; END';
        CREATE MATERIALIZED VIEW base AS SELECT 1 / n AS share FROM t;
        CREATE MATERIALIZED VIEW "of the ""past"" now" AS {query}; UPDATE t SET n = 0;
    """
    shop = stage(dev, prod, tmp_path, "CREATE TABLE added (id integer PRIMARY KEY)", script)
    shop.promote(strategy=CLEAN)

    rollback.bring_back(shop.promotion, "back")

    done = states.read(shop.promotion.report_dir, shop.promotion.name, "back")
    assert done
    told = {found.object: found.severity for found in done.of("materialized_views") or ()}
    assert told['public.of the "past" now'] is Severity.WARNING
    name = shop.promotion.target().name
    assert prod.rows("SELECT n FROM t", name) == [(0,)]
    assert prod.rows("SELECT count(*) FROM pg_matviews WHERE NOT ispopulated", name) == [(2,)]


def test_a_member_of_the_owner_brings_back_what_is_built_with_the_owners_rights(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    (owner,) = roles(prod, 1)
    (member,) = roles(prod, 1, f"CREATEDB IN ROLE {owner}")
    dev.execute(f"CREATE ROLE {owner}")
    shop = stage(dev, prod, tmp_path, INDEX_FUNCTION.format(owner=owner), INDEX_FUNCTION.format(owner=owner))
    name = shop.promotion.target().name
    prod.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    shop.in_prod(
        f"ALTER SCHEMA s OWNER TO {owner}; ALTER FUNCTION s.f OWNER TO {owner};"
        f"ALTER FUNCTION s.g OWNER TO {owner}"
    )
    settings = {**shop.promotion.environment, TARGET: prod.url(name, member)}
    shop = replace(shop, promotion=from_environment(settings))
    before = shop.contents()
    shop.promote(strategy=CLEAN)

    back(shop)

    assert shop.contents() == before


# What is said before ----------------------------------------------------------------------------------------


@pytest.mark.versions(15, 18)
def test_what_no_restore_could_bring_back_is_said_before_prod_is_changed_and_leaves_nothing(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    shop = stage(
        dev,
        prod,
        tmp_path,
        "CREATE TABLE added (id integer PRIMARY KEY)",
        "CREATE FUNCTION f(n integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN n; END';"
        "CREATE TABLE t (n integer); CREATE INDEX ON t (f(n)); ALTER FUNCTION f VOLATILE",
    )
    shop.dump()

    with shop.untouched(), shop.walk(strategy=CLEAN) as run:
        prepared = until(run, PREPARE).prepared

    assert prepared
    (doubt,) = prepared.warnings
    assert (doubt.rule, doubt.severity) == ("safety_archive", Severity.WARNING)
    assert "must be marked IMMUTABLE" in doubt.message


def test_a_drop_that_fails_says_what_is_gone(dev: Server, prod: Server, tmp_path: Path) -> None:
    tables = "".join(f"CREATE TABLE t{number:03} (id integer);" for number in range(room.AT_ONCE + 1))
    shop = stage(dev, prod, tmp_path, tables, tables)
    shop.in_prod(
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        "  IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE object_name = 't100') THEN"
        "    RAISE 'not this one'; END IF; END $$;"
        "CREATE EVENT TRIGGER guard ON sql_drop EXECUTE FUNCTION no()"
    )

    with pytest.raises(RestoreFailed, match=r"public\.no\(\) line 1") as failed:
        shop.promote(strategy=CLEAN)

    assert "DROP TABLE IF EXISTS public.t000 CASCADE; " in failed.value.hint
    assert "and 90 more" in failed.value.hint
    assert "pgpromote rollback brings it back" in str(failed.value.outcome)


def test_a_first_drop_that_fails_says_that_nothing_is_gone(dev: Server, prod: Server, tmp_path: Path) -> None:
    shop = stage(dev, prod, tmp_path, "CREATE TABLE t (id integer)", "CREATE TABLE t (id integer)")
    shop.in_prod(
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;"
        "CREATE EVENT TRIGGER guard ON sql_drop EXECUTE FUNCTION no()"
    )
    shop.dump()
    with shop.untouched(), shop.walk(strategy=CLEAN) as run, pytest.raises(RestoreFailed) as failed:
        promote(run)
    assert failed.value.hint == room.NOTHING_GONE


def test_a_reset_does_not_call_lost_what_the_archive_brings_again(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    script = """
        CREATE TYPE public.mood AS ENUM ('low'); CREATE SCHEMA other;
        CREATE TABLE other.kept (id integer PRIMARY KEY, m public.mood);
        CREATE VIEW other.seen AS SELECT m FROM other.kept; INSERT INTO other.kept VALUES (1, 'low');
    """
    own = "CREATE TABLE other.own (id integer PRIMARY KEY, m public.mood);"
    shop = stage(dev, prod, tmp_path, script, script + own)
    resetting = {"strategy": RESET_SCHEMA}
    shop.dump()
    with shop.walk(**resetting) as run:
        told = look(run.promotion, run.options, run.run_id).of("nothing_lost_outside")
    assert [found.object for found in told] == ["table column other.own.m"]
    shop.in_prod("DROP TABLE other.own")

    with shop.walk(**resetting) as run:
        done = promote(run)
    assert done.plan
    assert done.plan.losses == ()

    assert prod.rows("SELECT m::text FROM other.seen", shop.promotion.target().name) == [("low",)]
