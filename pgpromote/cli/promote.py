"""Commands that make a new Prod, or try to: rehearse, promote, restore, refresh."""

from pathlib import Path
from typing import Any

import click

from pgpromote import settings
from pgpromote.cli import alarm, finish, questions
from pgpromote.cli.parameters import (
    JOBS,
    ResetSchemaCommand,
    as_json,
    confirm,
    dump_argument,
    dump_options,
    expect_plan,
    filter_options,
    jobs_option,
    new_run_id,
    options_of,
    run_options,
    verbose,
    yes,
)
from pgpromote.run import steps
from pgpromote.run.options import rehearsing
from pgpromote.run.run import Run, start
from pgpromote.run.steps import Step
from pgpromote.terminal import screen
from pgpromote.terminal.progress import Dumping, Refreshing, Running
from pgpromote.terminal.summary import Ended


@click.command(cls=ResetSchemaCommand)
@dump_argument
@run_options
@expect_plan
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
    promotion, run_id = settings.from_environment(), new_run_id()
    options = questions.accept_losses(promotion, options_of(dump_path, **chosen), run_id, yes=False)
    with start(promotion, run_id, rehearsing(options)) as run:
        picture = Running(f"Rehearsing beside {run.target.label}", run, steps.REHEARSED)
        with finish.reported(run):
            _walk(run, steps.REHEARSED, picture, verbose=verbose)
        ended = finish.finish_rehearsal(run)
    if as_json:
        screen.show_json({**vars(ended.state), "report": ended.report})
    else:
        screen.show_ended(ended)


@click.command("promote", cls=ResetSchemaCommand)
@dump_options
@run_options
@jobs_option
@yes
@verbose
@as_json
def promote_command(
    *, compression: str, encoding: str, yes: bool, verbose: bool, as_json: bool, **chosen: Any
) -> None:
    """Dump Dev and bring it into Prod: dump, check, restore, audit, report.

    It is `pgpromote dump` and `pgpromote restore` in one process, under one lock, with the exit codes of
    `restore`. Where the dump fails, Prod is not touched. The archive stays: it is the promotion's own, and
    replaces the one before.

    \b
    Example:
      pgpromote promote
      pgpromote promote --jobs 8 --accept-loss "archive.*"
    """
    promotion, options = settings.from_environment(), options_of(None, **chosen)
    options, run_id = questions.ask(promotion, options), new_run_id()
    if promotion.renamed:
        screen.ERR.print(promotion.renamed)
    title, path = f"Dumping {promotion.source().label}", promotion.archive_path
    with start(promotion, run_id, options) as run:
        with finish.reported(run):
            dumping = Dumping(title, path, store=promotion.store)
            _walk(run, (steps.dumping(compression, encoding),), dumping, verbose=verbose)
            run.options = questions.agreed(promotion, options, run_id, yes=yes)
            _walk(run, steps.PROMOTED, _restoring(run), verbose=verbose)
        ended = finish.finish(run)
    _show(ended, as_json=as_json, dumped=ended.state.manifest)


@click.command("restore", cls=ResetSchemaCommand)
@dump_argument
@click.argument("jobs_named", metavar="[JOBS]", required=False, type=JOBS)
@run_options
@expect_plan
@filter_options
@jobs_option
@yes
@verbose
@as_json
def restore_command(
    dump_path: Path | None,
    jobs_named: int | None,
    *,
    jobs: int | None,
    yes: bool,
    verbose: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Bring DUMP into Prod: build a new database, prove it, swap it in.

    DUMP is the promotion's own archive unless named, JOBS the same as --jobs. Whatever fails before the swap
    leaves Prod as it was. What Prod was stays as the previous database, and `pgpromote
    rollback` brings it back. --strategy chooses to restore in place instead, which is destructive.

    \b
    Example:
      pgpromote restore shop.dump -j 8
      pgpromote restore shop.dump --strategy reset-schema --reset-schema=shop
    """
    if jobs and jobs_named:
        raise click.UsageError("JOBS and --jobs are the same: give one of them.")
    promotion = settings.from_environment()
    options = options_of(dump_path, jobs=jobs or jobs_named, **chosen)
    options, run_id = questions.ask(promotion, options), new_run_id()
    options = questions.agreed(promotion, options, run_id, yes=yes)
    with start(promotion, run_id, options) as run:
        with finish.reported(run):
            _walk(run, steps.PROMOTED, _restoring(run), verbose=verbose)
        ended = finish.finish(run)
    _show(ended, as_json=as_json)


def _restoring(run: Run) -> Running:
    return Running(f"Restoring into {run.target.label}", run, steps.PROMOTED)


def _walk(run: Run, walked: tuple[Step, ...], picture: Dumping | Running, *, verbose: bool) -> None:
    """Walk steps before a picture; in lines, checks have one of their own, for they may refuse."""
    opening = f"Checking {run.target.label}" if walked[0] is steps.CHECK else ""
    with screen.drawn(picture, verbose=verbose, opening=opening) as run.on_line:
        for each in steps.walk(run, walked):
            screen.show_notes(each.notes(run.state))
            if each is steps.CHECK and screen.in_lines(verbose=verbose):
                screen.ERR.print(picture.title)


def _show(ended: Ended, *, as_json: bool, **more: object) -> None:
    if as_json:
        screen.show_json({**more, **finish.told(ended)})
    else:
        screen.show_ended(ended)


@click.command(cls=ResetSchemaCommand)
@run_options
@jobs_option
@yes
@verbose
@as_json
def refresh(*, yes: bool, verbose: bool, as_json: bool, **chosen: Any) -> None:
    """Dump, promote and audit as one Dagster run in this process.

    The run is kept in the instance of DAGSTER_HOME, so the Dagster UI shows it like any other. `pgpromote
    promote` does the same without Dagster.

    \b
    Example:
      pgpromote refresh --jobs 8
    """
    from pgpromote.defs.config import restore_config  # noqa: PLC0415 - only these two commands pay for Dagster
    from pgpromote.defs.refresh import RefreshFailed  # noqa: PLC0415 - likewise
    from pgpromote.defs.refresh import refresh as run_refresh  # noqa: PLC0415 - likewise

    promotion, options = settings.from_environment(), options_of(None, **chosen)
    options = questions.ask(promotion, options)
    confirm(options, promotion.target().name, yes=yes)
    picture = Refreshing(Dumping("Dumping Dev", promotion.archive_path, store=promotion.store))
    with screen.only_steps(picture, verbose=verbose) as on_step:
        try:
            done = run_refresh(promotion, restore_config(options), on_step, picture.watch)
        except RefreshFailed:
            alarm.told()  # by the run
            raise
    ended = Ended(done.state, done.audit, done.report, done.problems)
    for problem in done.problems:
        screen.show_problem(problem)
    _show(ended, as_json=as_json, run=done.run_id, failed_checks=done.failed_checks)
