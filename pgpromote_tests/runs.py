"""Promotions between throw-away databases, and their Dagster jobs run in this process."""

import logging
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from pgpromote.defs.factory import build_promotion
from pgpromote.promotion import AS_SUPERUSER, SOURCE, TARGET, Promotion
from pgpromote.settings import from_environment
from pgpromote_tests.servers import Server

# Small, and with one of each that counts here: a key to repair, a lagging sequence, a composite key, a view.
SHOP = """
    CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (
        id serial PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers, note text DEFAULT '');
    CREATE TABLE tags (order_id integer REFERENCES orders, tag text, PRIMARY KEY (order_id, tag));
    CREATE VIEW order_names AS SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id;
    INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 30) AS n;
    INSERT INTO orders SELECT n, 1 + n % 30 FROM generate_series(1, 50) AS n;
    INSERT INTO tags SELECT n, 'new' FROM generate_series(1, 20) AS n;
"""
ROWS = 100
# Take back what `promotion` allows.
NOTHING_ALLOWED = {AS_SUPERUSER: ""}
# What differs between two dumps of the same database: when it was made, and the random restrict key.
NOISE = re.compile(r"^(--.*|\\(un)?restrict .*|\s*)$")


def promotion(dev_url: str, prod_url: str, directory: Path, server: Server, **settings: str) -> Promotion:
    """Make a promotion between two databases that uses the server's own client programs."""
    return from_environment(
        {
            "PGPROMOTE_NAME": "auction",
            "PGPROMOTE_DUMP_DIR": str(directory / "dumps"),
            "PGPROMOTE_REPORT_DIR": str(directory / "reports"),
            "PGPROMOTE_PG_BIN": str(server.cluster.bin_dir),
            SOURCE: dev_url,
            TARGET: prod_url,
            AS_SUPERUSER: "1",  # the tests' own schemas may run what they want
            **settings,
        }
    )


def run(
    promotion: Promotion,
    job: str,
    config: Mapping[str, object] | None = None,
    instance: dg.DagsterInstance | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job of the promotion with the launchpad's configuration per asset."""
    return (
        build_promotion(promotion)
        .resolve_job_def(job)
        .execute_in_process(
            run_config={
                "ops": {asset: {"config": value} for asset, value in (config or {}).items()},
                "loggers": {"console": {"config": {"log_level": "WARNING"}}},
            },
            instance=instance,
            raise_on_error=False,
            tags=tags,
        )
    )


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> Mapping[str, dg.MetadataValue[Any]]:
    """Return the metadata of the one materialization of an asset in this run."""
    made = [e.materialization for e in result.get_asset_materialization_events()]
    (found,) = [m.metadata for m in made if m.asset_key == dg.AssetKey(asset)]
    return found


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    """Return the assets that this run materialized."""
    return {e.materialization.asset_key.to_user_string() for e in result.get_asset_materialization_events()}


def checks_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the evaluations of an asset's checks by name."""
    evaluations = result.get_asset_check_evaluations()
    return {e.check_name: e for e in evaluations if e.asset_key == dg.AssetKey(asset)}


def failure_of(result: dg.ExecuteInProcessResult) -> tuple[str, str, Mapping[str, dg.MetadataValue[Any]]]:
    """Return the one failed step: its key, its text for people, and the metadata shown with it."""
    (event,) = result.get_step_failure_events()
    failure = event.step_failure_data.user_failure_data
    assert failure is not None, event.step_failure_data.error
    return str(event.step_key), failure.description or "", failure.metadata


def records(value: dg.MetadataValue[Any]) -> list[dict[str, object]]:
    """Return the rows of a table in metadata."""
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


def outputs_of(
    result: dg.ExecuteInProcessResult, step: str
) -> dict[str, Mapping[str, dg.MetadataValue[Any]]]:
    """Return the metadata of a step's outputs by name."""
    events = [e for e in result.all_events if e.is_successful_output and e.step_key == step]
    return {e.step_output_data.output_name: e.step_output_data.metadata for e in events}


def messages_of(
    instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult, level: int = logging.INFO
) -> list[tuple[str | None, str]]:
    """Return the messages of the steps for people, at this level exactly: step and text."""
    entries = instance.all_logs(result.run_id)
    return [(e.step_key, e.user_message) for e in entries if not e.is_dagster_event and e.level == level]


def contents_of(server: Server, url: str) -> list[str]:
    """Return schema and rows as lines, without the noise."""
    command = [server.tools().path("pg_dump"), "--inserts", f"--dbname={url}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if not NOISE.match(line)]
