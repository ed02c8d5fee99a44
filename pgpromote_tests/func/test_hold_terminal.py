"""A person at a terminal is shown what prod is, asked before it goes back, and asked while it is on hold."""

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.cells import cell_len

from pgpromote.postgres.databases import hold, previous
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests.func.command_line import BARE, CommandLine, command_line
from pgpromote_tests.func.shops import content, new_name, word
from pgpromote_tests.servers import Server


@dataclass(frozen=True)
class Desk:
    """A promoted prod, and a person at a terminal."""

    prod: Server
    database: Database
    commands: CommandLine

    def type(self, *arguments: str, answer: str = "", columns: int = 80) -> tuple[int, str]:
        """Run a command on a terminal so wide and answer its question; return exit code and screen."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.write(ours, f"{answer}\n".encode())
        command = [sys.executable, "-m", "pgpromote", *arguments]
        environment = {**BARE, **self.commands.environment, "TERM": "xterm", "NO_COLOR": "1"}
        with subprocess.Popen(
            command, env=environment, cwd=self.commands.directory, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            screen = b"".join(_pieces(ours))
        os.close(ours)
        return process.returncode, screen.decode()


def _pieces(screen: int) -> Iterator[bytes]:
    with suppress(OSError):  # the way a terminal says that nobody writes any more
        while piece := os.read(screen, 4096):
            yield piece


@pytest.fixture
def kind() -> str:
    """Return what name prod has, unless a test says otherwise."""
    return "plain"


@pytest.fixture
def desk(kind: str, dev: Server, prod: Server, tmp_path: Path) -> Desk:
    """Return a prod that was promoted once."""
    database = prod.new_database(content("old"), new_name(prod, kind))
    commands = command_line(tmp_path, dev, dev.new_url(content("new")), prod, prod.url(database.name))
    for command in ("dump", "restore"):
        done = commands.run(command)
        assert done.returncode == 0, done.text
    return Desk(prod, parse_url(prod.url(database.name), "PROD_DATABASE_URL"), commands)


def test_a_rollback_says_what_is_prod_and_asks_and_a_restore_asks_while_it_holds(desk: Desk) -> None:
    code, screen = desk.type("rollback", answer="n")
    assert code == 1
    for told in (
        "is now: promotion shop, archive shop_dev.dump, SHA-256",
        "Bring it back?",
        "Prod is untouched.",
        "Aborted",
    ):
        assert told in " ".join(screen.split())
    assert word(desk.prod, desk.database) == "new"
    assert hold.read(Place(desk.database)) is None

    refused = desk.commands.run("rollback")
    assert (refused.returncode, "pgpromote rollback --yes" in refused.stderr) == (2, True)
    assert word(desk.prod, desk.database) == "new"

    code, screen = desk.type("rollback", answer="y")
    assert code == 0, screen
    assert "pgpromote resume" in screen
    assert word(desk.prod, desk.database) == "old"

    code, screen = desk.type("restore", "--yes", answer="n")
    assert (code, "is on hold since" in screen) == (1, True)
    assert word(desk.prod, desk.database) == "old"
    code, screen = desk.type("restore", answer="y")
    assert code == 0, screen
    assert word(desk.prod, desk.database) == "new"
    assert hold.read(Place(desk.database))


@pytest.mark.parametrize(
    ("columns", "kind"),
    [(20, "quotes"), (20, "the longest in unicode"), (80, "the longest in unicode"), (80, "plain")],
)
def test_the_history_shows_the_whole_command_at_any_width_and_what_each_was(desk: Desk, columns: int) -> None:
    assert desk.commands.run("rollback", "--yes").returncode == 0
    (kept,) = previous.history(Place(desk.database))

    code, screen = desk.type("history", columns=columns)

    assert code == 0
    # A shell reads on after a backslash at the end of a line.
    assert f"  pgpromote rollback {shlex.quote(kept.name)}\r\n" in re.sub(r"\\\r\n +", "", screen)
    told = " ".join(screen.split())
    if columns == 80:
        assert max(map(cell_len, screen.partition("database until")[2].splitlines())) <= columns
    for part in (
        "promotion shop, archive shop_dev.dump, SHA-256 ",
        "prod since 20",
        "put aside by a rollback",
    ):
        assert part in told
    assert "is on hold since" in told
    status = desk.commands.run("status")
    assert "pgpromote resume ends that" in status.stdout
    assert kept.name in status.stdout
    assert desk.commands.run("status", "--json").json()["held"]["database"] == kept.name
    row = desk.commands.run("history").stdout.splitlines()[0].split("\t")
    assert row[-1] == f"pgpromote rollback {shlex.quote(kept.name)}"


def test_a_plan_names_what_will_be_dropped_after_it(desk: Desk) -> None:
    kept = [previous.history(Place(desk.database))[0].name]
    for _ in range(2):
        assert desk.commands.run("restore").returncode == 0
        kept += [previous.history(Place(desk.database))[0].name]

    planned = desk.commands.run("plan")
    assert kept[1] in next(line for line in planned.stdout.splitlines() if "drops then" in line)
    assert desk.commands.run("plan", "--json").json()["dropped"] == [kept[1]]
    assert kept[1] in desk.commands.run("restore").stdout

    assert kept[1] not in [each.name for each in previous.history(Place(desk.database))]
