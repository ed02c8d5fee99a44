"""A restore goes in passes: whatever needs all rows, or must not meet another, waits for them."""

from pathlib import Path

import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.archives.archive import read
from pgpromote.postgres.loading import passes
from pgpromote.postgres.server import parse_url
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.servers import Server

LOOKED_UP = """
    CREATE TABLE z_prefix (p text); INSERT INTO z_prefix VALUES ('k-');
    CREATE FUNCTION keyed(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = public AS
        'DECLARE r text; BEGIN SELECT p || v INTO r FROM z_prefix; RETURN r; END';
    CREATE TABLE a_part (code text) PARTITION BY LIST (code);
    CREATE TABLE a_part_1 PARTITION OF a_part DEFAULT;
    CREATE INDEX keyed_codes ON a_part (keyed(code)); COMMENT ON INDEX keyed_codes IS 'of a function';
    CREATE TABLE plain (id integer PRIMARY KEY);
"""


@pytest.mark.versions(15, 18)
def test_indexes_that_call_a_function_are_built_when_all_rows_are_there(dev: Server, tmp_path: Path) -> None:
    path = tmp_path / "dev.dump"
    dump.dump(parse_url(dev.new_url(LOOKED_UP), "DEV_DATABASE_URL"), path, [dev.tools()], "test")
    bulk, late, attaching = (
        {(entry.kind, entry.tag) for entry in entries} for entries, _ in passes.passes(read(path), (), 2)
    )
    assert {("TABLE DATA", "z_prefix"), ("CONSTRAINT", "plain plain_pkey")} <= bulk
    assert late == {
        ("INDEX", "keyed_codes"),
        ("INDEX", "a_part_1_keyed_idx"),
        ("COMMENT", "INDEX keyed_codes"),
    }
    assert attaching == {("INDEX ATTACH", "a_part_1_keyed_idx")}


BROKEN_LATER = {
    16: """
        CREATE DOMAIN "Maß" AS integer;
        CREATE TABLE "je Gerät" (id integer, "Wert" "Maß") PARTITION BY LIST (id);
        CREATE TABLE "Rest" PARTITION OF "je Gerät" DEFAULT;
        CREATE TABLE parent (id integer PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
        CREATE TABLE "zu Eltern" (id integer, FOREIGN KEY (id) REFERENCES parent);
        INSERT INTO "je Gerät" VALUES (-1, -1); INSERT INTO child VALUES (-1);
        ALTER DOMAIN "Maß" ADD CONSTRAINT "über 0" CHECK (VALUE > 0) NOT VALID;
        ALTER TABLE "je Gerät" ADD CONSTRAINT "Gerät" CHECK (id > 0) NOT VALID;
        ALTER TABLE parent ADD CONSTRAINT above CHECK (id > 0) NOT VALID;
        ALTER TABLE "Rest" ADD CONSTRAINT "auf Eltern" FOREIGN KEY (id) REFERENCES parent NOT VALID;
        COMMENT ON CONSTRAINT above ON parent IS 'CREATE it once more';
    """,
    18: """
        CREATE TABLE parent (id integer PRIMARY KEY);
        CREATE TABLE "je Gerät" (id integer) PARTITION BY HASH ((id + 1));
        CREATE TABLE "Rest" PARTITION OF "je Gerät" FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        INSERT INTO "je Gerät" VALUES (-1);
        ALTER TABLE "je Gerät" ADD CONSTRAINT "auf Eltern" FOREIGN KEY (id) REFERENCES parent NOT VALID;
        CREATE TABLE plain (id integer CONSTRAINT "auch" REFERENCES parent NOT ENFORCED);
        ALTER TABLE "je Gerät" ADD CONSTRAINT "über 0" CHECK (id > 0) NOT ENFORCED;
    """,
}
EXPECTED_LATER = {
    16: {
        ("CHECK CONSTRAINT", "Maß über 0"),
        ("CHECK CONSTRAINT", "je Gerät Gerät"),
        ("CHECK CONSTRAINT", "parent above"),
        ("FK CONSTRAINT", "Rest auf Eltern"),
        ("COMMENT", "CONSTRAINT above ON parent"),
    },
    18: {
        ("FK CONSTRAINT", "je Gerät auf Eltern"),
        ("FK CONSTRAINT", "plain auch"),
        ("CHECK CONSTRAINT", "je Gerät über 0"),
    },
}


