"""Alerts: a run that failed, and an audit that got worse, posted to a webhook.

The sensors are in the definitions only when PGPROMOTE_WEBHOOK_URL is set, and then they run: to set it is
the choice, and a sensor that can never send anything would only be noise in the UI.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import dropwhile

import dagster as dg

from pgpromote.defs.jobs import Jobs
from pgpromote.options import Strategy
from pgpromote.postgres.errors import InvalidUrl
from pgpromote.postgres.model import Severity
from pgpromote.postgres.server import Database, redact
from pgpromote.promotion import Promotion
from pgpromote.webhook import Webhook, post

Assets = Sequence[dg.AssetsDefinition | dg.AssetSpec]
# Check by check: 0 passed, 1 a warning, 2 an error.
Verdicts = dict[dg.AssetCheckKey, int]
WORDS = ("passed", Severity.WARNING.value, Severity.ERROR.value)
RECENT = 20
SHOWN = 1500
SHOWN_OBJECTS = 10
# A run that someone started by clicking Materialize.
BY_CLICK = "__ASSET_JOB"

UNTOUCHED = "Prod is untouched."
WHOLE = "Prod is wholly old or wholly new; pgpromote history shows whether it was swapped."
MIXED = "Prod may be a mix of old and new; pgpromote history lists what can be brought back."
# Steps that write to prod when it is restored in place; beside prod they write to the new database.
IN_PLACE = ("create_shadow", "reset_schema", "parallel_restore", "repair_primary_key_identities", "prove")
SWAPPING = ("cut_over", "rollback")


@dataclass(frozen=True)
class Alert:
    """What a webhook is told. Nothing in it is secret; what is empty is not known."""

    event: str
    promotion: str
    job: str
    run_id: str
    failed: str
    what: str
    objects: tuple[str, ...]
    untouched: str
    to_do: str
    link: str

    @property
    def text(self) -> str:
        """The whole alert as one message, in the markup of Slack."""
        lines = (
            f"*{_plain(self.promotion)}: {_plain(self.failed)}* (job {_plain(self.job)}, run {self.run_id})",
            _plain(self.what),
            f"On: {_plain(', '.join(self.objects))}" if self.objects else "",
            _plain(self.untouched),
            f"What to do: {_plain(self.to_do)}" if self.to_do else "",
            self.link,
        )
        return "\n".join(line for line in lines if line)

    def payload(self) -> dict[str, object]:
        """Return what is posted: `text` for people, and a field for each part."""
        return {"text": self.text, **asdict(self)}


def build_alerts(promotion: Promotion, prefix: str, jobs: Jobs, assets: Assets) -> list[dg.SensorDefinition]:
    """Build the two sensors; none without a webhook. Raises ConfigError for one that is no web address."""
    if not promotion.webhook_url():
        return []
    webhook = Webhook(promotion.webhook_url())
    is_ours = _ours({job.name for job in jobs.all()}, assets)
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
            steps, told = context.get_step_failure_events(), context.failure_event.message or ""
            post(webhook, failure(promotion, prefix, context.dagster_run, steps, told).payload())

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
            post(webhook, worsened(promotion, run, now, before).payload())

    return audit_worse_alert


def _ours(jobs: set[str], assets: Assets) -> Callable[[dg.DagsterRun], bool]:
    """Build what tells a run of this promotion from those of others in the same code location."""
    keys = {
        key for asset in assets for key in ([asset.key] if isinstance(asset, dg.AssetSpec) else asset.keys)
    }

    def is_ours(run: dg.DagsterRun) -> bool:
        if run.job_name == BY_CLICK:
            return not keys.isdisjoint(run.asset_selection or ())
        return run.job_name in jobs

    return is_ours


def _audits(prefix: str, assets: Assets) -> frozenset[dg.AssetCheckKey]:
    """Name the checks that are audits: all but those that guard prod itself."""
    checks = (check for a in assets if isinstance(a, dg.AssetsDefinition) for check in a.check_keys)
    return frozenset(check for check in checks if check.asset_key != dg.AssetKey(f"{prefix}prod_schema"))


def failure(
    promotion: Promotion, prefix: str, run: dg.DagsterRun, steps: Sequence[dg.DagsterEvent], told: str
) -> Alert:
    """Say which step of a run failed, why, on which objects, and what is so now.

    `steps` are the failures of steps, none when the run's process died; `told` is then all there is.
    """
    step = (steps[0].step_key or "").rpartition(".")[2].removeprefix(prefix) if steps else ""
    what, to_do, objects = _reason(steps[0]) if steps else (told, "", ())
    return Alert(
        event="run_failed",
        promotion=promotion.name,
        job=run.job_name,
        run_id=run.run_id,
        failed=f"{step.replace('_', ' ')} failed" if step else "the run failed",
        what=_clean(what, promotion)[:SHOWN],
        objects=tuple(_clean(name, promotion) for name in objects[:SHOWN_OBJECTS]),
        untouched=standing(step, in_place=_in_place(run, prefix)),
        to_do=_clean(to_do, promotion)[:SHOWN] or "See the run in the Dagster UI.",
        link=_link(promotion, run),
    )


def standing(step: str, *, in_place: bool) -> str:
    """Say what prod is after a step has failed; "" for the step means that the run's process died."""
    if in_place and step in {"", *IN_PLACE}:
        return MIXED
    return WHOLE if step in {"", *SWAPPING} else UNTOUCHED


