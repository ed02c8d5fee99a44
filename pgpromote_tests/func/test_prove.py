"""A promotion is proven: what prod holds is what dev held under the dump's own snapshot."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgpromote.demo import auction
from pgpromote.postgres import dump
from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import NotProven
from pgpromote.postgres.keys import repair
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Clearance, Manifest, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.rows import compare, contents
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.proofs import proof_of
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
    clearance = preflight.examine(
        path, Place(target), [prod.tools()], Choice(restore_as_superuser=True)
    ).cleared()
    restore.create_extensions(clearance, target, "test")
    restore.restore(clearance, target, [prod.tools()], "test")
    restore.fill_materialized_views(clearance, target, [prod.tools()], "test")
    return clearance, manifest


@pytest.fixture
def promoted(dev: Server, prod: Server, tmp_path: Path) -> tuple[Clearance, Manifest, Database]:
    target = prod.new_database()
    prod.execute(ODD_SETTINGS.format(name=target.name))
    source = dev.new_database(KINDS, variable="DEV_DATABASE_URL")
    return (*promote(source, target, dev, prod, tmp_path / "dev.dump"), target)


@pytest.mark.versions(15, 16, 17, 18)
def test_equal_contents_are_proven_whatever_the_settings_of_prod(
    promoted: tuple[Clearance, Manifest, Database], prod: Server
) -> None:
    clearance, manifest, target = promoted
    proof = proof_of(prod, clearance, manifest, target).proven()
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
    repaired = repair.repair(target, "test")
    proof = proof_of(prod, clearance, manifest, target, repaired=repaired).proven()
    assert proof.tables > 20
    assert proof.findings == ()


# What is told of rows that somebody chose not to compare, or only to count.
CHOSEN = [(Severity.INFO, True)]
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
    proof = proof_of(prod, clearance, manifest, target)
    assert table in {finding.object for finding in proof.findings}
    with pytest.raises(NotProven, match=table):
        proof.proven()


def test_counting_finds_lost_rows_only_and_off_looks_at_nothing(
    promoted: tuple[Clearance, Manifest, Database], prod: Server
) -> None:
    clearance, manifest, target = promoted
    prod.execute("UPDATE kinds SET nothing = '' WHERE id = 7", target.name)
    told = proof_of(prod, clearance, manifest, target, compare.COUNT)
    assert [(found.severity, compare.NOT_PROVEN in found.message) for found in told.findings] == CHOSEN
    prod.execute("DELETE FROM events", target.name)
    counted = proof_of(prod, clearance, manifest, target, compare.COUNT)
    assert {finding.object for finding in counted.errors} == {"public.events_1", "public.events_2"}
    off = proof_of(prod, clearance, manifest, target, compare.OFF)
    assert [(found.severity, compare.NOT_PROVEN in found.message) for found in off.findings] == CHOSEN


def test_an_archive_without_manifest_is_warned_of_not_called_proven(
    promoted: tuple[Clearance, Manifest, Database], prod: Server
) -> None:
    clearance, _, target = promoted
    (finding,) = proof_of(prod, clearance, None, target).findings
    assert finding.severity is Severity.WARNING
    assert "no manifest" in finding.message


@pytest.mark.parametrize("missing", ["one", "all", "all but one"])
def test_a_table_that_the_manifest_does_not_know_is_not_called_equal(
    promoted: tuple[Clearance, Manifest, Database], prod: Server, missing: str
) -> None:
    clearance, manifest, target = promoted
    names = sorted(manifest.contents)
    left = {"one": names[1:], "all": [], "all but one": names[:1]}[missing]
    gaps = replace(manifest, contents={name: manifest.contents[name] for name in left})
    errors = [f for f in proof_of(prod, clearance, gaps, target).findings if f.severity is Severity.ERROR]
    assert errors
    assert {finding.object for finding in errors} <= {*names} - {*left}
    assert all("were not compared" in finding.message for finding in errors)


@pytest.mark.parametrize("which", [slice(1), slice(None)], ids=["one", "all"])
def test_a_table_without_a_hash_is_not_called_equal(
    promoted: tuple[Clearance, Manifest, Database], prod: Server, which: slice
) -> None:
    clearance, manifest, target = promoted
    names = [name for name, content in sorted(manifest.contents.items()) if content.rows][which]
    unhashed = {name: replace(manifest.contents[name], hash=None) for name in names}
    gaps = replace(manifest, contents=manifest.contents | unhashed)
    told = {finding.object for finding in proof_of(prod, clearance, gaps, target).findings}
    assert told
    assert told <= {*names}


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
    proof_of(prod, clearance, manifest, target).proven()
    with connect(source) as session:
        now = contents.measure(session, [("public", "kinds")])
    assert now["public.kinds"] != manifest.contents["public.kinds"]


@pytest.mark.versions(15, 18)
def test_the_proof_calls_no_function_that_the_database_s_owner_wrote(prod: Server) -> None:
    target = prod.new_database("""
        CREATE SEQUENCE called;
        CREATE FUNCTION canary(integer) RETURNS integer LANGUAGE sql IMMUTABLE
            AS 'SELECT nextval(''public.called'')::integer';
        CREATE DOMAIN watched AS integer CHECK (public.canary(VALUE) > 0);
        CREATE FUNCTION shout(public.watched) RETURNS text LANGUAGE sql AS 'SELECT public.canary(1)::text';
        CREATE CAST (public.watched AS text) WITH FUNCTION public.shout(public.watched);
        CREATE TABLE t (id watched, twice integer GENERATED ALWAYS AS (public.canary(1)) STORED);
        CREATE INDEX ON t (public.canary(twice)); CREATE INDEX ON t ((twice + public.canary(1)));
        CREATE STATISTICS s ON twice, (twice + public.canary(2)) FROM t;
        INSERT INTO t VALUES (1), (2), (3);
    """)
    before = prod.rows("SELECT last_value FROM called", target.name)
    with connect(target) as session:
        measured = contents.measure(session, [("public", "t")])
    assert measured["public.t"].rows == 3
    assert prod.rows("SELECT last_value FROM called", target.name) == before


def test_types_whose_text_no_user_wrote_are_compared_without_calling_a_function(prod: Server) -> None:
    """A base type's text comes from C code, which only a superuser can install; here it is int4's."""
    target = prod.new_database("""
        CREATE SEQUENCE called;
        CREATE FUNCTION canary(integer) RETURNS integer LANGUAGE sql IMMUTABLE
            AS 'SELECT nextval(''public.called'')::integer';
        CREATE TYPE own;
        CREATE FUNCTION own_in(cstring) RETURNS own LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
        CREATE FUNCTION own_out(own) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
        CREATE TYPE own (INPUT = own_in, OUTPUT = own_out, LIKE = int4);
        CREATE FUNCTION diff(own, own) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT public.canary(1)';
        CREATE FUNCTION less(own, own) RETURNS boolean LANGUAGE sql IMMUTABLE
            AS 'SELECT public.canary(1) < 1';
        CREATE FUNCTION cmp(own, own) RETURNS integer LANGUAGE sql IMMUTABLE
            AS 'SELECT public.canary(1) * 0';
        CREATE OPERATOR < (LEFTARG = own, RIGHTARG = own, FUNCTION = less);
        CREATE OPERATOR CLASS own_ops DEFAULT FOR TYPE own USING btree
            AS OPERATOR 1 <, FUNCTION 1 cmp(own, own);
        CREATE TYPE span AS RANGE (SUBTYPE = own, SUBTYPE_DIFF = diff);
        CREATE FUNCTION shout(own) RETURNS text LANGUAGE sql AS 'SELECT public.canary(1)::text';
        CREATE CAST (own AS text) WITH FUNCTION shout(own) AS IMPLICIT;
        CREATE DOMAIN watched AS own CHECK (public.canary(1) > 0);
        CREATE TYPE pair AS (a own, b watched, c json);
        CREATE TABLE t (a own, b span, c watched[], d pair, e json, f point);
        INSERT INTO t VALUES ('1', '[1,2)', '{3}', '(4,5,"{}")', '{"a": 1}', '(1,2)');
        INSERT INTO t (a) VALUES ('6');
    """)
    before = prod.rows("SELECT last_value FROM called", target.name)
    with connect(target) as session:
        first = contents.measure(session, [("public", "t")])
        second = contents.measure(session, [("public", "t")])
    assert first == second
    assert (first["public.t"].rows, bool(first["public.t"].hash)) == (2, True)
    assert prod.rows("SELECT last_value FROM called", target.name) == before


COUNTERS = """
    CREATE SEQUENCE shared;
    CREATE TABLE cats (id integer PRIMARY KEY DEFAULT nextval('shared'));
    CREATE TABLE dogs (id integer PRIMARY KEY DEFAULT nextval('shared'));
    CREATE TABLE down (id integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY -1) PRIMARY KEY);
    INSERT INTO cats VALUES (5); INSERT INTO dogs VALUES (70); INSERT INTO down VALUES (-9);
    CREATE SEQUENCE invoices START 100 INCREMENT 10; SELECT nextval('invoices'), nextval('invoices');
    CREATE SEQUENCE backwards INCREMENT -2; SELECT nextval('backwards'), nextval('backwards');
    CREATE SEQUENCE ring MAXVALUE 9 CYCLE; SELECT setval('ring', 8);
