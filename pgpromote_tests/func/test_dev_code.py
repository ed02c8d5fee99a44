"""Code of dev and a superuser of prod's server: refused in every way a run starts, unless it is allowed."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from psycopg import sql

from pgpromote.postgres import dump
from pgpromote.postgres.checks import dev_code, preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import connect
from pgpromote.postgres.strategy import CLEAN, SWAP
from pgpromote.run.options import Options
from pgpromote.run.run import start
from pgpromote.run.steps import promote
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import CommandLine, command_line, sample_of
from pgpromote_tests.runs import NOTHING_ALLOWED, SHOP, contents_of
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

# An honest check that calls a function of the shop's own.
CHECKED = """
    CREATE SCHEMA "Läden";
    CREATE FUNCTION "Läden".is_name(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 <> '' $$;
    CREATE TABLE "Läden"."größte Läden" (name text CHECK ("Läden".is_name(name)));
    INSERT INTO "Läden"."größte Läden" VALUES ('one');
"""
RUNS = (
    ("check",), ("plan",), ("rehearse",), ("restore",), ("restore", "--strategy", "clean", "--yes"),
    ("refresh",),
)  # fmt: skip
TOLD = "TABLE Läden.größte Läden (calls Läden.is_name)"
# Each takes SQL as text, runs programs, or reaches files.
DANGEROUS = frozenset(
    {"query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml", "table_to_xml",
     "schema_to_xml", "database_to_xml", "ts_stat", "ts_rewrite", "lo_export", "lo_import", "pg_read_file",
     "pg_read_binary_file", "pg_ls_dir", "set_config", "pg_terminate_backend", "pg_reload_conf", "pg_sleep",
     "nextval", "setval", "pg_logical_emit_message", "lo_put", "lowrite"}
)  # fmt: skip
COMMON = frozenset(
    {"lower", "abs", "length", "date_trunc", "jsonb_array_length", "count", "sum", "left", "md5"}
)


@pytest.fixture
def commands(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    made = command_line(tmp_path, dev, dev.new_url(CHECKED), prod, prod.new_url("CREATE TABLE kept (id int)"))
    made = made.having(**NOTHING_ALLOWED, DAGSTER_HOME=str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert made.run("dump").returncode == 0
    return made


def contents(prod: Server, commands: CommandLine) -> list[str]:
    return contents_of(prod, commands.environment["PROD_DATABASE_URL"])


def test_every_command_refuses_it_and_says_what_to_type(prod: Server, commands: CommandLine) -> None:
    before = contents(prod, commands)
    for command in RUNS:
        ended = commands.run(*command)
        assert ended.returncode not in {0, 2}, (command, ended.text)
        assert TOLD in " ".join(ended.text.split()), (command, ended.text)
        assert "--restore-as-superuser" in ended.text, command
        assert contents(prod, commands) == before
    assert {name for name in prod.databases() if "__" in name and "promote" in name} == set()


@pytest.mark.parametrize("way", ["option", "setting"])
def test_it_runs_where_it_is_allowed(prod: Server, commands: CommandLine, way: str) -> None:
    if way == "option":
        ended = commands.run("restore", "--restore-as-superuser")
    else:
        ended = commands.having(PGPROMOTE_RESTORE_AS_SUPERUSER="1").run("restore")
    assert ended.returncode == 0, ended.text
    assert any("größte Läden" in line for line in contents(prod, commands))


def test_a_setting_without_a_meaning_is_refused(commands: CommandLine) -> None:
    ended = commands.having(PGPROMOTE_RESTORE_AS_SUPERUSER="yes").run("restore")
    assert ended.returncode == 1
    assert "PGPROMOTE_RESTORE_AS_SUPERUSER is 'yes'" in ended.text


@pytest.mark.parametrize("job", ["refresh_prod", "restore_prod"])
def test_every_job_refuses_it_unless_its_configuration_allows_it(
    dev: Server, prod: Server, tmp_path: Path, job: str
) -> None:
    promotion = runs.promotion(dev.new_url(CHECKED), prod.new_url(), tmp_path, dev, **NOTHING_ALLOWED)
    dump.dump(promotion.source(), promotion.archive_path, promotion.tools(), "test")
    allowed: Mapping[str, object] = {"prod_schema": {"restore_as_superuser": True}}
    refused = runs.run(promotion, job)
    assert not refused.success
    told = str([event.message for event in refused.all_events]) + str(runs.failure_of(refused))
    assert TOLD in told
    assert "`ops: {prod_schema: {config: {restore_as_superuser: true}}}` in the launchpad" in told
    assert runs.run(promotion, job, allowed).success


def test_an_archive_without_such_code_passes_silently(dev: Server, prod: Server, tmp_path: Path) -> None:
    promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev, **NOTHING_ALLOWED)
    dump.dump(promotion.source(), promotion.archive_path, promotion.tools(), "test")
    with start(promotion, "test", Options()) as run:
        promote(run)
        assert run.state.checked
        assert run.state.checked.of("runs_dev_code") == ()


@pytest.mark.parametrize(("in_place", "told"), [(False, 0), (True, 1)])
def test_a_build_login_runs_it_but_does_not_change_prod_in_place(
    dev: Server, prod: Server, tmp_path: Path, in_place: bool, told: int
) -> None:
    source = dev.new_database(CHECKED, variable="DEV_DATABASE_URL")
    dump.dump(source, tmp_path / "dev.dump", [dev.tools()], "test")
    target = prod.new_database()
    report = preflight.examine(
        tmp_path / "dev.dump",
        Place(target),
        [prod.tools()],
        Choice(strategy=CLEAN if in_place else SWAP),
        build_login=target,
    )
    assert len(report.of("runs_dev_code")) == told


def test_whoever_may_act_as_a_superuser_or_run_programs_counts_as_one(prod: Server) -> None:
    prod.execute(
        "CREATE ROLE dc_plain; CREATE ROLE dc_root SUPERUSER; CREATE ROLE dc_near; GRANT dc_root TO dc_near;"
        "CREATE ROLE dc_far; GRANT dc_near TO dc_far; CREATE ROLE dc_files;"
        "GRANT pg_write_server_files TO dc_files"
    )
    database, found = prod.new_database(), dict[str, tuple[str, ...]]()
    for role in ("dc_plain", "dc_root", "dc_near", "dc_far", "dc_files"):
        with connect(database) as session:
            session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            found[role] = dev_code.powers(session)
    assert found == {
        "dc_plain": (),
        "dc_root": ("dc_root",),
        "dc_near": ("dc_root",),
        "dc_far": ("dc_root",),
        "dc_files": ("pg_write_server_files",),
    }


@pytest.mark.versions(16, 18)
def test_words_of_sql_before_a_parenthesis_are_no_functions(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    words = sample_of(
        dev,
        """
        CREATE TABLE t (x int, y int, "by" int) PARTITION BY HASH ((x + y));
        CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        CREATE INDEX ON t ((x + y)) INCLUDE (y);
        CREATE MATERIALIZED VIEW m AS
            SELECT (x + y) AS n, count(*) FILTER (WHERE (x > 0)),
                   sum(sum(y)) OVER (PARTITION BY ((x + y)) ORDER BY ((x - y) IS NULL))
              FROM t JOIN (t_0 JOIN (SELECT 1 AS x) AS one USING (x)) USING (x, y)
             WHERE (x IN (1, 2) OR EXISTS (SELECT FROM t) OR t."by" BETWEEN (x) AND (y))
             GROUP BY GROUPING SETS ((x, y), ((x - y)))
             ORDER BY (x + y);
        """,
        tmp_path / "words.dump",
    )
    with connect(prod.new_database()) as session:
        assert dev_code.find(words.archive, session) == ()


@pytest.mark.versions(15, 16, 17, 18)
def test_nothing_that_takes_sql_or_reaches_files_is_harmless(prod: Server) -> None:
    with connect(prod.new_database()) as session:
        server = dev_code.read(session)
    assert server.harmless & DANGEROUS == set()
    assert server.harmless >= COMMON
    assert {"check", "and", "coalesce", "case", "by", "over", "filter", "join"} <= server.keywords
    assert server.keywords.isdisjoint({"format", "left", "replace", "overlaps"})  # functions, too
    assert server.keywords & DANGEROUS == set()
    # Were one of them a function's name, it could not be told from SQL.
    assert (server.harmless | server.other) & dev_code.WORDS == set()
