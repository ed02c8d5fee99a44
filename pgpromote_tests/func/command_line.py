"""The command line as a real process, the contents of its databases, and waiting for conditions."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pgpromote.demo import auction
from pgpromote.postgres import dump
from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import adopt
from pgpromote.postgres.model import Archive, Manifest
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests.func import preloaded
from pgpromote_tests.servers import Server

# The clients of the test's own servers alone are found: nothing of this machine, no PG* variable.
BARE = {"PATH": os.defpath, "HOME": "/nonexistent", "PYTHONPATH": str(Path(__file__).parents[2])}
SECONDS = 120
RANDOM_KEY = re.compile(r"^\\(?:un)?restrict .*\n", re.MULTILINE)


@dataclass(frozen=True)
class Ended:
    """The exit code and the output of a command."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr

    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class CommandLine:
    """`python -m pgpromote` in a directory, with an environment of its own.

    `start` starts it as by hand; `run` forks it from a process that has loaded it (`preloaded`).
    """

    directory: Path
    environment: Mapping[str, str]

    def having(self, **variables: str) -> "CommandLine":
        return replace(self, environment={**self.environment, **variables})

    def start(
        self, *arguments: str | Path, prepare: Callable[[], None] | None = None
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "pgpromote", *arguments],
            cwd=self.directory,
            env={**BARE, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            preexec_fn=prepare,  # noqa: PLW1509 - one system call, before exec
        )

    def run(self, *arguments: str | Path, prepare: Callable[[], None] | None = None) -> Ended:
        environment = {**BARE, **self.environment}
        if prepare or not preloaded.suits(self.environment):
            return ended(self.start(*arguments, prepare=prepare))
        with TemporaryDirectory() as out:
            written = [Path(out, name) for name in ("stdout", "stderr")]
            code = preloaded.run([*map(str, arguments)], self.directory, environment, Path(out), SECONDS)
            return Ended(code, *(each.read_text("utf-8", "surrogateescape") for each in written))


def ended(process: "subprocess.Popen[str]") -> Ended:
    """Wait for a command to end."""
    stdout, stderr = process.communicate(timeout=SECONDS)
    return Ended(process.returncode, stdout, stderr)


def command_line(
    directory: Path, dev: Server, dev_url: str, prod: Server | None, prod_url: str
) -> CommandLine:
    """Set up a command line for two databases, with the client programs of their servers."""
    places = dict.fromkeys(str(server.cluster.bin_dir) for server in (dev, prod) if server)
    return CommandLine(
        directory,
        {
            "DEV_DATABASE_URL": dev_url,
            "PROD_DATABASE_URL": prod_url,
            "PGPROMOTE_NAME": "shop",
            "PGPROMOTE_DUMP_DIR": str(directory / "dumps"),
            "PGPROMOTE_PG_BIN": os.pathsep.join(places),
            "PGPROMOTE_RESTORE_AS_SUPERUSER": "1",
        },
    )


def having_dumped(directory: Path, dev: Server, script: str, prod: Server) -> CommandLine:
    """Set up a command line for a new dev and an empty prod, and dump dev."""
    commands = command_line(directory, dev, dev.new_url(script), prod, prod.new_url())
    result = commands.run("dump", "--json")
    assert result.returncode == 0, result.stderr
    return commands


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; fail when it does not come true."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)


def sessions(server: Server) -> list[tuple[object, ...]]:
    """Return the sessions of pgpromote and its children on a server."""
    return server.rows(
        "SELECT pid, application_name, wait_event_type, wait_event, state, query FROM pg_stat_activity "
        "WHERE application_name LIKE 'pgpromote:%' ORDER BY pid"
    )


def wait_until_waiting(server: Server, event: str) -> None:
    """Wait until a session of pgpromote waits for the given event, such as `Lock` or `PgSleep`."""
    wait_until(lambda: any(event in row[2:4] for row in sessions(server)), f"a session in {event}")


def contents(server: Server, database: str, *options: str) -> str:
    """Dump a whole database as text: two equal texts are two equal databases."""
    target = parse_url(server.url(database), "DATABASE_URL")
    command = [server.tools().path("pg_dump"), f"--dbname={target.argument()}", *options]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**BARE, **target.environment("")}
    )
    assert done.returncode == 0, done.stderr
    return RANDOM_KEY.sub("", done.stdout)


@dataclass(frozen=True)
class Sample:
    """A source and the archive that pgpromote wrote of it."""

    source: Database
    path: Path
    archive: Archive
    manifest: Manifest


def dumped(dev: Server, source: Database, path: Path, **options: Any) -> Sample:
    """Dump a source with pgpromote."""
    found, manifest = dump.dump(source, path, [dev.tools()], "test", **options)
    return Sample(source, path, found, manifest)


def sample_of(dev: Server, script: str, path: Path) -> Sample:
    """Create a source and dump it."""
    return dumped(dev, dev.new_database(script, variable="DEV_DATABASE_URL"), path)


@cache
def auction_sample(dev: Server, directory: Path) -> Sample:
    """Dump the sample auction house, once for each server and directory."""
    url = dev.new_url()
    auction.build(url)
    return dumped(dev, parse_url(url, "DEV_DATABASE_URL"), directory / f"auction{dev.major}.dump")


def moved(sample: Sample, path: Path, content: bytes | None = None) -> Path:
    """Lay a copy of an archive, perhaps a changed one, elsewhere without its manifest."""
    path.write_bytes(sample.path.read_bytes() if content is None else content)
    assert not archive.manifest_path(path).exists()
    return path


def adopted(path: Path, server: Server) -> Path:
    """Adopt an archive without a manifest, as a person must before it is restored; return its path."""
    adopt.adopt(path, [server.tools()], "test")
    return path
