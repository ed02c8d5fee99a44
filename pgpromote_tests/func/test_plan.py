"""The plan says what prod would lose, who is connected, and the room it takes."""

import subprocess
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.keys import repair
from pgpromote.postgres.losses import fingerprint, plan
from pgpromote.postgres.model import Content, PlainSql, Severity
from pgpromote.postgres.rows import contents
from pgpromote.postgres.rows.reading import CHUNK
from pgpromote.postgres.server import connect, parse_url
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, SWAP
from pgpromote.terminal import summary
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import auction_sample, sample_of, wait_until
from pgpromote_tests.func.plans import PLAIN, cleared, messages, only_in_prod
from pgpromote_tests.func.shops import login, roles
from pgpromote_tests.servers import Server

CANARY = "plan-canary-secret"
# At least one of each kind that pg_dump names.
EVERYTHING = f"""
    CREATE EXTENSION vector; CREATE SCHEMA side;
    CREATE TYPE mood AS ENUM ('good'); CREATE TYPE pair AS (a int, b int);
    CREATE TYPE span AS RANGE (subtype = float8); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE FUNCTION number(int, mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION number(mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE PROCEDURE act(int) LANGUAGE sql AS ''; CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
    CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
    CREATE OPERATOR FAMILY family USING btree;
    CREATE OPERATOR CLASS class FOR TYPE int USING btree FAMILY family
        AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int);
    CREATE COLLATION plain (LOCALE = 'C');
    CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    CREATE CAST (mood AS int) WITH FUNCTION number(mood);
    CREATE TEXT SEARCH DICTIONARY dictionary (TEMPLATE = simple);
    CREATE TEXT SEARCH CONFIGURATION configuration (COPY = simple);
    CREATE TEXT SEARCH PARSER parser
        (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
    CREATE TEXT SEARCH TEMPLATE template (LEXIZE = dsimple_lexize);
    CREATE ACCESS METHOD method TYPE INDEX HANDLER bthandler;
    CREATE LANGUAGE tongue HANDLER plpgsql_call_handler;
    CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER remote FOREIGN DATA WRAPPER wrapper;
    CREATE USER MAPPING FOR postgres SERVER remote OPTIONS (password '{CANARY}');
    CREATE FOREIGN TABLE far (id int CHECK (id > 0)) SERVER remote;
    CREATE TABLE items (
        id serial PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY, "order" int UNIQUE, "Od""d" text,
        doubled int GENERATED ALWAYS AS (id * 2) STORED, place vector(3),
        CONSTRAINT low CHECK (id < 100), CONSTRAINT "Check it" CHECK ("order" > 0),
        EXCLUDE USING btree (number WITH =));
    INSERT INTO items ("order") VALUES (1), (2), (3);
    ALTER TABLE items ADD CONSTRAINT late CHECK (number > 0) NOT VALID;
    ALTER TABLE items ADD CONSTRAINT itself FOREIGN KEY (id) REFERENCES items;
    CREATE INDEX items_odd ON items ("Od""d");
    CREATE TRIGGER tell BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION told();
    CREATE RULE keep AS ON DELETE TO items DO INSTEAD NOTHING;
    CREATE POLICY mine ON items; ALTER TABLE items ENABLE ROW LEVEL SECURITY;
    CREATE STATISTICS both_columns ON id, number FROM items;
    CREATE TABLE parts (id int, at int, PRIMARY KEY (id, at), item int REFERENCES items)
        PARTITION BY RANGE (at);
    CREATE TABLE side.part PARTITION OF parts (CHECK (id > 0)) FOR VALUES FROM (0) TO (10);
    CREATE INDEX parts_item ON parts (item);
    CREATE TRIGGER tell BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION told();
    CREATE TABLE child (more int) INHERITS (items); CREATE TABLE typed OF pair;
    CREATE VIEW names AS SELECT id FROM items; CREATE MATERIALIZED VIEW stored AS SELECT id FROM items;
    CREATE UNIQUE INDEX stored_id ON stored (id);
    CREATE TEXT SEARCH CONFIGURATION items (COPY = simple); CREATE SEQUENCE free;
    CREATE SEQUENCE side.owned OWNED BY side.part.id;
    CREATE TEMPORARY TABLE passing (id int PRIMARY KEY);
    CREATE PUBLICATION published FOR TABLE parts;
    CREATE SUBSCRIPTION subscribed CONNECTION 'host=nowhere password={CANARY}' PUBLICATION p
        WITH (connect = false, slot_name = NONE, enabled = false);
    CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watched();
"""
KINDS = {
    "EXTENSION vector", "SCHEMA side", "TYPE public.mood", "TYPE public.pair", "TYPE public.span",
    "DOMAIN public.positive", "FUNCTION public.number(integer, public.mood)",
    "FUNCTION public.number(public.mood)", "FUNCTION public.told()", "FUNCTION public.watched()",
    "PROCEDURE public.act(integer)", "AGGREGATE public.total(integer)", "OPERATOR public.===",
    "OPERATOR FAMILY public.family", "OPERATOR CLASS public.class", "COLLATION public.plain",
    "CONVERSION public.latin", "CAST (public.mood AS integer)",
    "TEXT SEARCH DICTIONARY public.dictionary", "TEXT SEARCH CONFIGURATION public.configuration",
    "TEXT SEARCH CONFIGURATION public.items",
    "TEXT SEARCH PARSER public.parser", "TEXT SEARCH TEMPLATE public.template", "ACCESS METHOD method",
    "PROCEDURAL LANGUAGE tongue", "FOREIGN DATA WRAPPER wrapper", "SERVER remote",
    "USER MAPPING postgres SERVER remote", "FOREIGN TABLE public.far", "TABLE public.items",
    "TABLE public.parts", "TABLE side.part", "TABLE public.child", "TABLE public.typed", "VIEW public.names",
    "MATERIALIZED VIEW public.stored", "SEQUENCE public.free", "PUBLICATION published",
    "SUBSCRIPTION subscribed", "EVENT TRIGGER watch",
}  # fmt: skip
PARTS = """
    ALTER TABLE items ADD phone text, ADD "Fax no" text, ADD CONSTRAINT low CHECK (id < 100),
        ADD CONSTRAINT one_note UNIQUE (note), ADD CONSTRAINT known FOREIGN KEY (id) REFERENCES other;
    CREATE INDEX by_note ON items (note);
    CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER tell BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION told();
    CREATE RULE keep AS ON DELETE TO items DO INSTEAD NOTHING;
    CREATE POLICY mine ON items; ALTER TABLE items ENABLE ROW LEVEL SECURITY;
    CREATE STATISTICS both_columns ON id, note FROM items;
    CREATE SEQUENCE numbers OWNED BY items.id; CREATE TEXT SEARCH CONFIGURATION items (COPY = simple);
"""
LOST_PARTS = {
    "CHECK CONSTRAINT public.items low", "CONSTRAINT public.items one_note",
    "FK CONSTRAINT public.items known", "INDEX public.by_note", "TRIGGER public.items tell",
    "RULE public.items keep", "POLICY public.items mine", "ROW SECURITY public.items",
    "STATISTICS public.both_columns", "SEQUENCE public.numbers",
}  # fmt: skip

