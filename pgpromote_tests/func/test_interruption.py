"""An interrupted command: its children and their server processes stop, and nothing half-done looks whole."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from pgpromote.postgres.errors import ProdState
from pgpromote.run.run import start
from pgpromote.run.steps import CHECK, PREPARE
from pgpromote.settings import from_environment
from pgpromote_tests.func.command_line import (
    SECONDS,
    CommandLine,
    command_line,
    ended,
    sessions,
    wait_until,
    wait_until_waiting,
)
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
# Fine while dev is filled; afterwards every check of a row takes an hour.
SLOW = """
CREATE FUNCTION public.slow(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
CREATE TABLE slow (id int CHECK (public.slow(id))); INSERT INTO slow VALUES (1);
CREATE TABLE slow_too (id int CHECK (public.slow(id))); INSERT INTO slow_too VALUES (1);
CREATE OR REPLACE FUNCTION public.slow(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM pg_sleep(3600); RETURN true; END $$;
"""
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL]


@pytest.fixture
def cli(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    return command_line(tmp_path, dev, dev.new_url(SLOW), prod, prod.new_url())


def children(parent: int) -> Iterator[int]:
    """List all processes below one."""
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, task.read_text().split()):
                yield child
                yield from children(child)


@contextmanager
def all_end(process: "subprocess.Popen[str]", at_least: int) -> Iterator[None]:
    """Hold on to a command's children, and wait at the end until each of them is gone."""
    with ExitStack() as stack:
        handles = []
        for pid in children(process.pid):
            handles.append(os.pidfd_open(pid))
            stack.callback(os.close, handles[-1])
        assert len(handles) >= at_least
        yield
        for handle in handles:
            ready, _, _ = select.select([handle], [], [], SECONDS)
            assert ready, "a child outlived its command"


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_restore_stops_its_workers_and_their_sessions(
    cli: CommandLine, prod: Server, number: signal.Signals, tmp_path: Path
) -> None:
    (temporary := tmp_path / "temporary").mkdir()
    assert cli.run("dump").returncode == 0
    process = cli.having(TMPDIR=str(temporary)).start("restore")
    wait_until_waiting(prod, "PgSleep")
    with all_end(process, at_least=2):
        process.send_signal(number)
        result = ended(process)
    assert result.returncode != 0
    assert "Traceback" not in result.text
    wait_until(lambda: not sessions(prod), "no session of the restore is left on prod")
    assert list(temporary.iterdir()) == []
    if number is not signal.SIGKILL:
        assert result.returncode == 128 + number
        assert f"Interrupted by {number.name}. {ProdState.DROPPED}" in result.stderr
        assert "Aborted" not in result.text
        (report,) = tmp_path.glob("data/reports/*.json")
        assert json.loads(report.read_text())["prod"] == str(ProdState.UNTOUCHED)


def test_a_run_that_was_killed_is_told_by_the_history_and_by_the_next_run(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands = cli.having(PGPROMOTE_REPORT_DIR=str(tmp_path / "reports"))
    assert commands.run("dump").returncode == 0
    process = commands.start("restore")
    wait_until_waiting(prod, "PgSleep")
    assert "died" not in commands.run("history").stderr  # it is under way

    process.kill()
    ended(process)
    wait_until(lambda: not sessions(prod), "no session of the restore is left on prod")

    told = commands.run("history")
    assert "UTC died in the step restore: its process was killed. Prod is untouched." in told.stderr
    with start(from_environment(commands.environment), "next") as run:
        CHECK.walk(run)
        assert "died in the step restore" in run.state.died[0]
        PREPARE.walk(run)
    assert "died" not in commands.run("history").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_restore_in_place_says_that_prod_may_be_mixed(
    cli: CommandLine, prod: Server, number: signal.Signals
) -> None:
    assert cli.run("dump").returncode == 0
    process = cli.start("restore", "--strategy", "clean", "--yes")
    wait_until_waiting(prod, "PgSleep")
    process.send_signal(number)
    result = ended(process)
    assert f"Interrupted by {number.name}. {ProdState.MIXED}" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_of_dagster_says_what_prod_is(
    cli: CommandLine, prod: Server, number: signal.Signals, tmp_path: Path
) -> None:
    """Terminate in the UI sends the same signal to the run's process."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    process = cli.having(DAGSTER_HOME=str(tmp_path)).start("refresh")
    wait_until_waiting(prod, "PgSleep")
    process.send_signal(number)
    result = ended(process)
    assert result.returncode == 1
    assert "The run was interrupted" in result.stderr
    assert result.stderr.count(str(ProdState.UNTOUCHED)) == 1
    (report,) = tmp_path.glob("data/reports/*.json")
    assert json.loads(report.read_text())["prod"] == str(ProdState.UNTOUCHED)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        (run,) = instance.get_runs()
        told = [entry.user_message for entry in instance.all_logs(run.run_id)]
    assert run.is_finished
    assert any(line.startswith(str(ProdState.UNTOUCHED)) for line in told)


def test_a_run_whose_sessions_all_end_says_what_prod_is(cli: CommandLine, prod: Server) -> None:
    assert cli.run("dump").returncode == 0
    process = cli.start("restore")
    wait_until_waiting(prod, "PgSleep")
    prod.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgpromote:%'"
    )
    result = ended(process)
    assert result.returncode == 1
    assert result.stderr.count("Prod is untouched") == 1, result.stderr


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_run_without_a_connection_says_what_prod_is(cli: CommandLine, prod: Server, limit: int) -> None:
    database = cli.environment["PROD_DATABASE_URL"].rpartition("/")[2]
    role = f"few_{database}"
    prod.execute(
        f"CREATE ROLE {role} LOGIN CREATEDB CONNECTION LIMIT {limit} PASSWORD '{prod.cluster.password}';"
        f"ALTER DATABASE {database} OWNER TO {role}"
    )
    assert cli.run("dump").returncode == 0
    result = cli.having(PROD_DATABASE_URL=prod.url(database, role)).run("restore")
    assert result.returncode in {1, 3}
    # The limit also counts the session before, until the server has ended it: so the first may be refused.
    said = ("Prod is untouched", "Prod was not touched by this run, which could not log in there")
    assert sum(map(result.stderr.count, said)) == 1, result.stderr
    assert "too many connections" in result.stderr


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_dump_stops_pg_dump_and_leaves_nothing_that_looks_like_an_archive(
    cli: CommandLine, dev: Server, number: signal.Signals, tmp_path: Path
) -> None:
    with psycopg.connect(dev.url(cli.environment["DEV_DATABASE_URL"].rpartition("/")[2])) as session:
        session.execute("LOCK TABLE slow")
        process = cli.start("dump")
        wait_until_waiting(dev, "Lock")
        with all_end(process, at_least=1):
            process.send_signal(number)
            result = ended(process)
        assert result.returncode != 0
        assert "Traceback" not in result.text
        wait_until(lambda: not sessions(dev), "no session of the dump is left on dev")
    left = [path.name for path in (tmp_path / "dumps" / "shop").iterdir()]
    # nobody can clean up after SIGKILL; what stays is named .partial, which no command and no sensor takes
    assert left == (["shop_dev.dump.partial"] if number is signal.SIGKILL else [])
    assert cli.run("dump").returncode == 0
    assert sorted(path.name for path in (tmp_path / "dumps" / "shop").iterdir()) == [
        "shop_dev.dump",
        "shop_dev.dump.manifest.json",
    ]


def test_an_interrupted_restore_can_be_run_again(cli: CommandLine, dev: Server, prod: Server) -> None:
    assert cli.run("dump").returncode == 0
    process = cli.start("restore")
    wait_until_waiting(prod, "PgSleep")
    process.send_signal(signal.SIGTERM)
    ended(process)
    dev.execute(
        "CREATE OR REPLACE FUNCTION slow(n int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
        cli.environment["DEV_DATABASE_URL"].rpartition("/")[2],
    )
    assert cli.run("dump").returncode == 0
    assert cli.run("restore").returncode == 0
    prod_name = cli.environment["PROD_DATABASE_URL"].rpartition("/")[2]
    assert prod.rows("SELECT (SELECT count(*) FROM slow), (SELECT count(*) FROM slow_too)", prod_name) == [
        (1, 1)
    ]


def test_an_interrupted_plain_restore_changes_nothing(cli: CommandLine, prod: Server, tmp_path: Path) -> None:
    assert cli.run("dump", "--sql").returncode == 0
    process = cli.start("restore", tmp_path / "dumps" / "shop" / "full.sql", "--strategy", "clean")
    wait_until_waiting(prod, "PgSleep")
    with all_end(process, at_least=1):
        process.send_signal(signal.SIGTERM)
        assert ended(process).returncode != 0
    wait_until(lambda: not sessions(prod), "no session of the restore is left on prod")
    database = cli.environment["PROD_DATABASE_URL"].rpartition("/")[2]
    assert prod.rows("SELECT relname FROM pg_class WHERE relname LIKE 'slow%'", database) == []
