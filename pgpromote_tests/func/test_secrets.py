"""Canary passwords: planted in URLs and in the source, and nowhere to be seen afterwards."""

import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from pgpromote.postgres.archives import archive
from pgpromote_tests.func.command_line import CommandLine, command_line
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
# Every piece between two special characters is a canary of its own, so that a part that gets out is seen too.
SPECIAL = "@% '\"\\ü:/?#[]&=+,;$"
DEV_CANARY = re.compile(rb"DevCan\d+")
PROD_CANARY = re.compile(rb"ProdCan\d+")
PLANTED = re.compile(rb"Planted\d+")
ANY = re.compile(rb"(?:DevCan|ProdCan|Planted)\d+")


def canary(name: str, special: str = SPECIAL) -> str:
    """Build a password with a canary before, between and after all special characters."""
    pieces = [f"{name}{n}" for n in range(len(special) + 1)]
    return pieces[0] + "".join(f"{sign}{piece}" for sign, piece in zip(special, pieces[1:], strict=True))


def literal(text: str) -> str:
    """Write an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def conninfo(password: str) -> str:
    """Write a connection string as libpq reads it, with a quoted password."""
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    return f"host=elsewhere password='{escaped}' user=app"


def login(server: Server, database: str, name: str) -> str:
    """Create a superuser whose password is a canary; return the URL of a database."""
    role = f"{name.lower()}_{database}"
    server.execute(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD {literal(canary(name))}")
    password = server.cluster.password
    return server.url(database, role).replace(password, quote(canary(name), safe=""))


# A password in a definition may even hold a line break.
IN_SQL = canary("Planted", SPECIAL + "\n ")
# Statements that dev accepts and prod refuses: its event trigger forbids them. Each holds a planted password.
SECRETIVE = f"""
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper OPTIONS (host 'h', password {literal(IN_SQL)});
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'app', password {literal(IN_SQL)});
CREATE FUNCTION remote() RETURNS text LANGUAGE sql AS $q$ SELECT {literal(conninfo(IN_SQL))}::text $q$;
CREATE VIEW linked AS SELECT {literal(conninfo(IN_SQL))}::text AS link;
CREATE TABLE users (id int); INSERT INTO users SELECT generate_series(1, 50000);
"""
FORBID = """
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'forbidden here'; END $$;
CREATE EVENT TRIGGER forbid ON ddl_command_start
    WHEN tag IN ('CREATE SERVER', 'CREATE USER MAPPING', 'CREATE FUNCTION', 'CREATE VIEW')
    EXECUTE FUNCTION forbid();
"""


@pytest.fixture
def cli(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    dev_name, prod_name = f"secret_{next(dev.numbers)}", f"secret_{next(prod.numbers)}"
    dev.new_url(SECRETIVE, dev_name)
    prod.new_url(name=prod_name)
    return command_line(
        tmp_path, dev, login(dev, dev_name, "DevCan"), prod, login(prod, prod_name, "ProdCan")
    )


class Watch:
    """Reads the arguments of every process of this machine, over and over."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.leaks: set[bytes] = set()
        self.ended = threading.Event()

    def __call__(self) -> None:
        while not self.ended.is_set():
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    with suppress(OSError):
                        self.look(Path(f"/proc/{entry}/cmdline").read_bytes())

    def look(self, command: bytes) -> None:
        self.seen.update(
            name for name in (b"pg_dump", b"pg_restore", b"psql") if name in command.split(b"\0")[0]
        )
        if ANY.search(command):
            self.leaks.add(command)


@contextmanager
def watching() -> Iterator[Watch]:
    watch = Watch()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield watch
    finally:
        watch.ended.set()
        thread.join()


def test_the_watch_would_see_a_leak() -> None:
    watch = Watch()
    watch.look(b"/bin/pg_dump\0--dbname=postgresql://u:" + quote(canary("DevCan")).encode() + b"@h/d")
    assert watch.seen == {b"pg_dump"}
    assert watch.leaks


def test_no_canary_gets_out_of_a_dump_a_check_a_restore_and_a_refresh(
    cli: CommandLine, dev: Server, prod: Server, tmp_path: Path
) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    commands = cli.having(DAGSTER_HOME=str(home))
    with watching() as watch:
        results = [
            commands.run("dump", "--sql", "--verbose"),
            commands.run("check"),
            commands.run("restore", "--verbose", "--json"),
            commands.run("inspect", "--json"),
            commands.run("audit"),
            commands.run("repair"),
            commands.run("restore", tmp_path / "dumps" / "shop" / "full.sql", "-v", "--reset-schema"),
            commands.run("refresh", "--json"),
        ]
    said = "".join(result.text for result in results).encode(errors="surrogateescape")
    assert [result.returncode for result in results] == [0] * len(results), said.decode()
    assert results[-1].json().keys() > {"run", "failed_checks", "problems", "swapped", "audit", "report"}
    assert watch.seen == {b"pg_dump", b"pg_restore", b"psql"}
    assert watch.leaks == set()
    assert not ANY.search(said)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not re.search(rb"(?:DevCan|ProdCan)\d+", path.read_bytes()), path
    for server in (dev, prod):
        assert not re.search(
            rb"(?:DevCan|ProdCan)\d+", (server.cluster.directory / "server.log").read_bytes()
        )


