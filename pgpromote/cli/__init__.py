"""The `pgpromote` command: parse, call, print. It decides nothing."""

import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType

import click

from pgpromote.cli import (
    alert_command,
    archives,
    details_command,
    doctor_command,
    init,
    pinging,
    promote,
    quieting,
    shell,
    target,
    upkeep,
)
from pgpromote.cli.shell import PROGRAM
from pgpromote.postgres.errors import Interrupted, PgpromoteError
from pgpromote.terminal import screen

# What `pgpromote --help` lists, in the order in which a person meets it.
GROUPS: dict[str, tuple[click.Command, ...]] = {
    "Try it": (shell.demo, shell.up),
    "Set it up": (init.init, alert_command.alert_command),
    "Look first": (
        doctor_command.doctor_command,
        archives.inspect,
        promote.check,
        promote.plan_command,
        promote.rehearse,
    ),
    "Promote": (archives.dump_command, archives.adopt_command, promote.restore_command, promote.refresh),
    "Go back": (
        upkeep.status_command,
        upkeep.history_command,
        upkeep.rollback_command,
        upkeep.resume_command,
    ),
    "Care for Prod": (upkeep.audit_command, upkeep.repair_command, upkeep.mark_command),
    "Shell": (shell.completion,),
}


class Grouped(click.Group):
    """A group whose help lists its commands under headings."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of each group with the first sentence of their help."""
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(str(command.name), command.get_short_help_str(limit=90)) for command in commands],
                    col_max=12,
                )


@click.group(
    cls=Grouped, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None}
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
    help="Append what is said on stderr to FILE, quiet or not; it is readable for you alone.",
)
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.pass_context
def pgpromote(
    context: click.Context, /, *, env_file: str | None, quiet: bool, log_file: Path | None, debug: bool
) -> None:
    """Promote a PostgreSQL database from Dev to Prod.

    DEV_DATABASE_URL names the database to dump, PROD_DATABASE_URL the one to promote into; `pgpromote init`
    writes the file for both. A new database is built beside Prod, proven equal to what was dumped, and
    swapped in by one transaction.

    \b
    Example:
      pgpromote dump && pgpromote check && pgpromote restore

    Results go to stdout, progress and errors to stderr. --json prints what a program can read. Colours are
    for terminals only, and NO_COLOR turns them off.

    Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a check.
    """
    sys.excepthook = _show_traceback if debug else _show_paragraph
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    quieting.begin(context, quiet=quiet, log_file=log_file)
    target.take(context, env_file)


for group in GROUPS.values():
    for command in group:
        pinging.pinging(command)
        quieting.quieting(command)
        target.telling(command)
        pgpromote.add_command(command)
for heading in ("Look first", "Promote", "Go back", "Care for Prod"):
    for command in GROUPS[heading]:
        details_command.show_details(command)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def _show_paragraph(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    screen.ERR.loud(f"Error: {kind.__name__}: {error}")
    screen.ERR.loud("This is a bug in pgpromote. Run again with: pgpromote --debug …")


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, error, trace)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    shown = details_command.Shown()
    try:
        pgpromote(prog_name=PROGRAM, obj=shown)
    except Interrupted as stop:
        screen.ERR.loud(f"Error: {stop}")
        raise
    except PgpromoteError as error:
        if sys.excepthook is _show_traceback:
            raise
        screen.ERR.loud(f"Error: {error}")
        sys.exit(error.exit_code)
    finally:
        shown.show()
