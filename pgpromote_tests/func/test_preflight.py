"""Before prod is touched: what would break a restore is refused, all at once, and nothing is changed."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Finding, Foreign, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.strategy import RESET_SCHEMA
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import Sample, contents, sample_of
from pgpromote_tests.servers import Server

SHOP = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN amount AS integer CHECK (VALUE >= 0);
CREATE TYPE pair AS (a integer, b integer);
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE SEQUENCE numbers;
CREATE SCHEMA other;
CREATE TABLE users (id integer PRIMARY KEY, name text, mood mood);
CREATE TABLE orders (id integer PRIMARY KEY, user_id integer REFERENCES users);
CREATE TABLE parts (id integer, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE other.things (id integer PRIMARY KEY);
CREATE VIEW names AS SELECT name FROM users;
CREATE VIEW zames AS SELECT name FROM users;
CREATE SEQUENCE zero;
CREATE COLLATION sorted (provider = libc, locale = 'C');
CREATE TEXT SEARCH CONFIGURATION words (COPY = pg_catalog.simple);
CREATE FUNCTION same(a text, b text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT a = b $$;
CREATE OPERATOR === (function = same, leftarg = text, rightarg = text);
CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper;
INSERT INTO users VALUES (1, 'one', 'good'); INSERT INTO orders VALUES (1, 1);
INSERT INTO parts VALUES (1, '2026-05-05');
"""

# What only prod has, and the word by which the refusal must name it.
IN_THE_WAY = {
    "a view": ("CREATE VIEW extra AS SELECT * FROM users", "view extra"),
    "a view on a view": ("CREATE VIEW extra AS SELECT * FROM names", "view extra"),
    "a materialized view": (
        "CREATE MATERIALIZED VIEW extra AS SELECT * FROM users", "materialized view extra"),
    "a foreign key of a table": (
        "CREATE TABLE extra (id int CONSTRAINT ours REFERENCES users)", "constraint ours"),
    "a foreign key to a partitioned table": (
        "CREATE TABLE extra (id int, day date, CONSTRAINT ours FOREIGN KEY (id, day) REFERENCES parts)",
        "constraint ours"),
    "a function with a parsed body": (
        "CREATE FUNCTION extra() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM users; END",
        "function extra()"),
    "a function that returns rows of a table": (
        "CREATE FUNCTION extra() RETURNS SETOF users LANGUAGE sql AS $$ TABLE users $$", "function extra()"),
    "a child": ("CREATE TABLE extra () INHERITS (users)", "table extra"),
    "a column of an enum": ("CREATE TABLE extra (id int, mood mood)", "column mood of table extra"),
    "a column of a domain": ("CREATE TABLE extra (price amount)", "column price of table extra"),
    "a column of a composite type": ("CREATE TABLE extra (p pair)", "column p of table extra"),
    "a column of a table's row type": ("CREATE TABLE extra (u users)", "column u of table extra"),
    "a table of a type": ("CREATE TABLE extra OF pair", "table extra"),
    "a domain over a type": ("CREATE DOMAIN extra AS mood", "type extra"),
    "a default from a function": ("CREATE TABLE extra (n int DEFAULT twice(1))", "table extra"),
    "a default from a sequence": ("CREATE TABLE extra (n int DEFAULT nextval('numbers'))", "table extra"),
    "a check with a function": (
        "CREATE TABLE extra (n int CONSTRAINT ours CHECK (twice(n) > 0))", "constraint ours"),
    "an index with a function": (
        "CREATE TABLE extra (n int); CREATE INDEX ours ON extra (twice(n))", "index ours"),
    "a generated column": (
        "CREATE TABLE extra (n int, m int GENERATED ALWAYS AS (twice(n)) STORED)", "table extra"),
    "a trigger that calls a function": (
        "CREATE TABLE extra (n int); CREATE TRIGGER ours BEFORE INSERT ON extra EXECUTE FUNCTION touch()",
        "trigger ours"),
    "a policy that reads a table": (
        "CREATE TABLE extra (n int); CREATE POLICY ours ON extra USING (n IN (SELECT id FROM users))",
        "policy ours"),
    "a rule that writes a table": (
        "CREATE TABLE extra (n int); CREATE RULE ours AS ON INSERT TO extra DO ALSO DELETE FROM users",
        "rule ours"),
    "a table in a schema of the archive": ("CREATE TABLE other.extra (id int)", "table other.extra"),
    "a function in a schema of the archive": (
        "CREATE FUNCTION other.extra() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function other.extra()"),
    "a column of a collation": (
        "CREATE TABLE extra (name text COLLATE sorted)", "column name of table extra"),
    "an index with a text search configuration": (
        "CREATE TABLE extra (t text); CREATE INDEX ours ON extra USING gin (to_tsvector('words', t))",
        "index ours"),
    "a check with an operator": (
        "CREATE TABLE extra (t text CONSTRAINT ours CHECK (t === 'x'))", "constraint ours"),
    "a foreign table": ("CREATE FOREIGN TABLE extra (id int) SERVER elsewhere", "foreign table extra"),
    "a user mapping": ("CREATE USER MAPPING FOR postgres SERVER elsewhere", "user mapping for postgres"),
    "a partition": (
        "CREATE TABLE extra PARTITION OF parts FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')",
        "table extra"),
    "a name in need of quotes": ('CREATE VIEW "It\'s extra, Ü" AS SELECT * FROM users', "It's extra, Ü"),
}  # fmt: skip

