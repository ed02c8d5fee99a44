"""What a role with few rights lacks in prod: all of it is told before anything, with what to run."""

import re
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.model import Policy, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.strategy import CLEAN, SWAP, Strategy
from pgpromote_tests.func.command_line import Sample, command_line, sample_of
from pgpromote_tests.servers import Server

LONG = "ж" * 31  # 62 bytes, with room for nothing but a letter
# An object of each kind that a role without more rights can make. The names need quotes.
SHOP = f"""
CREATE SCHEMA "raw ""data"" {{x}} 100%";
CREATE SCHEMA shop;
CREATE TABLE shop."{LONG}" (id serial PRIMARY KEY, kept integer GENERATED ALWAYS AS IDENTITY, note text);
CREATE TABLE shop.days (day date) PARTITION BY RANGE (day);
CREATE TABLE shop.days_2026 PARTITION OF shop.days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW shop."a view" AS SELECT note FROM shop."{LONG}";
CREATE MATERIALIZED VIEW shop.report AS SELECT 1 AS one;
CREATE SEQUENCE shop.numbers;
CREATE TYPE shop.mood AS ENUM ('good'); CREATE TYPE shop.pair AS (a integer, b integer);
CREATE TYPE shop.span AS RANGE (subtype = float8);
CREATE DOMAIN shop."Läden" AS text;
CREATE FUNCTION shop.f(integer, "raw" text DEFAULT '') RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE shop.work(IN a integer, OUT b integer) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE shop.counted(*) (sfunc = int8inc, stype = bigint, initcond = '0');
CREATE AGGREGATE shop.picked(ORDER BY integer) (sfunc = int4pl, stype = integer, initcond = '0');
CREATE OPERATOR shop.### (leftarg = integer, rightarg = integer, function = int4pl);
CREATE COLLATION shop."de" (locale = 'C');
CREATE TEXT SEARCH DICTIONARY shop.book (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = simple);
CREATE STATISTICS shop.both ON id, note FROM shop."{LONG}";
CREATE CONVERSION shop.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
SELECT lo_create(4711);
"""
# How many objects are the first superuser's, by a query that shares nothing with ours.
OWNERS = """
SELECT 'x', count(*) FROM (
    SELECT relowner AS owner FROM pg_class c WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
       AND relnamespace = 'shop'::regnamespace
    UNION ALL SELECT proowner FROM pg_proc p WHERE pronamespace = 'shop'::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'i')
    UNION ALL SELECT typowner FROM pg_type WHERE typnamespace = 'shop'::regnamespace
    UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname !~ '^pg_|^information'
    UNION ALL SELECT oprowner FROM pg_operator WHERE oprnamespace = 'shop'::regnamespace
    UNION ALL SELECT collowner FROM pg_collation WHERE collnamespace = 'shop'::regnamespace
    UNION ALL SELECT dictowner FROM pg_ts_dict WHERE dictnamespace = 'shop'::regnamespace
    UNION ALL SELECT cfgowner FROM pg_ts_config WHERE cfgnamespace = 'shop'::regnamespace
    UNION ALL SELECT stxowner FROM pg_statistic_ext
    UNION ALL SELECT conowner FROM pg_conversion WHERE connamespace = 'shop'::regnamespace
    UNION ALL SELECT lomowner FROM pg_largeobject_metadata) AS o WHERE owner = 10
"""

ROW = "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1)"


def user_of(login: Database) -> str:
    return login.parameters["user"]


def promoter(server: Server, target: Database, options: str = "CREATEDB") -> Database:
    """Return a login that owns the database, may create others, and is no more than that."""
    name = f'Promoter "{target.name}" é'
    with psycopg.connect(server.url(), autocommit=True) as session:
        role = sql.Identifier(name)
        session.execute(sql.SQL("CREATE ROLE {} {}").format(role, sql.SQL(options)))
        session.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(target.name), role))
    server.let_in(name)
    return parse_url(server.url(target.name, name), "PROD_DATABASE_URL")


@pytest.fixture(scope="module")
def sample(dev: Server, samples: Path) -> Sample:
    return sample_of(dev, SHOP, samples / f"owners{dev.major}.dump")


def look(prod: Server, sample: Sample, login: Database, strategy: Strategy = SWAP) -> Report:
    choice = Choice(strategy, safety_archive=False)
    return preflight.examine(sample.path, Place(login), [prod.tools()], choice)


@pytest.mark.versions(15, 16, 18)
def test_each_object_of_a_superuser_is_told_with_the_statement_that_gives_it_away(
    dev: Server, prod: Server, sample: Sample, tmp_path: Path
) -> None:
    target = prod.new_database(SHOP)
    login = promoter(prod, target)

    errors = look(prod, sample, login).errors
    statements = [found.hint.partition(f"run in {login.label}: ")[2] for found in errors]
    assert {found.rule for found in errors} == {"rights"}
    assert all(found.message.count("belongs to postgres") == 1 for found in errors)
    for kind in (
        "SCHEMA", "TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "TYPE", "DOMAIN", "FUNCTION", "ROUTINE",
        "OPERATOR", "COLLATION", "TEXT SEARCH DICTIONARY", "TEXT SEARCH CONFIGURATION", "STATISTICS",
        "CONVERSION", "LARGE OBJECT",
    ):  # fmt: skip
        assert any(one.startswith(f"ALTER {kind} ") for one in statements), kind
    for statement in dict.fromkeys(statements):
        prod.execute(statement, target.name)
    assert prod.rows(OWNERS, target.name) == [("x", 0)]

    assert look(prod, sample, login).errors == ()
    commands = command_line(tmp_path, dev, dev.url(sample.source.name), prod, prod.url(target.name))
    url = prod.url(target.name, user_of(login))
    promoted = commands.having(PROD_DATABASE_URL=url, PGPROMOTE_RESTORE_AS_SUPERUSER="").run(
        "promote", "--yes"
    )
    assert promoted.returncode == 0, promoted.text


