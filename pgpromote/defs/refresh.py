"""Run the refresh job in this process, on the configured instance, for cron and the terminal."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterEventType, DagsterInstance
from dagster._core.events.log import EventLogEntry
from dagster._core.utils import make_new_run_id

from pgpromote import report as reports
from pgpromote.defs.alerts import of_run
from pgpromote.defs.audits import AUDITS
from pgpromote.defs.config import DumpConfig, RestoreConfig
from pgpromote.defs.ended_runs import key_of, prod, tag
from pgpromote.defs.factory import build_promotion
from pgpromote.defs.failures import clean, reason
from pgpromote.defs.instance import open_instance
from pgpromote.defs.ops import WITH_OPS
from pgpromote.defs.report import REPORT
from pgpromote.defs.resources import Watch
from pgpromote.defs.running import PROMOTION, close_dead_runs, tags_of_command
from pgpromote.postgres.errors import PgpromoteError, Refused
from pgpromote.postgres.model import Severity
from pgpromote.postgres.tools import OnLine
from pgpromote.promotion import Promotion
from pgpromote.report.webhook import Webhook, WebhookFailed, post
from pgpromote.run import storage
from pgpromote.run.run import Run
from pgpromote.run.state import State

JOB, PROD = "refresh_prod", "prod_schema"


@dataclass(frozen=True)
class Refreshed:
    """The results of a run: its state, per asset the metadata as plain values, and every failed check.

    `problems` are failures after prod became the new one.
    """

    run_id: str
    state: State
    assets: dict[str, dict[str, object]]
    failed_checks: tuple[str, ...]
    problems: tuple[str, ...] = ()

    @property
    def audit(self) -> dict[Severity, int] | None:
        """The number of findings of the audits by severity; None when one of them did not come to its end."""
        audits = [self.assets.get(name) for name in AUDITS]
        if None in audits:
            return None
        return {each: sum(int(str(found[each.value])) for found in audits if found) for each in Severity}

    @property
    def report(self) -> str:
        """The path of the report, "" for none."""
        return str(self.assets.get(REPORT, {}).get("report", ""))


class RefreshFailed(PgpromoteError):
    """A step of the refresh failed. Its error is the message."""


class RefreshRefused(RefreshFailed):
    """A check refused the refresh, or another promotion is running. Its error is the message."""

    exit_code = Refused.exit_code


def refresh(
    promotion: Promotion, restore: RestoreConfig, on_step: Callable[[str], None], watch: Watch
) -> Refreshed:
    """Dump, restore, repair and audit as one Dagster run; call `on_step` as each step begins.

    `watch` is called with the run before its first step, and returns the callback for the lines of its tools.

    Failures after prod became the new one are among the problems. Raises ConfigError or ConnectionFailed
    without a usable instance, RefreshFailed when a step fails before, RefreshRefused when a check forbids it.
    """
    begun: list[Run] = []

    def noticed(run: Run) -> OnLine:
        begun.append(run)
        return watch(run)

    definitions = build_promotion(promotion, watch=noticed)
    run_id = make_new_run_id()
    strategy = restore.options().strategy
    unused = {f"{PROD}.{step.op}" for step in WITH_OPS if not step.runs(strategy)}
    # It would tell at the terminal of each check that was skipped.
    logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)
    storage.check_apart(promotion)
    with open_instance() as instance:
        for dead in close_dead_runs(instance):
            if dead.tags.get(PROMOTION) == promotion.name:
                tag(instance, promotion, dead)

        def listen(entry: EventLogEntry) -> None:
            event = entry.dagster_event
            if event and event.event_type is DagsterEventType.STEP_START and event.step_key not in unused:
                on_step(str(event.step_key))

        instance.add_event_listener(run_id, listen)
        result = definitions.resolve_job_def(JOB).execute_in_process(
            run_config={
                "ops": {
                    "dev_dump_archive": {"config": DumpConfig().model_dump()},
                    "prod_schema": {"config": restore.model_dump()},
                },
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            tags=tags_of_command(promotion.name, run_id),
        )
        problems = (*_problems(promotion, result), *_post(promotion, definitions, instance, result))
    assets = _assets(result)
    if not result.success and PROD not in assets:
        page = reports.find(promotion.report_dir, promotion.name, run_id)
        hint = f"See run {run_id} in the Dagster UI" + (f", or the report in {page}." if page else ".")
        raise _failed(promotion, result, problems, hint)
    (run,) = begun
    return Refreshed(run_id, run.state, assets, _failed_checks(result), problems)


def _failed(
    promotion: Promotion, result: dg.ExecuteInProcessResult, problems: Sequence[str], hint: str
) -> RefreshFailed:
    reasons = [reason(event) for event in result.get_step_failure_events()]
    kind = RefreshRefused if any(each.refused for each in reasons) else RefreshFailed
    starts = (event for event in result.all_events if event.event_type is DagsterEventType.STEP_START)
    steps = [key_of(event, "") for event in starts]
    # A reason that says what prod is has done so in its text.
    known = any(each.prod for each in reasons)
    outcome = None if known else prod(promotion, result.dagster_run, steps)
    return kind("\n".join(problems) or "The run failed.", hint, outcome)


def _problems(promotion: Promotion, result: dg.ExecuteInProcessResult) -> list[str]:
    failures = result.get_step_failure_events()
    return [clean(f"{event.step_key}: {reason(event).text}", promotion) for event in failures]


def _post(
    promotion: Promotion,
    definitions: dg.Definitions,
    instance: DagsterInstance,
    result: dg.ExecuteInProcessResult,
) -> list[str]:
    """Post the alert of a run that no sensor sees, as the daemon did not launch it; return any failure."""
    if not promotion.webhook_url():
        return []
    try:
        if alert := of_run(promotion, definitions.assets or (), instance, result):
            post(Webhook(promotion.webhook_url()), alert.payload())
    except WebhookFailed as error:
        return [str(error)]
    return []


def _assets(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, object]]:
    materializations = (event.materialization for event in result.get_asset_materialization_events())
    return {
        made.asset_key.to_user_string(): {name: value.value for name, value in made.metadata.items()}
        for made in materializations
    }


def _failed_checks(result: dg.ExecuteInProcessResult) -> tuple[str, ...]:
    return tuple(
        f"{check.check_name} ({check.severity.value.lower()})"
        for check in result.get_asset_check_evaluations()
        if not check.passed
    )
