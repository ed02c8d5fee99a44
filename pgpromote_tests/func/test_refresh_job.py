"""The main job: one run dumps, checks, restores, repairs and audits, and shows each of these in Dagster."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest

from pgpromote.defs.ops import WITH_OPS
from pgpromote.demo import auction
from pgpromote.postgres.archives.archive import manifest_path
from pgpromote.postgres.model import Severity
from pgpromote.postgres.strategy import SWAP
from pgpromote.promotion import SOURCE, TARGET, Promotion
from pgpromote.run.steps import STEPS as OF_A_RUN
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.runs import SHOP, checks_of, contents_of, materialized, metadata_of, records
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

STEPS = [
    "dev_dump_archive",
    *(f"prod_schema.{step.op}" for step in WITH_OPS),
]


@dataclass(frozen=True)
class Refreshed:
    """A promotion of the sample auction, its first run, and prod as it was afterwards."""

    promotion: Promotion
    dev: Server
    prod: Server
    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult
    contents: list[str]


def database_of(promotion: Promotion, variable: str) -> str:
    return urlsplit(promotion.environment[variable]).path[1:]


@pytest.fixture(scope="module")
def refreshed(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refreshed]:
    dev_url, prod_url = dev.new_url(), prod.new_url()
    auction.build(dev_url)
    promotion = runs.promotion(dev_url, prod_url, tmp_path_factory.mktemp("refresh"), dev)
    with dg.DagsterInstance.ephemeral() as instance:
        result = runs.run(promotion, "refresh_prod", instance=instance)
        yield Refreshed(promotion, dev, prod, instance, result, contents_of(prod, prod_url))


def test_the_run_succeeds_step_by_step(refreshed: Refreshed) -> None:
    assert refreshed.result.success
    steps = [str(event.step_key) for event in refreshed.result.get_step_success_events()]
    assert steps[: len(STEPS)] == STEPS
    assert sorted(steps[len(STEPS) : -1]) == ["not_null_audit", "primary_key_audit", "prod_audit"]
    assert steps[-1] == "promotion_report"
    assert materialized(refreshed.result) == {
        "dev_dump_archive", "prod_schema", "not_null_audit", "primary_key_audit", "prod_audit",
        "promotion_report",
    }  # fmt: skip


def test_the_archive_shows_what_it_is(refreshed: Refreshed) -> None:
    shown = metadata_of(refreshed.result, "dev_dump_archive")
    assert {name: type(value) for name, value in shown.items()} == {
        "path": dg.PathMetadataValue,
        "size (bytes)": dg.IntMetadataValue,
        "seconds": dg.FloatMetadataValue,
        "SHA-256": dg.TextMetadataValue,
        "dev": dg.TextMetadataValue,
        "server version": dg.TextMetadataValue,
        "pg_dump version": dg.TextMetadataValue,
        "compression": dg.TextMetadataValue,
        "objects": dg.IntMetadataValue,
        "objects by kind": dg.TableMetadataValue,
    }
    path = Path(str(shown["path"].value))
    assert path == refreshed.promotion.archive_path
    assert path.name == f"{refreshed.promotion.name}_dev.dump"
    assert shown["size (bytes)"].value == path.stat().st_size
    assert shown["SHA-256"].value == hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(shown["server version"].value).startswith(f"{refreshed.dev.major}.")
    counts = {row["kind"]: row["count"] for row in records(shown["objects by kind"])}
    assert sum(int(str(count)) for count in counts.values()) == shown["objects"].value
    assert counts["EXTENSION"] == 1
    assert counts["MATERIALIZED VIEW"] == 1


def test_the_digest_of_the_archive_is_its_data_version(refreshed: Refreshed) -> None:
    (made,) = refreshed.result.asset_materializations_for_node("dev_dump_archive")
    assert made.tags is not None
    assert made.tags["dagster/data_version"] == made.metadata["SHA-256"].value
    version = refreshed.instance.get_latest_materialization_event(dg.AssetKey("dev_dump_archive"))
    assert version is not None


def test_the_dump_directory_holds_the_archive_its_manifest_and_nothing_else(refreshed: Refreshed) -> None:
    archive = Path(refreshed.promotion.archive_path)
    assert sorted(archive.parent.iterdir()) == [archive, manifest_path(archive)]
    assert archive.stat().st_mode & 0o777 == 0o600
    assert archive.parent.stat().st_mode & 0o777 == 0o700


def test_prod_shows_what_was_restored_and_repaired(refreshed: Refreshed) -> None:
    shown = metadata_of(refreshed.result, "prod_schema")
    seconds = {f"{step.title} (seconds)" for step in OF_A_RUN if step.runs(SWAP) and not step.within}
    findings = {f"findings: {severity}" for severity in Severity}
    assert {name: type(value) for name, value in shown.items()} == {
        "summary": dg.MarkdownMetadataValue,
        "dagster/row_count": dg.IntMetadataValue,
        "prod": dg.TextMetadataValue,
        "strategy": dg.TextMetadataValue,
        "archive": dg.PathMetadataValue,
        "SHA-256": dg.TextMetadataValue,
        "archive (bytes)": dg.IntMetadataValue,
        "dev database (bytes)": dg.IntMetadataValue,
        "gap (ms)": dg.FloatMetadataValue,
        "previous database": dg.TextMetadataValue,
        "dropped": dg.TextMetadataValue,
        "losses": dg.TextMetadataValue,
        "proof": dg.TextMetadataValue,
        "proven": dg.TextMetadataValue,
        "proven tables": dg.IntMetadataValue,
        "proven rows": dg.IntMetadataValue,
        "back with": dg.TextMetadataValue,
        "proof summary": dg.TableMetadataValue,
        "proof per table": dg.TableMetadataValue,
        "keys repaired": dg.IntMetadataValue,
        "repair statements": dg.TableMetadataValue,
        "keys left alone": dg.TableMetadataValue,
        "rows by table": dg.TableMetadataValue,
        **dict.fromkeys(seconds, dg.FloatMetadataValue),
        **dict.fromkeys(findings, dg.IntMetadataValue),
    }
    assert [*shown][:6] == ["summary", "back with", "prod", "archive", "SHA-256", "strategy"]
    summary = str(shown["summary"].value)
    assert f"gap of {shown['gap (ms)'].value} ms" in summary
    assert f"Kept: `{shown['previous database'].value}`" in summary
    assert shown["back with"].value == "pgpromote rollback, or the job rollback_prod"
    assert {row["compared"] for row in records(shown["proof per table"])} == {"rows and hash"}
    assert shown["SHA-256"].value == metadata_of(refreshed.result, "dev_dump_archive")["SHA-256"].value
    assert shown["archive"].value == str(refreshed.promotion.archive_path)
    statements = records(shown["repair statements"])
    assert len(statements) == shown["keys repaired"].value
    assert any("public.users ALTER COLUMN id ADD GENERATED" in str(row["statement"]) for row in statements)
    assert all(row["why"] for row in statements)
    assert any(row["table"] == "public.sellers" for row in records(shown["keys left alone"]))


def test_the_row_counts_are_those_of_the_source(refreshed: Refreshed) -> None:
    shown = metadata_of(refreshed.result, "prod_schema")
    counts = {str(row["table"]): row["rows"] for row in records(shown["rows by table"])}
    assert sum(int(str(count)) for count in counts.values()) == shown["dagster/row_count"].value
    dev = database_of(refreshed.promotion, SOURCE)
    for table in ("public.users", "public.bids", "BackOffice.ledger_entries", "public.Größen & Maße"):
        schema, _, name = table.partition(".")
        ((there,),) = refreshed.dev.rows(f'SELECT count(*) FROM "{schema}"."{name}"', dev)
        assert counts[table] == there, table
        assert there, table


def test_each_precheck_is_shown_by_name(refreshed: Refreshed) -> None:
    shown = checks_of(refreshed.result, "prod_schema")
    assert list(shown) == [rule for step in WITH_OPS for rule in step.rules]
    (warned,) = [check for check in shown.values() if not check.passed]
    assert (warned.check_name, warned.severity) == ("rights_kept", dg.AssetCheckSeverity.WARN)
    assert "revenue(date): Now runs with the rights of its owner postgres" in str(warned.description)


@pytest.mark.parametrize(
    ("asset", "rule"),
    [
        ("primary_key_audit", "primary_key_without_identity"),  # a key that a trigger sets
        ("not_null_audit", "not_null_without_default"),
    ],
)
def test_an_audit_of_nothing_but_information_passes_and_shows_it(
    refreshed: Refreshed, asset: str, rule: str
) -> None:
    shown = metadata_of(refreshed.result, asset)
    report = records(shown["information by table"])
    assert list(report[0]) == ["table", "rule", "what"]
    assert len({(row["table"], row["rule"]) for row in report}) == len(report) > 0
    assert records(shown["report"]) == []
    assert shown["database"].value == refreshed.promotion.target().label
    (check,) = checks_of(refreshed.result, asset).values()
    assert (check.check_name, check.passed, check.severity) == (rule, True, dg.AssetCheckSeverity.WARN)
    assert "findings" not in check.metadata  # hundreds of rows below a check that has passed
    assert check.metadata["information"].value == shown["findings"].value
    assert check.description == f"{shown['findings'].value} for information, by table on the asset."


def test_the_milestones_are_in_the_log_of_each_step(refreshed: Refreshed) -> None:
    log = runs.messages_of(refreshed.instance, refreshed.result)
    told = {step: " ".join(text for key, text in log if key == step) for step in STEPS}
    assert "Dumped" in told["dev_dump_archive"]
    assert "CREATE EXTENSION" in told["prod_schema.prepare"]
    assert "The strategy swap has no such step" in told["prod_schema.reset_schema"]
    assert "Restored" in told["prod_schema.parallel_restore"]
    assert "ADD GENERATED" in told["prod_schema.repair_primary_key_identities"]


def test_a_second_run_changes_nothing(refreshed: Refreshed) -> None:
    again = runs.run(refreshed.promotion, "refresh_prod")
    assert again.success
    assert contents_of(refreshed.prod, refreshed.promotion.environment[TARGET]) == refreshed.contents
    first, second = (metadata_of(result, "prod_schema") for result in (refreshed.result, again))
    for name in ("repair statements", "keys left alone", "rows by table", "dagster/row_count"):
        assert second[name] == first[name]


def test_a_run_into_an_emptied_schema_gives_the_same_prod(refreshed: Refreshed) -> None:
    config = {"prod_schema": {"strategy": "reset-schema", "allow_data_loss_outside": True}}
    result = runs.run(refreshed.promotion, "refresh_prod", config)
    assert result.success
    assert contents_of(refreshed.prod, refreshed.promotion.environment[TARGET]) == refreshed.contents


def test_a_change_in_dev_reaches_prod_and_nothing_else_does(
    start_server: StartServer, tmp_path: Path
) -> None:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev)
    assert runs.run(promotion, "refresh_prod").success
    before = contents_of(dev, promotion.environment[SOURCE])
    dev.execute("INSERT INTO public.customers VALUES (31, 'new')", database_of(promotion, SOURCE))
    prod.execute("INSERT INTO public.customers (name) VALUES ('lost')", database_of(promotion, TARGET))

    result = runs.run(promotion, "refresh_prod")

    assert metadata_of(result, "prod_schema")["dagster/row_count"].value == runs.ROWS + 1
    names = prod.rows("SELECT name FROM public.customers WHERE id > 30", database_of(promotion, TARGET))
    assert names == [("new",)]
    after = contents_of(dev, promotion.environment[SOURCE])
    assert [line for line in after if line not in before] == [
        "INSERT INTO public.customers VALUES (31, 'new');"
    ]
