"""Materialized views are filled after the restore, also those that dev left empty; what cannot be is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import RestoreFailed
from pgpromote.postgres.loading import restore
from pgpromote.postgres.loading.views import NOTHING
from pgpromote.postgres.model import Clearance, Filters, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests.servers import Server

# The names sort against the order in which the views can be filled.
VIEWS = """
    CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2);
    CREATE MATERIALIZED VIEW filled AS SELECT * FROM t;
    CREATE MATERIALIZED VIEW "z ""first"" x" AS SELECT * FROM t WITH NO DATA;
    CREATE MATERIALIZED VIEW "m second" AS SELECT * FROM "z ""first"" x" WITH NO DATA;
    CREATE VIEW between AS SELECT * FROM "m second";
    CREATE MATERIALIZED VIEW "a third" AS SELECT * FROM between WITH NO DATA;
"""
Restored = Callable[..., tuple[Clearance, Database]]


@pytest.fixture
def restored(dev: Server, prod: Server, tmp_path: Path) -> Restored:
    def make(script: str, filters: Filters | None = None) -> tuple[Clearance, Database]:
        target, path = prod.new_database(), tmp_path / "dev.dump"
        dump.dump(parse_url(dev.new_url(script), "DEV_DATABASE_URL"), path, [dev.tools()], "test")
        clearance = preflight.examine(
            path,
            Place(target),
            [prod.tools()],
            Choice(filters=filters or Filters(), restore_as_superuser=True),
        ).cleared()
        restore.restore(clearance, target, [prod.tools()], "test")
        return clearance, target

    return make


def empty(prod: Server, target: Database) -> set[str]:
    """Name the materialized views that hold nothing."""
    query = "SELECT relname FROM pg_class WHERE relkind = 'm' AND NOT relispopulated"
    return {str(name) for (name,) in prod.rows(query, target.name)}


@pytest.mark.versions(15, 18)
def test_views_that_dev_left_empty_are_filled_each_after_those_it_reads(
    restored: Restored, prod: Server
) -> None:
    clearance, target = restored(VIEWS)
    assert empty(prod, target) == {"filled", 'z "first" x', "m second", "a third"}

    done = restore.fill_materialized_views(clearance, target, [prod.tools()], "test")

    assert [statement.sql for statement in done.statements] == [
        'REFRESH MATERIALIZED VIEW "public"."z ""first"" x"',
        'REFRESH MATERIALIZED VIEW "public"."m second"',
        'REFRESH MATERIALIZED VIEW "public"."a third"',
    ]
    assert done.findings == ()
    assert empty(prod, target) == set()
    assert prod.rows('SELECT count(*) FROM "a third"', target.name) == [(2,)]


def test_definitions_alone_leave_views_as_they_are(restored: Restored, prod: Server) -> None:
    clearance, target = restored(VIEWS, Filters(schema_only=True))
    assert restore.fill_materialized_views(clearance, target, [prod.tools()], "test") == NOTHING


def test_a_view_that_prod_alone_has_is_not_filled(restored: Restored, prod: Server) -> None:
    clearance, target = restored("CREATE TABLE t (id integer)")
    prod.execute("CREATE MATERIALIZED VIEW mine AS SELECT 1 AS a WITH NO DATA", target.name)
    assert restore.fill_materialized_views(clearance, target, [prod.tools()], "test") == NOTHING
    assert prod.rows("SELECT relispopulated FROM pg_class WHERE relname = 'mine'", target.name) == [(False,)]


BROKEN = """
    CREATE TABLE t (id integer); INSERT INTO t VALUES (1);
    CREATE FUNCTION fails(integer) RETURNS integer LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'connect with password=''Canary1'' please'; END $$;
    CREATE MATERIALIZED VIEW before AS SELECT * FROM t WITH NO DATA;
    CREATE MATERIALIZED VIEW broken AS SELECT public.fails(id) FROM t WITH NO DATA;
"""


def test_a_view_that_dev_left_empty_stays_so_where_it_cannot_be_filled(
    restored: Restored, prod: Server
) -> None:
    clearance, target = restored(BROKEN)
    (found,) = restore.fill_materialized_views(clearance, target, [prod.tools()], "test").findings
    assert (found.severity, found.object) == (Severity.WARNING, "public.broken")
    assert "PL/pgSQL function public.fails(integer) line 1" in found.message
    assert 'REFRESH MATERIALIZED VIEW "public"."broken"' in found.hint
    assert empty(prod, target) == {"broken"}
    assert prod.rows("SELECT id FROM before", target.name) == [(1,)]


# Filled on dev. The first two are pg_restore's to fill, the others are not.
FAILING = """
    CREATE TABLE t (id integer); INSERT INTO t VALUES (1);
    CREATE MATERIALIZED VIEW one AS SELECT 1 / id AS a FROM t;
    CREATE MATERIALIZED VIEW two AS SELECT 2 / id AS a FROM t;
    CREATE FUNCTION fails(integer) RETURNS integer LANGUAGE plpgsql AS $$
        BEGIN IF $1 = 0 THEN RAISE 'connect with password=''Canary1'' please'; END IF; RETURN 1; END $$;
    CREATE MATERIALIZED VIEW three AS SELECT public.fails(id) FROM t;
    UPDATE t SET id = 0;
