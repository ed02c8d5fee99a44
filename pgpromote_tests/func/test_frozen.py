"""A network that is frozen in the middle of a statement ends a run, in bounded time, and what it says is true."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pgpromote_tests import proxy
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import CommandLine, command_line, sessions, wait_until
from pgpromote_tests.proxy import Proxy
from pgpromote_tests.runs import SHOP, contents_of
from pgpromote_tests.servers import Server

QUICK = "0.05"  # minutes
RENAMED = (b"RENAME TO",) * 3


@dataclass(frozen=True)
class Point:
    """A statement of a run, on dev's or prod's server, and what is said of it."""

    command: str
    on_dev: bool
    script: tuple[bytes, ...]
    said: str


POINTS = {
    "pg_dump reads": Point("dump", True, (b"COPY public.orders",), "pg_dump was given up"),
    "dev is hashed": Point("dump", True, (b"hash_record_extended",), "nothing has come through"),
    "a check": Point("restore", False, (b"pg_available_extension",), "nothing has come through"),
    "pg_restore writes": Point("restore", False, (b"COPY public.orders",), "pg_restore was given up"),
    "the proof": Point("restore", False, (b"hash_record_extended",), "nothing has come through"),
    "statistics": Point("restore", False, (b'ANALYZE "public"',), "nothing has come through"),
    "the lock": Point("restore", False, (b"objsubid = 2",) * 3, "lock of"),
    "the swap": Point("restore", False, RENAMED[:2], "given up"),
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
def major() -> int:
    return 16


@pytest.fixture
def staged(start_server: StartServer, major: int, tmp_path: Path) -> Stage:
    dev, prod = start_server(major, "dev"), start_server(major, "prod")
    old = "CREATE TABLE old (a int); INSERT INTO old VALUES (1)"
    commands = command_line(tmp_path, dev, dev.new_url(SHOP), prod, prod.new_url(old))
    made = Stage(dev, prod, commands)
    assert commands.run("dump").returncode == 0
    return made


def port(stage: Stage, point: Point) -> int:
    return (stage.dev if point.on_dev else stage.prod).cluster.port


@pytest.mark.parametrize("lets_in", [True, False], ids=["one connection", "all"])
@pytest.mark.parametrize("name", POINTS)
def test_a_frozen_network_ends_a_run(staged: Stage, name: str, lets_in: bool) -> None:
    point, before = POINTS[name], staged.contents()
    with proxy.between(port(staged, point), *point.script, lets_in=lets_in) as network:
        result = staged.through(network, on_dev=point.on_dev, minutes=QUICK).run(point.command)
        assert network.frozen.is_set()
    assert result.returncode == 1
    assert point.said in result.text
    assert "Traceback" not in result.text
    staged.quiet()
    assert staged.contents() == before
    assert staged.commands.run("refresh").returncode == 0
