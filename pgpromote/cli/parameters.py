"""Options and arguments that several commands share, and the values built from them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import click

from pgpromote.postgres.errors import UNTOUCHED
from pgpromote.postgres.model import Filters, Foreign, Policy
from pgpromote.postgres.strategy import RESET_SCHEMA, STRATEGIES, SWAP
from pgpromote.run.options import Options
from pgpromote.settings import patterns

Command = TypeVar("Command", bound=Callable[..., object])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
verbose = click.option("--verbose", "-v", is_flag=True, help="Print every line of pg_dump and pg_restore.")
dump_argument = click.argument("dump_path", metavar="[DUMP]", required=False, type=click.Path(path_type=Path))
DUMP_OPTIONS = (
    click.option(
        "--compression", default="", metavar="METHOD", help="zstd:1, lz4:1, gzip:6, none; default: the best."
    ),
    click.option("--encoding", default="", metavar="NAME", help="Such as UTF8; default: the one of Dev."),
)
yes = click.option("--yes", "-y", is_flag=True, help="Do not ask before a destructive strategy.")
JOBS = click.IntRange(1, 64)
jobs_option = click.option(
    "--jobs",
    "-j",
    type=JOBS,
    show_default="one for each core if Prod's server runs on this machine, else 4",
    help="Connections of pg_restore.",
)
# A run that makes its own archive cannot have it: no plan has seen that.
expect_plan = click.option(
    "--expect-plan",
    default="",
    metavar="FINGERPRINT",
    help="Refuse if Prod or the archive is not as `pgpromote plan` has shown it.",
)
# The options of a run, by the name that `Options` has for each.
RUN_OPTIONS = (
    click.option(
        "--strategy",
        type=click.Choice([*STRATEGIES]),
        help="swap (default): build a new database beside Prod, prove it, swap it in. DESTRUCTIVE: clean "
        "replaces objects in place; reset-schema drops a schema first.",
    ),
    click.option(
        "--reset-schema",
        metavar="[=NAME]",
        default="",
        help="The strategy reset-schema for this schema (public unless named): --reset-schema=shop.",
    ),
    click.option(
        "--allow-data-loss-outside", is_flag=True, help="Let the reset destroy data in other schemas too."
    ),
    click.option(
        "--safety-archive/--no-safety-archive",
        default=True,
        help="Dump Prod before a destructive strategy, for `pgpromote rollback` (default).",
    ),
    click.option(
        "--rights",
        default=Policy.KEEP.value,
        type=click.Choice([policy.value for policy in Policy]),
        help="Owners and grants of a swapped Prod: keep Prod's (default), the source's, or none.",
    ),
    click.option(
        "--bring",
        multiple=True,
        metavar="KIND",
        type=click.Choice([kind.value for kind in Foreign]),
        help="Bring from Dev what is left out by default, because it reaches beyond its database: "
        + ", ".join(kind.value for kind in Foreign)
        + ".",
    ),
    click.option(
        "--allow",
        multiple=True,
        metavar="NAME",
        help="Let this replication slot or subscription of Prod stay with the previous database; let "
        "plain SQL use this command of psql; or take an archive of this other promotion or database.",
    ),
    click.option(
        "--accept-loss",
        multiple=True,
        metavar="TABLE,...",
        callback=lambda _context, _option, given: tuple(each for text in given for each in patterns(text)),
        help="Promote although Dev lost the rows of these tables; * and ? allowed, `all` for any table.",
    ),
    click.option(
        "--restore-as-superuser",
        is_flag=True,
        help="Let code of Dev run as a superuser of Prod's server, where PROD_DATABASE_URL names one.",
    ),
)
AFTER_OPTIONS = (
    click.option(
        "--repair/--no-repair", default=True, help="Repair primary-key identities (default), or only look."
    ),
    click.option(
        "--repair-exclude", multiple=True, metavar="PATTERN", help="Leave this table alone; * and ? allowed."
    ),
    click.option(
        "--proof",
        default="exact",
        type=click.Choice(["exact", "count", "off"]),
        help="Compare Prod with what was dumped: rows and hashes (exact), rows only (count), or not (off).",
    ),
)


class ResetSchemaCommand(click.Command):
    """A command whose --reset-schema needs no value; only `=` gives it one, as in GNU tools."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Replace a bare --reset-schema by its default, so that it never swallows the next argument."""
        return super().parse_args(
            ctx, ["--reset-schema=public" if arg == "--reset-schema" else arg for arg in args]
        )


def dump_options(command: Command) -> Command:
    """Add the options that choose how the archive is written."""
    for option in reversed(DUMP_OPTIONS):
        command = option(command)
    return command


def look_options(command: Command) -> Command:
    """Add the options that choose how the archive becomes Prod."""
    for option in reversed(RUN_OPTIONS):
        command = option(command)
    return command


def run_options(command: Command) -> Command:
    """Add all options of a run."""
    for option in reversed(AFTER_OPTIONS):
        command = option(command)
    return look_options(command)


def filter_options(command: Command) -> Command:
    """Add the options that limit the scope on purpose."""
    lists = (
        ("-t", "--table", "tables", "Only this table."),
        ("-n", "--schema", "schemas", "Only this schema."),
        ("-T", "--exclude-table", "exclude_tables", "Not this table."),
        ("-N", "--exclude-schema", "exclude_schemas", "Not this schema."),
    )
    for short, long, name, text in reversed(lists):
        command = click.option(short, long, name, multiple=True, metavar="NAME", help=text)(command)
    command = click.option("--data-only", is_flag=True, help="Rows without definitions.")(command)
    return click.option("--schema-only", is_flag=True, help="Definitions without rows.")(command)


def filters_of(chosen: dict[str, Any]) -> Filters:
    """Remove the scope from the parameters of a command and return it."""
    return Filters(**{each.name: chosen.pop(each.name) for each in fields(Filters) if each.name in chosen})


def options_of(dump_path: Path | None, **chosen: Any) -> Options:
    """Return the options of a run for the parameters of a command; --reset-schema alone sets the strategy."""
    filters = filters_of(chosen)
    schema = chosen.pop("reset_schema")
    strategy = STRATEGIES[chosen.pop("strategy") or (RESET_SCHEMA if schema else SWAP).name]
    if schema and not strategy.reset:
        raise click.UsageError(f"--reset-schema and --strategy {strategy} exclude each other.")
    return Options(
        archive_path=dump_path.absolute() if dump_path else None,
        strategy=replace(strategy, reset=schema) if schema else strategy,
        filters=filters,
        rights=Policy(chosen.pop("rights")),
        bring=tuple(Foreign(kind) for kind in chosen.pop("bring")),
        **chosen,
    )


def confirm(options: Options, name: str, *, yes: bool) -> None:
    """Require Prod's name, typed at a terminal, before a destructive strategy. Raises click.Abort."""
    if yes or options.strategy.beside or not sys.stdin.isatty():
        return
    what = f"The strategy {options.strategy} changes {name} itself: a failure leaves a mix of old and new."
    click.echo(what, err=True)
    with saying_untouched():
        if click.prompt(f"Type {name} to go on", err=True, default="", show_default=False) != name:
            raise click.Abort


@contextmanager
def saying_untouched() -> Iterator[None]:
    """Say that Prod is untouched where the answer to a question in the block is no."""
    try:
        yield
    except click.Abort:
        click.echo(UNTOUCHED, err=True)
        raise


def new_run_id() -> str:
    """Return a new id for the run of a command; its sessions carry it."""
    return uuid4().hex
