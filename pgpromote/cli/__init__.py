"""The `pgpromote` command: parse, call, print. It decides nothing."""

import signal
import sys
from types import FrameType, TracebackType

import click

from pgpromote.cli import archives, details_command, look, promote, shell, upkeep
from pgpromote.cli.shell import PROGRAM
from pgpromote.postgres.errors import Interrupted, PgpromoteError
from pgpromote.terminal import screen

# What `pgpromote --help` lists, in the order in which a person meets it.
GROUPS: dict[str, tuple[click.Command, ...]] = {
    "Try it": (shell.demo, shell.up),
    "Look first": (archives.inspect, look.check, look.plan_command, promote.rehearse),
    "Promote": (
        promote.promote_command,
        archives.dump_command,
        archives.adopt_command,
        promote.restore_command,
        promote.refresh,
    ),
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
@click.version_option(package_name="pgpromote")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
def pgpromote(*, debug: bool) -> None:
    """Promote a PostgreSQL database from Dev to Prod.

    DEV_DATABASE_URL names the database to dump, PROD_DATABASE_URL the one to promote into. A new database
    is built beside Prod, proven equal to what was dumped, and swapped in by one transaction.

    \b
    Example:
      pgpromote promote

    Results go to stdout, progress and errors to stderr. --json prints what a program can read. Colours are
    for terminals only, and NO_COLOR turns them off.

    Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a check.
    """
    sys.excepthook = _show_traceback if debug else _show_paragraph
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)


for group in GROUPS.values():
    for command in group:
        pgpromote.add_command(command)
for heading in ("Look first", "Promote", "Go back", "Care for Prod"):
    for command in GROUPS[heading]:
        details_command.show_details(command)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def _show_paragraph(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    screen.ERR.print(f"Error: {kind.__name__}: {error}")
    screen.ERR.print("This is a bug in pgpromote. Run again with: pgpromote --debug …")


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, error, trace)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    shown = details_command.Shown()
    try:
        pgpromote(prog_name=PROGRAM, obj=shown)
    except Interrupted as stop:
        screen.ERR.print(f"Error: {stop}")
        raise
    except PgpromoteError as error:
        if sys.excepthook is _show_traceback:
            raise
        screen.ERR.print(f"Error: {error}")
        sys.exit(error.exit_code)
    finally:
        shown.show()
