"""A pooler between us and prod is named where it shares server processes, and fine where it does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres.databases.lock import promotion_lock, same_database
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote.promotion import TARGET
from pgpromote_tests.func.transaction_pooler import pooling
from pgpromote_tests.func.walks import stage
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database <> 0"


def through(server: Server, target: Database, port: int) -> Database:
    """Reach a database through a pooler."""
    direct = server.url(target.name)
    return parse_url(direct.replace(f":{target.parameters['port']}/", f":{port}/"), "PROD_DATABASE_URL")


def address(target: Database) -> tuple[str, int]:
    return target.parameters["host"], int(target.parameters["port"])


def test_a_pooler_that_shares_processes_is_named_and_no_lock_stays_behind(prod: Server) -> None:
    target = prod.new_database()
    with pooling(*address(target), sharing=True) as port:
        pooled = through(prod, target, port)
        for _ in range(5):
            with (
                pytest.raises(Refused, match="is a pooler that gives each transaction") as failure,
                promotion_lock(Place(pooled, "first")),
            ):
                pass
        assert failure.value.findings[0].rule == "no_pooler_between"
        assert "pool_mode = session" in failure.value.findings[0].hint
        assert prod.rows(HOLDERS) == []


def test_a_pooler_that_keeps_a_process_for_each_client_is_fine(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    direct = stage(dev, prod, tmp_path, "CREATE TABLE t (a int); INSERT INTO t VALUES (1);", "")
    target = direct.promotion.target()
    with pooling(*address(target), sharing=False) as port:
        url = prod.url(target.name).replace(f":{target.parameters['port']}/", f":{port}/")
        environment = {**direct.promotion.environment, TARGET: url}
        staged = replace(direct, promotion=replace(direct.promotion, environment=environment))
        staged.promote()
    assert prod.rows("SELECT a FROM t", target.name) == [(1,)]


def test_whether_two_urls_lead_to_one_database_is_seen_through_a_pooler(prod: Server) -> None:
    target, another = prod.new_database(), prod.new_database()
    with pooling(*address(target), sharing=True) as port:
        pooled = through(prod, target, port)
        with connect(pooled, autocommit=True) as session:
            assert same_database(session, target)
            assert same_database(session, pooled)
            assert not same_database(session, another)
    assert prod.rows(HOLDERS) == []
