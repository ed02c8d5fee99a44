"""Questions to a person at a terminal: whether to roll back, and whether to promote despite a hold."""

import sys
from dataclasses import replace

import click

from pgpromote.postgres.databases import hold
from pgpromote.postgres.errors import ConnectionFailed
from pgpromote.promotion import Promotion
from pgpromote.run.options import Options
from pgpromote.run.rollback import Way
from pgpromote.terminal import screen


def ask(promotion: Promotion, options: Options) -> Options:
    """Ask whether to go on while Prod is on hold; return the options with the answer.

    Without a terminal nobody is asked, and the check refuses. Raises click.Abort if the answer is no.
    """
    if not sys.stdin.isatty():
        return options
    try:
        held = hold.read(promotion.place())
    except ConnectionFailed:  # a check says so, with what to do
        return options
    if held is None:
        return options
    screen.show_problem(held.told)
    click.confirm("Go on all the same? The hold stays until pgpromote resume.", abort=True, err=True)
    return replace(options, despite_hold=True)


def require_answer(*, yes: bool) -> None:
    """Require consent to a rollback: a person at a terminal, or --yes. Raises UsageError."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(
            "A rollback asks first, and there is no terminal to ask at. Type: pgpromote rollback --yes"
        )


def agree(way: Way, *, yes: bool) -> None:
    """Show the current Prod and the one a rollback would restore, and ask. Raises click.Abort for a no."""
    screen.show_way(way)
    if not yes:
        click.confirm("Bring it back?", abort=True, err=True)
