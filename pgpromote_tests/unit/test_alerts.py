"""What an alert says: text for people in Slack's markup, fields for programs, and what prod is now."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from pgpromote.defs.alerts import build_alerts, ours, worse
from pgpromote.defs.assets import build_assets
from pgpromote.defs.ended_runs import prod
from pgpromote.defs.jobs import build_jobs
from pgpromote.postgres.errors import ConfigError, ProdState
from pgpromote.postgres.strategy import CLEAN, SWAP
from pgpromote.promotion import Promotion
from pgpromote.report.alert import Alert
from pgpromote.report.webhook import Webhook
from pgpromote.run import states
from pgpromote.run.outcome import broken
from pgpromote.run.state import Prepared
from pgpromote.run.steps import CHECK, CUT_OVER, PREPARE, PROVE, RESTORE, RETAIN, Step
from pgpromote.settings import from_environment
from pgpromote_tests.unit.reports import EMPTY, promoted

UNTOUCHED, DROPPED, WHOLE, MIXED = (
    str(state) for state in (ProdState.UNTOUCHED, ProdState.DROPPED, ProdState.WHOLE, ProdState.MIXED)
)
CANARY = "T0/kanarie"
ALERT = Alert(
    event="run_failed",
    promotion="shop",
    job="refresh_prod",
    run_id="r1",
    failed="parallel restore failed",
    what="a & b <!channel>",
    objects=("public.<orders>", "public.users"),
    untouched=UNTOUCHED,
    to_do="Start again.",
    link="http://ui/runs/r1",
)


def sensors(**environment: str) -> list[dg.SensorDefinition]:
    promotion = from_environment(environment)
    assets = build_assets(promotion, "a_")
    is_ours = ours({job.name for job in build_jobs(promotion, "a_").all()}, assets)
    return build_alerts(promotion, "a_", assets, is_ours)


def test_the_text_of_an_alert_has_a_line_for_each_part_and_calls_nobody() -> None:
    assert ALERT.text.splitlines() == [
        "*shop: parallel restore failed* (job refresh_prod, run r1)",
        "a &amp; b &lt;!channel&gt;",
        "On: public.&lt;orders&gt;, public.users",
        UNTOUCHED,
        "What to do: Start again.",
        "http://ui/runs/r1",
    ]


def test_the_fields_of_an_alert_are_as_they_are() -> None:
    payload = ALERT.payload()
    assert payload["text"] == ALERT.text
    assert payload["objects"] == ("public.<orders>", "public.users")
    assert payload["what"] == "a & b <!channel>"
    assert {"event", "promotion", "job", "run_id", "failed", "untouched", "to_do", "link"} <= set(payload)


SENTENCES = {
    CHECK: (UNTOUCHED, UNTOUCHED),
    PREPARE: (UNTOUCHED, MIXED),
    RESTORE: (UNTOUCHED, MIXED),
    PROVE: (UNTOUCHED, MIXED),
    CUT_OVER: (WHOLE, None),
    RETAIN: ("Prod was swapped and is proven.", "Prod was restored in place and is proven."),
}


@pytest.mark.parametrize("step", SENTENCES, ids=lambda step: step.name)
def test_the_state_of_a_run_that_failed_or_died_says_what_prod_is(tmp_path: Path, step: Step) -> None:
    for strategy, told in zip((SWAP, CLEAN), SENTENCES[step], strict=True):
        if step.runs(strategy):
            shop = promotion(tmp_path)
            state = replace(
                promoted(),
                strategy=strategy,
                current=step.name,
                prod=step.fails or broken(strategy),
                prepared=Prepared((), "", None, ()),
                ended=True,
            )
            states.write(state, shop.report_dir)
            assert str(prod(shop, run_of(state.run_id), ["prod_schema.prove"])) == told


@pytest.mark.parametrize("steps", [[], ["dev_dump_archive"], ["prod_audit"]])
def test_a_run_that_came_not_as_far_as_prod_left_it_untouched(tmp_path: Path, steps: list[str]) -> None:
    assert str(prod(promotion(tmp_path), run_of("other"), steps)) == UNTOUCHED


@pytest.mark.parametrize(
    ("step", "beside", "in_place"),
    [
        ("prod_schema.check_extensions", UNTOUCHED, UNTOUCHED),
        ("prod_schema.prove", UNTOUCHED, MIXED),
        ("prod_schema.cut_over", WHOLE, MIXED),
        ("rollback", WHOLE, WHOLE),
    ],
)
def test_of_a_run_without_a_state_only_its_last_step_and_strategy_tell(
    tmp_path: Path, step: str, beside: str, in_place: str
) -> None:
    config = {"ops": {"prod_schema": {"config": {"strategy": "clean"}}}}
    assert str(prod(promotion(tmp_path), run_of("other"), [step])) == beside
    assert str(prod(promotion(tmp_path), run_of("other", config), [step])) == in_place


def promotion(directory: Path) -> Promotion:
    return from_environment({"PGPROMOTE_REPORT_DIR": str(directory), "PGPROMOTE_NAME": EMPTY.promotion})


def run_of(run_id: str, config: Mapping[str, object] | None = None) -> dg.DagsterRun:
    return dg.DagsterRun(job_name="refresh_prod", run_id=run_id, run_config=config)


def test_an_audit_is_worse_when_a_check_fails_that_passed_or_fails_harder() -> None:
    one, two, new = (dg.AssetCheckKey(dg.AssetKey("audit"), name) for name in ("one", "two", "new"))
    assert worse({one: 1, two: 2}, {one: 0, two: 1}) == [one, two]
    assert worse({one: 1, two: 0}, {one: 1, two: 2}) == []
    assert worse({one: 0, new: 2}, {one: 0}) == []


def test_without_a_webhook_there_are_no_alerts() -> None:
    assert sensors() == []
    assert sensors(PGPROMOTE_WEBHOOK_URL="") == []


def test_with_a_webhook_both_sensors_run_at_once() -> None:
    built = sensors(PGPROMOTE_WEBHOOK_URL=f"https://hooks.example/{CANARY}")
    assert [sensor.name for sensor in built] == ["a_run_failed_alert", "a_audit_worse_alert"]
    assert {sensor.default_status for sensor in built} == {dg.DefaultSensorStatus.RUNNING}


@pytest.mark.parametrize("variable", ["PGPROMOTE_WEBHOOK_URL", "PGPROMOTE_UI_URL"])
@pytest.mark.parametrize(
    "url",
    [
        CANARY,
        f"ftp://hooks.example/{CANARY}",
        f"file:///{CANARY}",
        f"https:///{CANARY}",
        f"https://me:{CANARY}@hooks.example/",
        f"https://hooks.example:0/{CANARY}",
        f"https://hooks.example:port/{CANARY}",
        f"https://[hooks/{CANARY}",
        f"https://hooks.example/{CANARY} x",
        f"https://hooks.example/{CANARY}\nx",
        f"https://hooks.example/{CANARY}ü",
    ],
)
def test_what_is_no_web_address_is_refused_and_not_shown(variable: str, url: str) -> None:
    promotion = from_environment({variable: url})
    with pytest.raises(ConfigError, match=variable) as refused:
        (promotion.webhook_url if "WEBHOOK" in variable else promotion.ui_url)()
    assert "kanarie" not in str(refused.value)


def test_a_webhook_shown_to_somebody_holds_no_url() -> None:
    assert CANARY not in repr(Webhook(f"https://hooks.example/{CANARY}"))


def test_the_address_of_the_ui_ends_without_a_slash() -> None:
    assert (
        from_environment({"PGPROMOTE_UI_URL": "http://ui.example:3000/"}).ui_url() == "http://ui.example:3000"
    )
