"""Whatever client programs are there, a promotion goes through with them, or is refused before."""

from pathlib import Path

import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import RestoreFailed
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.strategy import CLEAN, SWAP
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.pairs import proven, stage, told

SHOP = """
    CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL);
    INSERT INTO item (name) SELECT 'item ' || n FROM generate_series(1, 50) AS n;
    CREATE TABLE part (id serial PRIMARY KEY, item integer REFERENCES item);
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM item;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touch();
"""


@pytest.mark.parametrize("options", [{}, {"strategy": CLEAN}], ids=["swap", "clean"])
@pytest.mark.parametrize("client", [17, 18])
def test_a_newer_client_alone_promotes_into_a_server_that_lacks_its_setting(
    start_server: StartServer, tmp_path: Path, client: int, options: dict[str, str]
) -> None:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    client_of = start_server(client, "dev")
    shop = stage(
        dev, prod, tmp_path, dev.new_url(SHOP), prod.new_url("CREATE TABLE old (a int)"), client=client_of
    )
    shop.dump()

    report = proven(shop, jobs=4, **options)

    ((severity, text),) = told(report.findings, "client_tools")
    assert severity is Severity.WARNING
    assert f"pg_restore is {client}." in text
    assert "transaction_timeout" in text
    assert prod.rows("SELECT * FROM counted", shop.promotion.target().name) == [(50,)]


def test_an_archive_of_a_newer_client_is_restored_by_it_though_prods_own_is_there(
    start_server: StartServer, tmp_path: Path
) -> None:
    dev, prod, newer = start_server(16, "dev"), start_server(16, "prod"), start_server(18, "dev")
    source, target = dev.new_database(SHOP), prod.new_database()
    path = tmp_path / "shop.dump"
    dump.dump(source, path, [newer.tools()], "test")
    both = [prod.tools(), newer.tools()]
    clearance = preflight.examine(
        path, Place(target), both, Choice(strategy=SWAP, restore_as_superuser=True)
    ).cleared()
    restore.restore(clearance, target, both, "test")
    assert prod.rows("SELECT count(*) FROM item", target.name) == [(50,)]


BROKEN = {
    "rows": """
        CREATE TABLE refused (a int); INSERT INTO refused VALUES (1);
        ALTER TABLE refused ADD CHECK (a < 0) NOT VALID;
        UPDATE pg_constraint SET convalidated = true WHERE conrelid = 'refused'::regclass;
    """,
    "an index": """
        CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE INDEX broken ON item (f(id)); SET check_function_bodies = off;
        CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT id FROM gone';
    """,
    "a table that is there": "",
}


@pytest.mark.parametrize("what", BROKEN)
def test_any_other_error_still_fails_the_restore(
    start_server: StartServer, tmp_path: Path, what: str
) -> None:
    dev, prod, newer = start_server(16, "dev"), start_server(16, "prod"), start_server(18, "dev")
    source = dev.new_database(SHOP + BROKEN[what])
    target = prod.new_database("" if BROKEN[what] else "CREATE TABLE item (a int)")
    dump.dump(source, path := tmp_path / "shop.dump", [newer.tools()], "test")
    clearance = preflight.examine(
        path, Place(target), [newer.tools()], Choice(strategy=SWAP, restore_as_superuser=True)
    ).cleared()
    with pytest.raises(RestoreFailed) as failure:
        restore.restore(clearance, target, [newer.tools()], "test", jobs=2)
    assert "transaction_timeout" not in str(failure.value)
    assert all(error.entry for error in failure.value.errors)
