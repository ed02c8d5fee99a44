"""Commands that look at Prod and change it: check, plan, rehearse, restore, refresh."""

import sys
from pathlib import Path
from typing import Any

import click

from pgpromote import promotion as settings
from pgpromote import run as runs
from pgpromote import terminal
from pgpromote.cli.options import (
    ResetSchemaCommand,
    as_json,
    confirm,
    dump_argument,
    filter_options,
    jobs_option,
    look_options,
    new_run_id,
    options_of,
    run_options,
    verbose,
    yes,
)
from pgpromote.postgres import plan
from pgpromote.postgres.errors import Refused
from pgpromote.progress import Running
from pgpromote.run import Run


@click.command(cls=ResetSchemaCommand)
@dump_argument
@look_options
@as_json
def check(dump_path: Path | None, *, as_json: bool, **chosen: Any) -> None:
    """Check everything that a promotion needs, and change nothing.

    Every check is made, and all findings are shown at once: what is present, what is needed, what to do. DUMP
    is the promotion's own archive unless named. Ends with exit code 3 if a promotion would be refused.

    \b
    Example:
      pgpromote check shop.dump
    """
    with runs.start(settings.from_environment(), new_run_id(), options_of(dump_path, **chosen)) as run:
        report = run.look()
    if as_json:
        terminal.show_json({"allowed": report.clearance is not None, "findings": report.findings})
    else:
        terminal.show_report(report)
    if report.clearance is None:
        sys.exit(Refused.exit_code)


@click.command("plan", cls=ResetSchemaCommand)
@dump_argument
@look_options
@as_json
def plan_command(dump_path: Path | None, *, as_json: bool, **chosen: Any) -> None:
    """Show what Prod would lose, who is connected, and Prod's fingerprint.

    Nothing is changed. With the fingerprint, `pgpromote restore --expect-plan` refuses if Prod is no longer
    what the plan has shown.

    \b
    Example:
      pgpromote plan shop.dump
    """
    promotion, run_id = settings.from_environment(), new_run_id()
    with runs.start(promotion, run_id, options_of(dump_path, **chosen)) as run:
        preview = run.preview(run.look().cleared())
        fingerprint = plan.fingerprint(run.target, promotion.tools(), run_id)
    if as_json:
        terminal.show_json({**vars(preview), "fingerprint": fingerprint})
    else:
        terminal.show_plan(preview, fingerprint)


@click.command(cls=ResetSchemaCommand)
@dump_argument
@run_options
@jobs_option
@verbose
@as_json
def rehearse(dump_path: Path | None, *, verbose: bool, as_json: bool, **chosen: Any) -> None:
    """Do everything but the cut-over: build the new database, prove it, drop it.

    Prod is not touched; its server needs the room for the new database while it lasts.

    \b
    Example:
      pgpromote rehearse shop.dump --jobs 8
    """
    with runs.start(settings.from_environment(), new_run_id(), options_of(dump_path, **chosen)) as run:
        picture = Running(f"Rehearsing beside {run.target.label}", run, last="prove")
        with terminal.drawn(picture, verbose=verbose) as line:
            done = run.rehearse(line)
    if as_json:
        terminal.show_json(done)
    else:
        terminal.show_run(done)


@click.command("restore", cls=ResetSchemaCommand)
@dump_argument
@click.argument("jobs", required=False, default=4, type=click.IntRange(1, 64))
@run_options
@filter_options
@yes
@verbose
@as_json
def restore_command(
    dump_path: Path | None, *, yes: bool, verbose: bool, as_json: bool, **chosen: Any
) -> None:
    """Bring DUMP into Prod: build a new database, prove it, swap it in.

    DUMP is the promotion's own archive unless named, JOBS the number of connections (4). Whatever fails
    before the swap leaves Prod as it was. What Prod was stays as the previous database, and `pgpromote
    rollback` brings it back. --strategy chooses to restore in place instead, which is destructive.

    \b
    Example:
      pgpromote restore shop.dump 8
      pgpromote restore shop.dump --strategy reset-schema --reset-schema=shop
    """
    options = options_of(dump_path, **chosen)
    with runs.start(settings.from_environment(), new_run_id(), options) as run:
        confirm(options, run.target.name, yes=yes)
        _restore(run, verbose=verbose, as_json=as_json)


def _restore(run: Run, *, verbose: bool, as_json: bool) -> None:
    with terminal.drawn(Running(f"Restoring into {run.target.label}", run), verbose=verbose) as line:
        clearance = run.examine().cleared()
        run.preview(clearance)
        terminal.warn_of_scope(clearance.filters)
        if clearance.archive is None:
            terminal.ERR.print("Plain SQL: one connection and one transaction, slower and not parallel.")
        run.create_shadow(line)
        reset = run.reset()
        if reset:
            terminal.show_outside(reset)
        restored, repaired, proof = run.restore(line), run.repair(), run.prove().proven()
        swapped, kept = run.cut_over(), run.retain()
    done = run.record()
    if as_json:
        parts = {"repair": repaired, "proof": proof, "swapped": swapped, "safety": done.safety}
        terminal.show_json({**vars(restored), **parts})
    else:
        terminal.show_run(done, kept.findings)


@click.command(cls=ResetSchemaCommand)
@run_options
@jobs_option
@yes
@verbose
@as_json
def refresh(*, yes: bool, verbose: bool, as_json: bool, **chosen: Any) -> None:
    """Dump, promote and audit as one Dagster run in this process.

    The run is kept in the instance of DAGSTER_HOME, so the Dagster UI shows it like any other.

    \b
    Example:
      pgpromote refresh --jobs 8
    """
    from pgpromote.defs.config import restore_config  # noqa: PLC0415 - only these two commands pay for Dagster
    from pgpromote.defs.refresh import refresh as run_refresh  # noqa: PLC0415

    promotion, options = settings.from_environment(), options_of(None, **chosen)
    confirm(options, promotion.target().name, yes=yes)
    with terminal.only_steps(verbose=verbose) as on_step:
        done = run_refresh(promotion, restore_config(options), on_step)
    if as_json:
        terminal.show_json({"run": done.run_id, "failed_checks": done.failed_checks})
    else:
        terminal.show_refreshed(done.assets, done.failed_checks)