# What only prod has and belongs to objects that the restore replaces, so that nothing of it is left.
REPLACED_ANYWAY = {
    "a column": "ALTER TABLE users ADD extra integer DEFAULT 5",
    "an index": "CREATE INDEX extra ON users (name)",
    "a check": "ALTER TABLE users ADD CONSTRAINT extra CHECK (twice(id) > 0)",
    "a trigger": "CREATE TRIGGER extra BEFORE INSERT ON users EXECUTE FUNCTION touch()",
    "a policy": "CREATE POLICY extra ON users USING (id > 0)",
    "extended statistics": "CREATE STATISTICS extra ON id, name FROM users",
    "a foreign key within one table": (
        "ALTER TABLE users ADD CONSTRAINT extra FOREIGN KEY (id) REFERENCES users"
    ),
    "a foreign key between two replaced tables": (
        "ALTER TABLE other.things ADD CONSTRAINT extra FOREIGN KEY (id) REFERENCES users"
    ),
    "a policy that reads a table created later": (
        "CREATE POLICY extra ON orders USING (id IN (SELECT id FROM users))"
    ),
    "a default from a sequence created later": "ALTER TABLE orders ALTER id SET DEFAULT nextval('zero')",
    "a column of a table created later": "ALTER TABLE orders ADD extra users",
    "a parent created later": "ALTER TABLE orders ADD name text, ADD mood mood, INHERIT users",
    "a view on a view created later": "CREATE OR REPLACE VIEW names AS SELECT name FROM zames",
    "rows": "INSERT INTO users VALUES (2); INSERT INTO parts VALUES (2, '2026-06-06')",
    "a comment": "COMMENT ON TABLE users IS 'ours'",
    "a sequence owned by a column": "CREATE SEQUENCE extra OWNED BY users.id",
}


@pytest.fixture(scope="module")
def sample(dev: Server, samples: Path) -> Sample:
    return sample_of(dev, SHOP, samples / f"shop{dev.major}.dump")


def examined(prod: Server, sample: Sample, target: Database) -> Report:
    return preflight.examine(
        sample.path,
        Place(target),
        [prod.tools()],
        Choice(bring=frozenset(Foreign), restore_as_superuser=True),
    )


def errors(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity is Severity.ERROR]


def numbered(number: int, text: str) -> str:
    """Give the objects of a case names of their own, so that all cases fit into one database."""
    return text.replace("extra", f"extra_{number}").replace("ours", f"ours_{number}")


def all_in_the_way(*without: str) -> str:
    scripts = (
        numbered(n, script) for n, (case, (script, _)) in enumerate(IN_THE_WAY.items()) if case not in without
    )
    return ";\n".join([SHOP, *scripts])


@cache
def refusal(prod: Server, archive: Path) -> Report:
    """Examine a prod that has all cases, which must change nothing."""
    target = prod.new_database(all_in_the_way())
    before = contents(prod, target.name)
    report = preflight.examine(
        archive, Place(target), [prod.tools()], Choice(bring=frozenset(Foreign), restore_as_superuser=True)
    )
    with pytest.raises(Refused, match="Prod is untouched"):
        report.cleared()
    assert contents(prod, target.name) == before
    return report


