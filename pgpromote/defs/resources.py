"""The resource that gives each Dagster run its `Run`, and reports on a run that failed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from pgpromote import report as reports
from pgpromote.defs import planned, tags
from pgpromote.defs.config import spelling
from pgpromote.defs.failures import clean, reason
from pgpromote.defs.running import PID, PROMOTION
from pgpromote.postgres import naming
from pgpromote.postgres.audit import Audit
from pgpromote.postgres.details import visible
from pgpromote.postgres.errors import ConfigError, PgpromoteError, ProdState
from pgpromote.postgres.tools import OnLine
from pgpromote.promotion import Promotion
from pgpromote.run import outcome
from pgpromote.run.options import Options
from pgpromote.run.run import Run, look_away, start

# Takes a run that begins, and returns what takes the lines of its tools.
Watch = Callable[[Run], OnLine]


def to_stdout(line: str) -> None:
    """Print a tool's line to the step's stdout tab; the event log would cost 6 ms a line."""
    print(visible(line), flush=True)  # noqa: T201 - captured by Dagster as the step's compute log


@dataclass
class Holder:
    """One Dagster run: its `Run`, once a step has begun it, and the findings of its other assets.

    `audited` holds the findings of the audits so far; `reported` is true once a step writes the report,
    `tagged` once its op tags the run with its outcome itself. `watch` is called with the run that begins;
    `watched` is the callback for the lines of its tools. `launched_for` is the promotion that its tags name,
    "" for none.
    """

    promotion: Promotion
    run_id: str
    stack: ExitStack = field(repr=False)
    watch: Watch
    begun: Run | None = None
    audited: Audit = reports.NOT_AUDITED
    reported: bool = False
    tagged: bool = False
    watched: OnLine = look_away
    launched_for: str = ""

    def check(self) -> None:
        """Raise ConfigError for a run that another promotion launched, into an instance that both share."""
        if self.launched_for not in {"", self.promotion.name}:
            raise ConfigError(
                f"This run was launched for the promotion {self.launched_for}, and is run by the code "
                f"location of {self.promotion.name}.",
                "Two promotions in one Dagster instance need two code locations, each with a location_name "
                "of its own in workspace.yaml, and the settings of each where its runs are launched.",
            )

    def watching(self, run: Run) -> OnLine:
        """Take a run that was begun elsewhere, as by a rollback; return the sink of its tools' lines."""
        self.begun = run
        return to_stdout

    def run(self, options: Options) -> Run:
        """Return the run; the first step begins it with these options, which are those of all its steps."""
        if self.begun is None:
            self.check()
            self.begun = self.stack.enter_context(start(self.promotion, self.run_id, options))
            self.watched = self.watch(self.begun)
        return self.begun


def run_resource(
    promotion: Promotion, prefix: str = "", watch: Watch = lambda run: look_away
) -> dg.ResourceDefinition:
    """Return the resource of one promotion. Nothing secret is in its configuration."""

    @dg.resource(description=f"The promotion {promotion.name}: databases, archive, lock.")
    def walk(context: dg.InitResourceContext) -> Iterator[Holder]:
        with ExitStack() as stack:
            run_id, told = (context.run.run_id, context.run.tags) if context.run else ("no-run", {})
            if context.run and PID not in told:  # who typed a command reads how that is typed
                stack.enter_context(naming.options_spelled(spelling(context.run.job_name, prefix)))
            made = Holder(promotion, run_id, stack, watch)
            made.launched_for = told.get(PROMOTION, "")
            try:
                yield made
            finally:
                _end(context, made, f"{prefix}dev_dump_archive")

    return walk


def _end(context: dg.InitResourceContext, holder: Holder, dump: str) -> None:
    """Tag the run with its outcome. Take back the unmade checks of a failed one, and report on it."""
    if context.instance is None or context.run is None or context.log is None:
        return
    failures, run = _failures(context.instance, context.run.run_id), holder.begun
    dumping = any(event.step_key == dump for event in failures)
    if run and not holder.tagged:
        refused = any(reason(event).refused for event in failures)
        context.instance.add_run_tags(holder.run_id, tags.of_end(run, refused=refused))
    elif failures and not holder.tagged:
        context.instance.add_run_tags(holder.run_id, tags.of_outcome(ProdState.UNTOUCHED))
    if failures:
        planned.take_back(context.instance, holder.run_id)
        if (run or dumping) and not holder.reported:  # the last step writes the report of a good run
            write_report(context.log, holder, reason(failures[0]).text)


def write_report(log: dg.DagsterLogManager, holder: Holder, problem: str) -> Path | None:
    """Write the report of a run that failed, and return its page; None where none can be written."""
    holder.reported = True
    try:
        run = holder.run(Options())
    except PgpromoteError as error:  # its settings say not even which prod
        log.info(f"There is no report of this run. {error}")
        return None
    else:
        for each in run.problems:
            log.warning(each)
        log.info(str(outcome.of(run.state)))
        told, written = reports.write_failure(run, clean(problem, holder.promotion), holder.audited)
        log.info(told)
        return written.page if written else None


def _failures(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    found = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    events = (record.event_log_entry.dagster_event for record in found.records)
    return [event for event in events if event]
