"""--show-details: print on a terminal the server messages about rows that otherwise go to a file."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pgpromote.cli import target

if TYPE_CHECKING:
    from pgpromote.postgres.details import Details


@dataclass
class Shown:
    """The details that a command is asked to show: those after the first `size` bytes of the file."""

    details: "Details | None" = None
    size: int = 0

    def show(self) -> None:
        """Print the details that this command has added to the file on stderr."""
        if self.details and (kept := self.details.since(self.size)):
            from pgpromote.terminal import console  # noqa: PLC0415 - slow to load, and rarely wanted

            # A console of its own: rows are for the terminal, never for a log.
            console.literal(stderr=True).print(f"Details, which hold rows:\n{kept}", end="")


def _begin(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    if not sys.stderr.isatty():
        raise click.UsageError(
            "--show-details prints rows, so only on a terminal, and stderr is none. Without it, each error "
            "names the file that holds them."
        )
    from pgpromote import settings  # noqa: PLC0415 - `--help` and completion read none

    target.take(context)
    shown = getattr(context.find_root().obj, "shown", None)
    if isinstance(shown, Shown):
        shown.details = settings.from_environment().details
        shown.size = shown.details.size()


def show_details(command: click.Command) -> None:
    """Add the option --show-details to a command."""
    option = click.Option(
        ["--show-details"],
        is_flag=True,
        expose_value=False,
        callback=_begin,
        help="Print what servers say of rows when something fails; on a terminal only.",
    )
    command.params.append(option)