LOST_BESIDE = {"FUNCTION public.told()", "TEXT SEARCH CONFIGURATION public.items"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dev.dump"


@pytest.mark.parametrize("versions", [(16, 16), (16, 18), (18, 16), (18, 18)])
def test_a_prod_that_equals_dev_loses_nothing(
    start_server: StartServer, path: Path, *, versions: tuple[int, int]
) -> None:
    sample = sample_of(start_server(versions[0], "dev"), EVERYTHING, path)
    target = start_server(versions[1], "prod").new_database(EVERYTHING)
    assert plan.preview(cleared(sample), sample.manifest, target, "test").losses == ()
    assert plan.preview(cleared(sample, strategy=CLEAN), sample.manifest, target, "test").losses == ()


def test_a_prod_that_was_promoted_and_repaired_loses_nothing_by_the_next_promotion(
    dev: Server, prod: Server, path: Path
) -> None:
    sample = auction_sample(dev, path.parent)
    target = prod.new_database()
    command = [prod.tools().path("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error"]
    subprocess.run([*command, f"--dbname={prod.url(target.name)}", sample.path], check=True)
    assert repair.repair(target, "test").changes
    assert plan.preview(cleared(sample), sample.manifest, target, "test").losses == ()


@pytest.mark.versions(16, 18)
def test_every_kind_of_object_that_only_prod_has_is_named_once_without_its_parts_or_secrets(
    dev: Server, prod: Server, path: Path
) -> None:
    sample = sample_of(dev, "", path)
    target = prod.new_database(EVERYTHING)
    found = plan.preview(cleared(sample), sample.manifest, target, "test")
    assert only_in_prod(found) == KINDS
    assert len(found.losses) == len(KINDS)
    assert {finding.severity for finding in found.losses} == {Severity.WARNING}
    assert "TABLE public.items is only in prod; it would be lost with its 3 row(s)." in messages(found)
    assert CANARY not in repr(found)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.versions(15, 16, 17, 18)
def test_what_only_prods_table_has_is_named_whether_it_is_swapped_or_dropped(
    dev: Server, prod: Server, path: Path, *, in_place: bool
) -> None:
    sample = sample_of(dev, PLAIN, path)
    target = prod.new_database(PLAIN + PARTS)
    found = plan.preview(
        cleared(sample, strategy=CLEAN if in_place else SWAP), sample.manifest, target, "test"
    )
    assert only_in_prod(found) == LOST_PARTS | (set() if in_place else LOST_BESIDE)
    assert "public.items has columns only in prod, which would be lost: Fax no, phone." in messages(found)


def test_in_place_only_what_is_replaced_or_reset_is_lost(dev: Server, prod: Server, path: Path) -> None:
    sample = sample_of(dev, PLAIN, path)
    target = prod.new_database(
        PLAIN + "CREATE TABLE kept (id int); CREATE SCHEMA away; CREATE TABLE away.gone (id int); "
        "INSERT INTO kept VALUES (1); INSERT INTO away.gone VALUES (1), (2)"
    )
    clearance = cleared(sample, strategy=CLEAN)
    assert plan.preview(clearance, sample.manifest, target, "test").losses == ()
    resetting = replace(clearance, strategy=replace(RESET_SCHEMA, reset="away"))
    found = plan.preview(resetting, sample.manifest, target, "test")
    assert messages(found) == ["TABLE away.gone is only in prod; it would be lost with its 2 row(s)."]


def test_more_rows_and_higher_keys_in_prod_are_named_with_both_numbers(
    dev: Server, prod: Server, path: Path
) -> None:
    sample = sample_of(dev, PLAIN + "INSERT INTO items VALUES (1), (2); INSERT INTO other VALUES (5)", path)
    target = prod.new_database(
        PLAIN + "INSERT INTO items VALUES (1), (2), (9); INSERT INTO other VALUES (4); "
        "SELECT lo_from_bytea(0, 'prod')"
    )
    assert messages(plan.preview(cleared(sample), sample.manifest, target, "test")) == [
        "public.items: prod has 3 rows, the archive 2; prod's highest key is 9, the archive's 2.",
        "Prod has 1 large objects, the archive 0.",
    ]
    prod.execute("DELETE FROM items WHERE id < 9; INSERT INTO other VALUES (1)", target.name)
    assert messages(plan.preview(cleared(sample, strategy=CLEAN), sample.manifest, target, "test")) == [
        "public.items: prod's highest key is 9, the archive's 2.",
        "public.other: prod has 2 rows, the archive 1.",
    ]


def test_rows_of_a_table_that_the_archive_brings_empty_are_named(
    dev: Server, prod: Server, path: Path
) -> None:
    sample = sample_of(dev, PLAIN, path)
    entries = tuple(entry for entry in sample.archive.entries if entry.section != "data")
    clearance = replace(cleared(sample), archive=replace(sample.archive, entries=entries))
    target = prod.new_database(PLAIN + "INSERT INTO items VALUES (1)")
    for manifest in (sample.manifest, None):
        found = plan.preview(clearance, manifest, target, "test")
        assert "public.items: prod has 1 rows, the archive 0." in messages(found)


def test_without_a_manifest_objects_are_compared_and_rows_are_not(
    dev: Server, prod: Server, path: Path
) -> None:
    sample = sample_of(dev, PLAIN, path)
    target = prod.new_database(PLAIN + "INSERT INTO items VALUES (1); CREATE VIEW more AS SELECT 1 AS a")
    found = plan.preview(cleared(sample), None, target, "test")
    assert [finding.severity for finding in found.losses] == [Severity.INFO, Severity.WARNING]
    assert "has no manifest" in found.losses[0].message
    assert only_in_prod(found) == {"VIEW public.more"}
    assert found.needed_size is None
    plain_sql = replace(cleared(sample, strategy=CLEAN), archive=PlainSql(sample.path))
    assert len(plan.preview(plain_sql, None, target, "test").losses) == 1


def test_a_table_that_our_role_cannot_read_is_named_and_the_rest_is_compared(
    dev: Server, prod: Server, path: Path
) -> None:
    sample = sample_of(dev, PLAIN, path)
    target = prod.new_database(PLAIN + "INSERT INTO items VALUES (1); CREATE TABLE hidden (id int)")
    role = f"planner_{target.name}"
    prod.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD '{prod.cluster.password}'; "
        f"GRANT SELECT ON items, other TO {role}; ALTER TABLE other ENABLE ROW LEVEL SECURITY",
        target.name,
    )
    planner = parse_url(prod.url(target.name, role), "PROD_DATABASE_URL")
    found = messages(plan.preview(cleared(sample), sample.manifest, planner, "test"))
    assert "public.hidden cannot be read by our role, so its rows in prod are not counted." in found
    assert "public.other cannot be read by our role, so its rows in prod are not counted." in found
    assert "public.items: prod has 1 rows, the archive 0." in found


def test_the_plan_names_the_sessions_of_others_and_the_room_a_swap_needs(
    dev: Server, prod: Server, path: Path
) -> None:
    sample = sample_of(dev, PLAIN, path)
    target = prod.new_database(PLAIN)
    url = prod.url(target.name)
    with (
        psycopg.connect(url, application_name="shop"),
        psycopg.connect(url, application_name="shop"),
        psycopg.connect(url, application_name=""),
        connect(target, "another promotion"),
    ):
        found = plan.preview(cleared(sample), sample.manifest, target, "test")
    assert found.sessions == (plan.Sessions("shop", "postgres", 2), plan.Sessions("", "postgres", 1))
    assert sample.manifest.database_size is not None
    assert found.needed_size == int(1.3 * sample.manifest.database_size) + 2**30
    assert found.log_size == 2**30
    assert found.present_size > 1_000_000
    assert plan.preview(cleared(sample, strategy=CLEAN), sample.manifest, target, "test").needed_size is None


def test_the_plan_names_the_sessions_that_our_role_may_not_end(dev: Server, prod: Server, path: Path) -> None:
    sample, target = sample_of(dev, PLAIN, path), prod.new_database(PLAIN)
    owner, other = roles(prod, 2, "CREATEDB")
    prod.execute(f"ALTER DATABASE {target.name} OWNER TO {owner}")

    def told(user: str) -> tuple[str, str]:
        database = login(prod, target.name, user)
        found = plan.preview(cleared(sample), sample.manifest, database, "test")
        return summary.sessions(found, strategy=SWAP), summary.sessions(found, strategy=CLEAN)

    with (
        psycopg.connect(prod.url(target.name), application_name="dba"),
        psycopg.connect(prod.url(target.name, other), application_name="app"),
        psycopg.connect(prod.url(target.name, owner), application_name="own"),
    ):
        swap, in_place = told(owner)
        assert f"the swap may not end 1 of {other}, 1 of postgres, and does not happen while" in swap
        assert "pg_signal_backend" in swap
        assert in_place.endswith("; the restore waits for their locks")
        prod.execute(f"GRANT pg_signal_backend TO {owner}")
        assert "may not end 1 of postgres, and does" in told(owner)[0]
        assert told("postgres")[0].endswith("; the swap ends them")


def test_a_view_of_prod_is_never_evaluated(dev: Server, prod: Server, path: Path) -> None:
    sample = sample_of(dev, PLAIN, path)
    target = prod.new_database(
        PLAIN + "CREATE FUNCTION trap() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped'; END$$; "
        "CREATE VIEW trapped AS SELECT trap(); CREATE TABLE guarded (id int); "
        "INSERT INTO guarded VALUES (1); ALTER TABLE guarded ADD safe bool; "
        "CREATE POLICY trapping ON guarded USING (trap() = 1); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY"
    )
    found = plan.preview(cleared(sample), sample.manifest, target, "test")
    assert only_in_prod(found) == {"FUNCTION public.trap()", "VIEW public.trapped", "TABLE public.guarded"}
    fingerprint.look(target, [prod.tools()], "test")


def test_the_number_of_queries_does_not_grow_with_the_tables(dev: Server, prod: Server, path: Path) -> None:
    sample = sample_of(dev, "", path)
    target = prod.new_database(
        "DO $$BEGIN FOR n IN 1..500 LOOP "
        "EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY); INSERT INTO t%s VALUES (%s)', n, n, n); "
        "END LOOP; END$$"
    )

    def transactions() -> int:
        """Count what ran in prod, after all its sessions have reported."""
        connected = f"SELECT FROM pg_stat_activity WHERE datname = '{target.name}'"
        wait_until(lambda: not prod.rows(connected), "sessions end")
        query = f"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{target.name}'"
        return int(str(prod.rows(query)[0][0]))

    before = transactions()
    found = plan.preview(cleared(sample), sample.manifest, target, "test")
    assert transactions() - before < 250  # autovacuum counts, too
    assert len(found.losses) == 500
    assert all(finding.message.endswith("with its 1 row(s).") for finding in found.losses)


def test_many_tables_are_measured_in_batches_with_the_same_result_as_one_by_one(prod: Server) -> None:
    count = CHUNK + 1
    target = prod.new_database(
        f"DO $$BEGIN FOR n IN 1..{count} LOOP "
        "EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY); INSERT INTO t%s VALUES (%s)', n, n, n); "
        "END LOOP; END$$"
    )
    tables = [("public", f"t{number}") for number in range(count, 0, -1)]
    with connect(target) as session:
        together = contents.measure(session, tables)
        locks = session.execute(
            "SELECT count(*) FROM pg_locks WHERE relation >= 16384 AND pid = pg_backend_pid()"
        ).fetchall()
        alone: dict[str, Content] = {}
        for table in tables:
            alone |= contents.measure(session, [table])
    assert together == alone
    assert [content.highest for content in together.values()] == list(range(count, 0, -1))
    assert locks == [(0,)]
