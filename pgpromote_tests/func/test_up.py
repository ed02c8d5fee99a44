"""`pgpromote up` and `pgpromote demo` on a bare machine: servers of their own, and nothing left behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from pgpromote.demo import servers, stage
from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import bare_login
from pgpromote.settings import from_environment
from pgpromote_tests import services
from pgpromote_tests.services import descendants, is_running, tools_of, until

pytestmark = pytest.mark.long
SERVERS = ("dev", "prod")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a directory by `pgpromote init`, as who has no checkout; its clusters are removed at the end."""
    directory = tmp_path_factory.mktemp("up")
    assert run(directory, "init").returncode == 0
    yield directory
    shutil.rmtree(servers.home(directory))


def embedded_url(checkout: Path, name: str, database: str) -> str:
    """Return the URL of a running embedded server, from what it left in its directory."""
    home = servers.home(checkout) / name
    port = (home / "data" / "postmaster.pid").read_text().splitlines()[3]
    return f"postgresql://postgres:{(home / 'password').read_text()}@127.0.0.1:{port}/{database}"


def stopped(checkout: Path) -> bool:
    """Tell whether both servers were shut down in order."""
    home = servers.home(checkout)
    return all((home / name / "data" / "PG_VERSION").exists() for name in SERVERS) and not any(
        (home / name / "data" / "postmaster.pid").exists() for name in SERVERS
    )


def run(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pgpromote", *arguments],
        check=False,
        cwd=checkout,
        env=services.environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_the_servers_come_with_a_login_that_does_nothing_but_build(checkout: Path) -> None:
    with stage.set_up({}, checkout) as variables:
        promotion = from_environment(variables)
        login = promotion.build_login()
        assert login

        looked = bare_login.look(login, promotion.place(), "postgres")

        assert looked.login
        assert looked.login.user == stage.BUILDER
        assert bare_login.surplus(looked.login) == []


def test_the_demo_promotes_and_tells_it_on_one_screen(checkout: Path) -> None:
    done = run(checkout, "demo")

    assert done.returncode == 0, done.stderr
    assert len((done.stdout + done.stderr).splitlines()) <= 40
    path = checkout / "data" / "postgres" / "auction_dev" / "auction_dev.dump"
    for told in (
        str(path),
        archive.digest(path),
        "rows and hashes equal to what was dumped",
        "public.auctions.id",
        "pgpromote audit shows them",
        "make up",
    ):
        assert told in done.stdout
    assert stopped(checkout)


def test_the_demo_can_be_run_again_at_once_and_reads_nothing_of_the_users_own_settings(
    checkout: Path, tmp_path: Path
) -> None:
    """A promotion of their own may well have the name of the demo's."""
    theirs = tmp_path / "auction_dev" / "auction_dev.dump"
    theirs.parent.mkdir()
    theirs.write_text("precious")
    with socket.create_server(("127.0.0.1", 0)) as mine:
        url = f"postgresql://me:secret@127.0.0.1:{mine.getsockname()[1]}/mine?connect_timeout=2"
        variables = dict.fromkeys(("DATABASE_URL", "DEV_DATABASE_URL", "PROD_DATABASE_URL"), url)
        done = run(checkout, "demo", **variables, PGPROMOTE_DUMP_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "public.auctions.id" in done.stdout
    assert "mine" not in done.stdout
    assert theirs.read_text() == "precious"
    assert stopped(checkout)


def test_ctrl_c_stops_everything_that_up_started_even_in_the_middle_of_a_run(checkout: Path) -> None:
    # The session outlives the server: it is closed after that.
    with ExitStack() as sessions, services.up(checkout) as dagster:
        url = embedded_url(checkout, "dev", "auction_dev")
        holder = sessions.enter_context(closing(psycopg.connect(url)))
        holder.execute("LOCK TABLE public.auctions IN ACCESS EXCLUSIVE MODE")
        job = dagster.launch("dump_dev")
        until(lambda: tools_of(job), "pg_dump to run")
        waiting = "SELECT FROM pg_locks WHERE NOT granted"
        with psycopg.connect(url, autocommit=True) as watcher:
            until(lambda: watcher.execute(waiting).fetchall(), "pg_dump to wait for the lock")
        started = descendants(dagster.process.pid) | tools_of(job)
        assert len(started) > 10  # two servers with their children, five of Dagster, pg_dump

        dagster.process.send_signal(signal.SIGINT)

        assert dagster.process.wait(services.PATIENCE_SECONDS) == 0
        assert [pid for pid in started if is_running(pid)] == []
    assert stopped(checkout)
    assert list((checkout / "data" / "postgres").glob("*.partial")) == []
    assert "Dagster UI: http://127.0.0.1:" in dagster.log.read_text()


def test_up_tells_its_address_when_that_answers_and_how_to_reach_its_databases(checkout: Path) -> None:
    with services.up(checkout) as dagster:
        lines = until(lambda: told_by(dagster), "up to tell where it is")
        answers = [
            subprocess.run(
                ["/bin/sh", "-c", f'{command} -XAtc "SELECT current_database(), current_user"'],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            for name, _, command in (line.partition(" in psql: ") for line in lines)
            if name in SERVERS
        ]
        run = dagster.launch("dump_dev")
        assert dagster.ended(run) == "SUCCESS"
        assert told_by(dagster) == lines  # the events of the run are in the UI, and the address stays
        assert " - DEBUG - " not in dagster.log.read_text()
        secrets = [(servers.home(checkout) / name / "password").read_text() for name in SERVERS]
    assert answers == ["auction_dev|postgres\n", "auction_prod|postgres\n"]
    assert [secret for secret in secrets if secret in dagster.log.read_text()] == []


def told_by(dagster: services.Dagster) -> list[str]:
    """Return what `up` has told since the web server answered."""
    log = dagster.log.read_text()
    return log[log.find("Dagster UI: ") :].splitlines() if log.count(" in psql: ") == 2 else []


@pytest.mark.parametrize("target", ["demo", "up", "test"])
def test_make_says_that_it_installs_before_it_does(tmp_path: Path, target: str) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(services.CHECKOUT / name, tmp_path)
    # A virtual environment that is not made has no pip: it ends there.
    done = subprocess.run(
        ["/usr/bin/env", "make", target, "PYTHON=true"],
        check=False,
        cwd=tmp_path,
        # The tests are run by make, too, which tells one below it to name its directory.
        env={name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stdout.startswith("Installing pgpromote with Dagster and PostgreSQL into .venv")


def test_up_with_a_port_in_use_says_so_at_once(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, (checkout / "refused.log").open("wb") as output:
        port = taken.getsockname()[1]
        process = services.start_up(checkout, port, output, {})
        try:
            code = process.wait(services.PATIENCE_SECONDS)
        finally:
            services.stop(process)
    assert code == 1
    assert str(port) in (checkout / "refused.log").read_text()
    assert stopped(checkout)
