"""Commands that look at Prod and change nothing: check, plan."""

import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pgpromote import settings
from pgpromote.cli.parameters import (
    ResetSchemaCommand,
    as_json,
    dump_argument,
    expect_plan,
    filter_options,
    look_options,
    new_run_id,
    options_of,
)
from pgpromote.postgres.databases import hold
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.losses import fingerprint, plan, plausible
from pgpromote.postgres.model import Severity
from pgpromote.run import retention
from pgpromote.run.check import look
from pgpromote.terminal import screen

# Checks of losses beside the objects that the archive lacks.
BESIDE = ("nothing_in_the_way", "nothing_lost_outside", plausible.RULE)


@click.command(cls=ResetSchemaCommand)
@dump_argument
@look_options
@expect_plan
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
@expect_plan
@filter_options
@as_json
@click.pass_context
def plan_command(context: click.Context, /, dump_path: Path | None, *, as_json: bool, **chosen: Any) -> None:
    """Show what Prod would lose, who is connected, and the fingerprint of Prod and DUMP.

    Nothing is changed. Every table is read: for the fingerprint, and to tell which ones Prod's users changed
    since the last promotion; how much, about, is what the server's statistics have counted. It takes the
    options of `pgpromote restore`, and ends with the command that does what was planned. With the
    fingerprint, that command refuses if Prod or DUMP is another than the plan has shown; it accepts what Dev
    lost.

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
    seen = fingerprint.look(target, promotion.tools(), run_id)
    held_to = seen.fingerprint(aim.sha256)
    preview = plan.preview(aim, aim.manifest, target, run_id, held=seen.held)
    preview = replace(preview, losses=preview.losses + looked.of(*BESIDE))
    dropped = retention.beyond(promotion, run_id, options)
    if as_json:
        screen.show_json({**vars(preview), "fingerprint": held_to, "dropped": dropped})
    else:
        lost = [plausible.pattern(found.object) for found in looked.errors]
        given = [*_given(context), *(["--accept-loss", ",".join(lost)] if lost else [])]
        command = ["pgpromote", "restore", *given, "--expect-plan", held_to]
        screen.show_findings(looked.of(hold.RULE))
        screen.show_plan(
            preview,
            options,
            held_to,
            shlex.join(command),
            aim=aim,
            dropped=dropped,
        )


def _given(context: click.Context) -> Iterator[str]:
    """Yield the arguments of this command line without --expect-plan: the new plan replaces its value."""
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
