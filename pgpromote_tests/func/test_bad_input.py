"""Bad input on the command line: a readable paragraph that names the thing, the exit code, nothing lost."""

import ctypes
import os
import resource
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.archives.archive import manifest_path
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.place import Place
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import CommandLine, Ended, command_line, contents, ended, wait_until
from pgpromote_tests.servers import Server

SHOP = "CREATE TABLE users (id int, name text); INSERT INTO users VALUES (1, 'old')"


@pytest.fixture(scope="module")
def dumped(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[CommandLine, str]:
    """Dump a source; fill a prod with other rows, and return also what prod holds."""
    dev_url, prod_url = dev.new_url(SHOP), prod.new_url(SHOP + "; INSERT INTO users VALUES (2, 'prod')")
    commands = command_line(tmp_path_factory.mktemp("bad"), dev, dev_url, prod, prod_url)
    commands = commands.having(PGPROMOTE_ACCEPT_LOSS="users")
    assert commands.run("dump").returncode == 0
    return commands, contents(prod, name_in(prod_url))


@pytest.fixture
def cli(dumped: tuple[CommandLine, str], prod: Server, tmp_path: Path) -> Iterator[CommandLine]:
    """Work in a directory with an archive of the source; prod and the archive must stay as they are."""
    commands, before = dumped
    shutil.copytree(commands.directory / "dumps", tmp_path / "dumps")
    archive = archived(tmp_path)
    yield replace(commands, directory=tmp_path).having(PGPROMOTE_DUMP_DIR=str(tmp_path / "dumps"))
    assert contents(prod, name_in(commands.environment["PROD_DATABASE_URL"])) == before
    assert archived(tmp_path) == archive


def name_in(url: str) -> str:
    return url.rpartition("/")[2]


def archived(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (directory / "dumps" / "shop").iterdir()}


def told(result: Ended, code: int) -> str:
    """Return what an error says. It is no traceback, and it says what to do."""
    assert result.returncode == code, result.text
    assert "Traceback" not in result.text
    assert "bug" not in result.text
    assert result.stdout == ""
    assert result.stderr.count("Error: ") == 1
    return result.stderr


def read_only(commands: CommandLine, code: int, name: str) -> None:
    """Let `restore` and `check` refuse; both name the thing."""
    assert name in told(commands.run("restore"), code)
    check = commands.run("check")
    assert check.returncode in {1, 3}
    assert name in check.text


# URLs and servers -------------------------------------------------------------------------------------------


def test_a_missing_url_is_named_with_an_example(cli: CommandLine) -> None:
    assert "DEV_DATABASE_URL is not set.\nHint: Set it: DEV" in told(
        cli.having(DEV_DATABASE_URL="").run("dump"), 1
    )
    nothing = cli.having(PROD_DATABASE_URL="")
    for command in ("restore", "check", "audit", "repair"):
        said = told(nothing.run(command), 1).replace("Prod is untouched.\n", "")
        assert "PROD_DATABASE_URL is not set.\nHint: Set it: PROD" in said


@pytest.mark.parametrize(
    "url",
    [
        "host=h password=Canary",
        "postgresql://u:Can ary@h/d",
        "postgresql://u:Canary@h",
        "postgresql://u:Canary/d",
    ],
)
def test_a_malformed_url_is_refused_without_being_shown(cli: CommandLine, url: str) -> None:
    for command, variable in (("dump", "DEV_DATABASE_URL"), ("restore", "PROD_DATABASE_URL")):
        message = told(cli.having(**{variable: url}).run(command), 1)
        assert variable in message
        assert "Can" not in message


def test_an_unreachable_server_is_named_with_host_and_port(cli: CommandLine) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    url = f"postgresql://me:Canary@127.0.0.1:{port}/nowhere"
    message = told(cli.having(DEV_DATABASE_URL=url).run("dump"), 1)
    assert f"DEV_DATABASE_URL: cannot connect to nowhere on 127.0.0.1:{port}" in message
    assert "Check host and port" in message
    assert "Canary" not in message
    read_only(cli.having(PROD_DATABASE_URL=url), 3, f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "parameters",
    [
        "?connect_timeout=soon",
        "?port=1,2,3",
        "?port=99999",
        "?sslmode=perhaps",
        "?sslmode=require",
        "?hostaddr=x",
    ],
)
def test_a_parameter_without_sense_is_an_error_not_a_bug(cli: CommandLine, parameters: str) -> None:
    url = cli.environment["DEV_DATABASE_URL"] + parameters
    message = told(cli.having(DEV_DATABASE_URL=url).run("dump"), 1)
    assert "DEV_DATABASE_URL" in message
    assert ("verify-full" in message) == ("sslmode=perhaps" in parameters)


def test_a_wrong_password_is_called_so_and_not_shown(cli: CommandLine, prod: Server) -> None:
    url = cli.environment["PROD_DATABASE_URL"]
    wrong = url.replace(prod.cluster.password, "Canary")
    commands = cli.having(PROD_DATABASE_URL=wrong)
    message = told(commands.run("restore"), 3)
    assert "password authentication failed" in message
    assert "Check the user and the password in PROD_DATABASE_URL" in message
    assert "Canary" not in message
    missing = url.replace(f":{prod.cluster.password}", "")
    assert "no password supplied" in told(cli.having(PROD_DATABASE_URL=missing).run("restore"), 3)


def test_a_database_that_does_not_exist_is_named(cli: CommandLine, dev: Server, prod: Server) -> None:
    message = told(cli.having(DEV_DATABASE_URL=dev.url('no such; "db"')).run("dump"), 1)
    assert 'database "no such; "db"" does not exist' in message
    assert "before you create one" in message
    read_only(cli.having(PROD_DATABASE_URL=prod.url("nosuch")), 3, 'database "nosuch" does not exist')


def test_a_role_that_does_not_exist_is_named(cli: CommandLine, dev: Server) -> None:
    url = dev.url("postgres", "ghost")
    assert 'user "ghost"' in told(cli.having(DEV_DATABASE_URL=url).run("dump"), 1)


def test_a_lock_database_that_does_not_exist_is_named_with_its_setting(cli: CommandLine) -> None:
    message = told(cli.having(PGPROMOTE_LOCK_DATABASE="nolocks").run("restore"), 1)
    assert 'database "nolocks" does not exist' in message
    assert "PGPROMOTE_LOCK_DATABASE" in message


# Client programs --------------------------------------------------------------------------------------------


def programs(directory: Path, version: str, status: int = 0) -> Path:
    """Write client programs that only say their version."""
    directory.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        (directory / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\nexit {status}\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def bare(cli: CommandLine) -> CommandLine:
    """Take the client programs away, as far as this machine has none packaged."""
    return cli.having(PGPROMOTE_PG_BIN="", PATH="/nonexistent")


def test_missing_programs_are_named_with_what_to_install(bare: CommandLine) -> None:
    message = told(bare.run("dump"), 1)
    assert "its pg_dump and pg_restore must be 16 or newer" in message
    assert "postgresql-client-16" in message
    assert "PGPROMOTE_PG_BIN" in message
    read_only(bare, 3, "postgresql-client-16")


def test_a_place_for_programs_that_does_not_exist_is_named(bare: CommandLine, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    message = told(bare.having(PGPROMOTE_PG_BIN=str(nowhere)).run("dump"), 1)
    assert f"PGPROMOTE_PG_BIN names {nowhere}, which is no directory" in message


def test_programs_older_than_the_server_are_named_with_their_place(bare: CommandLine, tmp_path: Path) -> None:
    older = programs(tmp_path / "old", "15.20 (Debian 15.20-0)")
    commands = bare.having(PGPROMOTE_PG_BIN=str(older))
    assert f"15.20 in {older}" in told(commands.run("dump"), 1)
    read_only(commands, 3, f"15.20 in {older}")


def test_an_incomplete_set_of_programs_is_not_used(bare: CommandLine, tmp_path: Path) -> None:
    places = programs(tmp_path / "part", "16.14")
    (places / "pg_restore").unlink()
    assert "must be 16 or newer" in told(bare.having(PGPROMOTE_PG_BIN=str(places)).run("dump"), 1)


@pytest.mark.parametrize(("version", "status"), [("of no sense", 0), ("16.14", 1)])
def test_programs_that_cannot_say_their_version_are_not_used(
    bare: CommandLine, tmp_path: Path, version: str, status: int
) -> None:
    broken = programs(tmp_path / "broken", version, status)
    assert "must be 16 or newer" in told(bare.having(PGPROMOTE_PG_BIN=str(broken)).run("dump"), 1)


def test_a_program_that_is_no_program_is_not_used(bare: CommandLine, tmp_path: Path) -> None:
    broken = programs(tmp_path / "broken", "16.14")
    (broken / "pg_dump").write_bytes(b"\x00\x01 not a program")
    assert "must be 16 or newer" in told(bare.having(PGPROMOTE_PG_BIN=str(broken)).run("dump"), 1)


def test_a_broken_program_further_down_the_path_does_no_harm(cli: CommandLine, tmp_path: Path) -> None:
    broken = programs(tmp_path / "broken", "16.14", 1)
    places = f"{cli.environment['PGPROMOTE_PG_BIN']}:{broken}"
    assert cli.having(PGPROMOTE_PG_BIN=places).run("dump", tmp_path / "other").returncode == 0


# Places -----------------------------------------------------------------------------------------------------


def without_privileges() -> None:
    """Give up root's right to write and read everywhere, so that modes count for root too."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; fails harmlessly for others


def test_a_directory_that_cannot_be_written_is_named(cli: CommandLine, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    for place in (closed, closed / "below"):
        message = told(cli.run("dump", place, prepare=without_privileges), 1)
        assert f"{place / 'shop_dev.dump'} cannot be written: Permission denied" in message
        assert "belongs to this user" in message
    assert list(closed.iterdir()) == []


def test_an_archive_that_cannot_be_read_is_named(cli: CommandLine, tmp_path: Path) -> None:
    secret = tmp_path / "secret.dump"
    secret.write_bytes(b"PGDMP")
    secret.chmod(0)
    for command in ("inspect", "restore"):
        assert f"'{secret}' is not readable" in told(cli.run(command, secret, prepare=without_privileges), 2)
    (tmp_path / "default" / "shop").mkdir(parents=True)
    secret.rename(tmp_path / "default" / "shop" / "shop_dev.dump")
    default = cli.having(PGPROMOTE_DUMP_DIR=str(tmp_path / "default"))
    for command, code in (("inspect", 1), ("restore", 3)):
        assert "shop_dev.dump is not readable" in told(default.run(command, prepare=without_privileges), code)


def test_a_file_in_the_directorys_place_is_an_error(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert cli.run("dump", file).returncode == 2
    message = told(cli.having(PGPROMOTE_DUMP_DIR=str(file)).run("dump"), 1)
    assert f"{file / 'shop' / 'shop_dev.dump'} cannot be written" in message
    assert file.read_text() == "mine"


LIMITED = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_fails_the_dump_by_name_and_leaves_no_partial_file(
    cli: CommandLine, dev: Server, tmp_path: Path
) -> None:
    url = dev.new_url("CREATE TABLE noise AS SELECT md5(n::text) FROM generate_series(1, 60000) AS n")
    message = told(cli.having(DEV_DATABASE_URL=url).run("dump", prepare=LIMITED), 1)
    assert str(tmp_path / "dumps" / "shop" / "shop_dev.dump") in message
    assert "space" in message


def test_a_full_disk_fails_the_plain_dump_too(cli: CommandLine, dev: Server, tmp_path: Path) -> None:
    url = dev.new_url("CREATE TABLE noise AS SELECT repeat('x', 1000) FROM generate_series(1, 500)")
    place = tmp_path / "other"
    message = told(cli.having(DEV_DATABASE_URL=url).run("dump", place, "--sql", prepare=LIMITED), 1)
    assert str(place / "full.sql") in message
    assert not [path for path in place.iterdir() if "sql" in path.name]


# Two at once ------------------------------------------------------------------------------------------------


def test_a_second_restore_is_refused_and_names_the_first(cli: CommandLine, prod: Server) -> None:
    database = name_in(cli.environment["PROD_DATABASE_URL"])
    with psycopg.connect(prod.url(database)) as session:
        session.execute("LOCK TABLE users")
        first = cli.start("restore", "--strategy", "clean", "--no-safety-archive")
        try:
            holder = """SELECT pid, application_name FROM pg_stat_activity
                WHERE datname = 'postgres' AND application_name LIKE 'pgpromote:%'"""
            wait_until(lambda: prod.rows(holder), "the first holds the lock")
            (pid, name), *_ = prod.rows(holder)
            for command in (("restore",), ("repair",), ("restore", "--reset-schema")):
                message = told(cli.run(*command), 3)
                assert f"Another promotion into {database} on" in message
                assert f"{name}, pid {pid}" in message
                assert "Wait for it to end" in message
        finally:
            first.send_signal(signal.SIGINT)
            assert ended(first).returncode != 0


def test_the_lock_of_another_database_does_not_matter(cli: CommandLine, prod: Server) -> None:
    other = prod.new_database()
    with promotion_lock(Place(other, "other")):
        assert cli.run("repair", "--dry-run").returncode == 0


# Archives ---------------------------------------------------------------------------------------------------


def test_a_file_that_is_no_archive_is_named_with_what_it_is(cli: CommandLine, tmp_path: Path) -> None:
    files = {
        "empty.dump": (b"", "is empty"),
        "picture.dump": (b"\x89PNG\r\n\x1a\n", "not a PostgreSQL archive"),
        "plain.dump": (b"--\n-- PostgreSQL database dump\n", "plain SQL"),
        "cut.dump": ((tmp_path / "dumps" / "shop" / "shop_dev.dump").read_bytes()[:200], "cut or damaged"),
        "cut.sql": (b"-- PostgreSQL database dump\nCREATE TABLE t ();\n", "its last line is missing"),
    }
    for name, (content, reason) in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        message = told(cli.run("restore", "--strategy", "clean", "--yes", path), 3)
        assert str(path) in message
        assert reason in message
    assert f"no archive at {tmp_path / 'missing.dump'}" in told(
        cli.run("inspect", tmp_path / "missing.dump"), 1
    )
    assert "is a directory" in told(cli.run("inspect", tmp_path), 1)


def test_an_archive_of_a_newer_release_is_refused_by_name(
    cli: CommandLine, start_server: StartServer, tmp_path: Path
) -> None:
    newer = start_server(18, "dev")
    url = newer.new_url(SHOP)
    place = tmp_path / "newer"
    assert command_line(tmp_path, newer, url, None, "").run("dump", place).returncode == 0
    message = told(cli.run("restore", place / "shop_dev.dump"), 3)
    assert "the archive has format 1.16" in message
    assert "must be 17 or newer" in message


def test_a_flipped_byte_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    whole = tmp_path / "dumps" / "shop" / "shop_dev.dump"
    copy = tmp_path / "flipped.dump"
    data = bytearray(whole.read_bytes())
    data[-9] ^= 0xFF
    copy.write_bytes(data)
    manifest_path(copy).write_bytes(manifest_path(whole).read_bytes())
    assert "is not the file that its manifest describes" in told(cli.run("restore", copy), 3)


@pytest.mark.parametrize("name", ["it's", 'a "b"', "a\nb", "Bücher 💶", "[red] :x:", os.fsdecode(b"\xff")])
def test_an_odd_file_name_is_used_as_it_is(cli: CommandLine, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.dump"
    path.write_bytes((tmp_path / "dumps" / "shop" / "shop_dev.dump").read_bytes())
    assert cli.run("inspect", path).returncode == 0
    checked = cli.run("check", path)
    assert (checked.returncode, "pgpromote adopt " in checked.stdout) == (3, True)
    assert cli.run("adopt", path).returncode == 0
    assert cli.run("check", path).returncode == 0
