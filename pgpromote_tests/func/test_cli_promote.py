"""The command line brings an archive into prod: plan, rehearsal, restore, and what a person is asked."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import BARE, CommandLine, command_line
from pgpromote_tests.servers import Server

SHOP = "CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL); INSERT INTO users VALUES (7, 'x')"
OLD = "CREATE TABLE relics (id integer PRIMARY KEY); INSERT INTO relics VALUES (1), (2)"


@pytest.fixture(scope="module")
def dev(start_server: StartServer) -> Server:
    return start_server(16, "dev")


@pytest.fixture(scope="module")
def prod(start_server: StartServer) -> Server:
    return start_server(16, "prod")


@pytest.fixture(scope="module")
def shop(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Dump a shop once, for all that only look at the archive."""
    commands = command_line(tmp_path_factory.mktemp("cli"), dev, dev.new_url(SHOP), prod, prod.new_url())
    result = commands.run("dump", "--json")
    assert result.returncode == 0, result.stderr
    return commands


def test_a_plan_shows_the_loss_and_a_fingerprint_that_holds_prod_to_it(
    shop: CommandLine, prod: Server
) -> None:
    url = prod.new_url(OLD)
    commands = shop.having(PROD_DATABASE_URL=url)
    shown, told = commands.run("plan"), commands.run("plan", "--json").json()
    assert shown.returncode == 0
    assert "TABLE public.relics is only in prod; it would be lost with its 2 row(s)" in shown.stdout
    assert f"--expect-plan {told['fingerprint']}" in shown.stdout
    prod.execute("INSERT INTO relics VALUES (3)", url.rpartition("/")[2])

    refused = commands.run("restore", "--expect-plan", told["fingerprint"])
    expected = commands.run("restore", "--expect-plan", commands.run("plan", "--json").json()["fingerprint"])

    assert (refused.returncode, expected.returncode) == (3, 0), expected.stderr
    assert "Run pgpromote plan again" in refused.stderr
    assert "Swapped" in expected.stdout
    assert "public.relics is only in prod" in expected.stdout


def test_a_rehearsal_says_how_it_would_go_and_changes_nothing(shop: CommandLine, prod: Server) -> None:
    url = prod.new_url(OLD)
    done = shop.having(PROD_DATABASE_URL=url).run("rehearse")
    assert done.returncode == 0, done.stderr
    assert "everything but the cut-over went well; prod is untouched" in done.stdout
    assert prod.rows("SELECT count(*) FROM relics", url.rpartition("/")[2]) == [(2,)]


def test_a_database_that_is_marked_as_prod_is_never_dumped(
    shop: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands = shop.having(PROD_DATABASE_URL=prod.new_url(OLD))
    turned = commands.having(DEV_DATABASE_URL=commands.environment["PROD_DATABASE_URL"])
    assert turned.run("dump", tmp_path).returncode == 0
    assert commands.run("mark-prod").returncode == 0

    refused = turned.run("dump", tmp_path)
    assert refused.returncode == 3
    assert "marked as prod" in refused.stderr

    assert commands.run("mark-prod", "--remove").returncode == 0
    assert turned.run("dump", tmp_path).returncode == 0


@pytest.mark.parametrize(("typed", "code"), [("{name}", 0), ("yes", 1), ("", 1)])
def test_at_a_terminal_a_destructive_strategy_wants_prod_s_name(
    shop: CommandLine, prod: Server, typed: str, code: int
) -> None:
    url = prod.new_url(OLD)
    name = url.rpartition("/")[2]
    commands = shop.having(PROD_DATABASE_URL=url)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pgpromote", "restore", "--strategy", "clean"]
    process = subprocess.Popen(
        command, env={**BARE, **commands.environment}, cwd=shop.directory, stdin=theirs,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, f"{typed.format(name=name)}\n".encode())
    _, told = process.communicate()
    os.close(ours)
    assert process.returncode == code, told
    assert f"Type {name} to go on" in told
    tables = prod.rows("SELECT count(*) FROM pg_tables WHERE tablename = 'users'", name)
    assert tables == [(1 if code == 0 else 0,)]


def test_a_strategy_and_a_reset_that_exclude_each_other_are_a_usage_error(shop: CommandLine) -> None:
    result = shop.run("restore", "--strategy", "swap", "--reset-schema")
    assert result.returncode == 2
    assert "exclude each other" in result.stderr
