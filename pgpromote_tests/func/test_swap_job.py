"""The strategy swap: prod is wholly old until the new database is proven, then wholly new."""

import json
import logging
from pathlib import Path

import dagster as dg
import pytest

from pgpromote.defs import step
from pgpromote.demo import auction
from pgpromote.postgres.archives import archive
from pgpromote.postgres.databases import cutover, previous
from pgpromote.postgres.loading import activity
from pgpromote.postgres.place import Place
from pgpromote.promotion import Promotion
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import command_line
from pgpromote_tests.runs import SHOP, checks_of, contents_of, failure_of, materialized, metadata_of
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

SWAP = {"prod_schema": {"strategy": "swap"}}
OLD = "CREATE TABLE customers (id integer PRIMARY KEY, name text); INSERT INTO customers VALUES (7, 'old')"


@pytest.fixture
def promotion(dev: Server, prod: Server, tmp_path: Path) -> Promotion:
    return runs.promotion(dev.new_url(SHOP), prod.new_url(OLD), tmp_path, dev)


def databases(prod: Server, promotion: Promotion) -> list[str]:
    """List prod and whatever stands beside it."""
    pattern = promotion.target().name.replace("_", "\\_") + "\\_\\_%"
    named = prod.rows(f"SELECT datname FROM pg_database WHERE datname LIKE '{pattern}' ORDER BY 1")
    return [str(name) for (name,) in named]


def swap(promotion: Promotion) -> dg.ExecuteInProcessResult:
    return runs.run(promotion, "refresh_prod", SWAP)


def test_prod_becomes_what_dev_was_and_the_old_prod_is_kept(
    promotion: Promotion, dev: Server, prod: Server
) -> None:
    before = contents_of(prod, prod.url(promotion.target().name))

    result = swap(promotion)

    assert result.success
    shown = metadata_of(result, "prod_schema")
    kept = str(shown["previous database"].value)
    assert databases(prod, promotion) == [kept]
    assert contents_of(prod, prod.url(kept)) == before
    assert prod.rows("SELECT count(*) FROM customers", promotion.target().name) == [(30,)]
    assert float(str(shown["gap (ms)"].value)) > 0
    assert all(check.passed for check in checks_of(result, "prod_schema").values())


# An index that takes long enough to be seen being built.
SLOW = """
    CREATE FUNCTION slow(id integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN
        IF id = 25 THEN PERFORM pg_sleep(0.5); END IF;
        RETURN id;
    END $$;
    CREATE INDEX ON orders (slow(id));
"""


def test_the_log_tells_how_far_a_restore_is_while_an_index_is_built(
    dev: Server, prod: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "EVERY", 0.05)
    monkeypatch.setattr(step, "TELL_EVERY", 0.0)
    promotion = runs.promotion(dev.new_url(SHOP + SLOW), prod.new_url(), tmp_path, dev)
    with dg.DagsterInstance.ephemeral() as instance:
        result = runs.run(promotion, "refresh_prod", SWAP, instance)
        told = [text for _, text in runs.messages_of(instance, result, logging.INFO)]
    assert result.success
    assert any("s left: " in text and "index of public.orders" in text for text in told), told


