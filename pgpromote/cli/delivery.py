"""The exit code and the warning of a command that could not write its output.

Where a command has changed something, its exit code is about that alone. Where its output is all that it
makes, output that is lost is a failure; a reader that wanted no more of it is none.
"""

import errno
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

import click

from pgpromote.cli.details_command import Shown
from pgpromote.terminal import streams

NEW = "Prod is the new one"
# The result of each command with an effect, as a sentence.
DONE: Mapping[str, str] = {
    "promote": NEW,
    "restore": NEW,
    "refresh": NEW,
    "rehearse": "The rehearsal went well, and Prod is untouched",
    "dump": "The archive is written, and Prod is untouched",
    "adopt": "The archive is adopted, and Prod is untouched",
    "rollback": "An earlier Prod is back, and on hold until pgpromote resume",
    "resume": "Prod is not on hold",
    "mark-prod": "Prod is marked",
    "repair": "The primary keys of Prod are repaired",
    "init": "The files are written",
    "alert": "The webhook took a test alert",
}
PLAIN = {errno.EPIPE: "its reader is gone", errno.EBADF: "stdout is closed"}
UNDONE = "Prod is no longer marked"
# Options with which a command has no effect.
ONLY_SHOWN = ("dry_run", "kind")


@dataclass
class Delivery:
    """The details, the result and the log of a command, for its last lines."""

    shown: Shown = field(default_factory=Shown)
    done: str = ""
    log: TextIO | None = None
    log_path: Path | None = None


def noting(command: click.Command) -> None:
    """Let a command with an effect note its result."""
    done = DONE.get(str(command.name))
    if command.callback and done:
        command.callback = _noting(command.callback, done)


def _noting(run: Callable[..., Any], done: str) -> Callable[..., Any]:
    @wraps(run)
    def noted(*arguments: Any, **options: Any) -> Any:
        result = run(*arguments, **options)
        delivery = click.get_current_context().find_root().obj
        if isinstance(delivery, Delivery) and not any(options.get(each) for each in ONLY_SHOWN):
            delivery.done = UNDONE if options.get("remove") else done
        return result

    return noted


def settled(delivery: Delivery, code: int, show: Callable[[str], None]) -> int:
    """Show a warning or an error for lost output, and return the exit code."""
    if lost := streams.failure(delivery.log):
        show(f"Warning: {delivery.log_path} lacks lines: {lost.strerror}.")
    lost = streams.failure(sys.stdout)
    if lost is None or (lost.errno == errno.EPIPE and not delivery.done):
        return code
    why = PLAIN.get(lost.errno or 0, str(lost.strerror))
    if delivery.done:
        show(f"Warning: {delivery.done}, but the result could not be shown: {why}.")
        return code
    show(f"Error: The output could not be written: {why}.\nHint: Send it to where it can be written.")
    return code or 1
