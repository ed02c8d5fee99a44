"""What a person can set in the launchpad, and the jobs that do only a part."""

import logging
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from pgpromote.defs.factory import build_promotion
from pgpromote.promotion import AUDITED, SOURCE, TARGET, Promotion
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.runs import (
    ROWS,
    SHOP,
    checks_of,
    failure_of,
    materialized,
    metadata_of,
    outputs_of,
    records,
)
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Shop:
    """A small shop on dev, an empty prod, and their promotion."""

    promotion: Promotion
    dev: Server
    prod: Server
    instance: dg.DagsterInstance

    def run(self, job: str, **config: object) -> dg.ExecuteInProcessResult:
        """Run a job in place, with this configuration of `prod_schema`."""
        configured = {} if job in {"dump_dev", "audit_prod"} else {"strategy": "clean", **config}
        return runs.run(self.promotion, job, {"prod_schema": configured} if configured else {}, self.instance)

    def warnings(self, result: dg.ExecuteInProcessResult) -> list[str]:
        return [text for _, text in runs.messages_of(self.instance, result, logging.WARNING)]

    def in_dev(self, query: str) -> list[tuple[object, ...]]:
        return self.dev.rows(query, self.promotion.source().name)

    def in_prod(self, query: str) -> list[tuple[object, ...]]:
        return self.prod.rows(query, self.promotion.target().name)

    def change_prod(self, script: str) -> None:
        self.prod.execute(script, self.promotion.target().name)


@pytest.fixture
def shop(start_server: StartServer, tmp_path: Path) -> Iterator[Shop]:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Shop(promotion, dev, prod, instance)


def dump_elsewhere(shop: Shop, path: Path, *options: str) -> Path:
    """Dump dev as a stranger would: with pg_dump, without a manifest."""
    command = [shop.dev.tools().path("pg_dump"), f"--file={path}", *options]
    subprocess.run([*command, f"--dbname={shop.promotion.environment[SOURCE]}"], check=True)
    return path


def test_an_archive_is_restored_from_the_path_that_was_named(shop: Shop, tmp_path: Path) -> None:
    path = dump_elsewhere(shop, tmp_path / "a stranger's.dump", "--format=custom")

    result = shop.run("restore_prod", archive_path=str(path), adopt=True)

    assert result.success
    assert materialized(result) == {"prod_schema", *AUDITS, "promotion_report"}
    shown = metadata_of(result, "prod_schema")
    assert shown["archive"].value == str(path)
    assert shown["dagster/row_count"].value == ROWS
    assert not Path(shop.promotion.archive_path).exists()


def test_restore_without_a_path_takes_the_archive_of_the_promotion(shop: Shop) -> None:
    dumped = shop.run("dump_dev")
    shop.dev.execute("INSERT INTO customers VALUES (99, 'too late')", shop.promotion.source().name)

    result = shop.run("restore_prod")

    assert metadata_of(result, "prod_schema")["dagster/row_count"].value == ROWS
    archive, prod = metadata_of(dumped, "dev_dump_archive"), metadata_of(result, "prod_schema")
    assert prod["SHA-256"] == archive["SHA-256"]


def test_plain_sql_is_restored_and_says_that_it_is_slower(shop: Shop, tmp_path: Path) -> None:
    path = dump_elsewhere(shop, tmp_path / "full.sql", "--clean", "--if-exists", "--no-owner")

    result = shop.run("restore_prod", archive_path=str(path))

    assert result.success
    shown = metadata_of(result, "prod_schema")
    assert shown["dagster/row_count"].value == ROWS
    assert shown["keys repaired"].value == 3
    assert any("slower and not parallel" in warning for warning in shop.warnings(result))


def test_the_restore_runs_with_the_jobs_that_were_asked_for(shop: Shop) -> None:
    result = shop.run("refresh_prod", jobs=2)
    assert outputs_of(result, "prod_schema.parallel_restore")["result"]["jobs"].value == 2


