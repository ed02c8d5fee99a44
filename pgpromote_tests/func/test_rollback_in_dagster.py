"""What Dagster shows after a rollback: which content prod is, how old that is, and that prod is on hold."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.definitions.freshness import FreshnessState, TimeWindowFreshnessPolicy
from dagster._core.definitions.freshness_evaluator import TimeWindowFreshnessPolicyEvaluator
from dagster._core.loader import LoadingContextForTest
from dagster._core.test_utils import freeze_time

from pgpromote.defs.factory import build_promotion
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.settings import from_environment
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import CommandLine, command_line
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

PROD = dg.AssetKey("prod_schema")
HOLD = dg.AssetCheckKey(PROD, "not_on_hold")
NODE = build_promotion(from_environment({"PGPROMOTE_NAME": "any"})).resolve_asset_graph()
WAYS = ("command", "job")


@pytest.fixture
def shop(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    """Return a prod with one content, promoted while Dagster was told."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    users = "CREATE TABLE users (id integer PRIMARY KEY); INSERT INTO users VALUES (7)"
    made = command_line(tmp_path, dev, dev.new_url(users), prod, prod.new_url())
    made = made.having(DAGSTER_HOME=str(tmp_path))
    promote(made)
    return made


def instance_of(shop: CommandLine) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(shop.environment["DAGSTER_HOME"])


def promote(shop: CommandLine, *options: str) -> None:
    assert shop.run("dump").returncode == 0
    done = shop.run("restore", *options)
    assert done.returncode == 0, done.text


def go(shop: CommandLine, way: str, command: str) -> None:
    """Type a command, or launch the job that does the same."""
    if way == "command":
        done = shop.run(command, *(["--yes"] if command == "rollback" else []))
        assert done.returncode == 0, done.text
    else:
        with instance_of(shop) as instance:
            promotion = from_environment(shop.environment)
            assert runs.run(promotion, f"{command}_prod", instance=instance).success


def moment(shop: CommandLine) -> float:
    with instance_of(shop) as instance:
        event = instance.get_latest_materialization_event(PROD)
    assert event
    return event.timestamp


def version(shop: CommandLine) -> str:
    """Return what Dagster takes for the data version of prod."""
    with instance_of(shop) as instance:
        resolver = CachingStaleStatusResolver(instance, NODE, LoadingContextForTest(instance))
        return resolver.get_current_data_version(PROD).value


def freshness(shop: CommandLine, at: float) -> FreshnessState:
    """Return what Dagster's daemon finds for prod at a time."""
    with instance_of(shop) as instance, freeze_time(datetime.fromtimestamp(at, UTC)):
        context = LoadingContextForTest(instance)
        return asyncio.run(TimeWindowFreshnessPolicyEvaluator().evaluate_freshness(context, NODE.get(PROD)))


def held(shop: CommandLine) -> tuple[bool, str]:
    """Return whether the check of the hold passes, and its text."""
    with instance_of(shop) as instance:
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([HOLD])[HOLD]
    assert record.evaluation
    return record.evaluation.passed, record.evaluation.description or ""


def warned_after() -> timedelta:
    policy = NODE.get(PROD).freshness_policy
    assert isinstance(policy, TimeWindowFreshnessPolicy)
    assert policy.warn_window
    return policy.warn_window.to_timedelta()


@pytest.mark.parametrize("way", WAYS)
def test_prod_is_as_old_as_the_content_that_a_rollback_brings_back(shop: CommandLine, way: str) -> None:
    first, older = moment(shop), version(shop)
    promote(shop)
    newer, late = version(shop), first + warned_after().total_seconds()
    assert freshness(shop, late) is FreshnessState.PASS

    go(shop, way, "rollback")

    assert version(shop) == older
    assert freshness(shop, late) is FreshnessState.WARN

    go(shop, way, "rollback")  # it was good after all

    assert version(shop) == newer
    assert freshness(shop, late) is FreshnessState.PASS


@pytest.mark.parametrize("way", WAYS)
def test_a_content_of_unknown_age_renews_nothing(shop: CommandLine, way: str) -> None:
    promote(shop, "--strategy", "clean")  # what prod was is a safety archive
    before = moment(shop)

    go(shop, way, "rollback")

    assert moment(shop) == before
    assert version(shop) not in {"", "INITIAL"}


@pytest.mark.parametrize("way", WAYS)
def test_the_check_of_the_hold_is_red_from_the_rollback_until_somebody_resumes(
    shop: CommandLine, way: str
) -> None:
    promote(shop)
    assert held(shop) == (True, "")

    go(shop, way, "rollback")
    passed, told = held(shop)
    assert not passed
    assert "is on hold since" in told

    go(shop, way, "resume")
    assert held(shop) == (True, "")
    promote(shop)

    go(shop, way, "resume")  # of what is not on hold
    assert held(shop) == (True, "")


def test_the_job_resume_prod_waits_for_nobody_and_says_who_promotes(shop: CommandLine) -> None:
    promote(shop)
    go(shop, "command", "rollback")
    promotion = from_environment(shop.environment)
    with promotion_lock(promotion.place("from-cron")), instance_of(shop) as instance:
        result = runs.run(promotion, "resume_prod", instance=instance)

    assert not result.success
    _, told, _ = runs.failure_of(result)
    assert told.startswith("Prod is untouched.")
    assert "from-cron" in told
    assert not held(shop)[0]
