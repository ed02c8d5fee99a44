"""Every command that the documentation shows, run as shown against real servers.

A page's commands run in one shell, in a checkout of their own, with the roles of the how-to about roles.
Only the example hosts are replaced. What a page shows below a command must be in what that command prints;
an ellipsis there stands for anything. A block that cannot run says why in a comment before it.
"""

import configparser
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from psycopg import sql

from pgpromote_tests import services
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server

DOCS = services.CHECKOUT / "docs"
EXAMPLES = DOCS / "examples"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
ROLES = "howto/roles.md"
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^>]+) -->\n)?```console\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
PROMPT = "$ "
ENDED = "--- ended ---"
END_JOBS = "trap 'jobs -p | xargs --no-run-if-empty kill' EXIT"  # when a page fails half way
UNIT_BIN = "/opt/pgpromote/.venv/bin/"
OWNERS = """SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname LIKE 'shop%'"""
POWERS = (
    "SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = 'promoter'"
)
LEFT = "SELECT * FROM pg_shdepend WHERE refobjid = 'builder'::regrole"
# Prod before the first promotion: older than dev, owned by a role without login, used by another.
PROD = """
    SET ROLE shop_owner;
    CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
    INSERT INTO customers SELECT n, 'old customer ' || n FROM generate_series(1, 3) AS n;
    GRANT SELECT, INSERT ON customers TO shop_app;
"""


@dataclass(frozen=True)
class Command:
    """A command as a page shows it, and the lines that the page shows as its output."""

    text: str
    shown: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """A checkout whose environment leads to a dev and a prod server."""

    checkout: Path
    dev: Server
    prod: Server
    environment: Mapping[str, str]

    def run(self, script: str) -> "subprocess.CompletedProcess[str]":
        """Run a script with the servers in place of the example hosts."""
        for host, server in (("dev", self.dev), ("prod", self.prod), ("ops", self.dev)):
            script = script.replace(f"{host}.example:5432", f"127.0.0.1:{server.cluster.port}")
        return subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            check=False,
            cwd=self.checkout,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def make_roles(self) -> None:
        """Make the roles of the how-to about roles, with its files."""
        for side in ("dev", "prod"):
            url = f"postgresql://postgres@{side}.example:5432/shop"
            script = f"psql --set ON_ERROR_STOP=1 --file docs/examples/roles-{side}.sql {url}"
            passwords = " ".join(f"{role}_PASSWORD=secret" for role in ("DUMPER", "PROMOTER", "BUILDER"))
            made = self.run(f"export {passwords}; {script}")
            assert made.returncode == 0, made.stdout


@pytest.fixture
def world(start_server: StartServer, major: int, tmp_path: Path) -> World:
    """Make dev and prod of the how-tos afresh, on servers of their own: roles belong to a whole server."""
    dev, prod = start_server(major, "docs-dev"), start_server(major, "docs-prod")
    for server in (dev, prod):
        clear(server)
    dev.execute("CREATE ROLE dagster LOGIN PASSWORD 'secret'")
    dev.execute("CREATE DATABASE dagster OWNER dagster")
    dev.new_url(SHOP, "shop")
    prod.execute("CREATE ROLE shop_owner PASSWORD 'secret'; CREATE ROLE shop_app LOGIN PASSWORD 'secret'")
    prod.execute("CREATE DATABASE shop OWNER shop_owner TEMPLATE template0")
    prod.execute(PROD, "shop")
    checkout = services.checkout(tmp_path / "checkout")
    shutil.copytree(EXAMPLES, checkout / "docs" / "examples")
    (checkout / "data" / "postgres").mkdir(parents=True)
    return World(checkout, dev, prod, environment(tmp_path, dev, prod))


def clear(server: Server) -> None:
    """Drop every database and role that an earlier page has made."""
    server.drop(server.databases() - {"postgres"})
    for (role,) in server.rows("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND oid >= 16384"):
        name = sql.Identifier(str(role))
        server.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name).as_string())


def environment(home: Path, dev: Server, prod: Server) -> dict[str, str]:
    """Set what the how-to about one's own databases sets, and the superusers' passwords for psql."""
    passwords = home / ".pgpass"
    lines = (f"127.0.0.1:{s.cluster.port}:*:postgres:{s.cluster.password}\n" for s in (dev, prod))
    passwords.write_text("".join(lines))
    passwords.chmod(0o600)
    places = (Path(sys.executable).parent, dev.cluster.bin_dir, os.defpath)
    return {
        "PATH": os.pathsep.join(map(str, places)),
        "HOME": str(home),
        "PYTHONPATH": str(services.CHECKOUT),
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
        "DEV_DATABASE_URL": f"postgresql://dumper:secret@127.0.0.1:{dev.cluster.port}/shop",
        "PROD_DATABASE_URL": f"postgresql://promoter:secret@127.0.0.1:{prod.cluster.port}/shop",
        "BUILD_DATABASE_URL": f"postgresql://builder:secret@127.0.0.1:{prod.cluster.port}/shop",
        "DAGSTER_POSTGRES_URL": f"postgresql://dagster:secret@127.0.0.1:{dev.cluster.port}/dagster",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PGPROMOTE_NAME": "shop",
    }


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Yield the console blocks of a page: why each is not run, "" for those that are, and its text."""
    for match in BLOCK.finditer((DOCS / page).read_text()):
        yield match["why"] or "", match["text"]


def commands(page: str) -> list[Command]:
    """Read the commands of a page that are run."""
    found: list[Command] = []
    for line in (line for why, text in blocks(page) if not why for line in text.splitlines()):
        if line.startswith(PROMPT):
            found.append(Command(line.removeprefix(PROMPT), ()))
        else:
            last = found.pop()
            found.append(Command(last.text, (*last.shown, line)))
    return found


def is_in(shown: str, output: str) -> bool:
    """Tell whether a line of a page is in the output: however it is spaced, an ellipsis for anything."""
    words = (r"\s+".join(map(re.escape, part.split())) for part in shown.split("…"))
    return re.search(".*".join(words), output) is not None


def follow(world: World, page: str) -> None:
    """Run a page's commands in one shell; each must succeed and print what the page shows."""
    steps = commands(page)
    done = world.run("\n".join([END_JOBS, *(f"{step.text}\necho {ENDED}" for step in steps)]))
    outputs = done.stdout.split(ENDED)
    assert done.returncode == 0, f"{steps[len(outputs) - 1].text}\n{outputs[-1]}"
    for step, output in zip(steps, outputs[:-1], strict=True):
        for line in step.shown:
            assert is_in(line, output), f"{line!r} is not in the output of: {step.text}\n{output}"


RUN = [page for page in PAGES if commands(page)]


@pytest.mark.parametrize("page", [page for page in RUN if page != ROLES])
def test_every_command_of_a_page_does_what_the_page_shows(world: World, page: str) -> None:
    world.make_roles()
    follow(world, page)


def test_the_roles_of_the_how_to_suffice_for_a_whole_swap_promotion(world: World) -> None:
    follow(world, ROLES)

    assert world.prod.rows(OWNERS, "shop") == [("shop_owner",)]
    assert world.prod.rows("SELECT has_table_privilege('shop_app', 'customers', 'INSERT')", "shop") == [
        (True,)
    ]
    assert world.prod.rows(POWERS) == [(False, False, False, False)]
    assert world.prod.rows(LEFT) == []


def test_blocks_that_are_not_run_are_few_and_say_why() -> None:
    reasons = [why for page in PAGES for why, _ in blocks(page) if why]
    assert len(reasons) <= 7
    assert all(len(why.split()) > 3 for why in reasons)


def test_no_block_of_commands_escapes_the_tests() -> None:
    shown = sum(path.read_text().count("```console") for path in DOCS.rglob("*.md"))
    assert shown == sum(1 for page in PAGES for _ in blocks(page))


