"""`pgpromote status --max-age`: whether the last night happened, as a monitor asks."""

from pathlib import Path

import pytest

from pgpromote_tests.func.command_line import (
    CommandLine,
    command_line,
    sessions,
    wait_until,
    wait_until_waiting,
)
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

# A row that takes longer to load than a test waits.
SLOW = """
    CREATE FUNCTION lasts() RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_catalog.pg_sleep(600) WHERE current_database() LIKE '%shadow%';
           RETURN true; END $$;
    CREATE TABLE lasting (id integer PRIMARY KEY, CHECK (public.lasts()));
    INSERT INTO lasting VALUES (1);
"""


@pytest.fixture
def cli(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    line = command_line(tmp_path, dev, dev.new_url(SHOP), prod, prod.new_url())
    line = line.having(PGPROMOTE_REPORT_DIR=str(tmp_path / "reports"))
    assert line.run("dump").returncode == 0
    return line


def elsewhere(cli: CommandLine) -> CommandLine:
    """Return the command line of another machine: it has no state of any run."""
    return cli.having(PGPROMOTE_REPORT_DIR=str(cli.directory / "elsewhere"))


def happened(cli: CommandLine, within: str = "26h") -> bool:
    code = cli.run("status", "--max-age", within).returncode
    assert code in {0, 1}
    return code == 0


def test_no_promotion_is_none_and_a_failed_one_is_none_either(cli: CommandLine) -> None:
    done = cli.run("status", "--max-age", "26h")
    assert (done.returncode, "No promotion is recorded: none succeeded within 26h." in done.stderr) == (
        1,
        True,
    )
    assert cli.run("restore", "--expect-plan", "0000").returncode == 3
    assert cli.run("rehearse").returncode == 0
    assert not happened(cli)


def test_a_promotion_counts_until_it_is_too_old_and_on_every_machine(cli: CommandLine) -> None:
    assert cli.run("restore").returncode == 0
    for line in (cli, elsewhere(cli)):
        assert happened(line)
        done = line.run("status", "--max-age", "0m")
        assert (done.returncode, "The last promotion was at 2" in done.stderr) == (1, True)
    assert cli.run("status", "--max-age", "26h", "--json").json()["promoted"]


def test_a_rollback_is_no_promotion_and_does_not_hide_one(cli: CommandLine) -> None:
    assert cli.run("restore").returncode == 0
    promoted = elsewhere(cli).run("status", "--max-age", "1d", "--json").json()["promoted"]
    assert cli.run("rollback", "--yes").returncode == 0
    assert elsewhere(cli).run("status", "--max-age", "1d", "--json").json()["promoted"] == promoted
    assert cli.run("rollback", "--yes").returncode == 0  # and back again
    assert happened(cli)
    assert not happened(elsewhere(cli))


@pytest.mark.parametrize("kept", ["0", "2"])
def test_a_promotion_in_place_and_one_that_keeps_nothing_count_where_they_were_made(
    cli: CommandLine, kept: str
) -> None:
    strategy = ("--strategy", "clean", "--yes") if kept == "2" else ()
    assert cli.having(PGPROMOTE_KEEP=kept).run("restore", *strategy).returncode == 0
    assert happened(cli)
    assert not happened(elsewhere(cli))


def promoted(cli: CommandLine) -> str:
    """Return what status says of the last promotion; doctor must say the same."""
    begins = "  last promotion "
    (line,) = (line for line in cli.run("status").stdout.splitlines() if line.startswith(begins))
    told = line.removeprefix(begins).strip()
    assert told in cli.run("doctor").stdout
    return told


def test_status_and_doctor_tell_one_last_promotion_and_who_records_it(cli: CommandLine, prod: Server) -> None:
    reports = cli.environment["PGPROMOTE_REPORT_DIR"]
    assert promoted(cli) == f"not recorded by prod's server, nor in {reports}"
    for _ in range(2):
        assert cli.run("restore").returncode == 0
    assert promoted(cli) == promoted(elsewhere(cli))
    assert promoted(cli).endswith(" UTC; prod's server records it")
    at = promoted(cli).split(";")[0]
    newest, _ = (each["name"] for each in cli.run("history", "--json").json()["databases"])

    prod.execute(f'DROP DATABASE "{newest}"')

    assert promoted(cli).endswith(f" UTC; only {reports} records it")
    assert happened(cli)
    assert promoted(elsewhere(cli)) < at  # the one before
    assert promoted(elsewhere(cli)).endswith(" UTC; prod's server records it")


def test_nights_that_failed_are_told_until_one_made_prod_new(cli: CommandLine) -> None:
    def failed() -> dict[str, str] | None:
        lines = cli.run("doctor", "--json").json()["lines"]
        return next((line for line in lines if line["name"] == "failed runs"), None)

    assert failed() is None
    for number in (1, 2):
        assert cli.run("restore", "--expect-plan", "0000").returncode == 3
        told = failed()
        assert told
        assert told["seen"].startswith(f"{number} run(s) failed since one made prod new; the newest, of 2")
        assert "in the step check: Refused by 1 check" in told["seen"]
        assert (told["state"], cli.environment["PGPROMOTE_REPORT_DIR"] in told["to_do"]) == ("warn", True)
        assert cli.run("rehearse").returncode == 0  # it makes no prod new
    assert cli.run("restore").returncode == 0
    assert failed() is None


def test_a_run_that_was_killed_is_told_by_status_history_and_doctor(
    cli: CommandLine, dev: Server, prod: Server
) -> None:
    slow = cli.having(DEV_DATABASE_URL=dev.new_url(SLOW))
    assert slow.run("dump").returncode == 0
    with slow.start("restore") as process:
        wait_until_waiting(prod, "PgSleep")
        process.kill()
    wait_until(lambda: not sessions(prod), "the lock of the run that was killed")
    for command in ("status", "history", "doctor"):
        done = cli.run(command)
        assert " died in the step " in done.text.replace("\n", " "), command
        assert " died in the step " in cli.run(command, "--json").stdout


def test_a_time_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    for wrong in ("26", "h", "-1h", "1w", "1h30m"):
        assert CommandLine(tmp_path, {}).run("status", f"--max-age={wrong}").returncode == 2
