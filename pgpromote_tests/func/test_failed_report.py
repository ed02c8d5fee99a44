"""A run that fails is told as well as a good one, and what fails after the swap takes nothing from it."""

import json
import logging
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from jsonschema import validate  # type: ignore[import-untyped]

from pgpromote.defs.failures import reason
from pgpromote.postgres.archives.archive import manifest_path
from pgpromote.postgres.errors import SILENT, ProdState
from pgpromote.promotion import AUDITED, SOURCE, Promotion
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import CommandLine, Ended, command_line
from pgpromote_tests.func.test_alerts import CANARY, Receiver, receiving
from pgpromote_tests.runs import SHOP, failure_of, materialized, messages_of
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

OLD = "CREATE TABLE relics (id integer PRIMARY KEY); INSERT INTO relics VALUES (1)"
NO_IDENTITIES = """
    CREATE FUNCTION no_identities() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_catalog.current_query() ILIKE '%ADD GENERATED%' THEN RAISE EXCEPTION 'forbidden here'; END IF;
    END $$;
    CREATE EVENT TRIGGER no_identities ON ddl_command_end EXECUTE FUNCTION no_identities();
"""


@pytest.fixture(scope="module")
def source(dev: Server) -> str:
    return dev.new_url(SHOP)


@pytest.fixture
def promotion(dev: Server, prod: Server, source: str, tmp_path: Path) -> Promotion:
    return runs.promotion(source, prod.new_url(OLD), tmp_path, dev, PGPROMOTE_ACCEPT_LOSS="relics")


def spoiled(promotion: Promotion) -> Promotion:
    """Cut the end off a new archive."""
    assert runs.run(promotion, "dump_dev").success
    path = Path(promotion.archive_path)
    path.write_bytes(path.read_bytes()[:-100])
    return promotion


def twins(directory: Path) -> list[dict[str, Any]]:
    """Read every report, and check that each has its page and is as its schema promises."""
    schema = json.loads(files("pgpromote.report").joinpath("schema.json").read_text())
    found = [json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))]
    for twin in found:
        validate(twin, schema)
    assert len(list(directory.glob("*.html"))) == len(found)
    return found


def test_a_refused_run_is_reported_and_its_log_leads_there(
    promotion: Promotion, instance: dg.DagsterInstance
) -> None:
    result = runs.run(spoiled(promotion), "restore_prod", instance=instance)

    (twin,) = twins(promotion.report_dir)
    assert (twin["verdict"], twin["run_id"], twin["prod"]) == (
        "failed",
        result.run_id,
        str(ProdState.UNTOUCHED),
    )
    assert twin["failure"].startswith("Refused by 1 check")
    assert str(promotion.archive_path) in twin["failure"]
    assert [step["name"] for step in twin["steps"]] == ["check"]
    assert "archive_readable" in [rule["rule"] for rule in twin["rules"]]
    (page,) = promotion.report_dir.glob("*.html")
    told = [text for _, text in messages_of(instance, result, logging.INFO)]
    assert f"The report is in {page}." in told
    assert failure_of(result)[2]["report"].value == str(page)
    assert str(ProdState.UNTOUCHED) in page.read_text()


def test_a_run_that_fails_in_place_says_that_prod_may_be_a_mix(promotion: Promotion, prod: Server) -> None:
    prod.execute(NO_IDENTITIES, promotion.target().name)
    result = runs.run(promotion, "refresh_prod", {"prod_schema": {"strategy": "clean"}})
    assert not result.success
    (twin,) = twins(promotion.report_dir)
    assert twin["verdict"] == "failed"
    assert [str(failure_of(result)[2]["report"].value)] == [
        str(p) for p in promotion.report_dir.glob("*.html")
    ]
    assert twin["prod"].startswith(str(ProdState.MIXED))
    assert "pgpromote rollback brings it back" in twin["prod"]
    assert "public.customers.id" in twin["failure"]
    assert [step["name"] for step in twin["steps"]] == ["check", "prepare", "restore", "repair"]
    assert twin["safety"]


