"""A program that a signal ends is interrupted: that is no verdict on it, nor on what it read."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pgpromote.postgres import tools
from pgpromote.postgres.archives import archive
from pgpromote.postgres.errors import ToolFailed
from pgpromote.postgres.model import ServerVersion
from pgpromote.postgres.tools import PROGRAMS, Tools

SIGNALS = [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]


def installation(place: Path, script: str) -> Path:
    """Make client programs that are all this script."""
    place.mkdir()
    for name in PROGRAMS:
        (place / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / name).chmod(0o755)
    return place


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_an_installation_whose_program_a_signal_ends_is_not_skipped(
    tmp_path: Path, number: signal.Signals
) -> None:
    killed = installation(tmp_path / "killed", f"kill -{int(number)} $$")
    older = installation(tmp_path / "older", "echo 'pg_dump (PostgreSQL) 12.1'")
    with pytest.raises(ToolFailed) as failure:
        tools.find([killed, older])
    assert f"{killed}/pg_dump --version was ended by {number.name}." in str(failure.value)


@pytest.mark.parametrize("script", ["exit 1", "echo nothing", "exec /nowhere", ""])
def test_an_installation_that_does_not_run_is_skipped(tmp_path: Path, script: str) -> None:
    broken = installation(tmp_path / "broken", script)
    older = installation(tmp_path / "older", "echo 'pg_dump (PostgreSQL) 12.1'")
    assert [each.directory for each in tools.find([broken, older])] == [older]


def test_an_installation_is_asked_once_for_its_version_until_its_program_is_another(tmp_path: Path) -> None:
    place = installation(tmp_path / "client", f"echo >> {tmp_path}/asked; echo 'pg_dump (PostgreSQL) 16.1'")
    for _ in range(3):
        assert [each.version for each in tools.find([place])] == [ServerVersion(160001)]
    assert (tmp_path / "asked").read_text().count("\n") == 1
    (place / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 17.2'\n")
    assert [each.version for each in tools.find([place])] == [ServerVersion(170002)]


@pytest.mark.parametrize("program", ["gone", "not/a/file"])
def test_a_program_that_is_not_there_is_named(tmp_path: Path, program: str) -> None:
    with pytest.raises(ToolFailed, match=f"{program} cannot be run: No such file"):
        tools.ask([str(tmp_path / program), "--version"])


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_an_archive_whose_reading_a_signal_ends_is_not_called_broken(
    tmp_path: Path, number: signal.Signals
) -> None:
    client = Tools(installation(tmp_path / "killed", f"kill -{int(number)} $$"), ServerVersion(160014))
    with pytest.raises(ToolFailed, match=f"interrupted by {number.name}"):
        archive.verify(tmp_path / "shop.dump", client)


def test_an_archive_is_not_called_broken_by_a_program_that_lacks_a_library(tmp_path: Path) -> None:
    lacking = installation(
        tmp_path / "lacking", "echo 'error while loading shared libraries: libpq'; exit 127"
    )
    with pytest.raises(ToolFailed, match="interrupted by exit code 127: error while loading"):
        archive.verify(tmp_path / "shop.dump", Tools(lacking, ServerVersion(160014)))


def test_a_program_that_vanished_says_so(tmp_path: Path) -> None:
    completed = tools.run([str(tmp_path / "pg_dump"), "--version"], {})
    assert completed.interrupted
    assert completed.lines == (f"{tmp_path}/pg_dump cannot be run: No such file or directory.",)


def test_a_program_becomes_what_was_started(tmp_path: Path) -> None:
    """No process of ours stands between: a signal for it is a signal for the program."""
    completed = tools.run(["/bin/sh", "-c", "echo $PPID; ps -o pgid= -p $$"], {})
    parent, group = (int(line) for line in completed.lines)
    assert parent == os.getpid()
    assert group != os.getpgid(0)


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "raise SystemExit(3)"])
def test_a_program_dies_with_us(tmp_path: Path, end: str) -> None:
    pipe = tmp_path / "alive"
    os.mkfifo(pipe)
    script = (
        "import os, subprocess, sys; from pgpromote.postgres.tools import tied\n"
        "subprocess.Popen(tied(['/bin/sh', '-c', 'exec sleep 60 >' + sys.argv[1]]))\n"
        f"os.open(sys.argv[1], os.O_RDONLY)\n{end}"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(pipe)], stderr=subprocess.DEVNULL) as ours:
        reader = os.open(pipe, os.O_RDONLY)
        ours.wait()
        assert os.read(reader, 1) == b""  # nobody writes any more
        os.close(reader)


SECRETS = (
    "DEV_DATABASE_URL", "PROD_DATABASE_URL", "DATABASE_URL", "DAGSTER_POSTGRES_URL", "PGPROMOTE_WEBHOOK_URL",
    "AWS_SECRET_ACCESS_KEY", "SMTP_PASSWORD", "EDITOR", "PSQL_PAGER",
)  # fmt: skip
NEEDED = (
    "PATH",
    "HOME",
    "TZ",
    "LD_LIBRARY_PATH",
    "PGPASSFILE",
    "PGSSLROOTCERT",
    "PGSERVICEFILE",
    "KRB5CCNAME",
)


def test_a_program_gets_what_libpq_needs_of_our_environment_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*SECRETS, *NEEDED):
        monkeypatch.setenv(name, "/canary")
    completed = tools.run(["/usr/bin/env"], {"PGAPPNAME": "test"})
    given = dict(line.partition("=")[::2] for line in completed.lines)
    assert given.keys().isdisjoint(SECRETS)
    assert {name for name in NEEDED if given.get(name) == "/canary"} == {*NEEDED}
    assert given["PGAPPNAME"] == "test"
