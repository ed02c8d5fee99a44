"""Prod's server is restarted in the middle of a restore: the cause is told, and the next run works."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pgpromote_tests import servers
from pgpromote_tests.func.command_line import command_line, ended, wait_until_waiting
from pgpromote_tests.func.test_interruption import SLOW
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
QUICK = "CREATE OR REPLACE FUNCTION slow(n int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'"


def crash(server: Server) -> None:
    """Kill one session: the server ends all others, recovers, and is there again."""
    with psycopg.connect(server.url()) as session:
        os.kill(session.info.backend_pid, signal.SIGKILL)


def stop_fast(server: Server) -> None:
    os.kill(server.cluster.pid, signal.SIGINT)


def stop_at_once(server: Server) -> None:
    os.kill(server.cluster.pid, signal.SIGQUIT)


@pytest.mark.versions(16, 18)
@pytest.mark.parametrize("end", [crash, stop_fast, stop_at_once])
def test_a_restart_of_prods_server_is_told_as_the_cause_and_the_next_run_goes_through(
    dev: Server, home: Path, tmp_path: Path, end: Callable[[Server], None]
) -> None:
    source = dev.new_url(SLOW)
    with servers.running(home, dev.major, "restarted") as prod:
        prod.execute("CREATE DATABASE shop")
        commands = command_line(tmp_path, dev, source, prod, prod.url("shop"))
        assert commands.run("dump").returncode == 0
        process = commands.start("restore")
        wait_until_waiting(prod, "PgSleep")
        end(prod)
        result = ended(process)
    assert result.returncode == 1
    assert result.stderr.count("Prod is untouched") == 1, result.stderr
    assert any(
        told in result.stderr
        for told in ("terminating connection", "server closed the connection", "shutting down")
    ), result.stderr
    dev.execute(QUICK, source.rpartition("/")[2])
    with servers.running(home, dev.major, "restarted") as prod:
        again = commands.having(PROD_DATABASE_URL=prod.url("shop"))
        assert again.run("dump").returncode == 0
        done = again.run("restore")
        assert done.returncode == 0, done.text
        assert prod.rows("SELECT count(*) FROM slow", "shop") == [(1,)]
        assert not [name for name in prod.databases() if "shadow" in name]
