"""Rows are proven where a restore gives columns another order, or moves rows between partitions."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import RestoreFailed
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Clearance, Content, Manifest, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.rows import contents
from pgpromote.postgres.server import Database, connect
from pgpromote.postgres.strategy import SWAP
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.proofs import proof_of
from pgpromote_tests.servers import Server

LONG = "Übersicht über alle Verkäufe mit einem Namen, der 63 Byte hat"
# Each gives a table another order of columns after a restore.
REORDERED = {
    "a parent got a column later": """
        CREATE TABLE base (id integer PRIMARY KEY, a integer); CREATE TABLE child (c integer) INHERITS (base);
        ALTER TABLE base ADD COLUMN later integer DEFAULT 9; INSERT INTO child VALUES (2, 3, 4)""",
    "a grandparent, with odd names, a generated column and types that are hashed by their text": f"""
        CREATE TABLE "{LONG}" (id integer, "a ""b"" c" numeric);
        CREATE TABLE mid (m text[], "Z" integer GENERATED ALWAYS AS (id * 2) STORED) INHERITS ("{LONG}");
        CREATE TABLE low (l integer) INHERITS (mid); ALTER TABLE "{LONG}" ADD COLUMN "東 %s {{}}" jsonb;
        INSERT INTO low (id, "a ""b"" c", m, l, "東 %s {{}}") VALUES (1, 2.50, '{{x}}', 3, '{{"a": 1}}')""",
    "two parents, and an index for which the rows are copied out": """
        CREATE TABLE one (a integer); CREATE TABLE two (b integer);
        CREATE TABLE child (c integer, g integer GENERATED ALWAYS AS (1) STORED) INHERITS (one, two);
        ALTER TABLE two ADD COLUMN y text; ALTER TABLE one ADD COLUMN x text DEFAULT 'x';
        CREATE FUNCTION same(v integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN v; END';
        CREATE INDEX calling ON child (same(c)); INSERT INTO child (a, b, c, y) VALUES (1, 2, 3, 'y')""",
}
# In each, pg_dump loads rows through the root from 16 on: an enum's values have other numbers in prod.
MOVED = {
    "by an enum": """
        CREATE TABLE sale (id integer, region region) PARTITION BY HASH (region);
        CREATE TABLE sale_0 PARTITION OF sale FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE sale_1 PARTITION OF sale FOR VALUES WITH (MODULUS 2, REMAINDER 1)""",
    "by a domain over it, in a partition of a partition with a long name": f"""
        CREATE DOMAIN area AS region;
        CREATE TABLE "{LONG}" (id integer, region area) PARTITION BY RANGE (id);
        CREATE TABLE sale PARTITION OF "{LONG}" DEFAULT PARTITION BY HASH (region);
        CREATE TABLE "sale ""0"" x" PARTITION OF sale FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE sale_1 PARTITION OF sale FOR VALUES WITH (MODULUS 2, REMAINDER 1)""",
    "with another order of columns, and an index on one partition for which the rows are copied out": """
        CREATE TABLE sale (id integer, gone text, region region, note text) PARTITION BY HASH (id, region);
        ALTER TABLE sale DROP COLUMN gone;
        CREATE TABLE sale_0 (note text, region region, id integer);
        ALTER TABLE sale ATTACH PARTITION sale_0 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE sale_1 PARTITION OF sale FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE FUNCTION same(v integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN v; END';
        CREATE INDEX calling ON sale_0 (same(id))""",
}
SALES = """
    INSERT INTO sale (id, region)
    SELECT n, (enum_range(NULL::region))[1 + n % 4] FROM generate_series(1, 40) AS n;"""

EXCHANGE = """
    UPDATE public.t SET {column} = o.{column} FROM public.t AS o
     WHERE t.id IN {ids} AND o.id IN {ids} AND o.id <> t.id"""


def restored(dev: Server, prod: Server, script: str, path: Path) -> tuple[Clearance, Manifest, Database]:
    """Promote what a script makes into a database of its own, all but what the proof does."""
    target, source = prod.new_database(), dev.new_database(script, variable="DEV_DATABASE_URL")
    _, manifest = dump.dump(source, path, [dev.tools()], "test")
    clearance = preflight.examine(
        path, Place(target), [prod.tools()], Choice(strategy=SWAP, restore_as_superuser=True)
    ).cleared()
    restore.restore(clearance, target, [prod.tools()], "test")
    return clearance, manifest, target


@pytest.mark.parametrize("script", REORDERED.values(), ids=REORDERED)
@pytest.mark.versions(15, 18)
def test_rows_are_the_same_whatever_the_order_of_their_columns(
    dev: Server, prod: Server, tmp_path: Path, script: str
) -> None:
    clearance, manifest, target = restored(dev, prod, script, tmp_path / "dev.dump")
    proof = proof_of(prod, clearance, manifest, target)
    assert proof.of("contents") == ()
    assert all(each.hashed for each in proof.compared)


@pytest.mark.parametrize("script", MOVED.values(), ids=MOVED)
def test_rows_that_are_loaded_through_the_root_are_compared_there(
    dev: Server, prod: Server, tmp_path: Path, script: str
) -> None:
    script = "CREATE TYPE region AS ENUM ('n', 'e', 's', 'w');" + script + ";" + SALES
    clearance, manifest, target = restored(dev, prod, script, tmp_path / "dev.dump")

    proof = proof_of(prod, clearance, manifest, target)

    assert proof.of("contents") == ()
    (compared,) = proof.compared
    assert (compared.dumped, compared.restored, compared.hashed) == (40, 40, True)


def test_a_row_of_such_a_tree_that_has_changed_is_found(dev: Server, prod: Server, tmp_path: Path) -> None:
    script = "CREATE TYPE region AS ENUM ('n', 'e', 's', 'w');" + MOVED["by an enum"] + ";" + SALES
    clearance, manifest, target = restored(dev, prod, script, tmp_path / "dev.dump")
    prod.execute("UPDATE sale SET id = -7 WHERE id = 7", target.name)
    (found,) = proof_of(prod, clearance, manifest, target).of("contents")
    assert (found.severity, found.object) == (Severity.ERROR, "public.sale")
    prod.execute("DELETE FROM sale WHERE id = -7", target.name)
    (found,) = proof_of(prod, clearance, manifest, target).of("contents")
    assert found.message == "public.sale holds 39 rows; 40 were dumped."


def test_values_that_rows_have_exchanged_are_found_in_every_column(dev: Server) -> None:
    """The server's hash of a row is a sum over its columns, so sums over rows would be the same."""
    database = dev.new_database(
        "CREATE TABLE t (id integer, a integer, b text);"
        "INSERT INTO t SELECT n, n * 7, 'text ' || n FROM generate_series(1, 200) AS n"
    )
    with connect(database, "test", autocommit=True) as session:

        def held() -> Content:
            return contents.measure(session, [("public", "t")])["public.t"]

        before = held()
        for first in range(1, 60):
            for column in ("a", "b"):
                with session.transaction(force_rollback=True):
                    session.execute(EXCHANGE.format(column=column, ids=(first, first + 99)).encode())
                    assert held() != before, (first, column)


def test_hashes_of_an_older_version_are_counted_and_told_once(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    script = "CREATE TABLE a AS SELECT 1 AS n; CREATE TABLE b AS SELECT 2 AS n; SELECT lo_create(0)"
    clearance, manifest, target = restored(dev, prod, script, tmp_path / "dev.dump")
    old = {name: Content(held.rows, "v 1") for name, held in manifest.contents.items()}
    proof = proof_of(prod, clearance, replace(manifest, contents=old, members=None), target)
    (found,) = proof.of("contents")
    assert (found.severity, found.object) == (Severity.WARNING, "hashes")
    assert not any(each.hashed for each in proof.compared)


def test_the_comment_of_a_large_object_counts(dev: Server, prod: Server, tmp_path: Path) -> None:
    script = "SELECT lo_create(4711); COMMENT ON LARGE OBJECT 4711 IS 'as on dev'"
    clearance, manifest, target = restored(dev, prod, script, tmp_path / "dev.dump")
    assert proof_of(prod, clearance, manifest, target).of("contents") == ()
    prod.execute("COMMENT ON LARGE OBJECT 4711 IS 'another'", target.name)
    (found,) = proof_of(prod, clearance, manifest, target).of("contents")
    assert found.object == contents.LARGE_OBJECTS


# The one partition has all rows on dev; after a restore the labels have other numbers, and so other hashes.
LACKING = """
    DO $$ BEGIN EXECUTE 'CREATE TYPE "Größe" AS ENUM (' ||
        (SELECT string_agg(quote_literal('g' || n), ', ') FROM generate_series(1, 64) n) || ')'; END $$;
    CREATE TABLE "je Größe" (size "Größe") PARTITION BY HASH (size);
    CREATE TABLE only_one PARTITION OF "je Größe" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    DO $$ DECLARE label "Größe"; BEGIN FOREACH label IN ARRAY enum_range(NULL::"Größe") LOOP
        BEGIN INSERT INTO "je Größe" VALUES (label); EXCEPTION WHEN check_violation THEN NULL; END;
    END LOOP; END $$;
"""


def test_a_tree_by_the_hash_of_an_enum_that_lacks_partitions_is_refused_with_its_cause(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    prod.execute("CREATE TYPE spent AS ENUM ('a', 'b'); DROP TYPE spent")  # two new servers number alike
    with pytest.raises(RestoreFailed, match="partitioned by the hash of an enum") as failed:
        restored(dev, prod, LACKING, tmp_path / "dev.dump")
    assert 'no partition of relation "je Größe" found' in str(failed.value)


def test_across_versions_trees_are_proven_as_well(start_server: StartServer, tmp_path: Path) -> None:
    dev, prod = start_server(16, "dev"), start_server(18, "prod")
    script = "CREATE TYPE region AS ENUM ('n', 'e', 's', 'w');" + MOVED["by an enum"] + ";" + SALES
    clearance, manifest, target = restored(dev, prod, script, tmp_path / "dev.dump")
    assert proof_of(prod, clearance, manifest, target).of("contents") == ()
