"""The ops inside `prod_schema`: each walks one step of the table and shows its results."""

from collections.abc import Iterator

import dagster as dg

from pgpromote.defs import evidence, metadata, shown, tags
from pgpromote.defs.config import RestoreConfig
from pgpromote.defs.failures import readable, reported
from pgpromote.defs.resources import Holder, write_report
from pgpromote.defs.step import (
    AFTER,
    DONE,
    Events,
    Progress,
    check_output,
    check_result,
    holder_of,
    lines_of,
    log_findings,
    log_notes,
    log_statements,
)
from pgpromote.postgres.model import Severity
from pgpromote.run import outcome
from pgpromote.run.run import Run
from pgpromote.run.state import Note, State
from pgpromote.run.steps import STEPS, Step

# A check that cannot look has no result.
MAYBE = dg.Out(dg.Nothing, is_required=False)
# The steps of a run that are ops, in their order; the others are walked within one of these.
WITH_OPS = tuple(step for step in STEPS if step.op)


def build_ops(prefix: str) -> tuple[dg.OpDefinition, ...]:
    """Return the ops of one promotion. Op names are unique in a code location, hence the prefix."""
    return tuple(_op(prefix, step, last=step is WITH_OPS[-1]) for step in WITH_OPS)


def _op(prefix: str, step: Step, *, last: bool) -> dg.OpDefinition:
    """Return the op of a step; beside `result` its outputs are the results of checks."""

    @dg.op(
        name=f"{prefix}{step.op}",
        description=step.description,
        ins={"after": AFTER},
        out={"result": DONE, **{check_output(rule): MAYBE for rule in step.rules}},
        required_resource_keys={f"{prefix}run"},
    )
    def walk_step(context: dg.OpExecutionContext, config: RestoreConfig) -> Events:
        holder = holder_of(context, prefix)
        begins = holder.begun is None  # also with another step: Dagster repeats any of them alone
        with readable():
            run = holder.run(config.options())
        if begins:
            context.instance.add_run_tags(context.run_id, tags.of_run(run))
        if not step.runs(run.options.strategy):
            context.log.info(f"The strategy {config.strategy} has no such step.")
        failed = _walk(context, holder, run, step)
        results = [getattr(run.state, name) for name in step.keeps]
        log_notes(context, step.notes(run.state))
        within = [name for each in STEPS if each.within == step.name for name in each.keeps]
        for result in (*results, *(getattr(run.state, name) for name in within)):
            log_findings(context, shown.findings(result))
            log_statements(context, shown.statements(result))
        if last:
            log_notes(context, (Note(Severity.WARNING, problem) for problem in run.problems))
        yield from _checks(context, step, run, failed)
        if failed:
            raise reported(failed, write_report(context.log, holder, failed.description or ""))
        described = [metadata.prod(run.state, run.options.filters)] if last else []
        described += [shown.of(result) for result in results]
        yield dg.Output(
            None,
            "result",
            metadata={name: v for each in described for name, v in each.items()},
            tags=metadata.version(run.state.sha256) if last else None,
        )

    return walk_step


def _walk(context: dg.OpExecutionContext, holder: Holder, run: Run, step: Step) -> dg.Failure | None:
    """Walk the step, and return how it failed."""
    run.on_line, run.on_work = lines_of(holder), Progress(context.log.info)
    try:
        with readable(run):
            step.walk(run)
    except dg.Failure as failure:
        return failure
    return None


def _checks(context: dg.OpExecutionContext, step: Step, run: Run, failed: dg.Failure | None) -> Events:
    """Yield the results of the checks that a step completes; a skipped check has none."""
    state = run.state
    for rule in step.rules:
        log_findings(context, state.of(rule) or ())
    yield from results(step, state, f"Nothing was promoted. {outcome.of(state)}" if failed else "")
    for rule, why in (state.checked.skipped if state.checked else {}).items():
        if rule in step.rules:
            context.log.info(f"[{rule}] skipped: {why}.")


def results(step: Step, state: State, not_done: str = "") -> Iterator[dg.AssetCheckResult]:
    """Yield the results of the checks that a step completes, as far as they have one."""
    for rule in step.rules:
        if (found := state.of(rule)) is not None:
            yield check_result(rule, found, evidence=evidence.of(rule, state), not_done=not_done)
