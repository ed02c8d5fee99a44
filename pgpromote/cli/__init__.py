"""The `pgpromote` command: parse, call, print. It decides nothing."""

import signal
import sys
from types import FrameType, TracebackType

import click

from pgpromote import terminal
from pgpromote.cli import archives, care, local, prod
from pgpromote.postgres.errors import PgpromoteError

COMMANDS = (
    archives.dump_command,
    archives.inspect,
    prod.check,
    prod.plan_command,
    prod.rehearse,
    prod.restore_command,
    prod.refresh,
    care.audit_command,
    care.repair_command,
    care.history_command,
    care.rollback_command,
    care.mark_command,
    local.demo,
    local.up,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None})
@click.version_option(package_name="pgpromote")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
def pgpromote(*, debug: bool) -> None:
    """Promote a PostgreSQL database from Dev to Prod.

    DEV_DATABASE_URL and PROD_DATABASE_URL name the two databases. Exit codes: 0 done, 1 failed, 2 usage,
    3 refused by a check.
    """
    sys.excepthook = _show_traceback if debug else _show_paragraph
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)


for command in COMMANDS:
    pgpromote.add_command(command)


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _show_paragraph(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    terminal.ERR.print(f"Error: {kind.__name__}: {error}")
    terminal.ERR.print("This is a bug in pgpromote. Run again with: pgpromote --debug …")


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, error, trace)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        pgpromote()
    except PgpromoteError as error:
        if sys.excepthook is _show_traceback:
            raise
        terminal.ERR.print(f"Error: {error}")
        sys.exit(error.exit_code)
