"""Materialized views that the archive brings empty are filled after the restore, or fail it by name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pgpromote.postgres import dump, objects, preflight, restore
from pgpromote.postgres.errors import RestoreFailed
from pgpromote.postgres.model import Clearance, Filters
from pgpromote.postgres.server import Database, connect, parse_url
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
        clearance = preflight.examine(path, target, [prod.tools()], filters=filters or Filters()).cleared()
        restore.restore(clearance, target, [prod.tools()], "test")
        return clearance, target

    return make


def empty(clearance: Clearance, target: Database) -> list[str]:
    """Name the materialized views that the proof finds empty."""
    assert clearance.archive
    with connect(target) as session:
        found = objects.not_working(session, clearance.archive, whole=True, populated=True)
    return [finding.object for finding in found]


def test_views_that_dev_left_empty_are_filled_each_after_those_it_reads(
    restored: Restored, prod: Server
) -> None:
    clearance, target = restored(VIEWS)
    assert set(empty(clearance, target)) == {
        "public.filled",
        'public.z "first" x',
        "public.m second",
        "public.a third",
    }

    done = restore.fill_materialized_views(clearance, target, [prod.tools()], "test")

    assert [statement.sql for statement in done] == [
        'REFRESH MATERIALIZED VIEW "public"."z ""first"" x"',
        'REFRESH MATERIALIZED VIEW "public"."m second"',
        'REFRESH MATERIALIZED VIEW "public"."a third"',
    ]
    assert empty(clearance, target) == []
    assert prod.rows('SELECT count(*) FROM "a third"', target.name) == [(2,)]


def test_definitions_alone_leave_views_as_they_are(restored: Restored, prod: Server) -> None:
    clearance, target = restored(VIEWS, Filters(schema_only=True))
    assert restore.fill_materialized_views(clearance, target, [prod.tools()], "test") == ()


def test_a_view_that_prod_alone_has_is_not_filled(restored: Restored, prod: Server) -> None:
    clearance, target = restored("CREATE TABLE t (id integer)")
    prod.execute("CREATE MATERIALIZED VIEW mine AS SELECT 1 AS a WITH NO DATA", target.name)
    assert restore.fill_materialized_views(clearance, target, [prod.tools()], "test") == ()
    assert prod.rows("SELECT relispopulated FROM pg_class WHERE relname = 'mine'", target.name) == [(False,)]


BROKEN = """
    CREATE TABLE t (id integer); INSERT INTO t VALUES (1);
    CREATE FUNCTION fails(integer) RETURNS integer LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'connect with password=''Canary1'' please'; END $$;
    CREATE MATERIALIZED VIEW before AS SELECT * FROM t WITH NO DATA;
    CREATE MATERIALIZED VIEW broken AS SELECT public.fails(id) FROM t WITH NO DATA;
"""


def test_a_view_that_cannot_be_filled_fails_the_restore_by_name_without_secrets(
    restored: Restored, prod: Server
) -> None:
    clearance, target = restored(BROKEN)
    with pytest.raises(RestoreFailed) as failure:
        restore.fill_materialized_views(clearance, target, [prod.tools()], "test")
    (error,) = failure.value.errors
    assert error.entry.endswith(" MATERIALIZED VIEW public.broken")
    assert error.statement == 'REFRESH MATERIALIZED VIEW "public"."broken"'
    assert "connect with password=***" in error.message
    assert "Canary1" not in str(failure.value)
    assert prod.rows("SELECT id FROM before", target.name) == [(1,)]
