"""The ops outside the lineage graph: rollback, resume and rehearsal."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pgpromote.defs import events, metadata, tags
from pgpromote.defs.config import RestoreConfig, RollbackConfig
from pgpromote.defs.failures import readable
from pgpromote.defs.resources import to_stdout
from pgpromote.defs.step import DONE, holder_of, log_findings, log_notes
from pgpromote.postgres.errors import Outcome, PgpromoteError, ProdState, Refused
from pgpromote.run.options import rehearsing
from pgpromote.run.rollback import bring_back, release, status
from pgpromote.run.steps import REHEARSED, walk
from pgpromote.terminal.past import resumed

# A rollback that failed without a word about prod may have swapped it or not.
EITHER = Outcome(ProdState.WHOLE)


def build_rollback(prefix: str) -> dg.OpDefinition:
    """Return the op that brings back an earlier prod."""

    @dg.op(
        name=f"{prefix}rollback",
        description="Replaces prod by what it was before, at once; what is prod now becomes a previous "
        "database. Prod is then on hold: nothing is promoted until the job `resume_prod`.",
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def rollback(context: dg.OpExecutionContext, config: RollbackConfig) -> None:
        holder = holder_of(context, prefix)
        with readable():
            holder.check()
            holder.tagged = True
            context.instance.add_run_tags(context.run_id, tags.of_rollback(holder.promotion))
        with readable(ended=EITHER), _tagged(context):
            done = bring_back(
                holder.promotion, holder.run_id, config.name, tuple(config.allow), watch=holder.watching
            )
        context.log.info(f"Swapped back; the gap was {done.downtime_ms} ms, {done.previous} is kept.")
        context.log.warning(events.HELD)
        with readable(ended=Outcome(ProdState.RENEWED, "Prod was swapped back.")):
            now = status(holder.promotion, holder.run_id)
        context.instance.add_run_tags(context.run_id, tags.of_content(now.came))
        for event in events.rolled_back(holder.run_id, done, now, prefix):
            _show(context, event)

    return rollback


def _show(context: dg.OpExecutionContext, event: events.Event | events.Earlier) -> None:
    """Record an event: in the run where Dagster takes it there."""
    if isinstance(event, dg.AssetObservation):
        context.log_event(event)
        context.add_output_metadata(event.metadata)
    else:
        events.tell(context.instance, event)


def build_resume(prefix: str) -> dg.OpDefinition:
    """Return the op that ends the hold on prod."""

    @dg.op(
        name=f"{prefix}resume",
        description="End the hold that a rollback has put on prod: promotions go on. Prod stays as it is. "
        "What the rollback put aside is dropped after the next good promotion.",
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def resume(context: dg.OpExecutionContext) -> None:
        holder = holder_of(context, prefix)
        with readable():
            holder.check()
            held = release(holder.promotion, holder.run_id)
        context.log.info(resumed(holder.promotion.target().label, held))
        events.tell(context.instance, events.on_hold(None, prefix))

    return resume


@contextmanager
def _tagged(context: dg.OpExecutionContext) -> Iterator[None]:
    """Tag the run of a rollback with its outcome."""
    ended = tags.of_outcome(EITHER.prod)
    try:
        yield
        ended = tags.ROLLED_BACK
    except PgpromoteError as error:
        refused = error.exit_code == Refused.exit_code
        ended = tags.of_outcome((error.outcome or EITHER).prod, refused=refused)
        raise
    finally:
        context.instance.add_run_tags(context.run_id, ended)


def build_rehearsal(prefix: str) -> dg.OpDefinition:
    """Return the op that does everything but the cut-over, and drops the database it built."""

    @dg.op(
        name=f"{prefix}rehearse",
        description="Build and prove the new database beside prod, then drop it. Prod is not touched.",
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def rehearse(context: dg.OpExecutionContext, config: RestoreConfig) -> None:
        with readable():
            run = holder_of(context, prefix).run(rehearsing(config.options()))
            run.on_line = to_stdout
            for step in walk(run, REHEARSED):
                log_notes(context, step.notes(run.state))
            done = run.state
        losses = done.plan.losses if done.plan else ()
        log_findings(context, (*losses, *(done.proof.findings if done.proof else ())))
        context.log.info("The rehearsal went well; prod is untouched.")
        context.add_output_metadata(metadata.rehearsal(done))

    return rehearse
