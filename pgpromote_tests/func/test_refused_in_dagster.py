"""What a refused run shows in Dagster: the one check that refused it, and nothing that it did not come to."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.utils import RUNLESS_RUN_ID

from pgpromote.defs import tags
from pgpromote.defs.audits import AUDITS
from pgpromote.defs.factory import build_promotion
from pgpromote.defs.report import REPORT
from pgpromote.defs.running import PROMOTION
from pgpromote.postgres.errors import ProdState
from pgpromote.promotion import Promotion
from pgpromote_tests import runs
from pgpromote_tests.runs import SHOP, checks_of, failure_of
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

IN_PLACE = {"prod_schema": {"strategy": "clean"}}


@pytest.fixture
def promotion(dev: Server, prod: Server, tmp_path: Path) -> Promotion:
    return runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev)


def test_a_refused_run_shows_one_failed_check_and_leaves_audits_and_report_as_they_were(
    promotion: Promotion, prod: Server
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        before = runs.run(promotion, "refresh_prod", instance=instance)
        assert before.success
        prod.execute("CREATE VIEW totals AS SELECT count(*) FROM orders", promotion.target().name)

        refused = runs.run(promotion, "refresh_prod", IN_PLACE, instance)

        assert not refused.success
        for asset in (*AUDITS, REPORT):
            (record,) = instance.get_asset_records([dg.AssetKey(asset)])
            entry = record.asset_entry
            assert entry.last_run_id == RUNLESS_RUN_ID
            assert entry.last_materialization
            assert entry.last_materialization.run_id == before.run_id
        keys = build_promotion(promotion).resolve_asset_graph().asset_check_keys
        last = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
        of_run = {key.name for key, record in last.items() if record.run_id == refused.run_id}
        (told,) = instance.get_runs(dg.RunsFilter(run_ids=[refused.run_id]))

    shown = checks_of(refused, "prod_schema")
    assert of_run == set(shown)  # the others are planned without a run, which Dagster shows as skipped
    assert [name for name, check in shown.items() if not check.passed] == ["nothing_in_the_way"]
    first, *_ = str(shown["nothing_in_the_way"].description).splitlines()
    assert first == "Nothing was promoted. Prod is untouched."
    assert failure_of(refused)[1].splitlines()[0] == "Prod is untouched."
    assert told.tags[tags.OUTCOME] == "refused"


def test_a_good_run_shows_what_each_check_has_looked_at_and_is_found_by_its_tags(
    promotion: Promotion,
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        done = runs.run(promotion, "refresh_prod", instance=instance)
        (run,) = instance.get_runs()

    shown = checks_of(done, "prod_schema")
    assert [name for name, check in shown.items() if not check.metadata] == []
    assert shown["contents"].metadata["proven rows"].value == runs.ROWS
    assert shown["plausible"].metadata["rows in the archive"].value == runs.ROWS
    assert run.tags[PROMOTION] == "auction"
    assert run.tags[tags.PROD] == promotion.target().label
    assert run.tags[tags.STRATEGY] == "swap"
    assert run.tags[tags.OUTCOME] == "prod replaced"
    sha256 = str(runs.metadata_of(done, "prod_schema")["SHA-256"].value)
    assert run.tags[tags.DIGEST] == sha256[:12]


@pytest.mark.parametrize("step", ["check_extensions", "prove", "cut_over", "retain"])
def test_a_step_that_is_repeated_alone_says_what_prod_is(promotion: Promotion, step: str) -> None:
    job = build_promotion(promotion).resolve_job_def("restore_prod")
    with dg.DagsterInstance.ephemeral() as instance:
        assert runs.run(promotion, "dump_dev", instance=instance).success
        done = job.execute_in_process(
            instance=instance, op_selection=[f"prod_schema.{step}"], raise_on_error=False
        )
        (run,) = instance.get_runs(dg.RunsFilter(run_ids=[done.run_id]))

    assert done.success is (step == "check_extensions")
    assert run.tags[tags.OUTCOME] == "prod untouched"
    assert run.tags[tags.PROD] == promotion.target().label


@pytest.mark.parametrize("strategy", ["swap", "clean"])
def test_a_rollback_is_called_so_whatever_it_brings_back(promotion: Promotion, strategy: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        config = {"prod_schema": {"strategy": strategy}}
        for _ in range(2):
            assert runs.run(promotion, "refresh_prod", config, instance).success
        result = runs.run(promotion, "rollback_prod", instance=instance)
        assert result.success
        (run,) = instance.get_runs(dg.RunsFilter(run_ids=[result.run_id]))

    assert (run.tags[tags.STRATEGY], run.tags[tags.OUTCOME]) == ("rollback", "rolled back")


def test_the_checks_that_fail_a_run_are_blocking(promotion: Promotion) -> None:
    graph = build_promotion(promotion).resolve_asset_graph()
    lax = {key.name for key in graph.asset_check_keys if not graph.get_check_spec(key).blocking}
    of_prod = {key.name for key in graph.asset_check_keys if key.asset_key == dg.AssetKey("prod_schema")}
    assert lax & of_prod == {"loss_preview"}


def test_no_text_in_dagster_is_a_raw_template(promotion: Promotion) -> None:
    graph = build_promotion(promotion).resolve_asset_graph()
    texts = [graph.get(key).description for key in graph.get_all_asset_keys()]
    texts += [graph.get_check_spec(key).description for key in graph.asset_check_keys]
    assert [text for text in texts if not text or "{" in text] == []


@pytest.mark.parametrize("job", ["restore_prod", "refresh_prod", "rollback_prod", "rehearse_prod"])
def test_a_run_that_another_promotion_has_launched_leaves_prod_as_it_is(
    promotion: Promotion, prod: Server, job: str
) -> None:
    assert runs.run(promotion, "refresh_prod").success
    before = prod.databases()

    result = runs.run(promotion, job, tags={PROMOTION: "another"})

    assert not result.success
    _, told, _ = failure_of(result)
    assert told.startswith(f"{ProdState.UNTOUCHED}\nThis run was launched for the promotion another")
    assert prod.databases() == before
