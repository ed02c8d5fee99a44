"""`pgpromote status --max-age`: whether the last night happened, as a monitor asks."""

from pathlib import Path

import pytest

from pgpromote_tests.func.command_line import CommandLine, command_line
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server


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


def test_a_time_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    for wrong in ("26", "h", "-1h", "1w", "1h30m"):
        assert CommandLine(tmp_path, {}).run("status", f"--max-age={wrong}").returncode == 2
