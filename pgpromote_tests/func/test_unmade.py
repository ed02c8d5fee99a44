"""What a refused or failed run had planned and did not come to: nothing of it is red."""

from pathlib import Path

import dagster as dg
import pytest

from pgpromote.defs.audits import AUDITS
from pgpromote.defs.report import REPORT
from pgpromote.promotion import Promotion
from pgpromote_tests import runs
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server

IN_PLACE = {"prod_schema": {"strategy": "clean"}}


@pytest.fixture
def promotion(dev: Server, prod: Server, tmp_path: Path) -> Promotion:
    return runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev)


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def last_run_of(instance: dg.DagsterInstance, asset: str) -> str | None:
    (record,) = instance.get_asset_records([dg.AssetKey(asset)])
    return record.asset_entry.last_run_id


def test_a_refused_run_leaves_the_audits_and_the_report_as_they_were(
    promotion: Promotion, prod: Server, instance: dg.DagsterInstance
) -> None:
    before = runs.run(promotion, "refresh_prod", instance=instance)
    assert before.success
    prod.execute("CREATE VIEW totals AS SELECT count(*) FROM orders", promotion.target().name)

    refused = runs.run(promotion, "refresh_prod", IN_PLACE, instance)

    assert not refused.success
    assert last_run_of(instance, "prod_schema") == refused.run_id
    for asset in (*AUDITS, REPORT):
        (record,) = instance.get_asset_records([dg.AssetKey(asset)])
        assert record.asset_entry.last_run_id != refused.run_id
        made = record.asset_entry.last_materialization
        assert made is not None
        assert made.run_id == before.run_id