def test_the_reset_leaves_nothing_of_the_old_schema(shop: Shop) -> None:
    shop.change_prod("CREATE TABLE relic (id integer); CREATE TYPE mood AS ENUM ('old')")

    result = shop.run("refresh_prod", strategy="reset-schema")

    assert result.success
    assert shop.in_prod("SELECT relname FROM pg_class WHERE relname = 'relic'") == []
    assert shop.in_prod("SELECT typname FROM pg_type WHERE typname = 'mood'") == []
    assert metadata_of(result, "prod_schema")["dagster/row_count"].value == ROWS
    statements = records(outputs_of(result, "prod_schema.reset_schema")["result"]["statements"])
    assert any(str(row["statement"]).startswith("DROP SCHEMA") for row in statements)


# Data outside the schema that its CASCADE would take: a column of a type that lives in it.
AUDITS = {"primary_key_audit", "not_null_audit", "prod_audit"}
OUTSIDE = """
    CREATE TYPE public.mood AS ENUM ('calm', 'bright');
    CREATE SCHEMA diary;
    CREATE TABLE diary.days (day date PRIMARY KEY, mood public.mood);
    INSERT INTO diary.days VALUES ('2026-01-01', 'bright');
"""


def test_a_reset_that_would_destroy_data_outside_is_refused(shop: Shop) -> None:
    shop.change_prod(OUTSIDE)

    result = shop.run("refresh_prod", strategy="reset-schema")

    step, told, _ = failure_of(result)
    assert step == "prod_schema.check_extensions"
    assert "diary.days" in told
    assert not checks_of(result, "prod_schema")["nothing_lost_outside"].passed
    assert shop.in_prod("SELECT mood::text FROM diary.days") == [("bright",)]
    assert "prod_schema" not in materialized(result)


def test_a_reset_destroys_data_outside_only_when_allowed_and_lists_it(shop: Shop) -> None:
    shop.change_prod(OUTSIDE)

    result = shop.run("refresh_prod", strategy="reset-schema", allow_data_loss_outside=True)

    assert result.success
    assert shop.in_prod("SELECT * FROM diary.days WHERE day = '2026-01-01'") != []
    with pytest.raises(psycopg.errors.UndefinedColumn):
        shop.in_prod("SELECT mood FROM diary.days")
    listed = records(outputs_of(result, "prod_schema.reset_schema")["result"]["outside the schema"])
    assert any("diary.days" in str(row["object"]) for row in listed)


def test_report_mode_shows_the_repairs_and_makes_none(shop: Shop) -> None:
    result = shop.run("refresh_prod", repair="report")

    assert result.success
    shown = metadata_of(result, "prod_schema")
    assert shown["keys repaired"].value == 3
    assert "ALTER TABLE public.customers" in str(records(shown["repair statements"])[0]["statement"])
    with pytest.raises(psycopg.errors.NotNullViolation):
        shop.in_prod("INSERT INTO customers (name) VALUES ('x') RETURNING id")
    (check,) = checks_of(result, "primary_key_audit").values()
    assert not check.passed


def test_an_excluded_table_is_left_alone_and_says_so(shop: Shop) -> None:
    result = shop.run("refresh_prod", repair_exclude=["cust*"])

    shown = metadata_of(result, "prod_schema")
    assert all("customers" not in str(row["statement"]) for row in records(shown["repair statements"]))
    skipped = {(row["table"], row["column"]): str(row["why"]) for row in records(shown["keys left alone"])}
    assert "excluded" in skipped["public.customers", "id"]
    with pytest.raises(psycopg.errors.NotNullViolation):
        shop.in_prod("INSERT INTO customers (name) VALUES ('x') RETURNING id")


def test_a_limited_restore_touches_only_its_tables_and_warns(shop: Shop) -> None:
    assert shop.run("refresh_prod").success
    shop.change_prod("UPDATE customers SET name = 'changed'; UPDATE tags SET tag = 'changed'")

    result = shop.run("restore_prod", tables=["tags"])

    assert result.success
    assert shop.in_prod("SELECT DISTINCT tag FROM tags") == [("new",)]
    assert shop.in_prod("SELECT DISTINCT name FROM customers") == [("changed",)]
    warning = metadata_of(result, "prod_schema")["warning"]
    assert isinstance(warning, dg.MarkdownMetadataValue)
    assert "tags" in str(warning.value)


