"""Alerts: a run that failed, and an audit that got worse, posted to a webhook.

The sensors are in the definitions only when PGPROMOTE_WEBHOOK_URL is set, and then they run: to set it is
the choice, and a sensor that can never send anything would only be noise in the UI.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import dropwhile

import dagster as dg

from pgpromote.defs.ended_runs import begun, key_of, prod
from pgpromote.defs.failures import Reason, clean, reason
from pgpromote.defs.metadata import PROVEN
from pgpromote.postgres.errors import InvalidUrl
from pgpromote.postgres.model import Severity
from pgpromote.promotion import Promotion
from pgpromote.report import find
from pgpromote.report.alert import Alert, title
from pgpromote.report.webhook import Webhook, post

Assets = Sequence[dg.AssetsDefinition | dg.AssetSpec]
# Check by check: 0 passed, 1 a warning, 2 an error.
Verdicts = dict[dg.AssetCheckKey, int]
WORDS = ("passed", Severity.WARNING.value, Severity.ERROR.value)
RECENT = 20
SHOWN = 1500
SHOWN_OBJECTS = 10
# A run that someone started by clicking Materialize.
BY_CLICK = "__ASSET_JOB"


def build_alerts(
    promotion: Promotion, prefix: str, assets: Assets, is_ours: Callable[[dg.DagsterRun], bool]
) -> list[dg.SensorDefinition]:
    """Return the two sensors, none without a webhook. Raises ConfigError if that is no web address."""
    if not promotion.webhook_url():
        return []
    webhook = Webhook(promotion.webhook_url())
    return [
        _run_failed(promotion, prefix, webhook, is_ours),
        _audit_worse(promotion, prefix, webhook, is_ours, _audits(prefix, assets)),
    ]


def _run_failed(
    promotion: Promotion, prefix: str, webhook: Webhook, is_ours: Callable[[dg.DagsterRun], bool]
) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name=f"{prefix}run_failed_alert",
        description="Post every failed run of this promotion to the webhook.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def run_failed_alert(context: dg.RunFailureSensorContext) -> None:
        if is_ours(context.dagster_run):
            run, told = context.dagster_run, context.failure_event.message or ""
            steps, failed = begun(context.instance, run.run_id, prefix), context.get_step_failure_events()
            post(webhook, failure(promotion, prefix, run, steps, failed, told=told).payload())

    return run_failed_alert


def _audit_worse(
    promotion: Promotion,
    prefix: str,
    webhook: Webhook,
    is_ours: Callable[[dg.DagsterRun], bool],
    audits: frozenset[dg.AssetCheckKey],
) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=f"{prefix}audit_worse_alert",
        run_status=dg.DagsterRunStatus.SUCCESS,
        description="Post to the webhook when an audit check fails that passed before, or fails worse.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def audit_worse_alert(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        if not is_ours(run):
            return
        now = _verdicts(context.instance, run.run_id, audits)
        before = _before(context.instance, run.run_id, now)
        if worse(now, before):
            told = _proven(context.instance, run.run_id, f"{prefix}prod_schema")
            post(webhook, worsened(promotion, run, now, before, told).payload())

    return audit_worse_alert


def ours(jobs: set[str], assets: Assets) -> Callable[[dg.DagsterRun], bool]:
    """Return a predicate that tells runs of this promotion from others in the same code location."""
    keys = {
        key for asset in assets for key in ([asset.key] if isinstance(asset, dg.AssetSpec) else asset.keys)
    }

    def is_ours(run: dg.DagsterRun) -> bool:
        if run.job_name == BY_CLICK:
            return not keys.isdisjoint(run.asset_selection or ())
        return run.job_name in jobs

    return is_ours


def _audits(prefix: str, assets: Iterable[object]) -> frozenset[dg.AssetCheckKey]:
    """Return the keys of the audit checks: all checks but those of prod itself."""
    checks = (check for a in assets if isinstance(a, dg.AssetsDefinition) for check in a.check_keys)
    return frozenset(check for check in checks if check.asset_key != dg.AssetKey(f"{prefix}prod_schema"))


def of_run(
    promotion: Promotion,
    assets: Iterable[object],
    instance: dg.DagsterInstance,
    result: dg.ExecuteInProcessResult,
) -> Alert | None:
    """Return the alert that the sensors would post for a run in this process; None when all is well.

    The sensors never see such a run.
    """
    if not result.success:
        steps, failed = begun(instance, result.run_id), result.get_step_failure_events()
        return failure(promotion, "", result.dagster_run, steps, failed)
    now = _verdicts(instance, result.run_id, _audits("", assets))
    before = _before(instance, result.run_id, now)
    if not worse(now, before):
        return None
    told = _proven(instance, result.run_id, "prod_schema")
    return worsened(promotion, result.dagster_run, now, before, told)


def failure(
    promotion: Promotion,
    prefix: str,
    run: dg.DagsterRun,
    steps: Sequence[str],
    failures: Sequence[dg.DagsterEvent],
    *,
    told: str = "The run failed.",
) -> Alert:
    """Return the alert for a failed run: check or step, the reason, the objects, the state of prod.

    `steps` are those that it has begun, `failures` those of steps: none when the run never started or its
    process died; `told` and its steps are then all that is known.
    """
    why = reason(failures[0]) if failures else Reason(told, _again(steps))
    return Alert(
        event="run_failed",
        promotion=promotion.name,
        job=run.job_name,
        run_id=run.run_id,
        failed=title(why.checks, _name(key_of(failures[0], prefix))) if failures else _died(steps),
        what=clean(why.what, promotion)[:SHOWN],
        objects=tuple(clean(name, promotion) for name in why.objects[:SHOWN_OBJECTS]),
        untouched=why.prod or str(prod(promotion, run, steps, prefix)),
        to_do=clean(why.to_do, promotion)[:SHOWN] or "See the run in the Dagster UI.",
        link=_link(promotion, run),
        target=_target(promotion),
        report=str(find(promotion.report_dir, promotion.name, run.run_id) or ""),
    )


def _died(steps: Sequence[str]) -> str:
    return f"the run ended in {_name(steps[-1])}" if steps else "the run never started"


def _name(step: str) -> str:
    return step.rpartition(".")[2].replace("_", " ")


def _again(steps: Sequence[str]) -> str:
    """Return the remedy for a run without a failed step."""
    if not steps:
        return "Look whether daemon and code server run; then start it again."
    return "See the run in the Dagster UI; then start it again. What it left beside prod is dropped then."


def worse(now: Verdicts, before: Verdicts) -> list[dg.AssetCheckKey]:
    """Return the checks that ended worse than before; a new check has no earlier result to be worse than."""
    return [check for check, verdict in now.items() if verdict > before.get(check, verdict)]


def worsened(
    promotion: Promotion, run: dg.DagsterRun, now: Verdicts, before: Verdicts, proven: str = ""
) -> Alert:
    """Return the alert for audit checks that got worse; `proven` is the run's proof of prod, "" for none."""
    failed = (sum(verdict > 0 for verdict in each.values()) for each in (now, before))
    return Alert(
        event="audit_worse",
        promotion=promotion.name,
        job=run.job_name,
        run_id=run.run_id,
        failed="the audit got worse",
        what="Failed audit checks: {} now, {} before.".format(*failed),
        objects=tuple(
            f"{check.to_user_string()} {WORDS[now[check]]}, was {WORDS[before[check]]}"
            for check in worse(now, before)
        ),
        untouched=f"The audit only reads. Proven: {proven}." if proven else "The audit only reads.",
        to_do="Read the report of each check in the Dagster UI, or run: pgpromote audit",
        link=_link(promotion, run),
        target=_target(promotion),
        report=str(find(promotion.report_dir, promotion.name, run.run_id) or ""),
    )