def test_files_are_private_and_what_lies_beside_the_archive_holds_no_planted_password(
    cli: CommandLine, tmp_path: Path
) -> None:
    assert cli.run("dump").returncode == 0
    files = {path.name: path for path in (tmp_path / "dumps" / "shop").iterdir()}
    assert set(files) == {"shop_dev.dump", "shop_dev.dump.manifest.json"}
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in files.values()} == {"0o600"}
    assert oct(stat.S_IMODE((tmp_path / "dumps" / "shop").stat().st_mode)) == "0o700"
    assert not ANY.search(files["shop_dev.dump.manifest.json"].read_bytes())
    # the archive itself carries what dev holds, which is why it is private
    assert any(PLANTED.search(e.definition.encode()) for e in archive.read(files["shop_dev.dump"]).entries)


IN_PLACE = ("--strategy", "clean", "--bring", "foreign-servers", "--bring", "user-mappings")


@pytest.mark.parametrize("options", [(), ("--verbose",), ("--json",)])
def test_statements_that_fail_are_shown_without_their_passwords(
    cli: CommandLine, prod: Server, options: tuple[str, ...]
) -> None:
    assert cli.run("dump").returncode == 0
    prod.execute(FORBID, cli.environment["PROD_DATABASE_URL"].rpartition("/")[2])
    result = cli.run("restore", *IN_PLACE, *options)
    assert result.returncode == 1
    for statement in ("CREATE SERVER elsewhere", "CREATE USER MAPPING"):
        assert statement in result.text
    assert "forbid() line 1" in result.text
    assert "forbidden here" not in result.text
    assert not ANY.search(result.text.encode()), ANY.findall(result.text.encode())


def test_plain_sql_that_fails_is_shown_without_passwords(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    assert cli.run("dump", "--sql").returncode == 0
    prod.execute(FORBID, cli.environment["PROD_DATABASE_URL"].rpartition("/")[2])
    result = cli.run("restore", tmp_path / "dumps" / "shop" / "full.sql", "--strategy", "clean", "--verbose")
    assert result.returncode == 1
    assert "forbid() line 1" in result.text
    assert "forbidden here" not in result.text
    assert not ANY.search(result.text.encode()), ANY.findall(result.text.encode())


def test_errors_of_every_command_are_without_passwords(cli: CommandLine, dev: Server, prod: Server) -> None:
    wrong = {
        variable: cli.environment[variable].replace("Can0", "Can0x") for variable in
        ("DEV_DATABASE_URL", "PROD_DATABASE_URL")
    }  # fmt: skip
    raw = {
        variable: f"postgresql://me:{canary(name)}@h/d"
        for variable, name in (("DEV_DATABASE_URL", "DevCan"), ("PROD_DATABASE_URL", "ProdCan"))
    }
    for variables in (wrong, raw):
        commands = cli.having(**variables, DATABASE_URL=variables["PROD_DATABASE_URL"])
        for command in ("dump", "restore", "audit"):
            result = commands.run("--debug", command)
            assert result.returncode in {1, 3}
            assert not ANY.search(result.text.encode()), result.text


def test_a_url_with_its_password_among_the_parameters_works_and_leaks_nothing(cli: CommandLine) -> None:
    url = cli.environment["DEV_DATABASE_URL"]
    secret = quote(canary("DevCan"), safe="")
    moved = url.replace(f":{secret}@", "@") + f"?password={secret}"
    assert moved != url
    with watching() as watch:
        result = cli.having(DEV_DATABASE_URL=moved).run("dump", "-v")
    assert result.returncode == 0, result.text
    assert watch.seen >= {b"pg_dump"}
    assert not watch.leaks
    assert not ANY.search(result.text.encode())


def test_a_password_file_is_enough(cli: CommandLine, dev: Server, tmp_path: Path) -> None:
    url = cli.environment["DEV_DATABASE_URL"]
    escaped = canary("DevCan").replace("\\", "\\\\").replace(":", "\\:")
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"*:*:*:*:{escaped}\n")
    passfile.chmod(0o600)
    without = url.replace(":" + quote(canary("DevCan"), safe="") + "@", "@")
    result = cli.having(DEV_DATABASE_URL=without, PGPASSFILE=str(passfile)).run("dump")
    assert result.returncode == 0, result.text