@pytest.mark.versions(*BROKEN_LATER)
def test_constraints_that_check_no_row_come_when_all_rows_are_there_one_at_a_time(
    start_server: StartServer, major: int, tmp_path: Path
) -> None:
    dev, path = start_server(major, "dev"), tmp_path / "dev.dump"
    source = parse_url(dev.new_url(BROKEN_LATER[major]), "DEV_DATABASE_URL")
    dump.dump(source, path, [dev.tools()], "test")
    _, (late, connections) = passes.passes(read(path), (), 2)
    assert {(entry.kind, entry.tag) for entry in late} == EXPECTED_LATER[major]
    assert connections == 1
    tags = [entry.tag for entry in late]
    if "CONSTRAINT above ON parent" in tags:
        assert tags.index("CONSTRAINT above ON parent") > tags.index("parent above")


ATTACHED = {
    "a key of two levels, to which a table refers": """
        CREATE TABLE "Verkäufe je Filiale und Monat" (id integer, region text, PRIMARY KEY (id, region))
            PARTITION BY LIST (region);
        CREATE TABLE "Nord" PARTITION OF "Verkäufe je Filiale und Monat" FOR VALUES IN ('n')
            PARTITION BY RANGE (id);
        CREATE TABLE "Nord 1" PARTITION OF "Nord" DEFAULT;
        CREATE TABLE returned (id integer, region text,
            CONSTRAINT sold FOREIGN KEY (id, region) REFERENCES "Verkäufe je Filiale und Monat");
    """,
    "a tree that refers to itself, with an index of its own": """
        CREATE TABLE node (id integer PRIMARY KEY, parent integer,
            CONSTRAINT sold FOREIGN KEY (parent) REFERENCES node) PARTITION BY HASH (id);
        CREATE TABLE node_0 PARTITION OF node FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE node_1 PARTITION OF node FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE INDEX by_parent ON node (parent); COMMENT ON INDEX node_0_parent_idx IS 'attached';
    """,
    "a tree that refers to another": """
        CREATE TABLE one (id integer UNIQUE) PARTITION BY RANGE (id);
        CREATE TABLE one_rest PARTITION OF one DEFAULT;
        CREATE TABLE two (id integer, CONSTRAINT sold FOREIGN KEY (id) REFERENCES one (id))
            PARTITION BY LIST (id);
        CREATE TABLE two_rest PARTITION OF two DEFAULT; CREATE INDEX ON two (id);
    """,
}


@pytest.mark.parametrize("script", ATTACHED.values(), ids=ATTACHED)
@pytest.mark.versions(16, 18)
def test_indexes_of_partitions_are_attached_one_at_a_time_before_foreign_keys_to_the_tree(
    start_server: StartServer, script: str, major: int, tmp_path: Path
) -> None:
    dev, path = start_server(major, "dev"), tmp_path / "dev.dump"
    dump.dump(parse_url(dev.new_url(script), "DEV_DATABASE_URL"), path, [dev.tools()], "test")
    made = list(passes.passes(read(path), (), 8))
    (attaching,) = (n for n, (entries, _) in enumerate(made) if "INDEX ATTACH" in {e.kind for e in entries})
    assert {entry.kind for entry in made[attaching][0]} == {"INDEX ATTACH"}
    assert made[attaching][1] == 1
    assert [n for n, (entries, _) in enumerate(made) if any(e.tag.endswith(" sold") for e in entries)] == [
        attaching + 1
    ]
