"""Names of any length and alphabet: in place nothing is lost unseen, and nothing called lost that stays."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg.sql import SQL, Identifier, Literal

from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.strategy import CLEAN
from pgpromote.run.check import look
from pgpromote.run.run import needed
from pgpromote.run.steps import CHECK, RESTORE
from pgpromote_tests.func.walks import Stage, stage, until
from pgpromote_tests.servers import Server

# One of each kind. {0} to {9} and so on are names; the functions' signatures are longer than any name.
OBJECTS = """
    CREATE SCHEMA {0};
    CREATE TYPE {0}.{1} AS ENUM ('a', 'b'); CREATE DOMAIN {0}.{2} AS text CONSTRAINT {3} CHECK (VALUE <> '');
    CREATE TYPE {0}.{4} AS (a integer);
    CREATE TYPE {0}.{5} AS RANGE (subtype = integer, multirange_type_name = {0}.{3});
    CREATE FUNCTION {0}.{6}(a {0}.{1}, b timestamp with time zone, c double precision) RETURNS integer
        LANGUAGE sql IMMUTABLE AS 'SELECT 1';
    CREATE PROCEDURE {0}.{7}(a {0}.{2}, b character varying, INOUT c integer) LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE {0}.{8}(integer) (sfunc = int4pl, stype = integer);
    CREATE AGGREGATE {0}.{9}(float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal,
        finalfunc = percentile_disc_final, finalfunc_extra);
    CREATE TABLE {0}.{10} ({11} integer CONSTRAINT {12} PRIMARY KEY, {13} {0}.{1} DEFAULT 'a',
        CONSTRAINT {14} CHECK ({11} > 0), CONSTRAINT {15} UNIQUE ({13}));
    INSERT INTO {0}.{10} VALUES (1, 'a');
    CREATE TABLE {0}.{16} ({11} integer CONSTRAINT {17} REFERENCES {0}.{10});
    CREATE INDEX {18} ON {0}.{10} ({0}.{6}({13}, '2000-01-01 00:00:00+00', 1));
    CREATE STATISTICS {0}.{19} ON {11}, {13} FROM {0}.{10};
    CREATE VIEW {0}.{20} AS SELECT {11}, {0}.{6}({13}, now(), 1) FROM {0}.{10};
    CREATE MATERIALIZED VIEW {0}.{21} AS SELECT {11} FROM {0}.{20};
    CREATE SEQUENCE {0}.{22}; CREATE RULE {23} AS ON DELETE TO {0}.{16} DO INSTEAD NOTHING;
    CREATE FUNCTION {0}.{24}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER {23} BEFORE INSERT ON {0}.{10} FOR EACH ROW EXECUTE FUNCTION {0}.{24}();
    CREATE POLICY {23} ON {0}.{16} USING (true);
    CREATE OPERATOR FAMILY {0}.{25} USING btree;
    CREATE OPERATOR CLASS {0}.{2} FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer);
    CREATE FUNCTION {0}.{2}({0}.{1}, {0}.{1}) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE OPERATOR {0}.=== (LEFTARG = {0}.{1}, RIGHTARG = {0}.{1}, FUNCTION = {0}.{2},
        NEGATOR = OPERATOR({0}.!==));
    CREATE COLLATION {0}.{2} FROM "C"; CREATE CAST ({0}.{1} AS {0}.{4}) WITH INOUT;
    CREATE CONVERSION {0}.{2} FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    CREATE TEXT SEARCH DICTIONARY {0}.{2} (TEMPLATE = simple);
    CREATE TEXT SEARCH CONFIGURATION {0}.{2} (COPY = simple);
"""
# What only prod has, and hangs on what is replaced.
HANGING = """
    CREATE VIEW hanging AS SELECT {0}.{6}('a', now(), 1);
    CREATE TABLE staying (n integer CHECK ({0}.{6}('a', '2000-01-01 00:00:00+00', n) > 0), e {0}.{1});
