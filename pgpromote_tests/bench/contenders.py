"""The contenders: each makes the case's target of its source, and returns the seconds it took."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgpromote.promotion import SOURCE, TARGET
from pgpromote_tests.bench.stage import Case
from pgpromote_tests.bench.trace import Part

JOBS_OF_PGCOPYDB = "2"  # one for each core of the machine on which the goals were set
# What a bare restore must share with ours to be a fair measure of our overhead.
SHARED = ("--format", "--compress", "--jobs", "--no-owner", "--no-privileges")


@dataclass(frozen=True)
class Promoted:
    """One promotion in a process of its own. `seconds` is its whole life, start and imports included.

    `phases` are the steps as a person sees them; `parts` say where the time went, a part within another
    counted once; `commands` are the programs that were started.
    """

    seconds: float
    proof: str
    tables: int
    rows: int
    gap_ms: float
    peak_bytes: int
    phases: Mapping[str, float]
    parts: Mapping[str, Part]
    commands: Sequence[Sequence[str]]

    @property
    def split(self) -> dict[str, float]:
        """Seconds by part, with those of Python's own start and end."""
        parts = {name: part.seconds for name, part in self.parts.items()}
        beside = sum(seconds for name, seconds in parts.items() if "(beside)" not in name)
        return {**parts, "start and end of Python": self.seconds - beside}

    @property
    def queries(self) -> dict[str, int]:
        """Queries by part."""
        return {name: part.queries for name, part in self.parts.items() if part.queries}

    @property
    def tools(self) -> float:
        """Seconds in pg_dump and pg_restore."""
        return sum(part.seconds for name, part in self.parts.items() if name.startswith(("pg_", "tool ")))


def ours(case: Case, how: str = "walk") -> Promoted:
    """Promote in a fresh process: `walk` as the command line does, `dagster` as the job does."""
    command = [sys.executable, "-m", "pgpromote_tests.bench.child", how]
    seconds, output = _timed(command, case)
    told = json.loads(output.splitlines()[-1])
    parts = {name: Part(**part) for name, part in told.pop("parts").items()}
    promoted = Promoted(seconds, parts=parts, **told)
    assert promoted.proof == "exact", f"the proof was {promoted.proof}"
    return promoted


def manual(case: Case) -> float:
    """Run the two commands that people run by hand, with their defaults."""
    archive = case.directory / "manual.dump"
    source, target = case.environment[SOURCE], case.environment[TARGET]
    dump = ["pg_dump", "-Fc", f"--file={archive}", f"--dbname={source}"]
    restore = ["pg_restore", "--clean", "--if-exists", "-j4", f"--dbname={target}", str(archive)]
    return _run(dump, case) + _run(restore, case)


def bare(case: Case, commands: Sequence[Sequence[str]]) -> float:
    """Run pg_dump and pg_restore with the settings that a promotion has used, and nothing else."""
    archive = case.directory / "bare.dump"
    source = connection("pg_dump", commands, case.environment[SOURCE])
    target = connection("pg_restore", commands, case.environment[TARGET])
    dump = ["pg_dump", *settings("pg_dump", commands), source, f"--file={archive}"]
    restore = ["pg_restore", *settings("pg_restore", commands), target, str(archive)]
    return _run(dump, case) + _run(restore, case)


def pgcopydb(case: Case) -> float:
    """Clone with pgcopydb, a job for each core."""
    jobs = ["--table-jobs", JOBS_OF_PGCOPYDB, "--index-jobs", JOBS_OF_PGCOPYDB]
    where = ["--source", case.environment[SOURCE], "--target", case.environment[TARGET]]
    return _run(["pgcopydb", "clone", *where, *jobs, "--dir", str(case.directory / "pgcopydb")], case)


def pgcopydb_version() -> tuple[str, frozenset[int]]:
    """Return pgcopydb's version and the major versions it says it can clone; "" where it is not installed."""
    program = shutil.which("pgcopydb")
    if program is None:
        return "", frozenset()
    done = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    return parse_pgcopydb(done.stdout + done.stderr)


def parse_pgcopydb(text: str) -> tuple[str, frozenset[int]]:
    """Return version and major versions from the output of `pgcopydb --version`."""
    version = re.search(r"pgcopydb version (\S+)", text)
    compatible = re.search(r"compatible with Postgres (.*)", text)
    majors = re.findall(r"\d+", compatible[1]) if compatible else []
    return version[1] if version else "unknown", frozenset(map(int, majors))


def settings(program: str, commands: Sequence[Sequence[str]]) -> list[str]:
    """Return the settings of a promotion's dump or restore: those of the pass with most connections."""
    candidates = [
        [argument for argument in command[1:] if argument.partition("=")[0] in SHARED]
        for command in _of(program, commands)
    ]
    return max(candidates, key=_jobs)


def _of(program: str, commands: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the commands of a program that talk to a database."""
    named = [command for command in commands if Path(command[0]).name == program]
    return [command for command in named if any(argument.startswith("--dbname=") for argument in command)]


def _jobs(arguments: Sequence[str]) -> int:
    return max((int(each.partition("=")[2]) for each in arguments if each.startswith("--jobs=")), default=1)


def connection(program: str, commands: Sequence[Sequence[str]], url: str) -> str:
    """Return the promotion's connection string, session settings included, for another database."""
    command = max(_of(program, commands), key=_jobs)
    used = next(each for each in command if each.startswith("--dbname=")).partition("=")[2]
    return "--dbname=" + make_conninfo("", **{**conninfo_to_dict(used), **conninfo_to_dict(url)})


def _run(command: Sequence[str], case: Case) -> float:
    return _timed(command, case)[0]


def _timed(command: Sequence[str], case: Case) -> tuple[float, str]:
    """Run a program to its end; its output is shown when it fails. Returns its seconds and its stdout."""
    started = time.monotonic()
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=case.environment, stdin=subprocess.DEVNULL
    )
    seconds = time.monotonic() - started
    assert done.returncode == 0, f"{command[0]} failed: {done.stderr[-2000:]}"
    return seconds, done.stdout
