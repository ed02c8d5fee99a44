"""The `pgpromote` command: parse, call, print. It decides nothing."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TypeVar
from uuid import uuid4

import click

from pgpromote import promotion as settings
from pgpromote import terminal
from pgpromote.postgres import (
    archive,
    audit,
    cutover,
    dump,
    preflight,
    previous,
    prove,
    repair,
    reset,
    restore,
)
from pgpromote.postgres.errors import PgpromoteError, Refused
from pgpromote.postgres.model import Filters
from pgpromote.postgres.server import connect, promotion_lock
from pgpromote.promotion import Promotion

Command = TypeVar("Command", bound=Callable[..., object])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
verbose = click.option("--verbose", "-v", is_flag=True, help="Print every line of pg_dump and pg_restore.")
dump_argument = click.argument("dump_path", metavar="[DUMP]", required=False, type=click.Path(path_type=Path))
reset_option = click.option(
    "--reset-schema",
    metavar="[=NAME]",
    default="",
    help="Drop and recreate a schema first (public unless named): --reset-schema or --reset-schema=shop.",
)


class ResetSchemaCommand(click.Command):
    """A command whose --reset-schema may stand without a value; only `=` gives it one, as in GNU tools."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give a bare --reset-schema its default, so that it never swallows the next argument."""
        return super().parse_args(
            ctx, ["--reset-schema=public" if arg == "--reset-schema" else arg for arg in args]
        )


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