"""


@pytest.mark.versions(15, 18)
def test_every_view_that_dev_had_filled_and_cannot_be_fails_the_restore_without_secrets(
    restored: Restored, prod: Server
) -> None:
    clearance, target = restored(FAILING)
    with pytest.raises(RestoreFailed) as failure:
        restore.fill_materialized_views(clearance, target, [prod.tools()], "test")
    one, two, three = sorted(failure.value.errors, key=lambda error: error.entry.partition(" ")[2])
    told = [error.entry.partition(" ")[2] for error in (one, two, three)]
    assert told == [
        "MATERIALIZED VIEW DATA one postgres",
        "MATERIALIZED VIEW DATA two postgres",
        "MATERIALIZED VIEW public.three",
    ]
    assert three.statement == 'REFRESH MATERIALIZED VIEW "public"."three"'
    assert "PL/pgSQL function public.fails(integer) line 2" in three.message
    assert "Canary1" not in str(failure.value)


# Each reads the one before within a function; names sort against that, and two are in the wrong order on dev.
CHAIN = """
    CREATE TABLE t (n integer); INSERT INTO t VALUES (1), (2), (3);
    CREATE MATERIALIZED VIEW z AS SELECT sum(n)::integer AS s FROM t;
    CREATE FUNCTION strict_z() RETURNS integer LANGUAGE plpgsql STABLE AS
        'BEGIN RETURN (SELECT s FROM public.z); END';
    CREATE MATERIALIZED VIEW "m ""2"" x" AS SELECT strict_z() + 1 AS s;
    CREATE VIEW between AS SELECT s FROM "m ""2"" x";
    CREATE MATERIALIZED VIEW a AS SELECT s + 1 AS s FROM between;
    CREATE FUNCTION lax(name text) RETURNS integer LANGUAGE plpgsql STABLE AS $$
        DECLARE r integer; BEGIN EXECUTE 'SELECT s FROM public.' || name INTO r; RETURN r;
        EXCEPTION WHEN others THEN RETURN -1; END $$;
    CREATE OPERATOR !! (rightarg = text, function = lax);
    CREATE MATERIALIZED VIEW by_operator AS SELECT !! 'later'::text AS s;
    CREATE MATERIALIZED VIEW later AS SELECT lax('last') AS s;
    CREATE MATERIALIZED VIEW last AS SELECT lax('a') AS s;
    REFRESH MATERIALIZED VIEW later; REFRESH MATERIALIZED VIEW by_operator;
"""


def test_views_that_read_others_within_functions_are_the_same_every_time(
    restored: Restored, prod: Server
) -> None:
    clearance, target = restored(CHAIN)
    assert restore.fill_materialized_views(clearance, target, [prod.tools()], "test", jobs=4).findings == ()
    query = 'SELECT z.s, m.s, a.s, b.s, later.s, last.s FROM z, "m ""2"" x" m, a, by_operator b, later, last'
    assert prod.rows(query, target.name) == [(6, 7, 8, 8, 8, 8)]


def test_a_view_that_changes_with_every_refresh_is_named(restored: Restored, prod: Server) -> None:
    clearance, target = restored("""
        CREATE FUNCTION thrown() RETURNS float8 LANGUAGE sql AS 'SELECT random()';
        CREATE MATERIALIZED VIEW "Würfel" AS SELECT thrown();
        CREATE MATERIALIZED VIEW still AS SELECT 1 AS a WHERE thrown() >= 0;
    """)
    (found,) = restore.fill_materialized_views(clearance, target, [prod.tools()], "test").findings
    assert (found.severity, found.object) == (Severity.WARNING, "public.Würfel")


def test_a_view_over_which_an_index_calls_a_function_is_filled_without_a_query(
    restored: Restored, prod: Server
) -> None:
    clearance, target = restored("""
        CREATE FUNCTION same(v integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN v; END';
        CREATE MATERIALIZED VIEW called AS SELECT same(1) AS a; CREATE INDEX calling ON called (same(a));
    """)
    assert restore.fill_materialized_views(clearance, target, [prod.tools()], "test").findings == ()
    assert empty(prod, target) == set()
