"""A monitor of cron jobs is told when a promotion begins and how it ends; it never fails or holds one up."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pgpromote.report.ping import Event, ping
from pgpromote_tests.func.command_line import CommandLine, command_line
from pgpromote_tests.func.web import Silent, serving
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server

SECRET = "kanarienvogel"


@dataclass
class Monitor:
    """A monitor of cron jobs, and the paths that it was asked for."""

    port: int = 0
    answer: int = 200
    told: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{SECRET}"


@contextmanager
def monitoring(answer: int = 200) -> Iterator[Monitor]:
    """Run a monitor that always gives the same answer."""
    monitor = Monitor(answer=answer)

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            monitor.told.append(self.path)
            self.send_response(monitor.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as monitor.port:
        yield monitor


@pytest.fixture
def cli(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    return command_line(tmp_path, dev, dev.new_url(SHOP), prod, prod.new_url())


def test_a_promotion_tells_its_start_and_its_success(cli: CommandLine) -> None:
    with monitoring() as monitor:
        line = cli.having(PGPROMOTE_PING_URL=monitor.url)
        assert line.run("dump").returncode == 0
        assert monitor.told == []
        done = line.run("restore")
    assert done.returncode == 0, done.stderr
    assert monitor.told == [f"/{SECRET}/start", f"/{SECRET}"]


@pytest.mark.parametrize(
    "arguments", [("restore", "gone.dump"), ("restore", "--strategy", "clean", "-n", "x")]
)
def test_a_promotion_that_does_not_end_well_tells_its_failure(
    cli: CommandLine, arguments: tuple[str, ...]
) -> None:
    with monitoring() as monitor:
        done = cli.having(PGPROMOTE_PING_URL=monitor.url + "/").run(*arguments)
    assert done.returncode != 0
    assert monitor.told == [f"/{SECRET}/start", f"/{SECRET}/fail"]


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_a_monitor_that_declines_changes_nothing_but_a_warning(cli: CommandLine, answer: int) -> None:
    with monitoring(answer) as monitor:
        done = cli.having(PGPROMOTE_PING_URL=monitor.url).run("restore", "gone.dump")
    assert f"Warning: The monitor was not told of the start: it answered {answer}" in done.stderr
    assert "gone.dump" in done.stderr
    assert SECRET not in done.text


@pytest.mark.parametrize("url", [f"ftp://host/{SECRET}", f"http://user:{SECRET}@host/", f"{SECRET} x"])
def test_an_address_that_is_none_changes_nothing_but_a_warning(tmp_path: Path, url: str) -> None:
    done = CommandLine(tmp_path, {"PGPROMOTE_PING_URL": url}).run("restore", "gone.dump")
    assert "PGPROMOTE_PING_URL is not the address of a web server." in done.stderr
    assert SECRET not in done.text


def test_a_ping_has_an_end_whatever_the_network_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}"
        assert ping(url, Event.START, seconds=0.2) == "no answer in 0.2 s"


def test_an_answer_that_drips_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()
        thread = threading.Thread(target=drip, args=(server, ended))
        thread.start()
        told = ping(f"http://127.0.0.1:{server.getsockname()[1]}/", Event.SUCCESS, seconds=0.5)
        ended.set()
        thread.join()
    assert told == "no answer in 0.5 s"


def drip(server: socket.socket, ended: threading.Event) -> None:
    """Answer one connection with a header that has no end."""
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not ended.is_set():
            connection.sendall(b"X: y\r\n")
            time.sleep(0.1)


def test_a_query_stays_at_its_place() -> None:
    with monitoring() as monitor:
        assert ping(f"{monitor.url}?rid=1", Event.FAIL) == ""
    assert monitor.told == [f"/{SECRET}/fail?rid=1"]
