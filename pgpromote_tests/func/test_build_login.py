"""A separate login builds: what it makes is proven as ever, and nothing stays that is its own."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.errors import NotProven
from pgpromote.postgres.model import Finding, Foreign, Policy, Severity
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, Strategy
from pgpromote.promotion import BUILD, TARGET
from pgpromote.run.check import look
from pgpromote.run.run import Run
from pgpromote.run.steps import CUT_OVER, PROVE, REHEARSED, REPAIR, promote
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.corpus import django, rails, warehouse
from pgpromote_tests.func.build_lab import BUILDER, PROMOTER, Build, open_lab
from pgpromote_tests.func.kitchen import KITCHEN_SINK
from pgpromote_tests.func.walks import until
from pgpromote_tests.runs import contents_of
from pgpromote_tests.servers import Server

SCRIPTS: dict[str, Callable[[], str]] = {
    "kitchen": lambda: KITCHEN_SINK,
    "rails": rails.script,
    "django": django.script,
    # A role that is no superuser cannot keep prod's rights on a new range.
    "warehouse": warehouse.script,
}
CHOSEN = [
    *(("kitchen", policy) for policy in Policy),
    ("rails", Policy.KEEP),
    ("django", Policy.SOURCE),
    ("warehouse", Policy.SOURCE),
    ("warehouse", Policy.NONE),
]
OLD = "CREATE TABLE t (id integer); GRANT SELECT ON t TO PUBLIC; CREATE TABLE users (id integer)"


def told(run: Run) -> list[Finding]:
    """Return what the proof found, in an order of its own."""
    assert run.state.proof
    return sorted(
        run.state.proof.findings, key=lambda finding: (finding.rule, finding.object, finding.message)
    )


def check_alike(lab: Build, rights: Policy) -> None:
    """Promote with and without the build login, and compare what is proven and what is made."""
    with lab.alone().walk(rights=rights) as alone:
        promote(alone, REHEARSED)
        expected = contents_of(lab.prod, lab.prod.url(alone.database.name))

    built = lab.promote(rights=rights)

    assert told(built) == told(alone)
    assert lab.stage.contents() == expected
    assert lab.left() == {}


@pytest.mark.parametrize(("name", "rights"), CHOSEN)
@pytest.mark.versions(18)
def test_a_real_schema_is_proven_as_without_it_and_nothing_stays_its_own(
    dev: Server, prod: Server, tmp_path: Path, name: str, rights: Policy
) -> None:
    with open_lab(dev, prod, tmp_path, SCRIPTS[name](), OLD, promoter="BYPASSRLS") as lab:
        check_alike(lab, rights)


# On PostgreSQL 18 the tests have extensions of their own.
KEPT = """
    CREATE SCHEMA "Er""weiterung ß"; CREATE EXTENSION kept_rows SCHEMA "Er""weiterung ß";
    SET search_path = "Er""weiterung ß", public;
    INSERT INTO kept (word) VALUES ('of a user'), ('another');
    CREATE TABLE public.words (id integer PRIMARY KEY REFERENCES kept, other integer REFERENCES left_behind);
    INSERT INTO public.words VALUES (2), (3);
    CREATE MATERIALIZED VIEW public.spoken AS SELECT k.word FROM kept AS k JOIN public.words USING (id);
    CREATE TABLE beside (id integer PRIMARY KEY);