"""
COUNT = 26


def ascii_of(size: int) -> Callable[[int], str]:
    return lambda number: (chr(ord("a") + number) + "_" * 63)[:size]


def quoted(number: int) -> str:
    return (chr(ord("a") + number) + "\" it's %s {0} \\ " * 5)[:63]


def other_alphabet(number: int) -> str:
    return chr(0x3B1 + number) + "東" * 20 + "x"  # 63 bytes


def dots_and_brackets(number: int) -> str:
    return (f"f(a.b, {chr(ord('a') + number)}) . " * 9)[:62]


NAMES = {
    "1 byte": ascii_of(1),
    "62 bytes": ascii_of(62),
    "63 bytes": ascii_of(63),
    "63 bytes with quotes": quoted,
    "63 bytes of another alphabet": other_alphabet,
    "62 bytes like a signature": dots_and_brackets,
}


def written(script: str, name: Callable[[int], str]) -> str:
    return SQL(script).format(*(Identifier(name(number)) for number in range(COUNT))).as_string()


def errors(shop: Stage) -> Iterator[Finding]:
    with shop.walk(strategy=CLEAN) as run:
        yield from (
            found
            for found in look(run.promotion, run.options, run.run_id).findings
            if found.severity is Severity.ERROR
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.versions(17)
def test_what_hangs_on_a_replaced_object_is_named_and_without_it_all_is_replaced(
    dev: Server, prod: Server, tmp_path: Path, name: str
) -> None:
    objects, hanging = (written(script, NAMES[name]) for script in (OBJECTS, HANGING))
    shop = stage(dev, prod, tmp_path, objects, objects + hanging)
    shop.dump()
    told = {found.object for found in errors(shop)}
    assert {"view hanging", "column e of table staying"} <= {each.replace("public.", "") for each in told}
    assert any("constraint staying" in each for each in told)
    shop.in_prod("DROP VIEW hanging; DROP TABLE staying")
    before = shop.contents()

    with shop.walk(strategy=CLEAN) as run:
        planned = until(run, RESTORE).plan

    assert planned
    assert planned.losses == ()
    with shop.walk() as run:
        assert needed(until(run, CHECK).plan).losses == ()
    # views are filled by the proof
    assert sorted(shop.contents()) == sorted(each for each in before if not each.startswith("REFRESH "))


def test_an_operator_is_known_by_its_operands(dev: Server, prod: Server, tmp_path: Path) -> None:
    brought = "CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq)"
    own = "CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq); CREATE TABLE t (a text)"
    shop = stage(dev, prod, tmp_path, brought, f"{brought}; {own}; CREATE INDEX i ON t ((a === 'x'))")

    shop.promote(strategy=CLEAN)

    assert shop.prod.rows("SELECT 'x' === 'x'::text, 1 === 1", shop.promotion.target().name) == [(True, True)]


def test_an_index_of_that_name_on_a_table_that_stays_is_named_before_anything_is_dropped(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    name = "i" * 63
    shop = stage(
        dev,
        prod,
        tmp_path,
        f"CREATE TABLE t (a integer); CREATE INDEX {name} ON t (a)",
        f"CREATE TABLE t (a integer); CREATE TABLE own (a integer); CREATE INDEX {name} ON own (a)",
    )
    shop.dump()

    (found,) = errors(shop)

    assert (found.rule, found.object) == ("nothing_in_the_way", f"public.{name}")


LOOP = SQL(
    "CREATE SCHEMA s; CREATE TYPE s.e AS ENUM ('a'); CREATE TABLE s.t (id integer PRIMARY KEY, e s.e);"
    "INSERT INTO s.t VALUES ({}, 'a'); CREATE VIEW s.v AS SELECT id, e, max(id) FROM s.t GROUP BY id"
)


@pytest.mark.versions(15, 18)
def test_a_view_whose_query_comes_as_a_rule_is_replaced_with_the_types_of_its_columns(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    ours, theirs = (LOOP.format(Literal(number)).as_string() for number in (1, 2))
    shop = stage(dev, prod, tmp_path, ours, theirs)

    shop.promote(strategy=CLEAN, repair=False)

    assert shop.prod.rows("SELECT id FROM s.v", shop.promotion.target().name) == [(1,)]


def test_prod_without_what_the_archive_brings_needs_no_drop(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    shop = stage(dev, prod, tmp_path, LOOP.format(Literal(1)).as_string(), "")

    shop.promote(strategy=CLEAN, repair=False)

    assert shop.prod.rows("SELECT id FROM s.v", shop.promotion.target().name) == [(1,)]
