"""Tell a monitor of cron jobs of each promotion of the command line, if one is set."""

import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pgpromote.report.ping import Event

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
        from pgpromote.report.ping import Event  # noqa: PLC0415 - only who has a monitor pays for it

        _tell(url, Event.START)
        try:
            done = run(*arguments, **options)
        except BaseException:
            _tell(url, Event.FAIL)
            raise
        _tell(url, Event.SUCCESS)
        return done

    return pinged


def _tell(url: str, event: "Event") -> None:
    from pgpromote.postgres.errors import ConfigError  # noqa: PLC0415 - likewise
    from pgpromote.promotion import web_url  # noqa: PLC0415 - likewise
    from pgpromote.report.ping import ping  # noqa: PLC0415 - likewise
    from pgpromote.terminal import screen  # noqa: PLC0415 - likewise

    try:
        problem = ping(web_url(url, VARIABLE), event)
    except ConfigError as error:
        problem = error.message
    if problem:
        screen.show_problem(f"The monitor was not told of the {event.name.lower()}: {problem}")