"""


@pytest.mark.parametrize("rights", list(Policy))
def test_an_extension_stays_the_promoters_and_brings_its_rows(
    start_server: StartServer, tmp_path: Path, rights: Policy
) -> None:
    dev, prod = start_server(18, "dev"), start_server(18, "prod")
    with open_lab(dev, prod, tmp_path, KEPT, promoter="SUPERUSER") as lab:
        check_alike(lab, rights)

        ((owner,),) = lab.prod.rows(
            "SELECT extowner::regrole::text FROM pg_extension WHERE extname = 'kept_rows'",
            lab.stage.promotion.target().name,
        )
        assert owner == lab.role(PROMOTER)


FORCED = """
    CREATE TABLE secret (id integer PRIMARY KEY, place text);
    INSERT INTO secret SELECT n, 'a' FROM generate_series(1, 9) AS n;
    CREATE TABLE refers (id serial PRIMARY KEY, secret integer REFERENCES secret);
    INSERT INTO refers (secret) VALUES (1), (9);
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM secret;
    CREATE FUNCTION lower_of(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
    CREATE INDEX places ON secret (lower_of(place));
    ALTER TABLE secret ENABLE ROW LEVEL SECURITY; ALTER TABLE secret FORCE ROW LEVEL SECURITY;
    CREATE POLICY few ON secret USING (id < 3);
"""


def test_rows_that_even_their_owner_may_not_see_are_built_without_bypassing(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    with open_lab(dev, prod, tmp_path, FORCED, promoter="BYPASSRLS") as lab:
        run = lab.promote()

        prodname = lab.stage.promotion.target().name
        assert run.state.repair
        assert ("public.secret", "id") in run.state.repair.identities
        assert prod.rows("SELECT n FROM counted", prodname) == [(9,)]
        assert prod.rows(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'secret'", prodname
        ) == [(True, True)]
        assert lab.left() == {}


# What it leaves behind --------------------------------------------------------------------------------------

SMALL = "CREATE TABLE t (id integer PRIMARY KEY, word text); INSERT INTO t VALUES (1, 'a')"
EVERY_KIND = """
    CREATE SCHEMA "sche""ma ß Ж"; SET search_path = "sche""ma ß Ж", public;
    CREATE TABLE things (id serial PRIMARY KEY, n integer GENERATED ALWAYS AS IDENTITY, a text, b text);
    CREATE TABLE parts (id integer) PARTITION BY LIST (id); CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
    CREATE VIEW seen AS SELECT 1 AS one; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
    CREATE SEQUENCE numbers;
    CREATE TYPE mood AS ENUM ('a'); CREATE TYPE pair AS (a integer);
    CREATE TYPE span AS RANGE (subtype = float8);
    CREATE DOMAIN email AS text;
    CREATE FUNCTION f(integer, VARIADIC text[]) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
    CREATE PROCEDURE p(INOUT integer) LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE total(integer) (sfunc = int4pl, stype = integer);
    CREATE AGGREGATE counted(*) (sfunc = int8inc, stype = bigint, initcond = '0');
    CREATE OPERATOR ### (leftarg = integer, rightarg = integer, function = int4pl);
    CREATE COLLATION plain (locale = 'C');
    CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
    CREATE TEXT SEARCH DICTIONARY book (TEMPLATE = simple);
    CREATE STATISTICS ab ON a, b FROM things; CREATE PUBLICATION "Pub ß" FOR TABLE things;
    SELECT lo_create(0), lo_create(0); GRANT SELECT (a) ON things TO PUBLIC;
    GRANT SELECT ON seen TO <builder> WITH GRANT OPTION;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES IN SCHEMA "sche""ma ß Ж" GRANT ALL ON SEQUENCES TO <owner>;
"""
# Made by a superuser after the building: each is found by its own words.
REMAINS = {
    "owns table public.t": ("ALTER TABLE t OWNER TO <builder>", "ALTER TABLE t OWNER TO <promoter>"),
    "owns schema public": (
        "ALTER SCHEMA public OWNER TO <builder>", "ALTER SCHEMA public OWNER TO pg_database_owner",
    ),
    "has a grant on table public.t": ("GRANT SELECT ON t TO <builder>", "REVOKE SELECT ON t FROM <builder>"),
    "has a grant on column id of table public.t": (
        "GRANT SELECT (id) ON t TO <builder>", "REVOKE SELECT (id) ON t FROM <builder>",
    ),
    "owns default privileges on new relations": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE <builder> GRANT SELECT ON TABLES TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE <builder> REVOKE SELECT ON TABLES FROM PUBLIC",
    ),
    "is named by policy": ("CREATE POLICY mine ON t TO <builder>", "DROP POLICY mine ON t"),
    "may connect to": (
        "GRANT CONNECT ON DATABASE <shadow> TO PUBLIC", "REVOKE CONNECT ON DATABASE <shadow> FROM PUBLIC",
    ),
    "has a setting in": (
        "ALTER ROLE <builder> IN DATABASE <shadow> SET work_mem = 64",
        "ALTER ROLE <builder> IN DATABASE <shadow> RESET ALL",
    ),
    "has other settings than before": (
        "ALTER ROLE <builder> SET work_mem = 64", "ALTER ROLE <builder> RESET ALL",
    ),
    "owns database": (
        "ALTER DATABASE <shadow> OWNER TO <builder>", "ALTER DATABASE <shadow> OWNER TO <owner>",
    ),
}  # fmt: skip


def build(run: Run) -> str:
    """Walk a run up to its proof, and name the new database."""
    until(run, REPAIR)
    return run.database.name


@pytest.mark.versions(15, 16, 17, 18)
def test_everything_that_it_has_made_is_taken_back(dev: Server, prod: Server, tmp_path: Path) -> None:
    with open_lab(dev, prod, tmp_path, SMALL) as lab, lab.walk(rights=Policy.NONE) as run:
        shadow = build(run)
        lab.as_builder(EVERY_KIND, shadow)

        with pytest.raises(NotProven):  # dev had none of them
            until(run, PROVE)

        assert lab.left() == {}
        ((owners,),) = prod.rows(
            "SELECT array_agg(DISTINCT refobjid::regrole::text) FROM pg_shdepend WHERE deptype = 'o'"
            f" AND dbid = (SELECT oid FROM pg_database WHERE datname = '{shadow}')"
        )
        assert owners == [lab.role(PROMOTER)]


def test_what_stays_is_found_by_name_and_keeps_the_swap_away(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    with open_lab(dev, prod, tmp_path, SMALL) as lab, lab.walk(rights=Policy.NONE) as run:
        shadow = build(run)
        until(run, PROVE)
        assert run.build
        for words, (make, undo) in REMAINS.items():
            lab.in_prod(make.replace("<shadow>", f'"{shadow}"'), shadow)
            found = run.build.left()
            assert any(words in each.message for each in found), (words, found)
            lab.in_prod(undo.replace("<shadow>", f'"{shadow}"'), shadow)
            assert run.build.left() == ()

        lab.in_prod("GRANT SELECT ON t TO <builder>", shadow)
        with pytest.raises(NotProven, match="has a grant on table"):
            until(run, CUT_OVER)


def test_its_sessions_end_before_the_proof_and_it_cannot_come_back(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    with open_lab(dev, prod, tmp_path, SMALL) as lab, lab.walk() as run:
        url = prod.url(build(run), lab.role(BUILDER))
        with psycopg.connect(url) as lingering:
            lingering.execute("SELECT count(*) FROM t")

            until(run, PROVE)

            with pytest.raises(psycopg.OperationalError):
                lingering.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(url)
        assert until(run, CUT_OVER).cut_over


def test_two_promotions_share_one_build_login_at_the_same_time(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    with (
        open_lab(dev, prod, tmp_path / "one", SMALL) as one,
        open_lab(dev, prod, tmp_path / "two", SMALL) as two,
    ):
        one.in_prod(f"GRANT <builder> TO {two.role(PROMOTER)}")
        shared = two.with_url(one.stage.promotion.environment[BUILD])
        with one.walk() as first, shared.walk() as second:
            build(first)
            shadow = build(second)
            url = prod.url(shadow, one.role(BUILDER))
            with psycopg.connect(url, autocommit=True) as working:
                assert until(first, CUT_OVER).cut_over
                assert working.execute("SELECT count(*) FROM t").fetchone() == (1,)
            assert until(second, CUT_OVER).cut_over
        assert one.left() == {}


# What it has to be ------------------------------------------------------------------------------------------

WRONG = {
    "it has SUPERUSER": ("ALTER ROLE <builder> SUPERUSER", "ALTER ROLE <builder> NOSUPERUSER"),
    "it has CREATEDB": ("ALTER ROLE <builder> CREATEDB", "ALTER ROLE <builder> NOCREATEDB"),
    "it has CREATEROLE": ("ALTER ROLE <builder> CREATEROLE", "ALTER ROLE <builder> NOCREATEROLE"),
    "it has REPLICATION": ("ALTER ROLE <builder> REPLICATION", "ALTER ROLE <builder> NOREPLICATION"),
    "it has BYPASSRLS": ("ALTER ROLE <builder> BYPASSRLS", "ALTER ROLE <builder> NOBYPASSRLS"),
    "it is a member of pg_read_all_data": (
        "GRANT pg_read_all_data TO <builder>", "REVOKE pg_read_all_data FROM <builder>",
    ),
    "it owns something in the database": (
        "ALTER TABLE old OWNER TO <builder>", "ALTER TABLE old OWNER TO <owner>",
    ),
    "it owns database": (
        "ALTER DATABASE <prod> OWNER TO <builder>", "ALTER DATABASE <prod> OWNER TO <owner>",
    ),
    "is no member of the build login": ("REVOKE <builder> FROM <promoter>", "GRANT <builder> TO <promoter>"),
    "cannot log in": ("ALTER ROLE <builder> NOLOGIN", "ALTER ROLE <builder> LOGIN"),
}  # fmt: skip


def complaints(lab: Build, **options: object) -> list[Finding]:
    """Return what the check says of the build login."""
    with lab.stage.walk(**options) as run:
        return list(look(run.promotion, run.options, run.run_id).of("build_login"))


@pytest.mark.versions(15, 18)
def test_a_login_that_is_no_wall_or_does_not_work_is_refused_with_what_to_type(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    with open_lab(dev, prod, tmp_path, SMALL, "CREATE TABLE old (id integer)") as lab:
        name = lab.stage.promotion.target().name
        lab.stage.dump()
        assert complaints(lab) == []
        for words, (make, undo) in WRONG.items():
            lab.in_prod(make.replace("<prod>", name))
            found = complaints(lab)
            lab.in_prod(undo.replace("<prod>", name))
            assert any(words in each.message for each in found), (words, found)
            assert {each.severity for each in found} == {Severity.ERROR}
            assert all(each.hint for each in found)

        elsewhere = lab.with_url(dev.url(name))
        assert "another server" in complaints(elsewhere)[0].message
        itself = lab.with_url(lab.stage.promotion.environment[TARGET])
        assert any("itself" in each.message for each in complaints(itself))


@pytest.mark.parametrize("strategy", [CLEAN, RESET_SCHEMA])
def test_in_place_a_warning_says_that_the_promoter_runs_what_dev_wrote(
    dev: Server, prod: Server, tmp_path: Path, strategy: Strategy
) -> None:
    with open_lab(dev, prod, tmp_path, SMALL) as lab:
        lab.stage.dump()

        (found,) = complaints(lab, strategy=strategy)

        assert found.severity is Severity.WARNING
        assert f"runs as {lab.role(PROMOTER)}" in found.message


def test_what_only_a_superuser_creates_is_named_before_anything_is_built(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    with open_lab(dev, prod, tmp_path, SMALL, promoter="SUPERUSER") as lab:
        source = lab.stage.promotion.source().name
        dev.execute(
            "CREATE FUNCTION hashed(integer) RETURNS integer LANGUAGE internal STRICT AS 'hashint4';"
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w",
            source,
        )
        lab.stage.dump()

        found = complaints(lab, bring=frozenset({Foreign.SERVERS}))

        assert {each.object for each in found} == {"public.hashed(integer)", "w", "far"}
        assert {each.severity for each in found} == {Severity.ERROR}
        assert all("separate login" in each.hint for each in found)
