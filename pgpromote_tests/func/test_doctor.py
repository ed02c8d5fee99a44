"""`pgpromote doctor`: all that a promotion needs on one screen, before the first and between any two."""

from pathlib import Path
from typing import Any

import pytest

from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import parse_url
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import CommandLine, command_line
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server


@pytest.fixture
def cli(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    line = command_line(tmp_path, dev, dev.new_url(SHOP), prod, prod.new_url())
    return line.having(PGPROMOTE_REPORT_DIR=str(tmp_path / "reports"))


def lines(cli: CommandLine, code: int) -> dict[str, Any]:
    """Run the doctor, which must end so, and return its lines by name."""
    done = cli.run("doctor", "--json")
    assert done.returncode == code, done.text
    assert done.json()["ok"] is (code == 0)
    return {line["name"]: line for line in done.json()["lines"]}


def test_before_the_first_archive_all_is_looked_at_that_needs_none(cli: CommandLine, prod: Server) -> None:
    told = lines(cli, 0)
    assert (told["archive"]["state"], told["archive"]["to_do"]) == ("warn", "pgpromote dump")
    for name in ("client programs", "dev", "room for archives", "prod", "pooler", "lock", "checks"):
        assert told[name]["state"] == "ok", told[name]
    assert f"PostgreSQL {prod.major}" in told["prod"]["seen"]
    assert "we are postgres, a superuser" in told["prod"]["seen"]
    assert " cannot look" in told["checks"]["seen"]
    assert "not recorded by prod's server" in told["last promotion"]["seen"]


def test_after_a_promotion_every_check_looks_and_the_last_one_is_told(cli: CommandLine) -> None:
    assert cli.run("dump").returncode == 0
    assert cli.run("restore").returncode == 0
    told = lines(cli, 0)
    assert "archive" not in told
    assert "cannot look" not in told["checks"]["seen"]
    assert told["last promotion"]["seen"].startswith("The last promotion was at 2")


def test_each_thing_that_fails_is_a_line_with_what_to_do_and_hides_no_other(cli: CommandLine) -> None:
    away = cli.having(DEV_DATABASE_URL="postgresql://me:canary@127.0.0.1:1/shop")
    told = lines(away, 1)
    assert told["dev"]["state"] == "fail"
    assert told["dev"]["to_do"]
    assert told["prod"]["state"] == "ok"
    shown = away.run("doctor")
    assert "\nfail dev: " in shown.stdout
    assert "canary" not in shown.text


@pytest.mark.parametrize("url", ["postgresql://me:canary@127.0.0.1:1/shop", "not a URL", ""])
def test_one_fault_is_one_failure_and_what_it_hides_was_not_looked_at(cli: CommandLine, url: str) -> None:
    told = lines(cli.having(PROD_DATABASE_URL=url), 1)
    assert [name for name, line in told.items() if line["state"] == "fail"] == ["prod"]
    hidden = [line["seen"] for line in told.values() if line["state"] == "skip"]
    assert set(hidden) == {"Not looked at: see prod."}
    assert len(hidden) >= 2


def test_what_a_check_finds_is_a_line_of_its_own(cli: CommandLine) -> None:
    assert cli.run("dump").returncode == 0
    for _ in range(2):
        assert cli.run("restore").returncode == 0
    assert cli.run("rollback", "--yes").returncode == 0
    told = lines(cli, 1)
    assert told["not on hold"]["state"] == "fail"
    assert "pgpromote resume" in told["not on hold"]["to_do"]


def test_without_any_setting_it_says_what_to_set(tmp_path: Path) -> None:
    told = lines(CommandLine(tmp_path, {}), 1)
    assert "DEV_DATABASE_URL is not set." in told["dev"]["seen"]
    assert "PROD_DATABASE_URL is not set." in told["prod"]["seen"]


def test_a_lock_that_is_held_is_told_with_its_holder(cli: CommandLine) -> None:
    target = parse_url(cli.environment["PROD_DATABASE_URL"], "PROD_DATABASE_URL")
    with promotion_lock(Place(target, "the-night")):
        told = lines(cli, 0)
    assert told["lock"]["state"] == "warn"
    assert "pgpromote:the-night" in told["lock"]["seen"]


def test_what_is_set_for_the_build_and_for_alerts_is_told_and_no_address_shown(
    cli: CommandLine, prod: Server
) -> None:
    prod.execute('CREATE ROLE "Bauherr, ""nachts""" LOGIN')
    prod.let_in('Bauherr, "nachts"')
    told = lines(
        cli.having(
            BUILD_DATABASE_URL=prod.url("elsewhere", 'Bauherr, "nachts"'),
            PGPROMOTE_WEBHOOK_URL="https://chat.invalid/canary",
            PGPROMOTE_PING_URL="https://monitor.invalid/canary",
        ),
        0,
    )
    assert [told[name]["state"] for name in ("build login", "alerts", "monitor")] == ["ok"] * 3
    assert 'Bauherr, "nachts" can log in.' in told["build login"]["seen"]
    assert "canary" not in str(told)


WRONG = {
    "build login": {"BUILD_DATABASE_URL": "postgresql://nobody:canary@127.0.0.1:1/shop"},
    "alerts": {"PGPROMOTE_WEBHOOK_URL": "htp://canary"},
    "monitor": {"PGPROMOTE_PING_URL": "canary"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_set_wrong_fails_before_the_night_that_needs_it(cli: CommandLine, name: str) -> None:
    told = lines(cli.having(**WRONG[name]), 1)
    failed = [line for line in told.values() if line["state"] == "fail"]
    assert any(variable in str(failed) for variable in WRONG[name])
    assert "canary" not in str(told)


@pytest.mark.parametrize(
    "setting",
    [
        {"PGPROMOTE_UI_URL": "canary"},
        {"PGPROMOTE_AUDIT_IGNORE": "no_such_rule:x"},
        {"PGPROMOTE_SOURCE_ID": "dev"},
        {"PGPROMOTE_RESTORE_AS_SUPERUSER": "yes"},
    ],
)
def test_a_setting_that_only_some_runs_need_fails_by_its_name(
    cli: CommandLine, setting: dict[str, str]
) -> None:
    told = lines(cli.having(**setting), 1)
    assert any(name in line["seen"] for name in setting for line in told.values() if line["state"] == "fail")


@pytest.mark.parametrize("home", ["/nonexistent", "here", "empty", "läden 'und' mehr", "whole"])
def test_the_directory_of_dagster_is_looked_at_as_up_does(
    cli: CommandLine, tmp_path: Path, home: str
) -> None:
    for name in ("here", "empty", "läden 'und' mehr", "whole"):
        (tmp_path / name).mkdir()
    for name in ("here", "whole"):
        (tmp_path / name / "dagster.yaml").touch()
    named = home if home == "here" else str(tmp_path / home)
    told = lines(cli.having(DAGSTER_HOME=named), 0 if home == "whole" else 1)["dagster home"]
    assert named in told["seen"]
    assert (told["state"] == "ok") is (home == "whole")
    if home == "here":
        assert told["to_do"] == f"Set it: DAGSTER_HOME={tmp_path / home}"
        assert "no absolute path" in told["seen"]


@pytest.mark.parametrize("name", ["alerts", "monitor", "build login", "dagster", "dagster home"])
def test_what_is_not_set_has_no_line(cli: CommandLine, name: str) -> None:
    assert name not in lines(cli, 0)


@pytest.mark.parametrize("lacking", [("pg_restore",), ("pg_restore", "psql"), ("pg_dump",)])
def test_a_directory_that_lacks_client_programs_is_told_with_their_names(
    cli: CommandLine, prod: Server, tmp_path: Path, lacking: tuple[str, ...]
) -> None:
    place = tmp_path / "it's bin"
    place.mkdir()
    for name in {"pg_dump", "pg_restore", "psql"} - {*lacking}:
        (place / name).symlink_to(prod.cluster.bin_dir / name)
    shown = cli.having(PGPROMOTE_PG_BIN=f"{place}:{cli.environment['PGPROMOTE_PG_BIN']}").run("doctor")
    told = f"warn client programs: {place}, which PGPROMOTE_PG_BIN names, lacks {' and '.join(lacking)}: "
    assert told in shown.stdout
    assert "  ok client programs: " in shown.stdout


def test_programs_that_are_too_old_are_one_failure_and_no_dump_is_advised_before_that(
    start_server: StartServer, tmp_path: Path
) -> None:
    dev, prod = start_server(18, "dev"), start_server(16, "prod")
    old = command_line(tmp_path, dev, dev.new_url(SHOP), prod, prod.new_url())
    told = lines(old.having(PGPROMOTE_PG_BIN=str(prod.cluster.bin_dir), PATH=""), 1)
    assert told["client programs"]["state"] == "fail"
    assert "must be 18 or newer" in told["client programs"]["seen"]
    assert (told["dev"]["state"], told["prod"]["state"]) == ("ok", "ok")
    assert told["archive"]["to_do"] == "First what fails above, then: pgpromote dump"


def test_the_time_of_the_schedule_has_a_line_where_it_is_set(cli: CommandLine) -> None:
    assert "schedule" not in lines(cli, 0)
    told = lines(cli.having(PGPROMOTE_CRON="30 1 * * *", PGPROMOTE_TIMEZONE="Europe/Berlin"), 0)["schedule"]
    assert (told["state"], "30 1 * * *, Europe/Berlin" in told["seen"]) == ("ok", True)
