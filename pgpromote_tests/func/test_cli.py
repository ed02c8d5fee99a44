"""The command line: what it prints for people and for programs, and its exit codes."""

import json
import os
import pty
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pgpromote.cli import pgpromote
from pgpromote.postgres import dump
from pgpromote.postgres.archives import safety
from pgpromote.postgres.checks.rules import RULES
from pgpromote.postgres.databases import cutover, shadow
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote_tests.func.command_line import BARE, CommandLine, command_line, ended
from pgpromote_tests.servers import Server

COMMANDS = [
    "dump",
    "inspect",
    "check",
    "restore",
    "audit",
    "repair",
    "history",
    "rollback",
    "status",
    "resume",
    "refresh",
    "demo",
    "up",
]
SHOP = """
CREATE EXTENSION vector; CREATE SCHEMA shop;
CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL); INSERT INTO users VALUES (7, 'x');
CREATE TABLE shop.orders (id integer PRIMARY KEY);
CREATE VIEW shop.recent AS SELECT id FROM shop.orders;
CREATE TABLE ":smile: [red]a[/b]\t" (id int);
"""
LONG = "n" * 63


@pytest.fixture(scope="module")
def cli(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Dump a shop once, for all that only look at the archive."""
    name = "[/red] :smile: 'x'"
    commands = command_line(
        tmp_path_factory.mktemp("cli"), dev, dev.new_url(SHOP, name), prod, prod.new_url(name=name)
    )
    result = commands.run("dump", "--json")
    assert result.returncode == 0, result.stderr
    return commands


def path(cli: CommandLine) -> Path:
    return cli.directory / "dumps" / "shop" / "shop_dev.dump"


def with_history(cli: CommandLine, prod: Server, directory: Path) -> tuple[CommandLine, Database, str, Path]:
    """Swap a new prod once, then dump it; return the command line, prod, what it was, and the archive."""
    database = prod.new_database()
    commands = cli.having(PROD_DATABASE_URL=prod.url(database.name), PGPROMOTE_DUMP_DIR=str(directory))
    kept = cutover.swap(Place(database, "p1"), shadow.create(Place(database, "p1")).name).previous
    taken = Path(safety.path(directory / "safety", database.name, datetime.now(UTC)))
    dump.dump(database, taken, [prod.tools()], "p2")
    return commands, database, kept, taken


# Usage ------------------------------------------------------------------------------------------------------


def test_the_help_names_every_command_the_urls_and_the_exit_codes(cli: CommandLine) -> None:
    text = " ".join(cli.run("-h").stdout.split())
    for word in (*COMMANDS, "DEV_DATABASE_URL", "PROD_DATABASE_URL", "0 done, 1 failed, 2 usage, 3 refused"):
        assert word in text
    assert cli.run("--version").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("nosuch",),
        ("dump", "--nosuch"),
        ("dump", "a", "b"),
        ("restore", "a.dump", "many"),
        ("restore", "a.dump", "0"),
        ("restore", "a.dump", "65"),
        ("restore", "a.dump", "-4"),
        ("restore", "a.dump", "4", "public"),
        ("restore", "-t"),
        ("inspect", "a", "b"),
        ("refresh", "--jobs", "0"),
        ("demo", "--scale", "0"),
        ("up", "--port", "x"),
        ("audit", "x"),
    ],
)
def test_wrong_usage_is_code_2_and_names_the_argument(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(pgpromote, arguments)
    assert result.exit_code == 2, result.output
    assert "Error: " in result.stderr
    assert arguments[-1] in result.stderr or "argument" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--json", "status"), "It stands after the command: pgpromote status --json"),
        (("--yes", "rollback"), "It stands after the command: pgpromote rollback --yes"),
        (("-j", "8", "promote"), "It stands after the command: pgpromote promote -j INTEGER RANGE"),
        (("promote", "--env-file=x"), "It stands before the command: pgpromote --env-file FILE promote"),
        (("status", "--debug"), "It stands before the command: pgpromote --debug status"),
        (("--debag", "status"), "Did you mean '--debug'?"),
        (("--json",), "No such option '--json'."),
    ],
)
def test_an_option_on_the_wrong_side_of_the_command_is_told_its_place(
    arguments: tuple[str, ...], told: str
) -> None:
    result = CliRunner().invoke(pgpromote, arguments)
    assert (result.exit_code, told in result.stderr) == (2, True), result.stderr


def test_settings_without_sense_are_refused_by_name(cli: CommandLine) -> None:
    for setting in ("PGPROMOTE_NAME", "PGPROMOTE_TIMEZONE"):
        result = cli.having(**{setting: "../x"}).run("dump")
        assert result.returncode == 1
        assert setting in result.stderr


def test_the_command_line_starts_without_what_only_commands_need() -> None:
    code = "import sys, pgpromote.cli; sys.exit(bool({'dagster', 'psycopg', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=BARE).returncode == 0


# Errors -----------------------------------------------------------------------------------------------------


def test_an_error_is_a_paragraph_and_a_traceback_only_on_demand(cli: CommandLine) -> None:
    plain, debug = cli.run("inspect", "nosuch.dump"), cli.run("--debug", "inspect", "nosuch.dump")
    assert (plain.returncode, debug.returncode) == (1, 1)
    assert plain.stderr.startswith("Error: There is no archive at nosuch.dump.\nHint: ")
    assert plain.stdout == ""
    assert "Traceback" in debug.stderr
    assert "ArchiveError" in debug.stderr


def test_a_reader_that_goes_away_is_no_traceback(cli: CommandLine) -> None:
    with cli.start("inspect") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""


def test_a_search_prints_only_what_was_found_and_says_what_met_nothing(cli: CommandLine) -> None:
    found = cli.run("inspect", "-k", "TABLE", "--name", "*")
    rows = [line.split("\t") for line in found.stdout.splitlines()]
    assert {row[0] for row in rows} == {"TABLE"}
    assert "  archive " in found.stderr
    assert "holds no" not in found.stderr

    typo = cli.run("inspect", "-k", "tabel", "-k", "view", "-k", "TABLE")
    assert typo.stdout.splitlines()
    assert "shop_dev.dump holds no TABEL. Its kinds are: " in typo.stderr
    assert (", TABLE" in typo.stderr, typo.returncode) == (True, 0)

    quiet = cli.run("-q", "inspect", "--kind", "tabel", "--json")
    assert quiet.json()["entries"] == []
    assert "holds no TABEL" in quiet.stderr

    unnamed = cli.run("inspect", "-k", "table", "--name", "nosuch*")
    assert unnamed.stdout == ""
    assert "holds nothing of the kind TABLE whose name is like nosuch*." in unnamed.stderr
    assert "holds nothing whose name is like no?" in cli.run("inspect", "--name", "no?").stderr


# JSON -------------------------------------------------------------------------------------------------------


def test_the_json_of_a_dump_is_its_manifest(cli: CommandLine, tmp_path: Path) -> None:
    result = cli.run("dump", tmp_path, "--json", "--compression", "gzip:2")
    assert result.returncode == 0
    assert result.json() == json.loads((tmp_path / "shop_dev.dump.manifest.json").read_text())
    assert result.json()["source"].startswith("[/red] :smile: 'x' on 127.0.0.1:")


def test_the_json_of_an_archive_is_its_header_its_counts_and_its_entries(cli: CommandLine) -> None:
    found = cli.run("inspect", "--json").json()
    assert found["path"] == str(path(cli))
    assert found["source_database"] == "[/red] :smile: 'x'"
    assert {"size", "created_at", "server_version", "pg_dump_version", "format_version", "compression",
            "encoding"} <= set(found)  # fmt: skip
    assert Counter(entry["kind"] for entry in found["entries"]) == found["counts"]
    tables = [entry["name"] for entry in found["entries"] if entry["kind"] == "TABLE"]
    assert sorted(tables) == [":smile: [red]a[/b]\t", "orders", "users"]


def test_the_json_of_a_search_holds_only_what_was_found(cli: CommandLine) -> None:
    found = cli.run("inspect", path(cli), "--json", "-k", "view", "-k", "TABLE", "--name", "shop.*").json()
    assert [(entry["kind"], entry["schema"], entry["name"]) for entry in found["entries"]] == [
        ("TABLE", "shop", "orders"),
        ("VIEW", "shop", "recent"),
    ]


# What the JSON of a finding says, whether a check or an audit found it.
FINDING = {"rule", "severity", "object", "message", "hint", "fix", "judged", "table"}


def test_the_json_of_a_check_says_whether_and_why(cli: CommandLine, tmp_path: Path) -> None:
    allowed = cli.run("check", "--json")
    assert (allowed.returncode, allowed.json()) == (
        0,
        {"allowed": True, "findings": [], "skipped": {}},
    )
    refused = cli.run("check", tmp_path / "nosuch.dump", "--json")
    assert refused.returncode == 3
    assert refused.json()["allowed"] is False
    (finding,) = refused.json()["findings"]
    assert set(finding) == FINDING
    assert (finding["rule"], finding["severity"]) == ("archive_readable", "error")
    assert refused.json()["skipped"]["policy_roles"] == "the archive could not be read"
    assert "target_reachable" not in refused.json()["skipped"]


def test_the_json_of_restore_audit_and_repair(cli: CommandLine, prod: Server) -> None:
    commands = cli.having(PROD_DATABASE_URL=prod.new_url())
    restored = commands.run("restore", "--no-repair", "--json").json()
    assert {"path", "sha256", "target", "jobs", "seconds", "counts", "warnings"} <= set(restored)
    assert (restored["jobs"], restored["counts"]["TABLE"]) == (min(os.cpu_count() or 4, 16), 3)
    audited = commands.run("audit", "--json").json()
    keys = [row["object"] for row in audited["primary_key_without_identity"]]
    assert keys == ["public.users.id", "shop.orders.id"]
    assert set(audited["not_null_without_default"][0]) == FINDING
    for arguments, done in ((("--dry-run",), False), ((), True)):
        repaired = commands.run("repair", "--json", *arguments).json()
        assert repaired["done"] is done
        assert {"changes", "skipped", "findings"} <= set(repaired)
        assert {change["table"] for change in repaired["changes"]} == {"public.users", "shop.orders"}
    assert commands.run("repair", "--json").json()["changes"] == []


def test_the_json_of_a_history_is_databases_and_archives(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands, database, kept, taken = with_history(cli, prod, tmp_path)

    found = commands.run("history", "--json").json()

    assert set(found) == {"databases", "archives", "held", "died"}
    assert [(each["name"], each["usable"]) for each in found["databases"]] == [(kept, True)]
    assert [(each["path"], each["source"]) for each in found["archives"]] == [(str(taken), database.label)]


# For people -------------------------------------------------------------------------------------------------


def test_a_check_lists_every_rule_and_stops_with_code_3_when_refused(cli: CommandLine, prod: Server) -> None:
    fine = cli.run("check")
    assert fine.returncode == 0
    for rule in RULES:
        assert rule.replace("_", " ") in fine.stdout
    broken = cli.having(PROD_DATABASE_URL=prod.url("nosuch")).run("check")
    assert broken.returncode == 3
    assert "rename it back" in broken.stdout
    assert "  skipped swap possible: prod could not be reached" in broken.stdout.splitlines()
    passed = [line.split(maxsplit=1)[1] for line in broken.stdout.splitlines() if line.split()[0] == "ok"]
    assert passed == ["only sql", "whole archive", "left out", "manifest there"]


def test_names_are_shown_as_they_are_on_one_line(cli: CommandLine, dev: Server, tmp_path: Path) -> None:
    assert ":smile: [red]a[/b]" in cli.run("inspect", "-k", "TABLE").stdout
    url = dev.new_url(f'CREATE SCHEMA "{LONG}"; CREATE TABLE "{LONG}"."{LONG}" (id int)')
    commands = cli.having(DEV_DATABASE_URL=url, PGPROMOTE_DUMP_DIR=str(tmp_path))
    assert commands.run("dump").returncode == 0
    assert f"{LONG}.{LONG}" in commands.run("inspect", "-k", "TABLE").stdout


def test_a_dump_and_a_restore_say_what_they_did(cli: CommandLine, prod: Server, tmp_path: Path) -> None:
    dumped = cli.run("dump", tmp_path, "--sql", "-v")
    assert dumped.returncode == 0
    assert str(tmp_path / "shop_dev.dump") in dumped.stdout
    assert "3 table" in dumped.stdout
    assert "pg_dump: dumping contents of table" in dumped.stderr
    assert (tmp_path / "full.sql").is_file()
    restored = cli.having(PROD_DATABASE_URL=prod.new_url()).run(
        "restore", tmp_path / "shop_dev.dump", "2", "-v"
    )
    assert restored.returncode == 0
    assert "(2 jobs)" in restored.stdout
    assert "pg_restore: creating TABLE" in restored.stderr


def test_a_limited_dump_warns(cli: CommandLine, tmp_path: Path) -> None:
    result = cli.run("dump", tmp_path, "-t", "users", "-T", '":smile*"', "--schema-only")
    assert result.returncode == 1
    result = cli.run("dump", tmp_path, "-t", "users", "--schema-only")
    assert result.returncode == 0
    assert "Warning: limited on purpose to schema only, tables users" in result.stderr


def test_plain_sql_says_that_it_is_slower(cli: CommandLine, prod: Server, tmp_path: Path) -> None:
    assert cli.run("dump", tmp_path, "--sql").returncode == 0
    commands = cli.having(PROD_DATABASE_URL=prod.new_url())
    refused = commands.run("restore", tmp_path / "full.sql")
    assert refused.returncode == 1
    assert "Choose the strategy clean" in refused.stderr
    result = commands.run("restore", tmp_path / "full.sql", "--strategy", "clean")
    assert result.returncode == 0
    assert "slower and not parallel" in result.stderr
    limited = commands.run("restore", tmp_path / "full.sql", "--strategy", "clean", "-t", "users")
    assert limited.returncode == 1
    assert "SQL" in limited.stderr


def test_a_terminal_gets_a_bar_whatever_the_names(cli: CommandLine, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:
        environment = {**BARE, **cli.environment, "TERM": "xterm"}
        command = [sys.executable, "-m", "pgpromote", "dump", str(tmp_path)]
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs
        )
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the way a terminal says that nobody writes any more
            while piece := screen.read(4096):
                shown += piece
        assert process.wait() == 0, shown.decode()
    assert b"Dumping [/red] :smile: 'x' on" in shown


def test_a_history_is_one_list_and_says_how_to_go_back(
    cli: CommandLine, prod: Server, tmp_path: Path
) -> None:
    commands, _, kept, taken = with_history(cli, prod, tmp_path)
    cut = Path(safety.path(taken.parent, taken.name.partition("__")[0], datetime(2000, 1, 1, tzinfo=UTC)))
    cut.write_bytes(taken.read_bytes()[:-1])

    rows = commands.run("history").stdout.splitlines()

    expected = [
        ("archive", f"pgpromote rollback {taken.name}"),
        ("database", f"pgpromote rollback {kept}"),
        ("archive", f"not whole, cannot come back: {cut.name}"),
    ]
    assert [
        (row.split()[0], row[-len(back) :]) for row, (_, back) in zip(rows, expected, strict=True)
    ] == expected
    assert "2000-01-01 00:00:00 UTC" in rows[2]
    assert f"{cut.stat().st_size:,} bytes" in rows[2]


def test_a_prod_without_a_history_says_so(cli: CommandLine, prod: Server, tmp_path: Path) -> None:
    commands = cli.having(PROD_DATABASE_URL=prod.new_url(), PGPROMOTE_DUMP_DIR=str(tmp_path))
    assert commands.run("history").stdout == "No previous database and no safety archive is kept.\n"
    assert commands.run("history", "--json").json() == {
        "databases": [],
        "archives": [],
        "held": None,
        "died": [],
    }


def test_two_commands_share_nothing_but_their_directory(cli: CommandLine, tmp_path: Path) -> None:
    processes = [cli.start("dump", tmp_path / str(n)) for n in range(2)]
    assert [ended(process).returncode for process in processes] == [0, 0]