def worse(now: Verdicts, before: Verdicts) -> list[dg.AssetCheckKey]:
    """Name the checks that ended worse than the time before; what is new has nothing to be worse than."""
    return [check for check, verdict in now.items() if verdict > before.get(check, verdict)]


def worsened(promotion: Promotion, run: dg.DagsterRun, now: Verdicts, before: Verdicts) -> Alert:
    """Say which audit checks got worse."""
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
        untouched="The audit only reads.",
        to_do="Read the report of each check in the Dagster UI, or run: pgpromote audit",
        link=_link(promotion, run),
    )


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
    """Look up how each check ended the last time before this run."""
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


def _reason(event: dg.DagsterEvent) -> tuple[str, str, tuple[str, ...]]:
    """Take what a step said of its failure apart: what, what to do, on which objects."""
    data = event.step_failure_data
    if data.user_failure_data is None:
        error = data.error
        while error and error.cause:
            error = error.cause
        return (error.message.strip() if error else "It failed without a reason."), "", ()
    what, _, hint = (data.user_failure_data.description or "").partition("\nHint: ")
    shown = data.user_failure_data.metadata
    findings = [f for f in _records(shown, "findings") if f["severity"] == Severity.ERROR.value]
    objects = [*(f["object"] for f in findings), *(e["entry"] for e in _records(shown, "errors"))]
    hints = [hint, *(f["what to do"] for f in findings)]
    return what, " ".join(dict.fromkeys(filter(None, hints))), tuple(dict.fromkeys(filter(None, objects)))


def _records(shown: Mapping[str, dg.MetadataValue], name: str) -> list[dict[str, str]]:
    value = shown.get(name)
    if not isinstance(value, dg.TableMetadataValue):
        return []
    return [{key: str(cell) for key, cell in record.data.items()} for record in value.records]


def _in_place(run: dg.DagsterRun, prefix: str) -> bool:
    chosen: object = run.run_config
    for key in ("ops", f"{prefix}prod_schema", "config", "strategy"):
        chosen = chosen.get(key) if isinstance(chosen, Mapping) else None
    return chosen not in {None, Strategy.SWAP}


def _link(promotion: Promotion, run: dg.DagsterRun) -> str:
    return f"{promotion.ui_url()}/runs/{run.run_id}" if promotion.ui_url() else ""


def _clean(text: str, promotion: Promotion) -> str:
    """Hide the secrets of the databases and of the webhook; an error that is not ours may show them."""
    return redact(text.replace(promotion.webhook_url(), "***"), *_databases(promotion))


def _databases(promotion: Promotion) -> list[Database]:
    found = []
    for read in (promotion.source, promotion.target, promotion.audited):
        with suppress(InvalidUrl):  # not set, or not one that a password could be read from
            found.append(read())
    return found


def _plain(text: str) -> str:
    """Keep names from being read as Slack's markup: `<!channel>` would call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