@pgpromote.command("dump")
@click.argument("out_dir", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--sql", is_flag=True, help="Also write plain SQL (full.sql) for reading and review.")
@click.option(
    "--compression", default="", metavar="METHOD", help="zstd:3, lz4:1, gzip:6, none; default: the best."
)
@filter_options
@verbose
@as_json
def dump_command(
    out_dir: Path | None, *, sql: bool, compression: str, verbose: bool, as_json: bool, **filters: object
) -> None:
    """Dump Dev into OUT_DIR (default: data/postgres).

    Example: pgpromote dump /backups --sql
    """
    promotion, run_id, scope = settings.from_environment(), _run_id(), _filters(filters)
    path = (out_dir.absolute() if out_dir else promotion.dump_dir) / promotion.archive_path.name
    source, tools = promotion.source(), promotion.tools()
    terminal.warn_of_scope(scope)
    with terminal.progress(f"Dumping {source.label}", verbose=verbose) as line:
        contents, manifest = dump.dump(
            source, path, tools, run_id, compression=compression, filters=scope, on_line=line
        )
    if sql:
        with terminal.progress("Writing plain SQL", verbose=verbose) as line:
            dump.dump_sql(source, path.with_name("full.sql"), tools, run_id, filters=scope, on_line=line)
    if as_json:
        terminal.show_json(manifest)
    else:
        terminal.show_manifest(contents, manifest)


@pgpromote.command()
@dump_argument
@click.option("--kind", "-k", "kinds", multiple=True, help="Show entries of this kind, such as VIEW.")
@click.option("--name", default="", metavar="PATTERN", help="Show entries with this name; * and ? allowed.")
@as_json
def inspect(dump_path: Path | None, kinds: tuple[str, ...], name: str, *, as_json: bool) -> None:
    """Show what an archive holds: header, counts, names.

    Example: pgpromote inspect shop.dump --kind VIEW --kind INDEX --name "order*"
    """
    contents = archive.read(dump_path or settings.from_environment().archive_path)
    found = archive.search(contents, kinds, name or "*") if kinds or name else None
    if as_json:
        entries = contents.entries if found is None else found
        header = {key: value for key, value in vars(contents).items() if key != "entries"}
        shown = [{"kind": e.kind, "schema": e.schema, "name": e.tag, "owner": e.owner} for e in entries]
        terminal.show_json({**header, "counts": contents.counts(), "entries": shown})
    else:
        terminal.show_archive(contents, found)


@pgpromote.command(cls=ResetSchemaCommand)
@dump_argument
@reset_option
@as_json
def check(dump_path: Path | None, reset_schema: str, *, as_json: bool) -> None:
    """Check everything that a restore needs, and change nothing.

    Example: pgpromote check shop.dump
    """
    promotion = settings.from_environment()
    report = _examine(promotion, dump_path, _run_id(), reset_schema=reset_schema)
    if as_json:
        terminal.show_json({"allowed": report.clearance is not None, "findings": report.findings})
    else:
        terminal.show_report(report)
    if report.clearance is None:
        sys.exit(Refused.exit_code)


@pgpromote.command("restore", cls=ResetSchemaCommand)
@dump_argument
@click.argument("jobs", required=False, default=4, type=click.IntRange(1, 64))
@reset_option
@click.option(
    "--proof",
    default="exact",
    type=click.Choice(["exact", "count", "off"]),
    help="Compare Prod with what was dumped: rows and hashes (exact), rows only (count), or not (off).",
)
@click.option(
    "--allow-data-loss-outside", is_flag=True, help="Let the reset destroy data in other schemas too."
)
@filter_options
@verbose
@as_json
def restore_command(
    dump_path: Path | None,
    jobs: int,
    reset_schema: str,
    proof: str,
    *,
    allow_data_loss_outside: bool,
    verbose: bool,
    as_json: bool,
    **filters: object,
) -> None:
    """Restore DUMP (default: the promotion's own) into Prod with JOBS connections (default: 4).

    Example: pgpromote restore shop.dump 8 --reset-schema
    """
    promotion, run_id = settings.from_environment(), _run_id()
    target = promotion.target()
    with promotion_lock(target, run_id, promotion.lock_database):
        report = _examine(
            promotion,
            dump_path,
            run_id,
            reset_schema=reset_schema,
            allow_data_loss_outside=allow_data_loss_outside,
            filters=_filters(filters),
        )
        clearance = report.cleared()
        terminal.warn_of_scope(clearance.filters)
        restore.create_extensions(clearance, target, run_id)
        if reset_schema:
            with connect(target, run_id) as session:
                plan = reset.plan(session, reset_schema)
                terminal.show_outside(plan)
                reset.reset(session, plan, allow_data_loss_outside=allow_data_loss_outside)
        total = len(clearance.archive.entries) if clearance.archive else None
        if clearance.archive is None:
            terminal.ERR.print("Plain SQL: one connection and one transaction, slower and not parallel.")
        with terminal.progress(f"Restoring into {target.label}", total, verbose=verbose) as line:
            restored = restore.restore(clearance, target, promotion.tools(), run_id, jobs=jobs, on_line=line)
        proven = prove.prove(clearance, archive.read_manifest(clearance.path), target, run_id, proof).proven()
    if as_json:
        terminal.show_json({**vars(restored), "proof": proven})
    else:
        terminal.show_restored(restored)
        terminal.show_proof(proven)


@pgpromote.command("audit")
@as_json
def audit_command(*, as_json: bool) -> None:
    """Audit DATABASE_URL, or Prod: read-only.

    Example: DATABASE_URL=postgresql://me@host/shop pgpromote audit
    """
    database = settings.from_environment().audited()
    found = audit.read(database, _run_id())
    by_rule = {rule: [finding for finding in found if finding.rule == rule] for rule in audit.RULES}
    if as_json:
        terminal.show_json(by_rule)
    else:
        terminal.show_audit(by_rule)


@pgpromote.command("repair")
@click.option("--dry-run", is_flag=True, help="Show what would be repaired, and change nothing.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave this table alone; * and ? allowed.")
@as_json
def repair_command(exclude: tuple[str, ...], *, dry_run: bool, as_json: bool) -> None:
    """Repair the primary-key identities of Prod.

    Example: pgpromote repair --dry-run --exclude "lookup_*"
    """
    promotion, run_id = settings.from_environment(), _run_id()
    target = promotion.target()
    with promotion_lock(target, run_id, promotion.lock_database):
        repaired = repair.repair(target, run_id, exclude=exclude, really=not dry_run)
    if as_json:
        terminal.show_json({"done": not dry_run, **vars(repaired)})
    else:
        terminal.show_repair(repaired, done=not dry_run)


@pgpromote.command("history")
@as_json
def history_command(*, as_json: bool) -> None:
    """List the databases that Prod was before a swap, newest first.

    Example: pgpromote history
    """
    promotion = settings.from_environment()
    found = previous.history(promotion.target(), _run_id(), agreed=promotion.lock_database)
    if as_json:
        terminal.show_json(found)
    else:
        terminal.show_history(found)


@pgpromote.command("rollback")
@click.argument("name", required=False, default="")
@as_json
def rollback_command(name: str, *, as_json: bool) -> None:
    """Swap the previous database back in as Prod: the newest, or NAME from `pgpromote history`.

    What is Prod now becomes a previous database, so a rollback can be rolled back.
    Example: pgpromote rollback
    """
    promotion, run_id = settings.from_environment(), _run_id()
    target, agreed = promotion.target(), promotion.lock_database
    with promotion_lock(target, run_id, agreed):
        done = cutover.rollback(target, run_id, name=name, agreed=agreed)
    if as_json:
        terminal.show_json(done)
    else:
        terminal.show_cut_over(done)


@pgpromote.command(cls=ResetSchemaCommand)
@click.option(
    "--strategy",
    default="clean",
    type=click.Choice(["clean", "swap"]),
    help="clean: replace objects in place. swap: build a new database beside Prod, prove it, swap it in.",
)
@click.option("--jobs", default=4, type=click.IntRange(1, 64), help="Connections of pg_restore.")
@reset_option
@verbose
@as_json
def refresh(strategy: str, jobs: int, reset_schema: str, *, verbose: bool, as_json: bool) -> None:
    """Run the whole refresh as one Dagster run in this process: dump, restore, repair, audit.

    Example: pgpromote refresh --jobs 8
    """
    from pgpromote.defs.config import RestoreConfig  # noqa: PLC0415 - only these two commands pay for Dagster
    from pgpromote.defs.refresh import refresh as run_refresh  # noqa: PLC0415

    with terminal.only_steps(verbose=verbose) as on_step:
        config = RestoreConfig.model_validate(
            {"strategy": strategy, "jobs": jobs, "reset_schema": reset_schema}
        )
        done = run_refresh(settings.from_environment(), config, on_step)
    if as_json:
        terminal.show_json({"run": done.run_id, "failed_checks": done.failed_checks})
    else:
        terminal.show_refreshed(done.assets, done.failed_checks)


@pgpromote.command()
@click.option("--scale", default=1, type=click.IntRange(1), help="Times the rows of the sample database.")
def demo(scale: int) -> None:
    """Show a whole refresh on embedded servers with a sample database.

    Example: pgpromote demo --scale 10
    """
    from pgpromote.demo import show  # noqa: PLC0415

    show.run(scale)


@pgpromote.command()
@click.option("--port", default=3000, help="Port of the Dagster UI.")
def up(port: int) -> None:
    """Start the Dagster UI and daemon, with embedded servers for every URL that is not set.

    Example: pgpromote up --port 3001
    """
    from pgpromote.demo import services  # noqa: PLC0415

    sys.exit(services.run(port))


def _examine(
    promotion: Promotion,
    path: Path | None,
    run_id: str,
    *,
    reset_schema: str,
    allow_data_loss_outside: bool = False,
    filters: Filters = Filters(),  # noqa: B008 - frozen
) -> preflight.Report:
    return preflight.examine(
        path.absolute() if path else promotion.archive_path,
        promotion.target(),
        promotion.tools(),
        source=promotion.optional_source(),
        reset_schema=reset_schema,
        allow_data_loss_outside=allow_data_loss_outside,
        filters=filters,
        promotion=run_id,
    )


def _filters(options: dict[str, object]) -> Filters:
    return Filters(**options)  # type: ignore[arg-type]  # click has checked the types


def _run_id() -> str:
    return uuid4().hex


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
