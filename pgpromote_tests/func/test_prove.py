"""A promotion is proven: what prod holds is what dev held under the dump's own snapshot."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pgpromote.demo import auction
from pgpromote.postgres import archive, contents, dump, preflight, prove, restore
from pgpromote.postgres.errors import NotProven
from pgpromote.postgres.model import Clearance, Manifest, Severity
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.servers import Server

# Values whose text depends on a setting, on a number that a server gives, or on nothing at all.
KINDS = """
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TYPE pair AS (a integer, b text);
    CREATE TABLE kinds (
        id integer PRIMARY KEY, moment timestamptz, day date, span interval, ratio double precision,
        price numeric, raw bytea, doc json, docb jsonb, place point, mood mood, pair pair, list text[],
        what regclass, "counted" text, nothing text);
    CREATE TABLE "odd ""name"" é" ();
    INSERT INTO "odd ""name"" é" DEFAULT VALUES;
    INSERT INTO kinds SELECT n, timestamptz '2024-02-29 12:00+02' + n * interval '1 hour',
        date '2024-01-31' + n, n * interval '1 day 3 seconds', n / 7.0::float8, n::numeric / 3,
        decode(lpad(to_hex(n), 8, '0'), 'hex'),
        json_build_object('n', n), jsonb_build_object('n', n), point(n, 1 / n::float8),
        CASE n % 2 WHEN 0 THEN 'good' ELSE 'bad' END::mood, ROW(n, 'x')::pair, ARRAY['a', NULL, n::text],
        'kinds'::regclass, 'c', NULL FROM generate_series(1, 200) AS n;
    INSERT INTO kinds SELECT 1000 + id, moment, day, span, ratio, price, raw, doc, docb, place, mood, pair,
        list, what, counted, nothing FROM kinds WHERE id <= 2;
    CREATE TABLE events (id integer, at date) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE events_2 PARTITION OF events DEFAULT;
    INSERT INTO events SELECT n, date '2024-06-01' + n * 10 FROM generate_series(1, 50) AS n;
    CREATE TABLE parent (id integer); CREATE TABLE child (extra text) INHERITS (parent);
    INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (3, 'x');
    SELECT lo_from_bytea(0, decode(repeat('00ff', n), 'hex')) FROM generate_series(1, 3) AS n;
"""
ODD_SETTINGS = """
    ALTER DATABASE {name} SET TimeZone = 'Asia/Kolkata'; ALTER DATABASE {name} SET DateStyle = 'German';
    ALTER DATABASE {name} SET IntervalStyle = 'sql_standard';
    ALTER DATABASE {name} SET extra_float_digits = 0;
    ALTER DATABASE {name} SET bytea_output = 'escape';
