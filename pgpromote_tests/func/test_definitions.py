"""The code location: it loads without any server, under the promised names, and refuses bad input early."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy
from dagster._core.execution.api import create_execution_plan
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from dagster._utils.tags import TagConcurrencyLimitsCounter

from pgpromote.defs.audits import AUDITS as AUDIT_RULES
from pgpromote.defs.config import DumpConfig, RestoreConfig, SqlDumpConfig
from pgpromote.defs.factory import build_promotion
from pgpromote.defs.ops import WITH_OPS
from pgpromote.postgres import audit
from pgpromote.promotion import SOURCE, TARGET, Promotion
from pgpromote.settings import from_environment

CHECKOUT = Path(__file__).parents[2]
CANARY = "kanarie%40vogel"
AUDITS = ["not_null_audit", "primary_key_audit", "prod_audit"]
CHAIN = ["dev_dump_archive", "prod_schema", *AUDITS, "promotion_report"]
JOBS = {
    "audit_prod": AUDITS,
    "dump_dev": ["dev_dump_archive"],
    "refresh_prod": sorted(CHAIN),
    "restore_prod": [*AUDITS, "prod_schema", "promotion_report"],
}
ALL_JOBS = [*JOBS, "rehearse_prod", "rollback_prod", "resume_prod"]  # which materialize nothing
STEPS = [
    *(f"prod_schema.{step.op}" for step in WITH_OPS),
]


@pytest.fixture(scope="module")
def promotion() -> Promotion:
    """Name servers that do not exist: definitions must not need them."""
    return from_environment(
        {
            SOURCE: f"postgresql://dev:{CANARY}@nowhere.invalid/shop_dev",
            TARGET: f"postgresql://prod:{CANARY}@nowhere.invalid/shop",
        }
    )


@pytest.fixture(scope="module")
def definitions(promotion: Promotion) -> dg.Definitions:
    return build_promotion(promotion)


def job_names(definitions: dg.Definitions) -> list[str]:
    names = [job.name for job in definitions.get_repository_def().get_all_jobs()]
    return sorted(name for name in names if not name.startswith("__"))


def asset_names(definitions: dg.Definitions) -> list[str]:
    return sorted(key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys())


def check_names(definitions: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in definitions.resolve_asset_graph().asset_check_keys}


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "DAGSTER_DISABLE_TELEMETRY": "1", **environment},
    )


def test_the_definitions_are_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_assets_have_the_names_of_the_design(definitions: dg.Definitions) -> None:
    assert asset_names(definitions) == sorted([*CHAIN, "dev_database", "sql_dump"])


def test_each_precheck_and_each_audit_rule_is_an_asset_check(definitions: dg.Definitions) -> None:
    prechecks = {f"prod_schema:{rule}" for step in WITH_OPS for rule in step.rules}
    audits = {
        "primary_key_audit:primary_key_without_identity",
        "not_null_audit:not_null_without_default",
        *(f"prod_audit:{rule}" for rule in AUDIT_RULES["prod_audit"]),
    }
    assert {name.partition(":")[2] for name in audits} == set(audit.RULES)
    assert check_names(definitions) == prechecks | audits


def test_the_jobs_the_schedule_and_the_sensor_have_their_names(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert job_names(definitions) == sorted(ALL_JOBS)
    assert [schedule.name for schedule in repository.schedule_defs] == ["nightly_refresh"]
    assert {sensor.name for sensor in repository.sensor_defs} == {"new_dump_sensor", "killed_run_sensor"}


def test_the_lineage_runs_from_dev_to_the_audits(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    parents = {
        name: sorted(parent.to_user_string() for parent in graph.get(dg.AssetKey(name)).parent_keys)
        for name in asset_names(definitions)
    }
    assert parents == {
        "dev_database": [],
        "dev_dump_archive": ["dev_database"],
        "sql_dump": ["dev_database"],
        "prod_schema": ["dev_dump_archive"],
        "not_null_audit": ["prod_schema"],
        "primary_key_audit": ["prod_schema"],
        "prod_audit": ["prod_schema"],
        "promotion_report": [*AUDITS, "prod_schema"],
    }


def test_all_assets_stand_in_one_group_so_that_the_first_view_shows_the_graph(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups == {"promotion"}


def test_every_asset_says_what_it_is_and_who_owns_it(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
    for check in graph.asset_check_keys:
        assert graph.get_check_spec(check).description, check


@pytest.mark.parametrize("job", JOBS)
def test_a_job_holds_its_assets_and_sql_dump_is_in_none(definitions: dg.Definitions, job: str) -> None:
    selected = definitions.resolve_job_def(job).asset_layer.selected_asset_keys
    assert sorted(key.to_user_string() for key in selected) == JOBS[job]


@pytest.mark.parametrize("job", JOBS)
def test_a_job_runs_in_one_process(definitions: dg.Definitions, job: str) -> None:
    assert definitions.resolve_job_def(job).executor_def is dg.in_process_executor


@pytest.mark.parametrize("job", JOBS)
def test_no_step_is_retried_on_its_own(definitions: dg.Definitions, job: str) -> None:
    """A retried step would ignore Terminate, and resume into a half-restored schema."""
    ops = list(definitions.resolve_job_def(job).graph.iterate_op_defs())
    assert ops
    assert [op.name for op in ops if op.retry_policy] == []


@pytest.mark.parametrize("job", JOBS)
def test_exactly_the_jobs_that_write_to_prod_queue_up_and_are_repeated_whole(
    promotion: Promotion, definitions: dg.Definitions, job: str
) -> None:
    tags = definitions.resolve_job_def(job).run_tags
    writes = {
        "pgpromote/target": promotion.target().label,
        "pgpromote/promotion": "shop_dev",
        "dagster/retry_strategy": "ALL_STEPS",
    }
    once = {"dagster/retry_on_asset_or_op_failure": "false"}  # a refusal is not asked again
    assert tags == {**once, **(writes if "prod_schema" in JOBS[job] else {})}


def test_the_restore_shows_its_steps_in_order(definitions: dg.Definitions) -> None:
    plan = create_execution_plan(definitions.resolve_job_def("refresh_prod"))
    steps = [step.key for level in plan.get_steps_to_execute_by_level() for step in level]
    assert steps[: 1 + len(STEPS)] == ["dev_dump_archive", *STEPS]
    assert sorted(steps[1 + len(STEPS) : -1]) == AUDITS
    assert steps[-1] == "promotion_report"


def test_the_schedule_and_the_sensor_wait_until_someone_turns_them_on(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert repository.get_schedule_def("nightly_refresh").default_status is dg.DefaultScheduleStatus.STOPPED
    assert repository.get_sensor_def("new_dump_sensor").default_status is dg.DefaultSensorStatus.STOPPED


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("0 2 * * *", "UTC")),
        (
            {"PGPROMOTE_CRON": "30 4 * * 1", "PGPROMOTE_TIMEZONE": "Europe/Berlin"},
            ("30 4 * * 1", "Europe/Berlin"),
        ),
    ],
)
def test_the_schedule_runs_when_the_environment_says(
    settings: dict[str, str], expected: tuple[str, str]
) -> None:
    schedule = (
        build_promotion(from_environment(settings)).get_repository_def().get_schedule_def("nightly_refresh")
    )
    assert (schedule.cron_schedule, schedule.execution_timezone) == expected
    assert schedule.job_name == "refresh_prod"


@pytest.mark.parametrize(
    ("cron", "warn", "fail"),
    [
        ("0 2 * * *", 26, 50),
        ("0 2 * * 0", 7 * 24 + 2, 14 * 24 + 2),
        ("0 2 * * 1-5", 3 * 24 + 2, 6 * 24 + 2),
        ("30 2 1 * *", 31 * 24 + 2, 62 * 24 + 2),
        ("0 2,14 * * *", 14, 26),
        ("*/30 9-17 * * 1-5", 2 * 24 + 15.5 + 2, 4 * 24 + 31 + 2),
        ("0 0 29 2 *", 1461 * 24 + 2, 2922 * 24 + 2),
    ],
)
def test_prod_is_fresh_until_its_schedule_was_missed(cron: str, warn: float, fail: float) -> None:
    settings = {"PGPROMOTE_CRON": cron, "PGPROMOTE_TIMEZONE": "Europe/Berlin"}
    graph = build_promotion(from_environment(settings)).resolve_asset_graph()
    for name in ("dev_dump_archive", "prod_schema"):
        policy = graph.get(dg.AssetKey(name)).freshness_policy
        assert isinstance(policy, TimeWindowFreshnessPolicy)
        assert policy.warn_window
        windows = (policy.warn_window.to_timedelta(), policy.fail_window.to_timedelta())
        assert windows == (timedelta(hours=warn), timedelta(hours=fail))


@pytest.mark.parametrize("job", JOBS)
def test_a_job_needs_no_configuration(definitions: dg.Definitions, job: str) -> None:
    assert dg.validate_run_config(definitions.resolve_job_def(job))


@pytest.mark.parametrize("job", ["refresh_prod", "restore_prod"])
def test_the_restore_chooses_its_jobs_and_repairs_unless_told_otherwise(
    definitions: dg.Definitions, job: str
) -> None:
    resolved = dg.validate_run_config(definitions.resolve_job_def(job))["ops"]
    config = resolved["prod_schema.parallel_restore"]["config"]
    assert config["strategy"] == "swap"
    assert (config["jobs"], config["repair"], config["reset_schema"], config["archive_path"]) == (
        None, "fix", "public", "",
    )  # fmt: skip


@pytest.mark.parametrize("config", [DumpConfig, SqlDumpConfig, RestoreConfig])
def test_every_setting_of_the_launchpad_is_documented(config: type[dg.Config]) -> None:
    assert [name for name, field in config.model_fields.items() if not field.description] == []


def refusal(definitions: dg.Definitions, config: dict[str, object]) -> str:
    """Return everything that the refusal of a launch shows, its causes included."""
    job = definitions.resolve_job_def("restore_prod")
    with pytest.raises(dg.DagsterError) as caught:
        dg.validate_run_config(job, {"ops": {"prod_schema": {"config": config}}})
    error: BaseException | None = caught.value
    shown = []
    while error is not None:
        shown.append(str(error))
        error = error.__cause__
    return "\n".join(shown)


@pytest.mark.parametrize(
    ("config", "named", "reason"),
    [
        ({"jobs": 0}, "jobs", "greater than or equal to 1"),
        ({"jobs": 65}, "jobs", "less than or equal to 64"),
        ({"jobs": "many"}, "jobs", "Int"),
        ({"repair": "maybe"}, "repair", "fix"),
        ({"workers": 4}, "workers", "unexpected config entry"),
        ({"tables": "orders"}, "tables", "list"),
    ],
)
def test_a_setting_without_meaning_is_refused_before_the_launch(
    definitions: dg.Definitions, config: dict[str, object], named: str, reason: str
) -> None:
    shown = refusal(definitions, config)
    assert named in shown
    assert reason in shown


def test_two_promotions_fit_into_one_code_location(promotion: Promotion, definitions: dg.Definitions) -> None:
    other = build_promotion(replace(promotion, given_name="shop"), prefix="shop_")
    merged = dg.Definitions.merge(definitions, other)

    dg.Definitions.validate_loadable(merged)
    assert job_names(merged) == sorted([*ALL_JOBS, *(f"shop_{job}" for job in ALL_JOBS)])
    own, both = asset_names(definitions), asset_names(merged)
    assert both == sorted([*own, *(f"shop_{name}" for name in own)])
    assert len(check_names(merged)) == 2 * len(check_names(definitions))
    for job in job_names(merged):
        assert dg.validate_run_config(merged.resolve_job_def(job))


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        ("postgresql://a:x@prod.example:5432/shop", "postgresql://b:y@prod.example:5432/shop", True),
        ("postgresql://prod.example/shop", "postgresql://prod.example/till", False),
        ("postgresql://prod.example/shop", "postgresql://prod.example:5433/shop", False),
        (f"postgresql://h/{'ä' * 31}%22'", f"postgresql://me:p@h/{'ä' * 31}%22'?sslmode=require", True),
        ("", "", False),
    ],
)
def test_two_promotions_wait_for_each_other_where_their_prod_is_the_same(
    first: str, second: str, waits: bool
) -> None:
    both = [
        build_promotion(from_environment({"PGPROMOTE_NAME": name, TARGET: url}), prefix=prefix)
        for name, url, prefix in (("shop", first, ""), ("till", second, "till_"))
    ]
    merged = dg.Definitions.merge(*both)
    names = ("refresh_prod", "till_restore_prod", "till_rollback_prod")
    jobs = [merged.resolve_job_def(name) for name in names]
    assert len({job.run_tags["pgpromote/target"] for job in jobs}) == (1 if waits else 2)
    assert "x@" not in str([job.run_tags for job in jobs])
    limits = TagConcurrencyLimitsCounter(
        [{"key": "pgpromote/target", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}],
        [dg.DagsterRun(job_name="refresh_prod", tags=jobs[0].run_tags)],
    )
    assert limits.is_blocked(dg.DagsterRun(job_name="x", tags=jobs[1].run_tags)) is waits


# Dagster reads a property of its own schedules that it has deprecated itself.
@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`:DeprecationWarning")
def test_what_the_code_location_tells_the_web_server_holds_no_password(
    promotion: Promotion, definitions: dg.Definitions
) -> None:
    told = serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))
    for text in (told, repr(promotion)):
        assert CANARY not in text
        assert "@nowhere.invalid" not in text  # the host is told, as in the tags of each run


def test_the_workspace_loads_without_any_setting(tmp_path: Path) -> None:
    done = run_python(
        "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml", DAGSTER_HOME=str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    assert "pgpromote" in done.stdout + done.stderr


def test_a_cron_line_without_meaning_is_named_when_the_code_location_loads() -> None:
    done = run_python("-c", "import pgpromote.definitions", PGPROMOTE_CRON="every night")
    assert done.returncode != 0
    assert "PGPROMOTE_CRON is 'every night'" in done.stderr.splitlines()[-2]


def test_the_command_line_does_not_pay_for_dagster() -> None:
    code = "import sys, pgpromote.cli; print(*sorted(m for m in sys.modules if m.startswith('dagster')))"
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize("settings", [{}, {TARGET: f"postgresql://prod:{CANARY}@nowhere.invalid/shop"}])
def test_definitions_load_where_nothing_names_the_promotion_and_its_runs_say_what_to_set(
    settings: dict[str, str],
) -> None:
    unnamed = build_promotion(from_environment(settings))
    dg.Definitions.validate_loadable(unnamed)
    job = unnamed.resolve_job_def("restore_prod")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    (failed,) = result.get_step_failure_events()
    told = str(failed.step_failure_data.error)
    assert not result.success
    assert ("PGPROMOTE_NAME" if settings else "PROD_DATABASE_URL is not set") in told
