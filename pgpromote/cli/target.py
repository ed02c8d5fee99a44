"""Where the settings of a command come from, and the line that says which databases it uses."""

import os
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pgpromote.postgres.errors import InvalidUrl

if TYPE_CHECKING:
    from pgpromote.cli.env_file import EnvFile

# In the context of a command: the file that was read, None for none, and the settings that it made.
FILE, MADE = "pgpromote.file", "pgpromote.made"
DEV, PROD, AUDITED = "DEV_DATABASE_URL", "PROD_DATABASE_URL", "DATABASE_URL"
SIDES = {DEV: "Dev", PROD: "Prod", AUDITED: "Audited"}
# The databases that a command names, if it is not Prod alone.
NAMED = {
    "demo": (),
    "completion": (),
    "init": (),
    "alert": (),
    "inspect": (),
    "adopt": (),
    "dump": (DEV,),
    "up": (DEV, PROD),
    "doctor": (DEV, PROD),
    "promote": (DEV, PROD),
    "refresh": (DEV, PROD),
    "audit": (AUDITED,),
}
WITHOUT_SETTINGS = ("demo", "completion", "init")


def take(context: click.Context) -> None:
    """Add the file of settings to the environment of this process, once. Raises ConfigError."""
    root = context.find_root()
    if root.invoked_subcommand in WITHOUT_SETTINGS or FILE in context.meta:
        return
    from pgpromote.cli import env_file  # noqa: PLC0415 - `--help` and `--version` need none

    found = env_file.find(root.params.get("env_file"))
    added = found.added(os.environ) if found else {}
    os.environ.update(added)
    for problem in env_file.misspelled(os.environ):
        from pgpromote.terminal import screen  # noqa: PLC0415 - only who is told pays for it

        screen.show_problem(problem)
    context.meta.update({FILE: found, MADE: added.keys() & found.values.keys() if found else ()})


def directory() -> Path:
    """Return the directory of the file of settings, else this one."""
    found: EnvFile | None = click.get_current_context().meta.get(FILE)
    return found.directory if found else Path.cwd()


def telling(command: click.Command) -> None:
    """Let a command begin with its settings and the databases that it uses: place, and where that is set.

    The settings are read here, after the command line: `--help` shows help whatever the file is.
    """
    if command.callback:
        command.callback = _telling(command.callback, NAMED.get(str(command.name), (PROD,)))


def _telling(run: Callable[..., Any], variables: tuple[str, ...]) -> Callable[..., Any]:
    @wraps(run)
    def told(*arguments: Any, **options: Any) -> Any:
        context = click.get_current_context()
        take(context)
        if line := "; ".join(_told(context, variables)):
            from pgpromote.terminal import screen  # noqa: PLC0415 - some commands show nothing

            screen.ERR.print(line)
        return run(*arguments, **options)

    return told


def _told(context: click.Context, variables: tuple[str, ...]) -> Iterator[str]:
    from pgpromote.postgres.server import parse_url  # noqa: PLC0415 - some commands need no server

    if AUDITED in variables and not os.environ.get(AUDITED):
        variables = (PROD,)
    for variable in variables:
        try:
            place = parse_url(os.environ.get(variable), variable).label
        except InvalidUrl:  # the command itself says so, if it needs it
            continue
        by = context.meta[FILE].path if variable in context.meta.get(MADE, ()) else "the environment"
        yield f"{SIDES[variable]}: {place}, from {by}"
