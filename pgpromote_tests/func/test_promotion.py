"""The whole promise: after a promotion prod equals dev, repaired, and a second run changes nothing."""

import re
import subprocess
from pathlib import Path
from typing import cast

import psycopg
import pytest
from psycopg import sql

from pgpromote.demo import auction
from pgpromote.postgres import audit, dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.keys import repair
from pgpromote.postgres.keys.repair import Repair
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests.servers import Server

CHINOOK = Path(__file__).parents[1] / "data" / "chinook.sql"
# What differs between two dumps of the same schema: who dumped what when, and the random restrict key.
NOISE = re.compile(r"^(--.*|\\(un)?restrict .*|\s*)$")


@pytest.fixture(params=["auction", "chinook"])
def source(request: pytest.FixtureRequest, dev: Server) -> Database:
    """Fill a database on dev: with the sample auction, or a public one with the defect we repair."""
    if request.param == "auction":
        url = dev.new_url()
        auction.build(url)
    else:
        url = dev.new_url(CHINOOK.read_text(encoding="utf-8"))
    return parse_url(url, "DEV_DATABASE_URL")


def promote(source: Database, target: Database, dev: Server, prod: Server, directory: Path) -> Repair:
    """Promote as the command line and Dagster do, stage by stage."""
    archive = directory / "dev.dump"
    dump.dump(source, archive, [dev.tools()], "test")
    clearance = preflight.examine(
        archive, Place(target), [prod.tools()], Choice(restore_as_superuser=True), source=source
    ).cleared()
    restore.create_extensions(clearance, target, "test")
    restore.restore(clearance, target, [prod.tools()], "test")
    restore.fill_materialized_views(clearance, target, [prod.tools()], "test")
    return repair.repair(target, "test")


def schema_of(server: Server, database: Database) -> list[str]:
    """Dump a schema without its noise."""
    command = [server.tools().path("pg_dump"), "--schema-only", "--no-owner", "--no-privileges"]
    done = subprocess.run(
        [*command, f"--dbname={server.url(database.name)}"], check=True, capture_output=True, text=True
    )
    return [line for line in done.stdout.splitlines() if not NOISE.match(line)]


def contents_of(server: Server, database: Database) -> dict[str, object]:
    """Hash every table's rows, whatever their order; large objects too."""
    with psycopg.connect(server.url(database.name)) as session:
        tables = session.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2"
        ).fetchall()
        query = "SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {} AS t"
        found: dict[str, object] = {
            ".".join(table): session.execute(sql.SQL(query).format(sql.Identifier(*table))).fetchone()
            for table in tables
        }
        found["large objects"] = session.execute(
            "SELECT count(*), md5(string_agg(md5(data), '' ORDER BY loid, pageno)) FROM pg_largeobject"
        ).fetchone()
        return found


@pytest.mark.versions(16, 18)
def test_prod_equals_dev_in_schema_and_data_once_dev_is_repaired_too(
    source: Database, dev: Server, prod: Server, tmp_path: Path
) -> None:
    target = prod.new_database()
    before = contents_of(dev, source)

    repaired = promote(source, target, dev, prod, tmp_path)

    assert repaired.changes
    assert contents_of(prod, target) == before
    assert contents_of(dev, source) == before
    repair.repair(source, "test")
    assert schema_of(prod, target) == schema_of(dev, source)


def test_inserts_without_an_id_succeed_on_every_repaired_table(
    source: Database, dev: Server, prod: Server, tmp_path: Path
) -> None:
    target = prod.new_database()
    repaired = promote(source, target, dev, prod, tmp_path)

    with psycopg.connect(prod.url(target.name)) as session:
        for change in repaired.changes:
            inserted = insert_a_copy(session, change.table, change.column)
            assert inserted >= change.after


def insert_a_copy(session: psycopg.Connection[tuple[object, ...]], table: str, column: str) -> int:
    """Insert a copy of one row, its key and its other unique values left out, and return the new key.

    Constraints that say what values belong together are lifted: only the key is on trial here.
    """
    session.execute("SET LOCAL session_replication_role = replica")
    where = {"table": table, "column": column}
    rows = session.execute(
        "SELECT quote_ident(attname) FROM pg_attribute "
        "WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' "
        "AND attidentity = '' AND quote_ident(attname) <> %(column)s",
        where,
    ).fetchall()
    drop = session.execute(
        "SELECT format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I CASCADE', conrelid::regclass, conname) "
        "FROM pg_constraint WHERE conrelid = %(table)s::regclass AND contype IN ('u', 'x')",
        where,
    ).fetchall()
    unique = session.execute(
        "SELECT format('DROP INDEX %%s', indexrelid::regclass) FROM pg_index "
        "WHERE indrelid = %(table)s::regclass AND indisunique AND NOT indisprimary "
        "AND indexrelid NOT IN (SELECT conindid FROM pg_constraint WHERE conindid <> 0)",
        where,
    ).fetchall()
    for (statement,) in drop + unique:
        session.execute(cast("str", statement).encode())
    columns = ", ".join(cast("str", name) for (name,) in rows)
    insert = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} LIMIT 1 RETURNING {column}"
    row = session.execute(insert.encode()).fetchone()
    assert row is not None
    return cast("int", row[0])


def test_a_second_promotion_changes_nothing(
    source: Database, dev: Server, prod: Server, tmp_path: Path
) -> None:
    target = prod.new_database()
    first = promote(source, target, dev, prod, tmp_path)
    schema, contents = schema_of(prod, target), contents_of(prod, target)

    second = promote(source, target, dev, prod, tmp_path)

    assert schema_of(prod, target) == schema
    assert contents_of(prod, target) == contents
    assert second.statements == first.statements
    assert repair.repair(target, "test").statements == ()


def test_the_audits_find_before_the_repair_what_they_no_longer_find_after_it(
    source: Database, dev: Server, prod: Server, tmp_path: Path
) -> None:
    before = audit.examine(source, "test", [audit.KEYS])
    target = prod.new_database()

    repaired = promote(source, target, dev, prod, tmp_path)

    left = audit.examine(target, "test", [audit.KEYS])
    assert len(before) - len(left) == sum(change.action == repair.ADD_IDENTITY for change in repaired.changes)
    assert {finding.severity for finding in left} <= {Severity.INFO}
