"""The `pgpromote` command: parse, call, print. It decides nothing."""

import gc
import signal
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn

import click

from pgpromote.cli import alarm, delivery, details_command, pinging, quieting, target
from pgpromote.cli.shell import PROGRAM
from pgpromote.postgres.errors import Interrupted, PgpromoteError
from pgpromote.terminal import streams

# The groups of `pgpromote --help`, in the order in which a person meets them: the module of each command.
GROUPS = {
    "Try it": {"demo": "shell", "up": "shell"},
    "Set it up": {"init": "init", "alert": "alert_command"},
    "Look first": {
        "doctor": "doctor_command",
        "inspect": "archives",
        "check": "look",
        "plan": "look",
        "rehearse": "promote",
    },
    "Promote": {
        "promote": "promote",
        "dump": "archives",
        "adopt": "adopt_command",
        "restore": "promote",
        "refresh": "promote",
    },
    "Go back": {"status": "upkeep", "history": "upkeep", "rollback": "upkeep", "resume": "upkeep"},
    "Care for Prod": {"audit": "audit_command", "repair": "upkeep", "mark-prod": "upkeep"},
    "Shell": {"completion": "shell"},
}
# The groups of commands with errors that may be about rows.
WITH_DETAILS = ("Look first", "Promote", "Go back", "Care for Prod")


class Commands(Mapping[str, click.Command]):
    """The commands by name. Each is imported when it is asked for: one needs a fraction of what all need."""

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the commands."""
        for commands in GROUPS.values():
            yield from commands

    def __len__(self) -> int:
        """Count the commands."""
        return sum(map(len, GROUPS.values()))

    def __getitem__(self, name: str) -> click.Command:
        """Import a command. Raises KeyError for a name that is none."""
        return _imported(name)


@cache
def _imported(name: str) -> click.Command:
    heading = {each: heading for heading, commands in GROUPS.items() for each in commands}[name]
    gc.disable()  # modules stay: to search them for garbage again and again is a fifth of the time
    module = import_module(f"pgpromote.cli.{GROUPS[heading][name]}")
    gc.freeze()
    gc.enable()
    commands = (each for each in vars(module).values() if isinstance(each, click.Command))
    command = next(each for each in commands if each.name == name)
    for wrap in (
        pinging.pinging,
        quieting.quieting,
        target.telling,
        alarm.alarming,
        delivery.noting,
    ):
        wrap(command)
    quieting.accepting(command)
    if heading in WITH_DETAILS:
        details_command.show_details(command)
    return command


def _written(command: click.Command, option: str) -> str:
    """Return an option of a command with a value as people write it; "" when the command has none."""
    found = next((each for each in command.params if option in (*each.opts, *each.secondary_opts)), None)
    valued = isinstance(found, click.Option) and not (found.is_flag or found.count)
    if found and valued:
        return f"{option} {found.make_metavar(click.Context(command))}"
    return option if found else ""


def _misplaced(error: click.NoSuchOption, where: str) -> NoReturn:
    raise click.UsageError(f"{error.message} It stands {where}", error.ctx) from None


class Grouped(click.Group):
    """A group with headings in its help, and a hint for an option on the wrong side of the command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command. Raises UsageError, with a hint for a command's option."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = next((each for each in given if each in self.commands), "")
            if name and (option := _written(self.commands[name], error.option_name)):
                _misplaced(error, f"after the command: {PROGRAM} {name} {option}")
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke the command. Raises UsageError, with a hint for an option of the group."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if option := _written(self, error.option_name):
                _misplaced(error, f"before the command: {PROGRAM} {option} {ctx.invoked_subcommand}")
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of each group with the first sentence of their help."""
        for heading, names in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(limit=90)) for name in names],
                    col_max=12,
                )


@click.group(
    cls=Grouped,
    commands=Commands(),
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None},
)
@click.version_option(None, "-V", "--version", package_name="pgpromote")
@click.option(
    "--env-file",
    metavar="FILE",
    help="Read settings from FILE, and take its databases. Default: pgpromote.env, if it is here, and the "
    "environment wins. An empty FILE reads none.",
)
@click.option(
    "--quiet",
    "-q",
    is_flag=True,
    help="Print nothing but problems, unless the command fails, and what --json asks for.",
)
@click.option(
    "--log-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Append what is said on stderr to FILE, and with --quiet the result; it is readable for you alone.",
)
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.pass_context
def pgpromote(
    context: click.Context, /, *, quiet: bool, log_file: Path | None, debug: bool, **_: object
) -> None:
    """Promote a PostgreSQL database from Dev to Prod.

    DEV_DATABASE_URL names the database to dump, PROD_DATABASE_URL the one to promote into; `pgpromote init`
    writes the file for both. A new database is built beside Prod, proven equal to what was dumped, and
    swapped in by one transaction.

    \b
    Example:
      pgpromote promote

    Results go to stdout, progress and errors to stderr. --json prints what a program can read. Colours are
    for terminals only, and NO_COLOR turns them off. --quiet and --log-file may stand after the command, too.

    Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a check.
    """
    # --env-file is read by the command itself (`target.take`): its --help shows help whatever the file is.
    sys.excepthook = _show_traceback if debug else _show_paragraph
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    quieting.begin(context, quiet=quiet, log_file=log_file)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def _show_paragraph(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _show(f"Error: {kind.__name__}: {error}")
    _show("This is a bug in pgpromote. Run again with: pgpromote --debug …")


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, error, trace)


def _show(text: str) -> None:
    from pgpromote.terminal import screen  # noqa: PLC0415 - slow to load, for an error

    screen.ERR.loud(text)


def main() -> None:
    """Run the command line and end the process with its exit code, whatever its output has met."""
    streams.secure()
    delivered = delivery.Delivery()
    try:
        _run(delivered)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
        sys.exit(delivery.settled(delivered, code, _show))


def _run(delivered: delivery.Delivery) -> None:
    try:
        pgpromote(prog_name=PROGRAM, obj=delivered)
    except Interrupted as stop:
        _show(f"Error: {stop}")
        raise
    except PgpromoteError as error:
        if sys.excepthook is _show_traceback:
            sys.excepthook(type(error), error, error.__traceback__)
        else:
            _show(f"Error: {error}")
        sys.exit(error.exit_code)
    finally:
        delivered.shown.show()