def test_the_units_and_the_containers_start_the_same() -> None:
    started = re.findall(r"^    command: (.+)$", (EXAMPLES / "compose.yaml").read_text(), re.MULTILINE)
    assert [command.replace("0.0.0.0", "127.0.0.1") for command in started] == [  # noqa: S104 - a container's
        exec_start(service).removeprefix(UNIT_BIN) for service in ("webserver", "daemon")
    ]


def test_what_the_units_start_runs_a_promotion_and_leaves_nothing(world: World) -> None:
    world.make_roles()
    port = services.free_port()
    log = world.checkout / "services.log"
    with log.open("wb") as output:
        webserver, daemon = (start(world, service, port, output) for service in ("webserver", "daemon"))
    try:
        ui = services.Dagster(webserver, port, world.checkout, log)
        services.until(ui.is_ready, "the web server with its code location")
        ended = ui.ended(ui.launch("refresh_prod"))
    finally:
        children = services.descendants(webserver.pid) | services.descendants(daemon.pid)
        for process in (daemon, webserver):
            services.stop(process, signal.SIGTERM)

    assert ended == "SUCCESS", log.read_text()
    services.until(
        lambda: not any(map(services.is_running, children)), "the end of what the services started"
    )


def exec_start(service: str) -> str:
    """Read what a unit starts."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.read(EXAMPLES / f"pgpromote-{service}.service")
    return unit["Service"]["ExecStart"]


def start(world: World, service: str, port: int, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start what a unit starts, as a service is started: in the background, SIGTERM to end it."""
    command = (
        exec_start(service).replace(UNIT_BIN, f"{Path(sys.executable).parent}/").replace("3000", str(port))
    )
    return subprocess.Popen(
        shlex.split(command),
        cwd=world.checkout,
        env={**world.environment, "DAGSTER_HOME": str(world.checkout)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