@pytest.mark.parametrize("case", IN_THE_WAY)
@pytest.mark.versions(18)
def test_what_only_prod_has_and_depends_on_the_archive_is_refused_before_anything_is_touched(
    prod: Server, sample: Sample, case: str
) -> None:
    found = errors(refusal(prod, sample.path))
    assert {finding.rule for finding in found} == {"nothing_in_the_way"}
    assert all("drop it on prod" in finding.hint for finding in found)
    name = numbered(list(IN_THE_WAY).index(case), IN_THE_WAY[case][1])
    objects = [finding.object.replace("public.", "") for finding in found]
    assert [thing for thing in objects if name in thing], objects
    assert all(finding.object in finding.message for finding in found)


def test_what_is_on_dev_and_prod_alike_is_not_in_the_way(dev: Server, prod: Server, tmp_path: Path) -> None:
    everything = all_in_the_way()
    sample = sample_of(dev, everything, tmp_path / "all.dump")
    target = prod.new_database(everything)
    clearance = examined(prod, sample, target).cleared()
    restore.restore(clearance, target, [prod.tools()], "test")
    restore.fill_materialized_views(clearance, target, [prod.tools()], "test")
    assert contents(prod, target.name) == contents(dev, sample.source.name)


def test_what_belongs_to_replaced_objects_is_cleared_and_gone(
    dev: Server, prod: Server, sample: Sample
) -> None:
    scripts = [numbered(n, script) for n, script in enumerate(REPLACED_ANYWAY.values())]
    # a parent must have no column that its child lacks
    scripts.sort(key=lambda script: "INHERIT" not in script)
    target = prod.new_database(";\n".join([SHOP, *scripts]))
    restore.restore(examined(prod, sample, target).cleared(), target, [prod.tools()], "test")
    assert contents(prod, target.name) == contents(dev, sample.source.name)


OTHER_KIND = {
    "a view, not a table": "DROP TABLE users CASCADE; CREATE VIEW users AS SELECT 1 AS id",
    "a materialized view, not a table": "DROP TABLE orders; CREATE MATERIALIZED VIEW orders AS SELECT 1",
    "a table, not a view": "DROP VIEW names; CREATE TABLE names (name text)",
    "a table, not a sequence": "DROP SEQUENCE numbers; CREATE TABLE numbers (id serial)",
    "a plain table, not a partitioned one": "DROP TABLE parts; CREATE TABLE parts (id int)",
    "a procedure, not a function": (
        "DROP FUNCTION twice; CREATE PROCEDURE twice(n integer) LANGUAGE sql AS 'SELECT 1'"
    ),
    "a domain, not an enum": "DROP TYPE mood CASCADE; CREATE DOMAIN mood AS text",
    "an enum, not a domain": "DROP DOMAIN amount; CREATE TYPE amount AS ENUM ('a')",
}


@pytest.mark.parametrize("script", OTHER_KIND.values(), ids=OTHER_KIND)
def test_an_object_of_a_kindred_kind_is_replaced(
    dev: Server, prod: Server, sample: Sample, script: str
) -> None:
    target = prod.new_database(f"{SHOP}; {script}")
    restore.restore(examined(prod, sample, target).cleared(), target, [prod.tools()], "test")
    assert contents(prod, target.name) == contents(dev, sample.source.name)


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("CREATE TABLE t (id int); CREATE INDEX numbers ON t (id)", "public.numbers"),
        ("CREATE TABLE mood (id int)", "public.mood"),
        ("CREATE VIEW amount AS SELECT 1 AS id", "public.amount"),
    ],
)
def test_an_object_that_no_restore_may_take_is_refused_by_name(
    prod: Server, sample: Sample, script: str, name: str
) -> None:
    found = errors(examined(prod, sample, prod.new_database(script)))
    assert [(finding.rule, finding.object) for finding in found] == [("nothing_in_the_way", name)]
    assert "another object of that name" in found[0].message


def test_a_member_of_an_extension_is_never_replaced(dev: Server, prod: Server, tmp_path: Path) -> None:
    sample = sample_of(dev, "CREATE TYPE vector AS ENUM ('a')", tmp_path / "enum.dump")
    target = prod.new_database("CREATE EXTENSION vector")
    found = errors(examined(prod, sample, target))
    assert ("nothing_in_the_way", "public.vector") in [(finding.rule, finding.object) for finding in found]


