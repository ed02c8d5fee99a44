"""What a command did to prod is an event of `prod_schema` where a Dagster instance is configured."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from pgpromote.defs import tags
from pgpromote.defs.factory import build_promotion
from pgpromote.defs.running import PROMOTION
from pgpromote.promotion import Promotion
from pgpromote.settings import from_environment
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import CommandLine, command_line
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

USERS = "CREATE TABLE users (id integer PRIMARY KEY); INSERT INTO users VALUES (7)"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a directory of a Dagster instance that keeps its history in files."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return tmp_path


@pytest.fixture
def commands(dev: Server, prod: Server, home: Path) -> CommandLine:
    made = command_line(home, dev, dev.new_url(USERS), prod, prod.new_url())
    assert made.run("dump").returncode == 0
    return made.having(DAGSTER_HOME=str(home))


def last_event(home: Path) -> dg.AssetMaterialization:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("prod_schema"))
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization


def test_a_restore_and_its_rollback_are_events_of_prod_with_the_archive_as_version(
    commands: CommandLine, home: Path
) -> None:
    first = commands.run("restore", "--json")
    assert first.returncode == 0, first.text
    restored = last_event(home)
    assert restored.tags == {DATA_VERSION_TAG: str(restored.metadata["SHA-256"].value)}
    assert "Proven: " in str(restored.metadata["summary"].value)

    assert commands.run("dump").returncode == 0
    assert commands.run("restore").returncode == 0
    assert last_event(home).tags != restored.tags

    back = commands.run("rollback", "--yes")
    assert back.returncode == 0, back.text
    now = last_event(home)
    assert "Rolled back" in str(now.metadata["summary"].value)
    assert now.tags == restored.tags


def recorded(instance: dg.DagsterInstance) -> dict[str, Sequence[object]]:
    """Return the names of what is shown with each asset, and the result of each check with its own."""
    graph = build_promotion(from_environment({"PGPROMOTE_NAME": "any"})).resolve_asset_graph()
    made = {key: instance.get_latest_materialization_event(key) for key in graph.materializable_asset_keys}
    shown: dict[str, Sequence[object]] = {
        key.to_user_string(): sorted(event.asset_materialization.metadata)
        for key, event in made.items()
        if event and event.asset_materialization
    }
    last = instance.event_log_storage.get_latest_asset_check_execution_by_key([*graph.asset_check_keys])
    for key, record in last.items():
        if check := record.evaluation:
            told = (check.passed, check.severity, check.blocking, sorted(check.metadata))
            shown[key.to_user_string()] = told
    return shown


def test_a_promotion_leaves_dagster_all_that_its_own_run_would_have(
    commands: CommandLine, home: Path, dev: Server, prod: Server
) -> None:
    promotion = runs.promotion(dev.new_url(USERS), prod.new_url(), home / "in_dagster", dev)
    with dg.DagsterInstance.ephemeral() as instance:
        assert runs.run(promotion, "refresh_prod", instance=instance).success
        expected = recorded(instance)

    done = commands.run("promote")

    assert done.returncode == 0, done.text
    with dg.DagsterInstance.from_config(str(home)) as instance:
        found = recorded(instance)
    assert set(found.pop("prod_schema")) - set(expected.pop("prod_schema")) == {
        "Dump (seconds)"
    }  # of this run
    assert found == expected
    assert {"dev_dump_archive", "prod_audit", "promotion_report"} < expected.keys()


def test_the_job_rollback_prod_is_an_event_of_prod(dev: Server, prod: Server, tmp_path: Path) -> None:
    promotion: Promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev)
    with dg.DagsterInstance.ephemeral() as instance:
        assert runs.run(promotion, "refresh_prod", instance=instance).success
        result = runs.run(promotion, "rollback_prod", instance=instance)
        assert result.success
        event = instance.get_latest_materialization_event(dg.AssetKey("prod_schema"))
        (run,) = instance.get_runs(dg.RunsFilter(run_ids=[result.run_id]))
        (seen,) = instance.fetch_observations(dg.AssetKey("prod_schema"), limit=10).records

    assert event is not None
    assert seen.run_id == result.run_id
    assert run.tags[PROMOTION] == "auction"
    assert run.tags[tags.PROD] == promotion.target().label
    assert (run.tags[tags.STRATEGY], run.tags[tags.OUTCOME]) == ("rollback", "rolled back")
    assert event.asset_materialization is not None
    assert "Rolled back" in str(event.asset_materialization.metadata["summary"].value)


def test_a_refused_rollback_is_found_by_its_tags(dev: Server, prod: Server, tmp_path: Path) -> None:
    promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev)
    with dg.DagsterInstance.ephemeral() as instance:
        result = runs.run(promotion, "rollback_prod", instance=instance)
        (run,) = instance.get_runs(dg.RunsFilter(run_ids=[result.run_id]))

    assert not result.success
    assert run.tags[tags.OUTCOME] == "refused"


def test_an_instance_that_fails_is_a_warning(commands: CommandLine, home: Path) -> None:
    (home / "dagster.yaml").unlink()
    done = commands.run("restore")
    assert done.returncode == 0, done.text
    assert "Warning: Dagster does not show what prod is now" in done.stderr


def test_without_dagster_home_dagster_is_not_imported(commands: CommandLine, home: Path) -> None:
    (home / "sitecustomize.py").write_text(
        "import sys\nclass No:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'dagster':\n"
        "            raise RuntimeError('dagster is imported')\n"
        "sys.meta_path.insert(0, No())\n"
    )
    path = f"{home}:{commands.environment.get('PYTHONPATH', '')}"
    bare = commands.having(DAGSTER_HOME="", PYTHONPATH=path)
    done = bare.run("restore")
    assert done.returncode == 0, done.text
    assert "dagster is imported" not in done.text
