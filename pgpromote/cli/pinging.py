"""Tell a monitor of cron jobs of each promotion of the command line, if one is set."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

PINGED = ("promote", "restore", "refresh")
VARIABLE = "PGPROMOTE_PING_URL"


def pinging(command: click.Command) -> None:
    """Let a command that promotes tell the monitor that it begins, and whether it succeeds."""
    if command.callback and command.name in PINGED:
        command.callback = _pinging(command.callback)


def _pinging(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def pinged(*arguments: Any, **options: Any) -> Any:
        url = os.environ.get(VARIABLE, "")
        if not url:
            return run(*arguments, **options)
        from pgpromote.cli.monitor import tell  # noqa: PLC0415 - only who has a monitor pays for it
        from pgpromote.report.ping import Event  # noqa: PLC0415 - likewise

        tell(url, Event.START)
        try:
            done = run(*arguments, **options)
        except BaseException:
            tell(url, Event.FAIL)
            raise
        tell(url, Event.SUCCESS)
        return done

    return pinged
