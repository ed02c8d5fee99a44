"""When a run may not or cannot promote: prod is untouched or called broken, and the run says why."""

import json
import logging
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._serdes import serialize_value
from psycopg.conninfo import conninfo_to_dict

from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import rules
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.losses import plan
from pgpromote.promotion import SOURCE, TARGET, Promotion
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.runs import SHOP, checks_of, contents_of, failure_of, materialized, messages_of, records
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

CANARY = "kanarie-9f3c"
PROD_ONLY_VIEW = "CREATE VIEW totals AS SELECT count(*) FROM orders"
POLICY_OF_A_ROLE = "CREATE ROLE clerk_of_dev; CREATE POLICY clerks ON orders TO clerk_of_dev USING (true)"


@pytest.fixture(scope="module")
def promoted(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> Promotion:
    """Promote once: every test gets a copy of what this leaves."""
    promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path_factory.mktemp("promoted"), dev)
    assert runs.run(promotion, "refresh_prod").success
    return promotion


@pytest.fixture
def promotion(promoted: Promotion, dev: Server, prod: Server, tmp_path: Path) -> Promotion:
    """Return a promotion whose prod holds something to lose, and whose archive is there."""
    shutil.copytree(promoted.dump_dir, tmp_path / "dumps")
    source, target = copy_of(dev, promoted.source().name), copy_of(prod, promoted.target().name)
    promotion = runs.promotion(source, target, tmp_path, dev)
    manifest = archive.manifest_path(promotion.archive_path)
    # The archive is of the copy's original, which is as good.
    told = {
        **json.loads(manifest.read_text()),
        "source_database": promotion.source().name,
        "source_oid": None,
    }
    manifest.write_text(json.dumps(told))
    return promotion


def copy_of(server: Server, database: str) -> str:
    name = f"copy_{next(server.numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {database}")
    return server.url(name)


def with_environment(promotion: Promotion, **environment: str) -> Promotion:
    return replace(promotion, environment={**promotion.environment, **environment})


IN_PLACE = {"prod_schema": {"strategy": "clean"}}


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    return {name for name, check in checks_of(result, "prod_schema").items() if not check.passed}


def test_a_refused_run_leaves_prod_as_it_was_and_shows_which_check_refused(
    promotion: Promotion, prod: Server
) -> None:
    prod.execute(PROD_ONLY_VIEW, promotion.target().name)
    before = contents_of(prod, promotion.environment[TARGET])

    result = runs.run(promotion, "refresh_prod", IN_PLACE)

    assert not result.success
    assert contents_of(prod, promotion.environment[TARGET]) == before
    assert materialized(result) == {"dev_dump_archive"}
    shown = checks_of(result, "prod_schema")
    assert set(shown) == {*rules.RULES, plan.RULE}
    assert failed_checks(result) == {"nothing_in_the_way"}
    refused = shown["nothing_in_the_way"]
    assert refused.severity is dg.AssetCheckSeverity.ERROR
    assert "public.totals" in str(refused.description)
    (finding,) = records(refused.metadata["findings"])
    assert "totals" in str(finding["object"])
    assert finding["what to do"]
    assert [*finding][:3] == [
        "severity",
        "object",
        "what to do",
    ]  # what is far to the right is off the screen


def test_a_refused_run_fails_with_every_reason_at_once(
    promotion: Promotion, dev: Server, prod: Server
) -> None:
    prod.execute(PROD_ONLY_VIEW, promotion.target().name)
    dev.execute(POLICY_OF_A_ROLE, promotion.source().name)

    result = runs.run(promotion, "refresh_prod", IN_PLACE)

    assert failed_checks(result) == {"nothing_in_the_way", "policy_roles"}
    step, told, shown = failure_of(result)
    assert step == "prod_schema.check_extensions"
    assert "Prod is untouched" in told
    assert "totals" in told
    assert "clerk_of_dev" in told
    assert {row["rule"] for row in records(shown["findings"])} == {"nothing_in_the_way", "policy_roles"}


