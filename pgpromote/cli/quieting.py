"""--quiet and --log-file: nothing but problems and JSON on the terminal, and the rest in a file."""

import atexit
import logging
import os
import stat
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

import click

from pgpromote.cli.delivery import Delivery
from pgpromote.cli.shell import PROGRAM
from pgpromote.postgres.errors import ConfigError
from pgpromote.terminal import streams


class Loud(logging.Handler):
    """Show log records as problems, above a picture of progress, and on a quiet console."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        from pgpromote.terminal import screen  # noqa: PLC0415 - slow to load, and rarely wanted

        screen.show_problem(record.getMessage())


# In the context of a command: whether it is to be quiet, and its log.
QUIET, LOG = "pgpromote.quiet", "pgpromote.log"


def begin(context: click.Context, *, quiet: bool, log_file: Path | None) -> None:
    """Make the command quiet, and begin its log. Raises ConfigError."""
    logging.getLogger(PROGRAM).addHandler(Loud())
    _set(context, quiet=quiet, log_file=log_file)


def _set(root: click.Context, *, quiet: bool = False, log_file: Path | None = None) -> None:
    root.meta[QUIET] = quiet or root.meta.get(QUIET, False)
    if log_file:
        root.meta[LOG] = begun(log_file, root)
        if isinstance(root.obj, Delivery):
            root.obj.log, root.obj.log_path = root.meta[LOG], log_file
    if quiet or log_file:
        from pgpromote.terminal import console  # noqa: PLC0415 - slow to load, and rarely wanted

        console.set_up(quiet=root.meta[QUIET], log=root.meta.get(LOG))


def accepting(command: click.Command) -> None:
    """Let the two options stand after a command, too; its help does not repeat them."""
    flag = click.Option(["--quiet", "-q"], is_flag=True, hidden=True, expose_value=False, callback=_late)
    log_file = click.Option(
        ["--log-file"], type=click.Path(path_type=Path), hidden=True, expose_value=False, callback=_late
    )
    command.params += [flag, log_file]


def _late(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value and not context.resilient_parsing:  # a shell that completes begins no log
        _set(context.find_root(), **{str(parameter.name): value})


def quieting(command: click.Command) -> None:
    """Let a command that is to be quiet show its result only when it fails or a program asked for it."""
    if command.callback:
        command.callback = _quieting(command.callback)


def _quieting(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def quiet(*arguments: Any, **options: Any) -> Any:
        meta = click.get_current_context().meta
        if not meta.get(QUIET) or options.get("as_json"):
            return run(*arguments, **options)
        held_back = StringIO()
        try:
            with redirect_stdout(held_back):
                return run(*arguments, **options)
        except BaseException:
            click.echo(held_back.getvalue(), nl=False)
            raise
        finally:
            if meta.get(LOG):
                meta[LOG].write(held_back.getvalue())

    return quiet


def begun(path: Path, context: click.Context) -> TextIO:
    """Open a log for more lines, and begin it with the time and the command. Raises ConfigError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(path, flags, 0o600)
    except OSError as error:
        raise _problem(path, "is a symbolic link" if path.is_symlink() else str(error.strerror)) from None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        os.close(handle)
        raise _problem(path, "is no regular file of your own")
    os.fchmod(handle, 0o600)
    file = streams.keeping(handle)
    atexit.register(file.close)  # the last line is said after the command
    file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC pgpromote {context.invoked_subcommand}\n")
    return file


def _problem(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{path} cannot be the log: {why}.", "Name a file in a directory of your own.")