"""


def promote(
    source: Database, target: Database, dev: Server, prod: Server, path: Path
) -> tuple[Clearance, Manifest]:
    """Dump and restore; what is left to do is the proof."""
    _, manifest = dump.dump(source, path, [dev.tools()], "test")
    clearance = preflight.examine(path, target, [prod.tools()]).cleared()
    restore.create_extensions(clearance, target, "test")
    restore.restore(clearance, target, [prod.tools()], "test")
    return clearance, manifest


@pytest.fixture
def promoted(dev: Server, prod: Server, tmp_path: Path) -> tuple[Clearance, Manifest, Database]:
    target = prod.new_database()
    prod.execute(ODD_SETTINGS.format(name=target.name))
    source = dev.new_database(KINDS, variable="DEV_DATABASE_URL")
    return (*promote(source, target, dev, prod, tmp_path / "dev.dump"), target)


def test_equal_contents_are_proven_whatever_the_settings_of_prod(
    promoted: tuple[Clearance, Manifest, Database],
) -> None:
    clearance, manifest, target = promoted
    proof = prove.prove(clearance, manifest, target, "test").proven()
    assert proof.findings == ()
    assert (proof.tables, proof.rows) == (7, 202 + 1 + 50 + 3 + 3)


@pytest.mark.parametrize("versions", [(16, 18), (18, 18), (16, 16)])
def test_the_auction_sample_is_proven_also_across_versions(
    start_server: StartServer, tmp_path: Path, versions: tuple[int, int]
) -> None:
    dev, prod = start_server(versions[0], "dev"), start_server(versions[1], "prod")
    url, target = dev.new_url(), prod.new_database()
    auction.build(url)
    source = parse_url(url, "DEV_DATABASE_URL")
    clearance, manifest = promote(source, target, dev, prod, tmp_path / "dev.dump")
    proof = prove.prove(clearance, manifest, target, "test").proven()
    assert proof.tables > 20
    assert proof.findings == ()


CHANGES = {
    "a row changed": ("UPDATE kinds SET nothing = '' WHERE id = 7", "public.kinds"),
    "a row deleted": ("DELETE FROM kinds WHERE id = 7", "public.kinds"),
    "a row added": ("INSERT INTO kinds (id) VALUES (-1)", "public.kinds"),
    "a row exchanged for another": ("UPDATE kinds SET id = -7 WHERE id = 7", "public.kinds"),
    "values of two rows exchanged": (
        "UPDATE kinds SET ratio = CASE id WHEN 7 THEN 8 / 7.0::float8 ELSE 1.0 END WHERE id IN (7, 8)",
        "public.kinds",
    ),
    "a number written otherwise": (
        "UPDATE kinds SET price = price::numeric(9, 2) WHERE id = 3",
        "public.kinds",
    ),
    "a row moved to the child": (
        "DELETE FROM ONLY parent WHERE id = 1; INSERT INTO child VALUES (1, 'x')",
        "public.parent",
    ),
    "a row in a partition": (
        "UPDATE events SET id = 0 WHERE at > '2025-01-01' AND id = 30",
        "public.events_2",
    ),
    "a large object": ("SELECT lo_put(min(oid), 0, '\\x11') FROM pg_largeobject_metadata", "large objects"),
}


@pytest.mark.parametrize(("change", "table"), CHANGES.values(), ids=CHANGES)
def test_every_change_is_found_and_named(
    promoted: tuple[Clearance, Manifest, Database], prod: Server, change: str, table: str
) -> None:
    clearance, manifest, target = promoted
    prod.execute(change, target.name)
    proof = prove.prove(clearance, manifest, target, "test")
    assert table in {finding.object for finding in proof.findings}
    with pytest.raises(NotProven, match=table):
        proof.proven()


def test_counting_finds_lost_rows_only_and_off_looks_at_nothing(
    promoted: tuple[Clearance, Manifest, Database], prod: Server
) -> None:
    clearance, manifest, target = promoted
    prod.execute("UPDATE kinds SET nothing = '' WHERE id = 7", target.name)
    assert prove.prove(clearance, manifest, target, "test", prove.COUNT).findings == ()
    prod.execute("DELETE FROM events", target.name)
    counted = prove.prove(clearance, manifest, target, "test", prove.COUNT)
    assert {finding.object for finding in counted.findings} == {"public.events_1", "public.events_2"}
    assert prove.prove(clearance, manifest, target, "test", prove.OFF).findings == ()


def test_an_archive_without_manifest_is_warned_of_not_called_proven(
    promoted: tuple[Clearance, Manifest, Database],
) -> None:
    clearance, _, target = promoted
    (finding,) = prove.prove(clearance, None, target, "test").findings
    assert finding.severity is Severity.WARNING
    assert "no manifest" in finding.message


@contextmanager
def writers(url: str) -> Iterator[None]:
    """Insert, update and delete in the source for as long as the block runs."""
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as session:
            number = 10_000
            while not stop.is_set():
                number += 1
                session.execute("INSERT INTO kinds (id) VALUES (%s)", [number])
                session.execute("UPDATE kinds SET counted = %s WHERE id <= 50", [str(number)])
                session.execute("DELETE FROM kinds WHERE id = %s", [number - 3])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_writers_on_dev_during_the_dump_do_not_disturb_the_proof(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    url, target = dev.new_url(KINDS), prod.new_database()
    source = parse_url(url, "DEV_DATABASE_URL")
    with writers(url):
        clearance, manifest = promote(source, target, dev, prod, tmp_path / "dev.dump")
    prove.prove(clearance, manifest, target, "test").proven()
    with connect(source) as session:
        now = contents.measure(session, [("public", "kinds")])
    assert now["public.kinds"] != manifest.contents["public.kinds"]


def test_the_proof_calls_no_function_that_the_database_s_owner_wrote(prod: Server) -> None:
    target = prod.new_database("""
        CREATE SEQUENCE called;
        CREATE FUNCTION canary(integer) RETURNS integer LANGUAGE sql IMMUTABLE
            AS 'SELECT nextval(''public.called'')::integer';
        CREATE DOMAIN watched AS integer CHECK (public.canary(VALUE) > 0);
        CREATE FUNCTION shout(public.watched) RETURNS text LANGUAGE sql AS 'SELECT public.canary(1)::text';
        CREATE CAST (public.watched AS text) WITH FUNCTION public.shout(public.watched);
        CREATE TABLE t (id watched, twice integer GENERATED ALWAYS AS (public.canary(1)) STORED);
        CREATE INDEX ON t (public.canary(twice));
        INSERT INTO t VALUES (1), (2), (3);
    """)
    before = prod.rows("SELECT last_value FROM called", target.name)
    with connect(target) as session:
        measured = contents.measure(session, [("public", "t")])
    assert measured["public.t"].rows == 3
    assert prod.rows("SELECT last_value FROM called", target.name) == before


def test_a_difference_fails_the_run_and_the_check_of_that_name(
    start_server: StartServer, tmp_path: Path
) -> None:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    promotion = runs.promotion(dev.new_url(runs.SHOP), prod.new_url(), tmp_path, dev)
    assert runs.run(promotion, "dump_dev").success
    manifest = archive.manifest_path(promotion.archive_path)
    told = json.loads(manifest.read_text())
    told["contents"]["public.orders"]["hash"] = "1"
    manifest.write_text(json.dumps(told))

    result = runs.run(promotion, "restore_prod")

    assert not result.success
    assert not runs.checks_of(result, "prod_schema")["contents"].passed
    assert (
        "public.orders holds as many rows as were dumped (50), but not the same."
        in runs.failure_of(result)[1]
    )
    assert "prod_schema" not in runs.materialized(result)
