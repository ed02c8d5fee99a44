"""A client program becomes what was started, dies with us, and is given no secret of our environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pgpromote.postgres import tools


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
