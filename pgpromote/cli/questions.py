"""Questions to a person at a terminal: whether to promote despite a hold or a loss, and to roll back."""

import sys
from dataclasses import replace

import click

from pgpromote.cli.parameters import confirm, saying_untouched
from pgpromote.postgres.databases import hold
from pgpromote.postgres.errors import ConnectionFailed
from pgpromote.postgres.losses import plan, plausible
from pgpromote.promotion import Promotion
from pgpromote.run import safeguard
from pgpromote.run.check import look
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
    _confirm("Go on all the same? The hold stays until pgpromote resume.")
    return replace(options, despite_hold=True)


def agreed(promotion: Promotion, options: Options, run_id: str, *, yes: bool) -> Options:
    """Ask about the losses of dev, and about those of a prod that is changed in place.

    Return options with the answers. Raises Refused by a check, click.Abort.
    """
    options = accept_losses(promotion, options, run_id, yes=yes)
    if not options.strategy.beside and not yes and sys.stdin.isatty():
        aim = look(promotion, options, run_id).cleared()
        screen.show_findings(plan.preview(aim, aim.manifest, promotion.target(), run_id).losses)
    confirm(options, promotion.target().name, yes=yes)
    return options


def accept_losses(promotion: Promotion, options: Options, run_id: str, *, yes: bool) -> Options:
    """Ask at a terminal whether to accept the losses of dev; `yes` answers. Return options with the answer.

    Raises click.Abort.
    """
    lost = safeguard.implausible(promotion, options, run_id) if sys.stdin.isatty() else ()
    if not lost:
        return options
    screen.show_findings([replace(found, hint="") for found in lost])
    if not yes:
        _confirm("Go on all the same?")
    accepted = (plausible.pattern(found.object) for found in lost)
    return replace(options, accept_loss=(*options.accept_loss, *accepted))


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
        _confirm("Bring it back?")


def _confirm(question: str) -> None:
    with saying_untouched():
        click.confirm(question, abort=True, err=True)