@pytest.mark.versions(15, 16, 18)
def test_in_place_each_object_is_told_once_with_the_same_statements(prod: Server, sample: Sample) -> None:
    login = promoter(prod, prod.new_database(SHOP))
    beside = {f.hint for f in look(prod, sample, login).errors}
    in_place = look(prod, sample, login, CLEAN).errors
    subjects = [found.object for found in in_place]
    assert len(set(subjects)) == len(subjects)
    assert {found.hint for found in in_place} == beside
    for hint in beside:
        prod.execute(hint.partition(f"run in {login.label}: ")[2], login.name)
    assert look(prod, sample, login, CLEAN).errors == ()


@pytest.mark.versions(15, 16, 18)
def test_a_role_that_owns_or_gave_rights_is_told_with_each_object_and_one_grant(
    prod: Server, sample: Sample
) -> None:
    target = prod.new_database(SHOP)
    login = promoter(prod, target)
    owner, giver = (f'{who} "{target.name}" ü' for who in ("owner", "giver"))
    names = {"owner": sql.Identifier(owner), "giver": sql.Identifier(giver)}
    for hint in (found.hint for found in look(prod, sample, login).errors):
        prod.execute(hint.partition(f"run in {login.label}: ")[2], target.name)
    with psycopg.connect(prod.url(target.name), autocommit=True) as session:
        for statement in (
            "CREATE ROLE {owner}", "CREATE ROLE {giver}", "ALTER COLLATION shop.de OWNER TO {owner}",
            "ALTER STATISTICS shop.both OWNER TO {owner}", "GRANT USAGE ON SCHEMA shop TO {giver}",
            "GRANT SELECT ON shop.report TO {giver} WITH GRANT OPTION", "SET ROLE {giver}",
            "GRANT SELECT ON shop.report TO {owner}",
        ):  # fmt: skip
            session.execute(sql.SQL(statement).format(**names))

    errors = look(prod, sample, login).errors
    told = {(f.object, f.message.partition(" of prod ")[2].partition(";")[0]) for f in errors}
    assert told == {
        ("collation shop.de", f"belongs to {owner}"),
        ('statistics object shop."both"', f"belongs to {owner}"),
        ("materialized view shop.report", f"has grants of {giver}"),
    }
    hints = {found.hint for found in errors}
    assert len(hints) == 2
    for hint in hints:
        prod.execute(hint.partition(f"run in {login.label}: ")[2], target.name)
    assert look(prod, sample, login).errors == ()


def test_where_prods_rights_are_not_kept_their_owners_do_not_matter(prod: Server, sample: Sample) -> None:
    login = promoter(prod, prod.new_database(SHOP))
    choice = Choice(SWAP, rights=Policy.NONE)
    report = preflight.examine(sample.path, Place(login), [prod.tools()], choice)
    assert [f for f in report.of("rights") if f.severity is Severity.ERROR] == []


def test_a_superusers_session_is_told_before_the_restore_with_the_statement_that_ends_it(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    target = prod.new_database()
    login = promoter(prod, target)
    commands = command_line(tmp_path, dev, dev.new_url(ROW), prod, prod.url(target.name, user_of(login)))
    with psycopg.connect(prod.url(target.name)):
        refused = commands.run("promote", "--yes")
        before, _, _ = refused.stderr.partition("Error: ")
        (statement,) = re.findall(r"SELECT pg_terminate_backend\(\d+\);", before)
        assert "a superuser's. If that is so at the swap, it is refused after the whole restore." in before
        assert refused.returncode == 3
        assert "[swap_session]" in refused.stderr
        prod.execute(statement)
    done = commands.run("promote", "--yes")
    assert done.returncode == 0, done.stderr
    assert "swap_session" not in done.stderr
    assert "after the whole restore" not in done.stderr


def test_a_session_of_another_role_is_told_with_the_grant_that_lets_us_end_it(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    target = prod.new_database()
    login = promoter(prod, target)
    other = f"other_{target.name}"
    prod.execute(f"CREATE ROLE {other}")
    prod.let_in(other)
    commands = command_line(tmp_path, dev, dev.new_url(ROW), prod, prod.url(target.name, user_of(login)))
    assert commands.run("dump").returncode == 0
    with psycopg.connect(prod.url(target.name, other)):
        told = commands.run("check")
        (statement,) = re.findall(r"As a superuser of prod's server, run: (GRANT .*;)", told.stdout)
        prod.execute(statement)
        assert "after the whole restore" not in commands.run("check").stdout


def test_the_right_to_create_databases_is_told_as_a_statement_alone(prod: Server, sample: Sample) -> None:
    target = prod.new_database()
    login = promoter(prod, target, "NOCREATEDB")
    (found,) = look(prod, sample, login).of("swap_possible")
    lead, _, statement = found.hint.partition("run: ")
    assert lead == "As a superuser of prod's server, "
    assert statement.endswith("CREATEDB;")
    prod.execute(statement)
    assert look(prod, sample, login).of("swap_possible") == ()
