"""The command line on a terminal and off it: progress, colours, one screen of summary, rows, completion."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from pgpromote.cli import GROUPS, pgpromote
from pgpromote.demo import auction
from pgpromote_tests.func.command_line import BARE, CommandLine, Ended, command_line
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

RED, GREEN = "\x1b[31m", "\x1b[32m"
# A row that takes a second to load, and a view that is filled in one while rows are compared: long enough for
# a terminal that is drawn four times a second.
LASTING = """
    CREATE FUNCTION lasts() RETURNS boolean LANGUAGE sql RETURN (SELECT true FROM pg_catalog.pg_sleep(1));
    CREATE TABLE lasting (id integer PRIMARY KEY, CHECK (public.lasts()));
    INSERT INTO lasting VALUES (1);
    CREATE MATERIALIZED VIEW slow AS SELECT FROM pg_catalog.pg_sleep(1);
"""
OLD = "CREATE TABLE relics (id integer PRIMARY KEY); INSERT INTO relics VALUES (1)"


@dataclass(frozen=True)
class Seen:
    """What a command wrote to a terminal of 24 lines and 80 columns, and to stdout beside it."""

    returncode: int
    screen: str
    stdout: str


def on_a_terminal(commands: CommandLine, *arguments: str, piped: bool = False, **variables: str) -> Seen:
    """Run a command on a terminal; `piped` takes its stdout away into a file, which no output fills."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with tempfile.TemporaryFile() as piped_to:
        with subprocess.Popen(
            [sys.executable, "-m", "pgpromote", *arguments],
            env={**BARE, **commands.environment, "TERM": "xterm", **variables},
            cwd=commands.directory,
            stdin=subprocess.DEVNULL,
            stdout=piped_to if piped else theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            screen = b"".join(_pieces(ours))
        os.close(ours)
        piped_to.seek(0)
        stdout = piped_to.read()
    return Seen(process.returncode, screen.decode(), stdout.decode())


def _pieces(screen: int) -> Iterator[bytes]:
    with suppress(OSError):  # the way a terminal says that nobody writes any more
        while piece := os.read(screen, 4096):
            yield piece


def dumped(dev: Server, prod: Server, directory: Path, script: str = "") -> CommandLine:
    """Dump the sample auction and more, for a prod with what a promotion takes away."""
    dev_url = dev.new_url(script)
    auction.build(dev_url)
    (directory / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    commands = command_line(directory, dev, dev_url, prod, prod.new_url(OLD))
    commands = commands.having(
        DAGSTER_HOME=str(directory),
        DAGSTER_DISABLE_TELEMETRY="1",
        PGPROMOTE_REPORT_DIR=str(directory / "reports"),
        PGPROMOTE_ACCEPT_LOSS="relics",
    )
    assert commands.run("dump").returncode == 0
    return commands


@pytest.fixture(scope="module")
def cli(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return dumped(dev, prod, tmp_path_factory.mktemp("terminal"))


@pytest.fixture(scope="module")
def lasting(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Return a command line whose restore takes long enough to be watched."""
    return dumped(dev, prod, tmp_path_factory.mktemp("lasting"), LASTING)


@pytest.fixture(scope="module")
def refreshed(cli: CommandLine) -> Ended:
    return cli.run("refresh")


def test_a_restore_on_a_terminal_shows_its_phases_percent_and_what_remains(lasting: CommandLine) -> None:
    seen = on_a_terminal(lasting, "restore")
    assert seen.returncode == 0
    for told in ("check", "prepare", "restore", " %", " of 232 entries", "repair", "prove", "cut over"):
        assert told in seen.screen
    assert re.search(r" ([0-9,]+) of \1 rows", seen.screen)  # all are compared while the view is filled
    assert GREEN in seen.screen


def test_a_refresh_on_a_terminal_shows_what_a_dump_and_a_restore_show_and_its_audits(
    lasting: CommandLine,
) -> None:
    seen = on_a_terminal(lasting, "refresh")
    assert seen.returncode == 0, seen.screen
    for told in ("Dumping Dev", "kB last time", "Restoring into", "check", "prepare", " of 232 entries"):
        assert told in seen.screen
    for told in ("repair", "prove", "cut over", "prod audit", "promotion report"):
        assert told in seen.screen


def test_a_dump_on_a_terminal_shows_bytes_and_those_of_the_last_time(cli: CommandLine) -> None:
    seen = on_a_terminal(cli, "dump")
    assert seen.returncode == 0
    assert "kB last time" in seen.screen


def test_no_color_means_none(cli: CommandLine) -> None:
    seen = on_a_terminal(cli, "check", NO_COLOR="1")
    assert "archive readable" in seen.screen
    assert GREEN not in seen.screen
    assert RED not in seen.screen
    assert GREEN in on_a_terminal(cli, "check").screen


@pytest.mark.parametrize("command", ["dump", "rehearse", "restore", "promote", "refresh"])
def test_on_a_terminal_the_summary_fits_one_screen(cli: CommandLine, command: str) -> None:
    seen = on_a_terminal(cli, command, NO_COLOR="1")
    assert seen.returncode == 0, seen.screen
    first = "  archive "
    lines = (first + seen.screen.rpartition(first)[2]).splitlines()
    assert 5 < len(lines) <= 23, "\n".join(lines)
    assert max(len(line) for line in lines if str(cli.directory) not in line) <= 80


@pytest.mark.parametrize("command", ["restore", "promote", "refresh"])
def test_every_way_to_a_new_prod_ends_with_the_same_facts_and_the_verdict_on_the_last_line(
    cli: CommandLine, refreshed: Ended, command: str
) -> None:
    done = refreshed if command == "refresh" else cli.run(command)
    *told, verdict = done.stdout.splitlines()
    facts = [line.split("  ")[1] for line in told if line[2:3].strip()]
    assert facts == [
        "archive", "sha256", "objects", "restored", "repaired", "left alone", "proven", "gap", "previous",
        "back with", *(["dropped"] if "dropped" in facts else []), "time", "checks", "audit", "report",
    ]  # fmt: skip
    assert verdict.startswith("Swapped ")
    assert verdict.endswith(": the new database is proven.")


@pytest.mark.parametrize("command", ["dump", "rehearse", "restore", "promote", "refresh"])
def test_off_a_terminal_the_summary_is_whole_and_without_colours(
    cli: CommandLine, refreshed: Ended, command: str
) -> None:
    done = refreshed if command == "refresh" else cli.run(command)
    assert done.returncode == 0, done.stderr
    assert "…" not in done.stdout
    assert "\x1b" not in done.text
    assert "%" not in done.text


def test_warnings_of_the_sample_are_told_before_its_informative_rows_everywhere(
    cli: CommandLine, prod: Server
) -> None:
    done = cli.having(PROD_DATABASE_URL=prod.new_url()).run("restore")
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ")]
    first, new = (next(n for n, line in enumerate(lines) if told in line) for told in ("identity", ": New: "))
    assert first < new
    assert [line for line in lines if line.startswith("… and ")]
    page = max(
        Path(cli.environment["PGPROMOTE_REPORT_DIR"]).glob("*.json"), key=lambda path: path.stat().st_mtime
    )
    severities = [each["severity"] for each in json.loads(page.read_text())["rights"]["findings"]]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)


def test_a_refresh_names_its_report_and_only_the_steps_that_it_walks(refreshed: Ended) -> None:
    (line,) = (line for line in refreshed.stdout.splitlines() if line.startswith("  report "))
    assert Path(line.split()[1]).is_file()
    assert "  parallel restore\n" in refreshed.stderr
    assert "reset schema" not in refreshed.stderr
    assert "pgpromote audit shows them" in refreshed.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("dump",),
        ("check",),
        ("plan",),
        ("rehearse", "-v"),
        ("restore", "-v"),
        ("promote", "-v"),
        ("history",),
        ("refresh", "-v"),
    ],
)
def test_json_is_alone_on_stdout_even_on_a_terminal(cli: CommandLine, command: tuple[str, ...]) -> None:
    seen = on_a_terminal(cli, *command, "--json", piped=True)
    assert seen.returncode == 0, seen.screen
    assert isinstance(json.loads(seen.stdout), dict)


def test_rows_are_split_by_tabs_whatever_the_names(cli: CommandLine, dev: Server, tmp_path: Path) -> None:
    url = dev.new_url('CREATE TABLE "a\tb" (id int); CREATE TABLE "c\x1b[31md" (id int)')
    commands = cli.having(DEV_DATABASE_URL=url, PGPROMOTE_DUMP_DIR=str(tmp_path))
    assert commands.run("dump").returncode == 0
    rows = [line.split("\t") for line in commands.run("inspect", "-k", "TABLE").stdout.splitlines()]
    shown = [row for row in rows if row[0] == "TABLE"]
    assert shown == [["TABLE", r"public.a\tb", "postgres"], ["TABLE", r"public.c\u001b[31md", "postgres"]]


def test_the_help_lists_every_command_under_its_heading_within_80_columns(cli: CommandLine) -> None:
    text = cli.run("--help").stdout
    for heading, names in GROUPS.items():
        section = text.partition(f"{heading}:\n")[2].partition("\n\n")[0]
        for name in names:
            assert f"  {name} " in section
            shown = CliRunner().invoke(pgpromote, [name, "--help"]).output
            assert "Example:\n    " in shown
            assert f"pgpromote {name}" in shown
            assert max(map(len, shown.splitlines())) <= 80
            assert shown.isascii()
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_a_shell_is_printed(cli: CommandLine, shell: str) -> None:
    done = cli.run("completion", shell)
    assert done.returncode == 0, done.stderr
    assert f"_PGPROMOTE_COMPLETE={shell}_complete" in done.stdout
    assert done.stdout == cli.having(_PGPROMOTE_COMPLETE=f"{shell}_source").run().stdout


def test_the_shell_is_told_commands_options_and_values(cli: CommandLine) -> None:
    def completed(*words: str) -> set[str]:
        line = " ".join(words)
        asked = cli.having(
            _PGPROMOTE_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)
        )
        return {each.partition(",")[2] for each in asked.run().stdout.splitlines()}

    assert {"rehearse", "restore", "refresh"} <= completed("pgpromote", "re")
    assert "--strategy" in completed("pgpromote", "restore", "--st")
    assert completed("pgpromote", "restore", "--strategy", "re") == {"reset-schema"}


def test_sentences_fit_80_columns_on_a_terminal_and_are_one_line_in_a_pipe(
    cli: CommandLine, prod: Server
) -> None:
    long = "d" * 63
    prod.execute(f'CREATE DATABASE "{long}"')
    commands = cli.having(PROD_DATABASE_URL=prod.url(long), PGPROMOTE_ACCEPT_LOSS="")
    assert commands.run("restore").returncode == 0
    for command in (("plan",), ("check",), ("doctor",), ("status",), ("rollback", "--yes"), ("status",)):
        seen = on_a_terminal(commands, *command, NO_COLOR="1")
        assert seen.returncode == 0, seen.screen
        lines = re.sub(r"\x1b\[[0-9?;]*[A-Za-z]", "", seen.screen.replace("\r", "\n")).splitlines()
        wide = [
            line for line in lines if len(line) > 80 and not re.search(r"^(Dev|Prod): | → |archive  ", line)
        ]
        assert [line for line in wide if "  go on with" not in line] == []
    piped = commands.run("doctor").stdout.splitlines()
    assert [line for line in piped if re.match(r" *ok prod: .{80,} a superuser\.$", line)], piped


def test_every_time_says_utc(cli: CommandLine) -> None:
    assert cli.run("restore").returncode == 0
    moment = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC"
    for told in (cli.run("history").stdout, on_a_terminal(cli, "history").screen, cli.run("status").stdout):
        assert re.search(moment, told)
        assert "+00:00" not in told