def test_a_limited_dump_warns_on_the_archive(shop: Shop) -> None:
    result = runs.run(shop.promotion, "dump_dev", {"dev_dump_archive": {"schema_only": True}}, shop.instance)

    shown = metadata_of(result, "dev_dump_archive")
    assert "schema only" in str(shown["warning"].value)
    assert "TABLE DATA" not in {row["kind"] for row in records(shown["objects by kind"])}
    assert any("schema only" in warning for warning in shop.warnings(result))


def test_a_full_run_shows_no_warning(shop: Shop) -> None:
    result = shop.run("refresh_prod")
    for asset in ("dev_dump_archive", "prod_schema"):
        assert "warning" not in metadata_of(result, asset)
    assert shop.warnings(result) == []


def test_dump_dev_needs_no_prod(shop: Shop, tmp_path: Path) -> None:
    promotion = runs.promotion(shop.promotion.environment[SOURCE], "", tmp_path, shop.dev)
    result = runs.run(promotion, "dump_dev")
    assert result.success
    assert materialized(result) == {"dev_dump_archive"}
    assert metadata_of(result, "dev_dump_archive")["dev"].value == promotion.source().label


def test_sql_dump_is_made_by_a_click_on_it_alone(shop: Shop) -> None:
    job = build_promotion(shop.promotion).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(asset_selection=[dg.AssetKey("sql_dump")])

    assert materialized(result) == {"sql_dump"}
    shown = metadata_of(result, "sql_dump")
    path = Path(str(shown["path"].value))
    assert path == shop.promotion.sql_path
    assert shown["size (bytes)"].value == path.stat().st_size
    assert path.stat().st_mode & 0o777 == 0o600
    assert "CREATE TABLE public.customers" in path.read_text()
    assert list(path.parent.iterdir()) == [path]


def test_a_click_on_one_asset_needs_no_configuration(shop: Shop) -> None:
    assert shop.run("dump_dev").success
    job = build_promotion(shop.promotion).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(asset_selection=[dg.AssetKey("prod_schema")])
    assert materialized(result) == {"prod_schema"}
    assert checks_of(result, "prod_schema")
    assert shop.in_prod("SELECT count(*) FROM orders") == [(50,)]


def test_audit_prod_audits_database_url_and_needs_no_other(shop: Shop, tmp_path: Path) -> None:
    settings = {AUDITED: shop.promotion.environment[SOURCE]}
    promotion = runs.promotion("", "", tmp_path, shop.dev, **settings)

    result = runs.run(promotion, "audit_prod")

    assert materialized(result) == AUDITS
    shown = metadata_of(result, "primary_key_audit")
    assert shown["database"].value == shop.promotion.source().label
    assert [row["object"] for row in records(shown["report"])] == ["public.customers.id"]


def test_audit_prod_audits_prod_by_default_and_changes_nothing(shop: Shop) -> None:
    shop.change_prod(SHOP)
    before = shop.in_prod("SELECT xmin::text, relname FROM pg_class ORDER BY oid")

    result = shop.run("audit_prod")

    assert metadata_of(result, "primary_key_audit")["database"].value == shop.promotion.target().label
    assert metadata_of(result, "primary_key_audit")["findings"].value == 1
    assert shop.in_prod("SELECT xmin::text, relname FROM pg_class ORDER BY oid") == before


def test_an_archive_of_an_older_server_is_promoted_into_a_newer_one(
    start_server: StartServer, tmp_path: Path
) -> None:
    dev, prod = start_server(16, "dev"), start_server(18, "prod")
    promotion = runs.promotion(
        dev.new_url(SHOP), prod.new_url(), tmp_path, dev,
        PGPROMOTE_PG_BIN=f"{dev.cluster.bin_dir}:{prod.cluster.bin_dir}",
    )  # fmt: skip
    result = runs.run(promotion, "refresh_prod")
    assert result.success
    assert str(metadata_of(result, "dev_dump_archive")["pg_dump version"].value).startswith("16.")
    assert prod.rows("SELECT count(*) FROM customers", promotion.environment[TARGET].rpartition("/")[2]) == [
        (30,)
    ]