def test_the_auction_sample_is_swapped_in_with_its_extension(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    url = dev.new_url()
    auction.build(url)
    promotion = runs.promotion(url, prod.new_url(), tmp_path, dev)
    assert swap(promotion).success
    asked = (
        "SELECT (SELECT count(*) > 0 FROM public.open_auctions), "
        "(SELECT reltuples >= 0 FROM pg_class WHERE relname = 'auctions')"
    )
    assert prod.rows(asked, promotion.target().name) == [(True, True)]


@pytest.mark.versions(15, 18)
def test_roles_can_do_in_the_new_prod_what_they_could_in_the_old(promotion: Promotion, prod: Server) -> None:
    name = promotion.target().name
    prod.execute(f"CREATE ROLE reader_{name}; CREATE ROLE writer_{name}")
    prod.execute(
        f"GRANT SELECT ON customers TO reader_{name}; ALTER TABLE customers OWNER TO writer_{name}", name
    )
    prod.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; ALTER DATABASE {name} SET work_mem = '7MB'")

    assert swap(promotion).success

    asked = (
        f"SELECT has_table_privilege('reader_{name}', 'customers', 'SELECT'), "
        f"has_table_privilege('reader_{name}', 'customers', 'INSERT'), "
        f"has_table_privilege('reader_{name}', 'orders', 'SELECT'), "
        "(SELECT tableowner FROM pg_tables WHERE tablename = 'customers'), current_setting('work_mem'), "
        f"has_database_privilege('reader_{name}', '{name}', 'CONNECT')"
    )
    assert prod.rows(asked, name) == [(True, False, False, f"writer_{name}", "7MB", False)]


def test_a_proof_that_fails_leaves_prod_untouched_and_nothing_beside_it(
    promotion: Promotion, prod: Server
) -> None:
    assert runs.run(promotion, "dump_dev").success
    manifest = archive.manifest_path(promotion.archive_path)
    told = json.loads(manifest.read_text())
    told["contents"]["public.orders"]["rows"] = 51
    manifest.write_text(json.dumps(told))
    before = contents_of(prod, prod.url(promotion.target().name))

    result = runs.run(promotion, "restore_prod", SWAP)

    assert not result.success
    assert failure_of(result)[0] == "prod_schema.prove"
    assert not checks_of(result, "prod_schema")["contents"].passed
    assert "prod_schema" not in materialized(result)
    assert contents_of(prod, prod.url(promotion.target().name)) == before
    assert databases(prod, promotion) == []


BROKEN_CHECK = """
    ALTER TABLE orders ADD CONSTRAINT low CHECK (id < 10) NOT VALID;
    UPDATE pg_constraint SET convalidated = true WHERE conname = 'low';
"""


def test_a_restore_that_fails_leaves_prod_untouched_and_nothing_beside_it(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    promotion = runs.promotion(dev.new_url(SHOP + BROKEN_CHECK), prod.new_url(OLD), tmp_path, dev)
    before = contents_of(prod, prod.url(promotion.target().name))

    result = swap(promotion)

    assert not result.success
    step, told, _ = failure_of(result)
    assert step == "prod_schema.parallel_restore"
    assert "Prod is untouched" in told
    assert contents_of(prod, prod.url(promotion.target().name)) == before
    assert databases(prod, promotion) == []


def test_a_rollback_and_its_rollback_swap_prod_whole(promotion: Promotion, prod: Server) -> None:
    url, target = prod.url(promotion.target().name), promotion.target()
    before = contents_of(prod, url)
    assert swap(promotion).success
    after = contents_of(prod, url)

    cutover.rollback(Place(target, "test"))
    assert contents_of(prod, url) == before
    cutover.rollback(Place(target, "test"))
    assert contents_of(prod, url) == after


def test_the_job_rollback_prod_brings_back_what_prod_was(promotion: Promotion, prod: Server) -> None:
    url = prod.url(promotion.target().name)
    before = contents_of(prod, url)
    assert not runs.run(promotion, "rollback_prod").success
    assert swap(promotion).success

    assert runs.run(promotion, "rollback_prod").success

    assert contents_of(prod, url) == before


def test_the_command_line_lists_and_brings_back_what_prod_was(
    promotion: Promotion, dev: Server, prod: Server, tmp_path: Path
) -> None:
    before = contents_of(prod, prod.url(promotion.target().name))
    assert swap(promotion).success
    pgpromote = command_line(tmp_path, dev, dev.url(), prod, prod.url(promotion.target().name))
    (kept,) = previous.history(promotion.place())

    listed, back = pgpromote.run("history", "--json"), pgpromote.run("rollback", "--yes", "--json")

    assert [each["name"] for each in json.loads(listed.stdout)["databases"]] == [kept.name]
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["downtime_ms"] > 0
    assert contents_of(prod, prod.url(promotion.target().name)) == before


def test_two_previous_databases_and_the_first_of_today_are_kept(promotion: Promotion, prod: Server) -> None:
    kept = list[str]()
    for _ in range(4):
        assert swap(promotion).success
        kept = kept or databases(prod, promotion)
    assert len(databases(prod, promotion)) == promotion.keep + 1
    assert kept[0] in databases(prod, promotion)


@pytest.mark.parametrize("setting", [{"tables": ["orders"]}, {"schema_only": True}])
def test_a_swap_of_part_of_a_database_is_refused(promotion: Promotion, setting: dict[str, object]) -> None:
    result = runs.run(promotion, "refresh_prod", {"prod_schema": {"strategy": "swap", **setting}})
    assert not result.success
    assert "A swap replaces the whole database by a whole archive." in failure_of(result)[1]


def test_the_job_rehearse_prod_shows_how_it_would_go_and_changes_nothing(
    promotion: Promotion, prod: Server
) -> None:
    assert runs.run(promotion, "dump_dev").success
    before = contents_of(prod, prod.url(promotion.target().name))

    result = runs.run(promotion, "rehearse_prod")

    assert result.success
    assert materialized(result) == set()
    shown = runs.outputs_of(result, "rehearse")["result"]
    assert shown["proven rows"].value == runs.ROWS
    assert shown["keys repaired"].value > 0
    assert contents_of(prod, prod.url(promotion.target().name)) == before
    assert databases(prod, promotion) == []


def test_what_prod_would_lose_is_shown_by_a_check_and_does_not_stop_the_run(
    promotion: Promotion, prod: Server
) -> None:
    prod.execute(
        "CREATE TABLE relics (id integer PRIMARY KEY); INSERT INTO relics VALUES (1)",
        promotion.target().name,
    )

    accepting = {"prod_schema": {**SWAP["prod_schema"], "accept_loss": ["relics"]}}
    result = runs.run(promotion, "refresh_prod", accepting)

    assert result.success
    check = checks_of(result, "prod_schema")["loss_preview"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "TABLE public.relics is only in prod" in str(check.description)
