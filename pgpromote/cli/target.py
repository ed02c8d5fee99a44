"""Where the settings of a command come from, and the line that says which databases it uses."""

import os
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import click

from pgpromote.cli import env_file
from pgpromote.cli.env_file import EnvFile
from pgpromote.postgres.errors import InvalidUrl
from pgpromote.postgres.server import parse_url
from pgpromote.promotion import AUDITED, SOURCE, TARGET
from pgpromote.terminal import screen

# In the context of a command: the file that was read, and the databases that are named by it.
FILE, NAMED = "pgpromote.env_file", "pgpromote.env_file.named"
# The databases that a command names on its first line, if it is not Prod alone.
DATABASES = {
    "up": (SOURCE, TARGET),
    "dump": (SOURCE,),
    "promote": (SOURCE, TARGET),
    "refresh": (SOURCE, TARGET),
    "audit": (AUDITED,),
    "inspect": (),
    "adopt": (),
}
SIDES = {SOURCE: "Dev", TARGET: "Prod", AUDITED: "Audited"}


def take(context: click.Context, given: str | None) -> None:
    """Add the file of settings to the environment of this process. Raises ConfigError."""
    found = env_file.find(given)
    if found:
        added = found.added(os.environ)
        os.environ.update(added)
        context.meta.update({FILE: found, NAMED: added.keys() & found.values.keys()})


def directory() -> Path:
    """Return the directory of the file of settings, else this one."""
    found = click.get_current_context().meta.get(FILE)
    return found.directory if isinstance(found, EnvFile) else Path.cwd()


def telling(command: click.Command) -> None:
    """Let a command begin with the databases that it uses: place, and where that is set."""
    variables = DATABASES.get(str(command.name), (TARGET,))
    command.callback = _telling(command.callback, variables) if command.callback else None


def _telling(run: Callable[..., Any], variables: tuple[str, ...]) -> Callable[..., Any]:
    @wraps(run)
    def told(*arguments: Any, **options: Any) -> Any:
        if line := "; ".join(_told(click.get_current_context(), variables)):
            screen.ERR.print(line)
        return run(*arguments, **options)

    return told


def _told(context: click.Context, variables: tuple[str, ...]) -> Iterator[str]:
    if AUDITED in variables:
        variables = (AUDITED,) if os.environ.get(AUDITED) else (TARGET,)
    for variable in variables:
        try:
            place = parse_url(os.environ.get(variable), variable).label
        except InvalidUrl:  # the command itself says so, if it needs it
            continue
        by_file = variable in context.meta.get(NAMED, ())
        yield f"{SIDES[variable]}: {place}, from {context.meta[FILE].path if by_file else 'the environment'}"
