"""Every table of a new database gets statistics; one that cannot be analyzed is named, and stops nothing."""

from pathlib import Path

import pytest

from pgpromote.postgres import audit, dump
from pgpromote.postgres.loading import statistics
from pgpromote.postgres.model import Filters, Severity
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, Strategy
from pgpromote.run.steps import promote
from pgpromote_tests import case_files
from pgpromote_tests.func.walks import stage
from pgpromote_tests.servers import Server

WITHOUT = """
    SELECT c.relname::text FROM pg_class AS c
     WHERE c.relkind IN ('r', 'm', 'p') AND c.oid >= 16384
       AND NOT EXISTS (SELECT FROM pg_statistic AS s WHERE s.starelid = c.oid) ORDER BY 1
"""
FAMILIES = """
    CREATE TABLE parent (a integer); CREATE TABLE child () INHERITS (parent);
    CREATE TABLE grandchild (b text) INHERITS (child); CREATE TABLE second (c integer);
    CREATE TABLE "Both sides" () INHERITS (parent, second);
    CREATE TABLE parts (n integer, t text) PARTITION BY RANGE (n);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (5000) PARTITION BY HASH (n);
    CREATE TABLE parts_2_0 PARTITION OF parts_2 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    INSERT INTO parent SELECT generate_series(1, 1000); INSERT INTO child SELECT generate_series(1, 1000);
    INSERT INTO grandchild SELECT generate_series(1, 1000), 'x'; INSERT INTO second VALUES (1);
    INSERT INTO "Both sides" SELECT n, n FROM generate_series(1, 10) AS n;
    INSERT INTO parts SELECT n, n::text FROM generate_series(1, 1000) AS n;
    CREATE MATERIALIZED VIEW m AS SELECT * FROM parts;
    CREATE TABLE json_only (j json); INSERT INTO json_only VALUES ('{}');
    CREATE INDEX ON child (a); CREATE INDEX ON "Both sides" (a);
"""
SPOILED = """
    CREATE FUNCTION spoil(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF current_setting('application_name') LIKE 'pgpromote%' AND n > 500 THEN {raised}; END IF;
        RETURN n;
    END $$;
    CREATE TABLE plain (n integer); INSERT INTO plain SELECT generate_series(1, 1000);
    CREATE TABLE spoiled (n integer); INSERT INTO spoiled SELECT generate_series(1, 1000);
    CREATE INDEX ON spoiled (spoil(n));
    CREATE TABLE parts (n integer) PARTITION BY RANGE (n);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (700);
    CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (700) TO (5000);
    INSERT INTO parts SELECT generate_series(1, 1000); CREATE INDEX ON parts_2 (spoil(n));
"""


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.versions(15, 16, 17, 18)
def test_every_table_with_rows_has_statistics_whatever_it_descends_from(prod: Server, jobs: int) -> None:
    database = prod.new_database(FAMILIES)
    assert statistics.gather(database, "test", jobs=jobs) == ()
    # What has no rows of its own has those of its partitions.
    assert prod.rows(WITHOUT, database.name) == []
    assert audit.examine(database, "test", ["never_analyzed"]) == []


LONG = 'Ein langer Name, wie ihn ""Werkzeuge"" machen: 63 Bytes, ja, ge'
TABLES = f'{FAMILIES} CREATE TABLE "{LONG}" (n integer); INSERT INTO "{LONG}" VALUES (1);'


@pytest.mark.parametrize("strategy", [CLEAN, RESET_SCHEMA])
@pytest.mark.versions(15, 16, 18)
def test_what_was_restored_in_place_has_statistics_too(
    dev: Server, prod: Server, tmp_path: Path, strategy: Strategy
) -> None:
    staged = stage(dev, prod, tmp_path, TABLES, "CREATE TABLE parent (a integer)")
    staged.promote(strategy=strategy)
    assert prod.rows(WITHOUT, staged.promotion.target().name) == []


