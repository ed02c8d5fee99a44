"""A network that is frozen in mid-statement ends a run, in bounded time, with a true word on prod."""

import re
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgpromote_tests import proxy
from pgpromote_tests.func.command_line import CommandLine, Ended, command_line, ended, sessions, wait_until
from pgpromote_tests.proxy import Proxy
from pgpromote_tests.runs import SHOP, contents_of
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
QUICK = "0.05"  # minutes
# Another connection of the same program may be on its way when the network freezes; the URL gives it 2 s.
CONNECTING = "timeout expired"
SILENT = "nothing has come through|connection timeout expired|timeout expired"
RENAMED = (b"RENAME TO",) * 3


@dataclass(frozen=True)
class Point:
    """A statement of a run, on dev's or prod's server, and what is said of it."""

    command: str
    on_dev: bool
    script: tuple[bytes, ...]
    said: str


POINTS = {
    "pg_dump reads": Point("dump", True, (b"COPY public.orders",), f"pg_dump was given up|{CONNECTING}"),
    "dev is hashed": Point("dump", True, (b"hash_record_extended",), SILENT),
    "a check": Point("restore", False, (b"pg_available_extension",), SILENT),
    "pg_restore writes": Point(
        "restore", False, (b"COPY public.orders",), f"pg_restore was given up|{CONNECTING}"
    ),
    "the proof": Point("restore", False, (b"hash_record_extended",), SILENT),
    "statistics": Point("restore", False, (b'ANALYZE "public"',), SILENT),
    "the lock": Point("restore", False, (b"objsubid = 2",) * 3, "promotion lock .* is lost"),
    "the swap": Point("restore", False, RENAMED[:2], "cut-over of .* was given up|during the cut-over of"),
}


@dataclass(frozen=True)
class Stage:
    """A dev and a prod with a proxy before one of them."""

    dev: Server
    prod: Server
    commands: CommandLine

    def name(self, variable: str) -> str:
        return self.commands.environment[variable].rpartition("/")[2]

    def through(self, network: Proxy, *, on_dev: bool, minutes: str) -> CommandLine:
        variable = "DEV_DATABASE_URL" if on_dev else "PROD_DATABASE_URL"
        url = network.url(self.commands.environment[variable])
        return self.commands.having(
            **{variable: f"{url}?connect_timeout=2", "PGPROMOTE_STALL_MINUTES": minutes}
        )

    def contents(self) -> list[str]:
        return contents_of(self.prod, self.prod.url(self.name("PROD_DATABASE_URL")))

    def quiet(self) -> None:
        wait_until(lambda: not sessions(self.dev) + sessions(self.prod), "no session of ours is left")


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    old = "CREATE TABLE old (a int); INSERT INTO old VALUES (1)"
    commands = command_line(tmp_path, dev, dev.new_url(SHOP), prod, prod.new_url(old))
    commands = commands.having(PGPROMOTE_ACCEPT_LOSS="old")
    made = Stage(dev, prod, commands)
    assert commands.run("dump").returncode == 0
    return made


def port(stage: Stage, point: Point) -> int:
    return (stage.dev if point.on_dev else stage.prod).cluster.port


def freeze(stage: Stage, point: Point, *, lets_in: bool) -> Ended:
    with proxy.between(port(stage, point), *point.script, lets_in=lets_in) as network:
        result = stage.through(network, on_dev=point.on_dev, minutes=QUICK).run(point.command)
        assert network.frozen.is_set()
    return result


@pytest.mark.parametrize(
    ("name", "lets_in"),
    [
        *((name, True) for name in POINTS),
        ("pg_dump reads", False),
        ("pg_restore writes", False),
        ("the proof", False),
        ("the swap", False),
    ],
)
def test_a_frozen_network_ends_a_run(staged: Stage, name: str, lets_in: bool) -> None:
    point, before = POINTS[name], staged.contents()
    result = freeze(staged, point, lets_in=lets_in)
    assert result.returncode == 1
    assert re.search(point.said, result.text)
    assert "Traceback" not in result.text
    staged.quiet()
    assert staged.contents() == before


def test_the_next_run_goes_through_after_a_freeze(staged: Stage) -> None:
    for name in ("pg_dump reads", "pg_restore writes"):
        assert freeze(staged, POINTS[name], lets_in=False).returncode == 1
    for command in ("dump", "restore"):
        assert staged.commands.run(command).returncode == 0
    assert len(staged.prod.rows("SELECT FROM orders", staged.name("PROD_DATABASE_URL"))) == 50


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("pg_dump reads", signal.SIGTERM),
        ("pg_restore writes", signal.SIGINT),
        ("the proof", signal.SIGTERM),
        ("statistics", signal.SIGINT),
    ],
)
def test_a_signal_ends_a_run_on_a_frozen_network(staged: Stage, name: str, number: signal.Signals) -> None:
    point, before = POINTS[name], staged.contents()
    with proxy.between(port(staged, point), *point.script, lets_in=False) as network:
        process = staged.through(network, on_dev=point.on_dev, minutes="600").start(point.command)
        wait_until(network.frozen.is_set, "the network to be frozen")
        process.send_signal(number)
        result = ended(process)  # not in ten hours
    assert result.returncode not in {0, -signal.SIGKILL}
    assert "Traceback" not in result.text
    staged.quiet()
    assert staged.contents() == before


def test_a_commit_that_never_arrived_leaves_prod_the_old_one_and_open(staged: Stage) -> None:
    before = staged.contents()
    with proxy.between(staged.prod.cluster.port, *RENAMED, b"COMMIT", delivers=False) as network:
        result = staged.through(network, on_dev=False, minutes=QUICK).run("restore")
        assert network.frozen.is_set()
    assert result.returncode == 1
    assert "Prod is as it was, and open" in result.text
    assert staged.contents() == before


def test_a_commit_whose_answer_is_lost_is_found_done(staged: Stage) -> None:
    with proxy.between(staged.prod.cluster.port, *RENAMED, b"COMMIT") as network:
        result = staged.through(network, on_dev=False, minutes=QUICK).run("restore")
        assert network.frozen.is_set()
    assert result.returncode == 0, result.text
    assert len(staged.prod.rows("SELECT FROM orders", staged.name("PROD_DATABASE_URL"))) == 50


def test_a_commit_that_nobody_can_ask_for_leaves_prod_unknown_and_says_where_to_look(staged: Stage) -> None:
    with proxy.between(staged.prod.cluster.port, *RENAMED, b"COMMIT", lets_in=False) as network:
        result = staged.through(network, on_dev=False, minutes=QUICK).run("restore")
    assert result.returncode == 1
    assert "Prod is wholly old or wholly new" in result.text
    assert "look at the history" in result.text
    assert "untouched" not in result.text
    assert len(staged.prod.rows("SELECT FROM orders", staged.name("PROD_DATABASE_URL"))) == 50
