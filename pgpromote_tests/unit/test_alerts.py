"""What an alert says: text for people in Slack's markup, fields for programs, and what prod is now."""

import dagster as dg
import pytest

from pgpromote.alert import Alert
from pgpromote.defs.alerts import build_alerts, worse
from pgpromote.defs.assets import build_assets
from pgpromote.defs.jobs import build_jobs
from pgpromote.defs.walked import Walked
from pgpromote.postgres.errors import ConfigError
from pgpromote.promotion import from_environment
from pgpromote.run.outcome import MIXED, RESTORED, SWAPPED, UNTOUCHED, WHOLE
from pgpromote.webhook import Webhook

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
    return build_alerts(promotion, "a_", build_jobs(promotion, "a_"), build_assets(promotion, "a_"))


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


BUILDING = ("dev_dump_archive", "check_extensions", "create_shadow", "reset_schema", "parallel_restore")
ALL = (*BUILDING, "repair_primary_key_identities", "prove", "cut_over", "prod_audit")


@pytest.mark.parametrize(
    ("step", "beside", "in_place"),
    [
        ("dev_dump_archive", UNTOUCHED, UNTOUCHED),
        ("check_extensions", UNTOUCHED, UNTOUCHED),
        ("rehearse", UNTOUCHED, UNTOUCHED),
        ("create_shadow", UNTOUCHED, MIXED),
        ("parallel_restore", UNTOUCHED, MIXED),
        ("prove", UNTOUCHED, MIXED),
        ("cut_over", WHOLE, WHOLE),
        ("rollback", WHOLE, WHOLE),
        ("prod_audit", f"{SWAPPED}.", f"{RESTORED}."),
    ],
)
@pytest.mark.parametrize("died", [False, True])
def test_what_prod_is_after_a_step_that_failed_or_whose_process_died(
    step: str, beside: str, in_place: str, died: bool
) -> None:
    begun = ALL[: ALL.index(step) + 1] if step in ALL else (step,)
    walked = Walked(begun, frozenset(begun[:-1]))
    failed = "" if died else step
    assert (walked.prod(failed, in_place=False), walked.prod(failed, in_place=True)) == (beside, in_place)


@pytest.mark.parametrize("in_place", [False, True])
def test_a_run_that_never_started_left_prod_untouched(in_place: bool) -> None:
    assert Walked().prod("", in_place=in_place) == UNTOUCHED


def test_an_audit_of_its_own_touches_nothing() -> None:
    assert Walked(("prod_audit",)).prod("prod_audit", in_place=False) == UNTOUCHED


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