def _proven(instance: dg.DagsterInstance, run_id: str, prod: str) -> str:
    """Return the proof of prod that a run recorded, "" when it promoted nothing."""
    found = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    made = (record.asset_materialization for record in found)
    told = (each.metadata.get(PROVEN) for each in made if each and each.asset_key == dg.AssetKey(prod))
    return next((str(value.value) for value in told if value), "")


def _verdicts(instance: dg.DagsterInstance, run_id: str, audits: frozenset[dg.AssetCheckKey]) -> Verdicts:
    found = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    events = (record.event_log_entry.dagster_event for record in found)
    evaluations = (event.event_specific_data for event in events if event)
    return {
        each.asset_check_key: _verdict(each)
        for each in evaluations
        if isinstance(each, dg.AssetCheckEvaluation) and each.asset_check_key in audits
    }


def _before(instance: dg.DagsterInstance, run_id: str, checks: Verdicts) -> Verdicts:
    """Return the last verdict of each check before this run."""
    found: Verdicts = {}
    for check in checks:
        newest_first = instance.event_log_storage.get_asset_check_execution_history(check, limit=RECENT)
        from_this_run = dropwhile(lambda each: each.run_id != run_id, newest_first)
        older = (each for each in from_this_run if each.run_id != run_id)
        # One that is only planned has another value.
        last = next((e.evaluation for e in older if isinstance(e.evaluation, dg.AssetCheckEvaluation)), None)
        if last:
            found[check] = _verdict(last)
    return found


def _verdict(evaluation: dg.AssetCheckEvaluation) -> int:
    if evaluation.passed:
        return 0
    return 2 if evaluation.severity is dg.AssetCheckSeverity.ERROR else 1


def _target(promotion: Promotion) -> str:
    try:
        return promotion.target().label
    except InvalidUrl:  # which may be why the run failed
        return ""


def _link(promotion: Promotion, run: dg.DagsterRun) -> str:
    return f"{promotion.ui_url()}/runs/{run.run_id}" if promotion.ui_url() else ""
