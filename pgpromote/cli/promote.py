"""Commands that look at Prod and change it: check, plan, rehearse, restore, refresh."""

import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pgpromote import settings
from pgpromote.cli import finish, questions
from pgpromote.cli.parameters import (
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
from pgpromote.postgres.databases import hold
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.losses import plan, plausible
from pgpromote.postgres.model import Severity
from pgpromote.promotion import Promotion
from pgpromote.run import retention, safeguard, steps
from pgpromote.run.check import look
from pgpromote.run.options import Options, rehearsing
from pgpromote.run.run import Run, start
from pgpromote.terminal import screen
from pgpromote.terminal.progress import Dumping, Refreshing, Running

# Checks that say what prod would lose beside the objects that the archive lacks.
BESIDE = ("nothing_in_the_way", "nothing_lost_outside", plausible.RULE)


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
    report = look(settings.from_environment(), options_of(dump_path, **chosen), new_run_id())
    if as_json:
        allowed = report.clearance is not None
        screen.show_json({"allowed": allowed, "findings": report.findings, "skipped": report.skipped})
    else:
        screen.show_report(report)
    if report.clearance is None:
        sys.exit(Refused.exit_code)


@click.command("plan", cls=ResetSchemaCommand)
@dump_argument
@look_options
@filter_options
@as_json
@click.pass_context
def plan_command(context: click.Context, /, dump_path: Path | None, *, as_json: bool, **chosen: Any) -> None:
    """Show what Prod would lose, who is connected, and Prod's fingerprint.

    Nothing is changed. Every table is read: for the fingerprint, and to tell which ones Prod's users changed
    since the last promotion; how much, about, is what the server's statistics have counted. It takes the
    options of `pgpromote restore`, and ends with the command that does what was planned. With the
    fingerprint, that command refuses if Prod is no longer what the plan has shown; it accepts what Dev lost.

    \b
    Example:
      pgpromote plan shop.dump
      pgpromote plan shop.dump --strategy clean -t orders
    """
    promotion, run_id = settings.from_environment(), new_run_id()
    options = replace(options_of(dump_path, **chosen), despite_hold=True)  # a plan changes nothing
    looked, target = look(promotion, options, run_id), promotion.target()
    aim = looked.aim or looked.cleared()
    if any(found.rule != plausible.RULE for found in looked.errors):
        losses = plan.preview(aim, aim.manifest, target, run_id).losses + looked.of(*BESIDE)
        screen.show_findings([found for found in losses if found.severity is not Severity.ERROR])
        looked.cleared()
    seen = plan.look(target, promotion.tools(), run_id)
    preview = plan.preview(aim, aim.manifest, target, run_id, held=seen.held)
    preview = replace(preview, losses=preview.losses + looked.of(*BESIDE))
    dropped = retention.beyond(promotion, run_id, options)
    if as_json:
        screen.show_json({**vars(preview), "fingerprint": seen.fingerprint, "dropped": dropped})
    else:
        lost = [plausible.pattern(found.object) for found in looked.errors]
        given = [*_given(context), *(["--accept-loss", ",".join(lost)] if lost else [])]
        command = ["pgpromote", "restore", *given, "--expect-plan", seen.fingerprint]
        screen.show_findings(looked.of(hold.RULE))
        screen.show_plan(preview, options, seen.fingerprint, shlex.join(command), dropped)


def _given(context: click.Context) -> Iterator[str]:
    """Yield the arguments of this command line without --expect-plan, whose value the new plan replaces."""
    for parameter in context.command.params:
        name = str(parameter.name)
        given = name in context.params and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not given or name == "expect_plan":
            continue
        value = context.params[name]
        if not isinstance(parameter, click.Option):
            yield str(value)
        elif parameter.is_flag:
            yield (parameter.opts if value else parameter.secondary_opts)[-1]
        else:
            yield from (f"{parameter.opts[-1]}={each}" for each in (value if parameter.multiple else [value]))


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
    promotion, run_id = settings.from_environment(), new_run_id()
    options = _ask_about_losses(promotion, options_of(dump_path, **chosen), run_id, yes=False)
    with start(promotion, run_id, rehearsing(options)) as run:
        picture = Running(f"Rehearsing beside {run.target.label}", run, steps.REHEARSED)
        with finish.reported(run, "rehearse"), screen.drawn(picture, verbose=verbose) as run.on_line:
            _walk(run, steps.REHEARSED)
        finish.finish_rehearsal(run)
        done = run.state
    if as_json:
        screen.show_json(done)
    else:
        screen.show_run(done)


@click.command("restore", cls=ResetSchemaCommand)
@dump_argument
@click.argument("jobs", required=False, type=click.IntRange(1, 64))
@run_options
@filter_options
@yes
@verbose
@as_json
def restore_command(
    dump_path: Path | None, *, yes: bool, verbose: bool, as_json: bool, **chosen: Any
) -> None:
    """Bring DUMP into Prod: build a new database, prove it, swap it in.

    DUMP is the promotion's own archive unless named, JOBS the number of connections (one for each core if
    Prod's server runs on this machine, else 4). Whatever fails
    before the swap leaves Prod as it was. What Prod was stays as the previous database, and `pgpromote
    rollback` brings it back. --strategy chooses to restore in place instead, which is destructive.

    \b
    Example:
      pgpromote restore shop.dump 8
      pgpromote restore shop.dump --strategy reset-schema --reset-schema=shop
    """
    promotion, options = settings.from_environment(), options_of(dump_path, **chosen)
    options, run_id = questions.ask(promotion, options), new_run_id()
    options = _ask_about_losses(promotion, options, run_id, yes=yes)
    if not options.strategy.beside and not yes and sys.stdin.isatty():
        aim = look(promotion, options, run_id).cleared()
        screen.show_findings(plan.preview(aim, aim.manifest, promotion.target(), run_id).losses)
    confirm(options, promotion.target().name, yes=yes)
    with start(promotion, run_id, options) as run:
        _restore(run, verbose=verbose, as_json=as_json)


def _ask_about_losses(promotion: Promotion, options: Options, run_id: str, *, yes: bool) -> Options:
    """Ask at a terminal whether to accept the losses of dev; `yes` answers. Return options with the answer.

    Raises click.Abort.
    """
    lost = safeguard.implausible(promotion, options, run_id) if sys.stdin.isatty() else ()
    if not lost:
        return options
    screen.show_findings([replace(found, hint="") for found in lost])
    if not yes:
        click.confirm("Go on all the same?", abort=True, err=True)
    accepted = (plausible.pattern(found.object) for found in lost)
    return replace(options, accept_loss=(*options.accept_loss, *accepted))


def _walk(run: Run, walked: tuple[steps.Step, ...]) -> None:
    for each in steps.walk(run, walked):
        screen.show_notes(each.notes(run.state))


def _restore(run: Run, *, verbose: bool, as_json: bool) -> None:
    picture = Running(f"Restoring into {run.target.label}", run, steps.PROMOTED)
    with finish.reported(run, "restore"), screen.drawn(picture, verbose=verbose) as run.on_line:
        _walk(run, steps.PROMOTED)
    problems, done = finish.finish(run), run.state
    if as_json:
        parts: dict[str, object] = {
            "repair": done.repair,
            "proof": done.proof,
            "swapped": done.cut_over,
            "safety": done.safety,
        }
        parts |= {"problems": problems}
        screen.show_json({**vars(done.restored), **parts})
    else:
        screen.show_run(done)


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
    from pgpromote.defs.refresh import refresh as run_refresh  # noqa: PLC0415 - likewise

    promotion, options = settings.from_environment(), options_of(None, **chosen)
    options = questions.ask(promotion, options)
    confirm(options, promotion.target().name, yes=yes)
    picture = Refreshing(Dumping("Dumping Dev", promotion.archive_path, store=promotion.store))
    with screen.only_steps(picture, verbose=verbose) as on_step:
        done = run_refresh(promotion, restore_config(options), on_step, picture.watch)
    for problem in done.problems:
        screen.show_problem(problem)
    if as_json:
        screen.show_json({"run": done.run_id, "failed_checks": done.failed_checks, "problems": done.problems})
    else:
        screen.show_refreshed(done.assets, done.failed_checks)