"""
BEHIND = {
    "public.shared": "public.shared would give 1 next; public.cats.id or public.dogs.id holds 70.",
    "public.down_id_seq": "public.down_id_seq would give -1 next; public.down.id holds -9.",
}


@pytest.fixture
def counters(dev: Server, prod: Server, tmp_path: Path) -> tuple[Clearance, Manifest, Database]:
    source, target = dev.new_database(COUNTERS, variable="DEV_DATABASE_URL"), prod.new_database()
    return (*promote(source, target, dev, prod, tmp_path / "dev.dump"), target)


def test_a_sequence_behind_its_columns_fails_the_proof_until_it_is_repaired(
    counters: tuple[Clearance, Manifest, Database], prod: Server
) -> None:
    clearance, manifest, target = counters
    findings = proof_of(prod, clearance, manifest, target).findings
    assert {f.object: f.message for f in findings} == BEHIND
    assert {(f.rule, f.severity) for f in findings} == {("sequences", Severity.ERROR)}
    repair.repair(target, "test")
    assert proof_of(prod, clearance, manifest, target).findings == ()


def test_a_sequence_that_repair_was_told_to_leave_alone_is_a_warning(
    counters: tuple[Clearance, Manifest, Database], prod: Server
) -> None:
    clearance, manifest, target = counters
    findings = proof_of(prod, clearance, manifest, target, behind=False).proven().findings
    assert {f.object: f.severity for f in findings} == dict.fromkeys(BEHIND, Severity.WARNING)
    repair.repair(target, "test", exclude=["dogs"])
    (finding,) = proof_of(prod, clearance, manifest, target, exclude=["dogs"]).proven().findings
    assert (finding.object, finding.severity) == ("public.shared", Severity.WARNING)
    with pytest.raises(NotProven, match=r"public\.shared would give 1 next"):
        proof_of(prod, clearance, manifest, target).proven()


def test_a_sequence_that_feeds_no_key_must_not_have_been_set_back(
    counters: tuple[Clearance, Manifest, Database], prod: Server
) -> None:
    clearance, manifest, target = counters
    repair.repair(target, "test")
    prod.execute("SELECT nextval('invoices'), nextval('backwards'), setval('ring', 1)", target.name)
    assert proof_of(prod, clearance, manifest, target).findings == ()
    prod.execute("SELECT setval('invoices', 119, false), setval('backwards', -1)", target.name)
    assert [f.message for f in proof_of(prod, clearance, manifest, target).findings] == [
        "public.backwards would give -3 next; on dev it would have given -5.",
        "public.invoices would give 119 next; on dev it would have given 120.",
    ]


def test_a_difference_fails_the_run_and_the_check_of_that_name(
    start_server: StartServer, tmp_path: Path
) -> None:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    promotion = runs.promotion(dev.new_url(runs.SHOP), prod.new_url(), tmp_path, dev)
    assert runs.run(promotion, "dump_dev").success
    manifest = archive.manifest_path(promotion.archive_path)
    told = json.loads(manifest.read_text())
    told["contents"]["public.orders"]["hash"] = "by name vvv 1"
    manifest.write_text(json.dumps(told))

    result = runs.run(promotion, "restore_prod")

    assert not result.success
    assert not runs.checks_of(result, "prod_schema")["contents"].passed
    assert (
        "public.orders holds as many rows as were dumped (50), but not the same."
        in runs.failure_of(result)[1]
    )
    assert "prod_schema" not in runs.materialized(result)