def test_of_a_restore_of_some_tables_in_place_only_these_are_analyzed(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    staged = stage(dev, prod, tmp_path, TABLES, f"{TABLES}; DROP MATERIALIZED VIEW m")
    tables = ("parts*", '"Ein langer"*')
    dump.dump(
        staged.promotion.source(), staged.promotion.archive_path, staged.promotion.tools(), "test",
        filters=Filters(tables=tables),
    )  # fmt: skip
    with staged.walk(strategy=CLEAN, repair=False) as run:
        promote(run)

    left = {name for (name,) in prod.rows(WITHOUT, staged.promotion.target().name)}
    assert left == {"parent", "child", "grandchild", "second", "Both sides", "json_only"}


@pytest.mark.parametrize(
    "raised",
    [
        "RAISE 'no % here', n",
        "PERFORM 'secret'::integer",
        "PERFORM no_such(n)",
        "RAISE insufficient_privilege USING MESSAGE = 'permission denied'",
    ],
)
def test_a_table_that_cannot_be_analyzed_is_a_warning_and_the_others_get_statistics(
    prod: Server, raised: str
) -> None:
    database = prod.new_database(SPOILED.format(raised=raised))
    found = statistics.gather(database, "test")
    assert [f.object for f in found] == ["public.parts", "public.parts_2", "public.spoiled"]
    assert {f.severity for f in found} == {Severity.WARNING}
    assert not [f for f in found if "secret" in f.message or " 501" in f.message]
    assert found[-1].hint.endswith('then run: ANALYZE "public"."spoiled";')
    without = prod.rows(WITHOUT, database.name)
    assert ("spoiled",) in without
    assert {("plain",), ("parts_1",), ("parts_3",)}.isdisjoint(without)


@pytest.mark.versions(15, 16, 17, 18)
def test_a_table_that_is_not_ours_to_analyze_is_a_warning(prod: Server) -> None:
    database = prod.new_database("CREATE TABLE theirs (n integer); INSERT INTO theirs VALUES (1)")
    prod.execute(f"CREATE ROLE bare_{database.name} LOGIN PASSWORD '{prod.cluster.password}'")
    (found,) = statistics.gather(guest(prod, database, f"bare_{database.name}"), "test")
    assert (found.object, found.severity) == ("public.theirs", Severity.WARNING)


def guest(server: Server, database: Database, role: str) -> Database:
    return parse_url(server.url(database.name, role), "PROD_DATABASE_URL")


def test_a_connection_that_is_lost_is_no_warning(prod: Server) -> None:
    ended = "PERFORM pg_terminate_backend(pg_backend_pid())"
    database = prod.new_database(SPOILED.format(raised=ended))
    with pytest.raises(Exception, match="terminating connection"):
        statistics.gather(database, "test")


UNSEEN = """
    CREATE TABLE indexed (n integer); INSERT INTO indexed VALUES (1); CREATE INDEX ON indexed (n);
    CREATE TABLE keyed (n integer); INSERT INTO keyed VALUES (1); ALTER TABLE keyed ADD PRIMARY KEY (n);
    CREATE TABLE never (n integer); INSERT INTO never VALUES (1);
    CREATE TABLE analyzed (n integer); INSERT INTO analyzed VALUES (1); ANALYZE analyzed;
    CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES;
    CREATE TABLE left_out (n integer); INSERT INTO left_out VALUES (1);
    ALTER TABLE left_out ALTER n SET STATISTICS 0; CREATE INDEX ON left_out (n);
    CREATE TABLE emptied (n integer); INSERT INTO emptied VALUES (1); DELETE FROM emptied; ANALYZE emptied;
    CREATE TABLE hidden (n integer); INSERT INTO hidden VALUES (1); CREATE INDEX ON hidden (n);
    CREATE TABLE parent (n integer); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1);
    CREATE INDEX ON child (n);
"""


def test_the_audit_sees_tables_whose_rows_were_counted_and_never_analyzed(prod: Server) -> None:
    database = prod.new_database(UNSEEN)
    found = audit.examine(database, "test", ["never_analyzed"])
    names = ["child", "hidden", "indexed", "keyed", "never", "parent"]
    assert [f.object for f in found] == [f"public.{name}" for name in names]
    for each in found:
        prod.execute(each.fix, database.name)
    assert audit.examine(database, "test", ["never_analyzed"]) == []


# By the case: the tables with rows of other tables, and those with rows alone.
TREES = {
    "G09_inheriting_tables_not_analyzed": ({"parent"}, {"child"}),
    "G09_a_child_that_began_to_inherit_later": ({"event"}, {"event_old"}),
    "G09_inheriting_tables_of_two_levels": ({"Vorgang", "belegt", "Vorgang der alten Zeit"}, {"enkel"}),
    "G09_partitions_below_partitions": (
        {"measured", "measured_2025"},
        {"measured_2025_0", "measured_2025_1", "measured_rest"},
    ),
}


def unanalyzed(database: Database) -> dict[str, str]:
    """Return the tables that the audit names, by their bare names, with what analyzes them."""
    found = audit.examine(database, "test", ["never_analyzed"])
    return {f.object.rpartition(".")[2].strip('"'): f.fix for f in found}


@pytest.mark.parametrize("case", TREES)
@pytest.mark.versions(15, 16, 18)
def test_the_audit_sees_each_table_of_a_tree_and_the_trees_as_a_whole(prod: Server, case: str) -> None:
    whole, alone = TREES[case]
    (dev,) = case_files.read(case_files.CASES / f"{case}.sql").of("dev")
    database = prod.new_database(dev.text)

    found = unanalyzed(database)
    assert found.keys() == whole | alone
    for table in alone:
        prod.execute(found[table], database.name)
    assert unanalyzed(database).keys() == whole
    for table in whole:
        prod.execute(found[table], database.name)
    assert unanalyzed(database) == {}


@pytest.mark.versions(15, 18)
def test_the_audit_sees_a_parent_that_was_analyzed_before_it_had_children(prod: Server) -> None:
    database = prod.new_database("""
        CREATE TABLE parent (n integer); INSERT INTO parent VALUES (1); ANALYZE parent;
        CREATE TABLE empty_child () INHERITS (parent);
    """)
    assert unanalyzed(database) == {}
    prod.execute("CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1)", database.name)
    assert unanalyzed(database).keys() == {"parent", "child"}
    prod.execute("DELETE FROM child; ANALYZE child", database.name)
    assert unanalyzed(database) == {}


@pytest.mark.versions(15, 18)
def test_the_audit_does_not_take_statistics_that_it_may_not_see_for_missing(prod: Server) -> None:
    database = prod.new_database(UNSEEN)
    role = f"seer_{database.name}"
    prod.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD '{prod.cluster.password}'; GRANT SELECT ON indexed TO {role};"
        f"GRANT SELECT ON analyzed TO {role};",
        database.name,
    )
    found = audit.examine(guest(prod, database, role), "test", ["never_analyzed"])
    assert [f.object for f in found] == ["public.indexed", "public.never"]