def test_an_extension_in_another_schema_is_refused_with_what_to_do(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    sample = sample_of(dev, "CREATE EXTENSION vector; CREATE TABLE e (v vector)", tmp_path / "v.dump")
    target = prod.new_database("CREATE SCHEMA ext; CREATE EXTENSION vector SCHEMA ext")
    (found,) = errors(examined(prod, sample, target))
    assert (found.rule, found.object) == ("extensions", "vector")
    prod.execute(found.hint.removeprefix("Move it: ").partition(";")[0], target.name)
    assert examined(prod, sample, target).clearance


def test_a_publication_that_would_lose_a_table_is_warned_of_with_what_to_do(
    prod: Server, sample: Sample
) -> None:
    members = "SELECT tablename::text FROM pg_publication_tables WHERE pubname = 'News 1' ORDER BY 1"
    target = prod.new_database(
        f'{SHOP}; CREATE TABLE mine (id int); CREATE PUBLICATION "News 1" FOR TABLE users, mine'
    )
    before = prod.rows(members, target.name)
    report = examined(prod, sample, target)
    (warning,) = report.of("nothing_in_the_way")
    assert warning.severity is Severity.WARNING
    assert "users" in warning.message
    restore.restore(report.cleared(), target, [prod.tools()], "test")
    assert prod.rows(members, target.name) == [("mine",)]
    prod.execute(warning.hint.removeprefix("Afterwards: "), target.name)
    assert prod.rows(members, target.name) == before


def test_a_publication_that_comes_with_its_tables_is_no_warning(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    script = """CREATE TABLE t (id int);
        CREATE PUBLICATION news FOR TABLE t; CREATE PUBLICATION all_news FOR ALL TABLES"""
    sample = sample_of(dev, script, tmp_path / "p.dump")
    target = prod.new_database(script)
    report = examined(prod, sample, target)
    assert report.findings == ()
    restore.restore(report.cleared(), target, [prod.tools()], "test")
    assert contents(prod, target.name) == contents(dev, sample.source.name)


def test_whose_things_a_rollback_could_not_bring_back_is_told_once_with_one_of_them(
    prod: Server, sample: Sample
) -> None:
    name = prod.new_database(SHOP).name
    stranger, user = f"stranger_{name}", f"user_{name}"
    prod.execute(f"CREATE ROLE {stranger}; CREATE ROLE {user} LOGIN PASSWORD '{prod.cluster.password}'")
    prod.execute(f"CREATE SCHEMA hidden AUTHORIZATION {stranger}", name)
    prod.execute(f"CREATE TABLE mine (); ALTER TABLE mine OWNER TO {stranger}", name)
    report = examined(prod, sample, parse_url(prod.url(name, user), "PROD_DATABASE_URL"))
    (warning,) = [found for found in report.of("rollback_possible") if found.object == stranger]
    assert f"table public.mine belongs to {stranger}" in warning.message


@pytest.mark.versions(15)
def test_a_reset_makes_room_whatever_is_in_the_way(prod: Server, sample: Sample) -> None:
    target = prod.new_database(f"{SHOP}; {IN_THE_WAY['a view'][0]}")
    assert preflight.examine(
        sample.path, Place(target), [prod.tools()], Choice(strategy=replace(RESET_SCHEMA, reset="public"))
    ).clearance


def test_a_check_that_could_not_look_is_told_as_skipped_and_has_no_result_in_dagster(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    promotion = runs.promotion(dev.new_url(runs.SHOP), prod.new_url(), tmp_path, dev)
    assert runs.run(promotion, "dump_dev").success
    archive.manifest_path(promotion.archive_path).unlink()

    result = runs.run(promotion, "restore_prod", {"prod_schema": {"adopt": True}})

    assert result.success
    shown = runs.checks_of(result, "prod_schema")
    assert "whole_archive" not in shown
    assert shown["archive_readable"].passed
    told = runs.outputs_of(result, "prod_schema.check_extensions")["result"]["skipped checks"]
    assert runs.records(told) == [
        {"check": check, "why": "the archive was adopted, so its rows cannot be proven"}
        for check in ("whole_archive", "extension_contents", "disk_space")
    ]