def test_a_warning_of_a_check_is_shown_and_does_not_stop_the_run(
    start_server: StartServer, dev: Server, tmp_path: Path
) -> None:
    older, newer = start_server(16, "prod"), start_server(18, "dev")
    tools = {"PGPROMOTE_PG_BIN": f"{dev.cluster.bin_dir}:{newer.cluster.bin_dir}"}
    promotion = runs.promotion(dev.new_url(SHOP), older.new_url(), tmp_path, dev, **tools)
    source = with_environment(
        promotion, **{SOURCE: f"postgresql://dev@127.0.0.1:1/{promotion.source().name}"}
    )
    assert runs.run(promotion, "dump_dev").success

    with dg.DagsterInstance.ephemeral() as instance:
        result = runs.run(source, "restore_prod", instance=instance)
        warnings = messages_of(instance, result, logging.WARNING)

    assert result.success
    warned = [step for step, text in warnings if "[not_same_database]" in text]
    assert warned == ["prod_schema.check_extensions"]
    check = checks_of(result, "prod_schema")["not_same_database"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert failed_checks(result) == {"not_same_database"}


def test_the_same_database_as_source_and_target_is_refused(promotion: Promotion, prod: Server) -> None:
    there = promotion.environment[TARGET]
    before = contents_of(prod, there)

    result = runs.run(
        with_environment(promotion, **{SOURCE: there.replace("127.0.0.1", "localhost")}), "refresh_prod"
    )

    assert failed_checks(result) == {"not_same_database"}
    assert contents_of(prod, there) == before


@pytest.mark.parametrize("spoil", ["missing", "empty", "cut", "foreign", "other"])
def test_a_file_that_is_no_whole_archive_is_refused(promotion: Promotion, prod: Server, spoil: str) -> None:
    path, before = Path(promotion.archive_path), contents_of(prod, promotion.environment[TARGET])
    whole = path.read_bytes()
    if spoil == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {"empty": b"", "cut": whole[:-100], "foreign": b"\x89PNG\r\n", "other": whole + b"x"}[spoil]
        )

    result = runs.run(promotion, "restore_prod")

    assert failed_checks(result) == {"archive_readable"}
    assert str(path) in failure_of(result)[1]
    assert contents_of(prod, promotion.environment[TARGET]) == before
    assert materialized(result) == set()


def test_a_filter_that_names_nothing_is_refused_before_prod_is_touched(
    promotion: Promotion, prod: Server
) -> None:
    before = contents_of(prod, promotion.environment[TARGET])
    result = runs.run(
        promotion, "restore_prod", {"prod_schema": {"strategy": "clean", "tables": ["no_such_table"]}}
    )
    step, told, _ = failure_of(result)
    assert step == "prod_schema.check_extensions"
    assert "no_such_table" in told
    assert contents_of(prod, promotion.environment[TARGET]) == before


def test_an_exclusion_from_the_repair_that_names_nothing_is_refused_before_prod_is_touched(
    promotion: Promotion, prod: Server
) -> None:
    prod.execute("INSERT INTO customers (name) VALUES ('only on prod')", promotion.target().name)
    before = contents_of(prod, promotion.environment[TARGET])
    result = runs.run(promotion, "refresh_prod", {"prod_schema": {"repair_exclude": ["no_such_table"]}})
    assert "no_such_table" in failure_of(result)[1]
    assert contents_of(prod, promotion.environment[TARGET]) == before


def test_a_reset_of_a_schema_that_does_not_exist_is_refused_before_prod_is_touched(
    promotion: Promotion, prod: Server
) -> None:
    before = contents_of(prod, promotion.environment[TARGET])
    result = runs.run(
        promotion,
        "refresh_prod",
        {"prod_schema": {"strategy": "reset-schema", "reset_schema": "no_such_schema"}},
    )
    assert not result.success
    assert "no_such_schema" in failure_of(result)[1]
    assert contents_of(prod, promotion.environment[TARGET]) == before


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_prod_that_does_not_answer_fails_the_check_of_that_name(promotion: Promotion) -> None:
    gone = f"postgresql://prod:{CANARY}@127.0.0.1:{closed_port()}/shop"

    result = runs.run(with_environment(promotion, **{TARGET: gone}), "restore_prod")

    assert "target_reachable" in failed_checks(result)
    told = failure_of(result)[1]
    assert "PROD_DATABASE_URL" in told
    assert CANARY not in told


def test_a_prod_database_that_does_not_exist_fails_the_check_of_that_name(
    promotion: Promotion, prod: Server
) -> None:
    result = runs.run(with_environment(promotion, **{TARGET: prod.url("never_made")}), "restore_prod")

    assert failed_checks(result) == {"target_reachable"}
    assert "never_made" in failure_of(result)[1]


