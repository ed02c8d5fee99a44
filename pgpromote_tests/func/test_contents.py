"""The hash of a table tells every difference that a dump would carry, and calls nothing that a user wrote."""

import pytest

from pgpromote.postgres.losses import counts
from pgpromote.postgres.rows import contents
from pgpromote.postgres.rows.reading import Reading
from pgpromote.postgres.server import connect
from pgpromote_tests.servers import Server

# Planning a query would call the function: its arguments are constant, so the planner folds it.
SPY = """
    CREATE SEQUENCE called;
    CREATE FUNCTION spy(n integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN PERFORM nextval(''public.called''); RETURN n; END';
    CREATE TABLE watched (id integer PRIMARY KEY, note text);
    INSERT INTO watched SELECT n, 'note ' || n FROM generate_series(1, 5) AS n;
    CREATE INDEX spying ON watched ((spy(1)));
    CREATE STATISTICS spying_too ON (spy(2)), note FROM watched;
"""


def test_no_function_that_a_user_wrote_is_called_by_the_proof_of_rows(dev: Server) -> None:
    database = dev.new_database(SPY)
    calls = "SELECT last_value FROM public.called"
    before = dev.rows(calls, database.name)
    with connect(database, "test") as session:
        held = contents.measure(session, [("public", "watched")])
    counted = counts.read(database, "test").rows
    assert dev.rows(calls, database.name) == before
    dev.rows("SELECT count(*) FROM public.watched", database.name)
    assert dev.rows(calls, database.name) != before  # a query does call it, so the test can fail
    assert (held["public.watched"].rows, counted["public.watched"]) == (5, 5)


@pytest.mark.versions(15, 16, 17, 18)
def test_a_table_that_is_copied_out_has_the_hash_of_its_rows_whatever_their_order(dev: Server) -> None:
    change = "UPDATE watched SET note = 'x' WHERE id = 2"
    again = "UPDATE watched SET note = note WHERE id = 2"
    hashes = []
    for script in ("", again, change):
        with connect(dev.new_database(SPY + script), "test") as session:
            hashes.append(contents.measure(session, [("public", "watched")])["public.watched"].hash)
    assert hashes[0] == hashes[1] != hashes[2]


# Pairs of values that their types call equal, and that are written differently.
ALIKE = {
    "numeric": ("1.0", "1.00"),
    "float8": ("0", "-0"),
    "interval": ("1 month", "30 days"),
    "jsonb": ("[1.0]", "[1.00]"),
    "bpchar": ("a", "a "),
    "int[]": ("{1}", "[2:2]={1}"),
    "price": ("1.0", "1.00"),
    "numrange": ("[1.0,2)", "[1.00,2)"),
    "pair": ("(1,1.0)", "(1,1.00)"),
}


def test_values_that_are_equal_and_written_differently_have_different_hashes(dev: Server) -> None:
    database = dev.new_database("CREATE DOMAIN price AS numeric; CREATE TYPE pair AS (a integer, b price)")
    tables = [("public", f"{side}{number}") for number in range(len(ALIKE)) for side in ("a", "b")]
    for number, (type_, values) in enumerate(ALIKE.items()):
        for side, value in zip(("a", "b"), values, strict=True):
            dev.execute(
                f"CREATE TABLE {side}{number} (v {type_}); INSERT INTO {side}{number} VALUES ('{value}')",
                database.name,
            )
    with connect(database, "test") as session:
        held = contents.measure(session, tables)
    for number, type_ in enumerate(ALIKE):
        one, other = held[f"public.a{number}"], held[f"public.b{number}"]
        assert contents.comparable(one, other), type_
        assert one.hash != other.hash, type_


def test_a_table_whose_columns_have_other_types_is_counted_and_never_called_different(dev: Server) -> None:
    measured = []
    for type_ in ("integer", "numeric"):
        with connect(dev.new_database(f"CREATE TABLE t (v {type_}); INSERT INTO t VALUES (1)")) as session:
            measured.append(contents.measure(session, [("public", "t")])["public.t"])
    assert measured[0].rows == measured[1].rows == 1
    assert not contents.comparable(*measured)


@pytest.mark.versions(15, 18)
def test_a_table_without_columns_is_measured(dev: Server) -> None:
    with connect(dev.new_database("CREATE TABLE t (); INSERT INTO t DEFAULT VALUES")) as session:
        assert contents.measure(session, [("public", "t")])["public.t"].rows == 1


def test_reading_tells_how_far_it_is_with_a_table_that_is_copied_out_too(dev: Server) -> None:
    """The rows known are those that the manifest names, whatever the tables hold now."""
    script = """
        CREATE TABLE a AS SELECT generate_series(1, 10) AS id;
        CREATE TABLE b AS SELECT generate_series(1, 20) AS id;
        CREATE FUNCTION odd(integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN $1 + 1;
        CREATE TABLE c AS SELECT generate_series(1, 5) AS id; CREATE INDEX ON c (odd(id));
    """
    database, names = dev.new_database(script), ["public.a", "public.b", "public.c"]
    reading = Reading()
    reading.expect({"public.a": 10, "public.b": 20, "public.c": 4})
    with connect(database, "test") as session:
        assert ("public", "c") in contents.evaluating(session)
        held = contents.measure(session, [("public", name[-1]) for name in names], reading=reading)
    assert [held[name].rows for name in names] == [10, 20, 5]
    assert (reading.share, reading.rows, reading.table) == (1, 34, "")
