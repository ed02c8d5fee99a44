"""The assets of the audits: one check per rule, dev compared, suppressions listed."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pgpromote.defs.audits import build_audits
from pgpromote.defs.resources import run_resource
from pgpromote.postgres import audit
from pgpromote.promotion import AUDITED, IGNORE
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.servers import Server

SOUND = "CREATE TABLE t (id serial PRIMARY KEY); CREATE UNLOGGED TABLE cache (id serial PRIMARY KEY);"
SPOILED = SOUND + "INSERT INTO t VALUES (5); ALTER TABLE t SET UNLOGGED; ANALYZE;"


@pytest.fixture
def server(start_server: StartServer) -> Server:
    return start_server(16, "prod")


def audited(
    server: Server, directory: Path, dev: str, prod: str, **settings: str
) -> dg.ExecuteInProcessResult:
    """Materialize the assets between two databases."""
    promotion = runs.promotion(dev, prod, directory, server, **settings)
    definitions = dg.Definitions(
        [*build_audits(promotion, ""), dg.AssetSpec("prod_schema")],
        resources={"run": run_resource(promotion)},
    )
    return definitions.resolve_implicit_global_asset_job_def().execute_in_process()


def shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    return {k: v.value for k, v in result.asset_materializations_for_node("prod_audit")[0].metadata.items()}


def failed_checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckSeverity]:
    return {e.check_name: e.severity for e in result.get_asset_check_evaluations() if not e.passed}


def test_each_rule_is_a_check_and_what_prod_lost_is_an_error(server: Server, tmp_path: Path) -> None:
    result = audited(server, tmp_path, server.new_url(SOUND), server.new_url(SPOILED))

    assert {e.check_name for e in result.get_asset_check_evaluations()} == set(audit.RULES)
    assert failed_checks(result) == {
        "sequence_behind": dg.AssetCheckSeverity.ERROR,
        "table_unlogged": dg.AssetCheckSeverity.ERROR,  # public.t; the cache is unlogged on dev too
    }
    descriptions = {e.check_name: e.description or "" for e in result.get_asset_check_evaluations()}
    assert descriptions["table_unlogged"].endswith(f"\n{audit.if_ignored('table_unlogged')}")
    assert descriptions["index_duplicate"] == ""
    numbers = shown(result)
    assert (numbers["error"], numbers["warning"], numbers["not judged"]) == (2, 1, 0)


def test_what_is_suppressed_is_listed_and_fails_no_check(server: Server, tmp_path: Path) -> None:
    ignored = {IGNORE: "table_unlogged:public.*, sequence_behind:public.t.id, index_invalid:*"}
    result = audited(server, tmp_path, server.new_url(SOUND), server.new_url(SPOILED), **ignored)

    assert failed_checks(result) == {}
    metadata = result.asset_materializations_for_node("prod_audit")[0].metadata
    rows = [record.data for record in getattr(metadata["suppressed"], "records", ())]
    assert [row["object"] for row in rows] == ["public.t.id", "public.cache", "public.t"]
    told = [record.data for record in getattr(metadata["report"], "records", ())]
    assert [row["object"] for row in told if row["rule"] == "unused_suppression"] == ["index_invalid:*"]


def test_another_database_is_audited_without_dev(server: Server, tmp_path: Path) -> None:
    other = server.new_url(SPOILED)
    result = audited(server, tmp_path, "", "", **{AUDITED: other})
    assert failed_checks(result) == {
        "sequence_behind": dg.AssetCheckSeverity.ERROR,
        "table_unlogged": dg.AssetCheckSeverity.WARN,
    }
    # No dev, so nothing can be said of what points at it: that is a note and no finding.
    assert shown(result)["not judged"] == 0
    metadata = result.asset_materializations_for_node("prod_audit")[0].metadata
    assert audit.TRACES not in {row["rule"] for row in runs.records(metadata["report"])}
    assert [row["rule"] for row in runs.records(metadata["notes"])] == [audit.TRACES]