@pytest.mark.parametrize(
    ("variable", "job"), [(SOURCE, "dump_dev"), (TARGET, "audit_prod"), (TARGET, "restore_prod")]
)
@pytest.mark.parametrize(
    ("url", "reason"),
    [("", "is not set"), (f"mysql://root:{CANARY}@host/db", "not a PostgreSQL URL"), ("WRONG", "password")],
)
def test_a_url_that_does_not_work_is_named_and_never_shown(
    promotion: Promotion, variable: str, job: str, url: str, reason: str
) -> None:
    if url == "WRONG":
        right = conninfo_to_dict(promotion.environment[variable])
        url = f"postgresql://postgres:{CANARY}@127.0.0.1:{right['port']}/{right['dbname']}"
    with dg.DagsterInstance.ephemeral() as instance:
        result = runs.run(with_environment(promotion, **{variable: url}), job, instance=instance)
        log = "\n".join(serialize_value(entry) for entry in instance.all_logs(result.run_id))

    failures = [event.step_failure_data.user_failure_data for event in result.get_step_failure_events()]
    assert failures
    for failure in failures:
        assert failure is not None, "shown as a traceback instead of a paragraph"
        assert variable in str(failure.description)
        assert reason in str(failure.description)
    assert CANARY not in log


def test_missing_client_programs_are_named(
    promotion: Promotion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pgpromote.postgres.tools.PACKAGED", ())
    result = runs.run(replace(promotion, pg_bin=(tmp_path,)), "refresh_prod")
    step, told, _ = failure_of(result)
    assert step == "dev_dump_archive"
    assert "PGPROMOTE_PG_BIN" in told


def test_a_compression_that_the_client_cannot_do_leaves_the_older_archive(promotion: Promotion) -> None:
    before = Path(promotion.archive_path).read_bytes()
    result = runs.run(promotion, "dump_dev", {"dev_dump_archive": {"compression": "brotli:3"}})
    assert "brotli" in failure_of(result)[1]
    assert Path(promotion.archive_path).read_bytes() == before


def test_a_promotion_waits_for_nobody_and_names_who_holds_the_lock(
    promotion: Promotion, prod: Server
) -> None:
    before = contents_of(prod, promotion.environment[TARGET])
    with promotion_lock(promotion.place("somebody-else")):
        result = runs.run(promotion, "restore_prod")
    step, told, _ = failure_of(result)
    assert step == "prod_schema.check_extensions"
    assert "Another promotion" in told
    assert "somebody-else" in told
    assert contents_of(prod, promotion.environment[TARGET]) == before
    assert runs.run(promotion, "restore_prod").success


def test_the_lock_is_free_again_after_a_run_that_failed(promotion: Promotion, prod: Server) -> None:
    prod.execute(PROD_ONLY_VIEW, promotion.target().name)
    assert not runs.run(promotion, "restore_prod", IN_PLACE).success
    with promotion_lock(promotion.place("next")):
        pass


def test_every_error_of_the_restore_is_shown_and_fails_the_run(promotion: Promotion) -> None:
    """Rows are loaded a second time: two primary keys complain; customers and orders and tags."""
    result = runs.run(
        promotion, "restore_prod", {"prod_schema": {"strategy": "clean", "data_only": True, "jobs": 2}}
    )

    step, told, shown = failure_of(result)
    assert step == "prod_schema.parallel_restore"
    errors = records(shown["errors"])
    assert len(errors) == 3
    assert {str(row["entry"]).split()[-2] for row in errors} == {"customers", "orders", "tags"}
    assert all("duplicate key" in str(row["message"]) for row in errors)
    assert "3 error(s)" in told
    assert "Prod may now be a mix" in str(shown["what to do"].value)
    assert materialized(result) == set()


NO_IDENTITIES = """
    CREATE FUNCTION no_identities() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_catalog.current_query() ILIKE '%ADD GENERATED%' THEN
            RAISE EXCEPTION 'identities are forbidden here';
        END IF;
    END $$;
    CREATE EVENT TRIGGER no_identities ON ddl_command_end EXECUTE FUNCTION no_identities();
"""


def test_a_repair_that_cannot_be_made_fails_the_run_and_names_the_table(
    promotion: Promotion, prod: Server
) -> None:
    prod.execute(NO_IDENTITIES, promotion.target().name)

    result = runs.run(promotion, "restore_prod", IN_PLACE)

    step, told, _ = failure_of(result)
    assert step == "prod_schema.repair_primary_key_identities"
    assert "public.customers.id" in told
    assert "no_identities() line 4" in told
    assert "forbidden here" not in told
    assert materialized(result) == set()


def test_a_file_in_the_way_of_the_dump_directory_is_named_and_stays(promotion: Promotion) -> None:
    shutil.rmtree(promotion.dump_dir)
    promotion.dump_dir.write_text("in the way")
    result = runs.run(promotion, "dump_dev")
    assert str(promotion.archive_path) in failure_of(result)[1]
    assert promotion.dump_dir.read_text() == "in the way"