def test_a_failed_rehearsal_is_reported_and_a_good_one_is_not(promotion: Promotion) -> None:
    assert runs.run(promotion, "dump_dev").success
    assert runs.run(promotion, "rehearse_prod").success
    assert twins(promotion.report_dir) == []
    assert not runs.run(spoiled(promotion), "rehearse_prod").success
    assert [twin["verdict"] for twin in twins(promotion.report_dir)] == ["failed"]


def test_a_dump_that_fails_is_reported_where_prod_was_to_follow(promotion: Promotion) -> None:
    gone = f"postgresql://me:{CANARY}@127.0.0.1:1/gone"
    broken = replace(promotion, environment={**promotion.environment, SOURCE: gone})
    assert not runs.run(broken, "dump_dev").success
    assert not runs.run(broken, "refresh_prod").success
    (twin,) = twins(promotion.report_dir)
    assert (twin["verdict"], twin["steps"], twin["prod"]) == ("failed", [], str(ProdState.UNTOUCHED))
    assert SOURCE in twin["failure"]
    assert CANARY not in json.dumps(twin)


def test_a_manifest_that_cannot_be_read_is_reported(promotion: Promotion) -> None:
    manifest_path(spoiled(promotion).archive_path).write_text("{")
    result = runs.run(promotion, "restore_prod")
    assert "Prod is untouched" in failure_of(result)[1]
    (twin,) = twins(promotion.report_dir)
    assert twin["verdict"] == "failed"
    assert "manifest.json is damaged" in twin["failure"]


def test_a_report_that_cannot_be_written_says_that_prod_was_swapped(
    promotion: Promotion, prod: Server
) -> None:
    promotion.report_dir.touch()  # a file where the directory belongs
    result = runs.run(promotion, "refresh_prod")
    step, told, shown = failure_of(result)
    assert step == "promotion_report"
    assert told.startswith("Prod was swapped and is proven; ")
    assert "PGPROMOTE_REPORT_DIR" in told
    assert "audit_prod" in str(shown["what to do"].value)
    assert "prod_schema" in materialized(result)
    assert prod.rows("SELECT count(*) FROM customers", promotion.target().name) == [(30,)]


def test_an_audit_that_fails_says_that_prod_was_swapped_and_is_reported(promotion: Promotion) -> None:
    gone = {**promotion.environment, AUDITED: f"postgresql://me:{CANARY}@127.0.0.1:1/gone"}
    result = runs.run(replace(promotion, environment=gone), "refresh_prod")
    failures = [event.step_failure_data.user_failure_data for event in result.get_step_failure_events()]
    assert len(failures) == 3
    for failure in failures:
        assert failure is not None
        assert str(failure.description).startswith("Prod was swapped and is proven; ")
    (twin,) = twins(promotion.report_dir)
    assert (twin["verdict"], twin["prod"]) == ("promoted", "Prod was swapped and is proven.")
    assert AUDITED in twin["failure"]
    assert CANARY not in json.dumps(twin)


def test_the_first_reason_is_told_however_deep_it_lies() -> None:
    @dg.op
    def broken() -> None:
        raise RuntimeError("what came of it") from ValueError("the first reason")

    job = dg.GraphDefinition(name="broken_job", node_defs=[broken]).to_job()
    (event,) = job.execute_in_process(raise_on_error=False).get_step_failure_events()
    assert reason(event).text == "ValueError: the first reason"


# The command line.


