"""The command line in processes that are forked from one that has loaded it.

Each is a process as any, with an environment, a directory and streams of its own; but a third of a second of
CPU, which loading takes, is paid once for thousands of commands.
"""

import atexit
import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TextIO

from pgpromote.cli import GROUPS

# What the interpreter and rich read when they are loaded: with one of these a command is started as by hand.
READ_EARLY = (
    "PYTHON",
    "LC_",
    "LANG",
    "COLUMNS",
    "LINES",
    "TERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLORTERM",
    "TZ",
)
MODULES = (
    "pgpromote.cli",
    *(f"pgpromote.cli.{module}" for each in GROUPS.values() for module in each.values()),
)


def suits(environment: Mapping[str, str]) -> bool:
    """Say whether nothing in an environment is read before the command line begins."""
    return not any(name.startswith(READ_EARLY) for name in environment)


def run(
    arguments: Sequence[str], directory: Path, environment: Mapping[str, str], out: Path, seconds: float
) -> int:
    """Run a command to its end, its stdout and stderr in the files `out/stdout` and `out/stderr`.

    Returns the exit code. Raises TimeoutError, and kills the command, after so many seconds.
    """
    process = _context().Process(target=_command, args=(arguments, directory, dict(environment), out))
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"{arguments} was not over after {seconds} s")
    code = process.exitcode
    process.close()
    return code


@cache
def _context() -> ForkServerContext:
    """Start the process that loads the command line, in an environment that says nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *MODULES])
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update({name: kept[name] for name in ("PATH", "TMPDIR") if name in kept})
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # the code under test, as in a worktree
    try:
        forkserver.ensure_running()
    finally:
        os.environ.update(kept)
    return context


def _command(arguments: Sequence[str], directory: Path, environment: Mapping[str, str], out: Path) -> None:
    """Be `python -m pgpromote` from here on."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(out / name, os.O_WRONLY | os.O_CREAT, 0o600), number)
    sys.stdout, sys.stderr = _stream(1, "surrogateescape"), _stream(2, "backslashreplace")
    sys.argv = ["pgpromote", *arguments]
    try:
        runpy.run_module("pgpromote", run_name="__main__", alter_sys=True)
    except Exception:  # noqa: BLE001 - the interpreter's own part
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
    finally:
        atexit._run_exitfuncs()


def _stream(number: int, errors: str) -> TextIO:
    return open(number, "w", encoding="utf-8", errors=errors, closefd=False)