@pytest.fixture
def cli(dev: Server, prod: Server, source: str, tmp_path: Path) -> CommandLine:
    """Set up a command line with a Dagster instance of its own, and dump once."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    commands = command_line(tmp_path, dev, source, prod, prod.new_url(OLD)).having(
        DAGSTER_HOME=str(tmp_path),
        PGPROMOTE_REPORT_DIR=str(tmp_path / "reports"),
        PGPROMOTE_ACCEPT_LOSS="relics",
    )
    assert commands.run("dump").returncode == 0
    return commands


def alerting(commands: CommandLine, receiver: Receiver, *arguments: str) -> tuple[Ended, dict[str, Any]]:
    """Run a command, and return how it ended and the one alert that was posted of it."""
    ended = commands.having(PGPROMOTE_WEBHOOK_URL=receiver.url).run(*arguments)
    (_, told) = receiver.received.pop()
    assert receiver.received == []
    assert "kanarie" not in ended.text
    return ended, told


@pytest.mark.parametrize("command", ["restore", "rehearse"])
def test_a_command_that_fails_is_reported_and_posted(cli: CommandLine, command: str) -> None:
    archive = cli.directory / "dumps" / "shop" / "shop_dev.dump"
    archive.write_bytes(archive.read_bytes()[:-100])
    with receiving([]) as receiver:
        ended, told = alerting(cli, receiver, command)
    assert ended.returncode == 3
    (twin,) = twins(cli.directory / "reports")
    (page,) = (cli.directory / "reports").glob("*.html")
    assert twin["verdict"] == "failed"
    assert f"The report is in {page}." in ended.stderr
    assert (told["event"], told["job"], told["run_id"]) == ("run_failed", command, twin["run_id"])
    assert (told["untouched"], told["objects"]) == (str(ProdState.UNTOUCHED), [str(archive)])
    assert f"*shop: archive_readable failed* (job {command}" in told["text"]


def test_an_alert_that_does_not_arrive_leaves_the_first_error(cli: CommandLine) -> None:
    (cli.directory / "dumps" / "shop" / "shop_dev.dump").unlink()
    with receiving([404]) as receiver:
        ended, _ = alerting(cli, receiver, "restore")
    assert ended.returncode == 3
    assert "it answered 404" in ended.stderr
    assert "archive_readable" in ended.stderr.rpartition("it answered 404")[2]


def test_a_restore_that_went_well_is_reported(cli: CommandLine) -> None:
    ended = cli.run("restore")
    assert ended.returncode == 0, ended.stderr
    (twin,) = twins(cli.directory / "reports")
    assert twin["verdict"] == "promoted"
    assert "not_null_without_default" in [rule["rule"] for rule in twin["rules"]]
    assert f"  report       {cli.directory / 'reports'}" in ended.stdout


@pytest.mark.parametrize("command", ["restore", "promote", "refresh"])
def test_a_promotion_whose_report_cannot_be_written_is_done_with_a_warning(
    cli: CommandLine, prod: Server, command: str
) -> None:
    (cli.directory / "reports").touch()
    ended = cli.run(command, "--json")
    assert ended.returncode == 0, ended.stderr
    assert "Warning: " in ended.stderr
    assert "Prod was swapped and is proven; " in ended.stderr
    *_, unwritten = ended.json()["problems"]
    assert "PGPROMOTE_REPORT_DIR" in unwritten
    assert command == "refresh" or "The state of this run is not kept" in ended.stderr
    name = cli.environment["PROD_DATABASE_URL"].rpartition("/")[2]
    assert prod.rows("SELECT count(*) FROM customers", name) == [(30,)]


def test_a_refresh_that_fails_posts_what_a_sensor_would(cli: CommandLine) -> None:
    commands = cli.having(PROD_DATABASE_URL=f"postgresql://me:{CANARY}@127.0.0.1:1/gone")
    with receiving([]) as receiver:
        ended, told = alerting(commands, receiver, "refresh")
    assert ended.returncode == 3
    assert ended.stderr.count(str(SILENT)) == 1
    assert ended.stderr.count("Check host and port") == told["text"].count("Check host and port") == 1
    assert str(SILENT) not in told["what"]
    assert (told["event"], told["job"], told["failed"]) == (
        "run_failed", "refresh_prod", "target_reachable failed",
    )  # fmt: skip
    assert told["untouched"] == str(SILENT)
    assert told["run_id"] in ended.stderr
    (page,) = (cli.directory / "reports").glob("*.html")
    assert str(page) in ended.stderr


def test_a_refresh_whose_dev_is_down_says_that_prod_is_untouched(cli: CommandLine) -> None:
    ended = cli.having(DEV_DATABASE_URL=f"postgresql://me:{CANARY}@127.0.0.1:1/gone").run("refresh")
    assert ended.returncode == 1
    assert ended.stderr.count(str(ProdState.UNTOUCHED)) == 1


def test_a_refresh_whose_dagster_is_down_names_its_address(cli: CommandLine) -> None:
    (cli.directory / "dagster.yaml").write_text(
        "storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}\n"
    )
    ended = cli.having(DAGSTER_POSTGRES_URL=f"postgresql://me:{CANARY}@127.0.0.1:1/gone").run("refresh")
    assert ended.returncode == 1
    assert "\nError: DAGSTER_POSTGRES_URL: cannot connect to gone on 127.0.0.1:1" in ended.stderr
    assert str(ProdState.UNTOUCHED) in ended.stderr
    assert CANARY not in ended.text


@pytest.mark.parametrize("home", ["", "empty", "gone", "dagster.yaml"])
def test_a_refresh_without_a_dagster_yaml_is_refused_and_writes_nothing(cli: CommandLine, home: str) -> None:
    """Dagster would keep the run in SQLite files there, and send telemetry."""
    (cli.directory / "empty").mkdir()
    (cli.directory / "dagster.yaml").rename(cli.directory / "empty" / "not.dagster.yaml")
    commands = cli.having(DAGSTER_HOME=str(cli.directory / home) if home else "")
    before = sorted(cli.directory.rglob("*"))

    ended = commands.run("refresh")

    assert ended.returncode == 1
    assert "there is no dagster.yaml in " in ended.stderr
    assert str(cli.directory / home) in ended.stderr
    assert "Set it: DAGSTER_HOME=" in ended.stderr
    assert sorted(cli.directory.rglob("*")) == before


def test_a_rehearsal_that_went_well_is_reported(cli: CommandLine) -> None:
    ended = cli.run("rehearse")
    assert ended.returncode == 0, ended.stderr
    (twin,) = twins(cli.directory / "reports")
    assert twin["verdict"] == "rehearsed"
    assert f"  report       {cli.directory / 'reports'}" in ended.stdout


def test_a_scope_without_meaning_says_that_prod_is_untouched(cli: CommandLine) -> None:
    for arguments in (("-t", "tags"), ("-t", "nope", "--strategy", "clean")):
        ended = cli.run("restore", *arguments)
        assert ended.returncode == 1
        assert ended.stderr.count(str(ProdState.UNTOUCHED)) == 1


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("off", "objects only; rows NOT proven: they were not to be compared"),
        ("count", "3 tables, 100 rows: as many as were dumped; rows NOT proven: they were only counted"),
    ],
)
def test_rows_that_were_not_compared_are_called_not_proven(cli: CommandLine, mode: str, told: str) -> None:
    ended = cli.run("restore", "--proof", mode)
    assert ended.returncode == 0, ended.stderr
    assert told in ended.stdout
    (page,) = (cli.directory / "reports").glob("*.html")
    assert told in page.read_text().partition("</header>")[0]


def test_a_refresh_whose_audit_got_worse_posts_that_once(cli: CommandLine, dev: Server) -> None:
    url = dev.new_url(SHOP)
    commands = cli.having(DEV_DATABASE_URL=url)
    assert commands.run("refresh").returncode == 0
    dev.execute("ALTER TABLE tags SET UNLOGGED", url.rpartition("/")[2])
    with receiving([]) as receiver:
        ended, told = alerting(commands, receiver, "refresh")
    assert ended.returncode == 0, ended.stderr
    assert (told["event"], told["job"]) == ("audit_worse", "refresh_prod")
    assert "prod_audit:table_unlogged warning, was passed" in told["objects"]


@pytest.mark.parametrize("what", ["a table", "rows", "nothing"])
def test_a_swap_that_is_refused_says_everywhere_that_prod_is_untouched(
    cli: CommandLine, prod: Server, what: str
) -> None:
    did = {"a table": "CREATE TABLE late (a int)", "rows": "DELETE FROM relics", "nothing": "SELECT 1"}[what]
    name = cli.environment["PROD_DATABASE_URL"].rpartition("/")[2]
    prod.execute(f"BEGIN; {did}; PREPARE TRANSACTION 'left'", name)
    with receiving([]) as receiver:
        ended, alert = alerting(cli, receiver, "restore")
    prod.execute("ROLLBACK PREPARED 'left'", name)
    assert (ended.returncode, str(ProdState.UNTOUCHED) in ended.stderr) == (3, True)
    (twin,) = twins(Path(cli.environment["PGPROMOTE_REPORT_DIR"]))
    for said in (alert["untouched"], twin["prod"]):
        assert said.startswith("Prod is untouched")
    assert "ROLLBACK PREPARED" in alert["to_do"]
