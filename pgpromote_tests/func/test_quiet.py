"""--quiet and --log-file: what cron mails, and what is kept of a night; names that a shell completes."""

import stat
from pathlib import Path

import pytest

from pgpromote_tests.func.command_line import CommandLine, command_line
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server


@pytest.fixture
def cli(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    line = command_line(tmp_path, dev, dev.new_url(SHOP), prod, prod.new_url())
    return line.having(PGPROMOTE_REPORT_DIR=str(tmp_path / "reports"))


def test_a_night_that_went_well_says_nothing_and_all_of_it_is_in_the_log(cli: CommandLine) -> None:
    log = cli.directory / "night.log"
    for command in ("dump", "restore"):
        done = cli.run("--quiet", "--log-file", log, command)
        assert (done.returncode, done.stdout) == (0, "")
        assert all(line.startswith("Warning: ") for line in done.stderr.splitlines()), done.stderr
    told = log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert [line[24:] for line in told.splitlines() if " UTC pgpromote " in line] == [
        "pgpromote dump",
        "pgpromote restore",
    ]
    for line in ("Dev: ", "Dumping ", "Prod: ", "Checking ", "Restoring into ", "  report  ", "Swapped "):
        assert f"\n{line}" in told


@pytest.mark.parametrize(
    "place",
    [
        ("--quiet", "--log-file", "{log}", "dump"),
        ("dump", "--quiet", "--log-file", "{log}"),
        ("dump", "--log-file={log}", "-q"),
        ("-q", "dump", "--log-file", "{log}"),
        ("--log-file={log}", "dump", "-q"),
    ],
)
def test_quiet_and_a_log_may_stand_on_either_side_of_the_command(
    cli: CommandLine, place: tuple[str, ...]
) -> None:
    log = cli.directory / "night.log"
    done = cli.run(*(each.format(log=log) for each in place))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    told = log.read_text()
    assert told.count(" UTC pgpromote dump\n") == 1
    for line in ("Dev: ", "Dumping ", "Dumped "):
        assert told.count(f"\n{line}") == 1, told


def test_a_quiet_night_mails_the_objects_that_only_prod_had(cli: CommandLine, prod: Server) -> None:
    gone = "CREATE TABLE relics (id int); CREATE VIEW seen AS SELECT 1 AS one;"
    quiet = cli.having(PROD_DATABASE_URL=prod.new_url(f"{gone} CREATE TABLE users (id int, old text)"))

    done = quiet.run("--quiet", "promote")

    assert (done.returncode, done.stdout) == (0, "")
    for told in ("TABLE public.relics was only in prod.", "VIEW public.seen was only in prod."):
        assert any(line.startswith("Now in ") and line.endswith(told) for line in done.stderr.splitlines())
    assert "old" not in done.stderr  # a column of a table that stays: the report has it


def test_a_night_that_failed_says_why_and_where_its_report_is(cli: CommandLine) -> None:
    log = cli.directory / "night.log"
    assert cli.run("dump").returncode == 0
    done = cli.run("-q", "--log-file", log, "restore", "--expect-plan", "0000")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Error: " in done.stderr
    assert "reports/" in done.stderr
    assert "Restoring into" not in done.stderr
    assert all(line in log.read_text() for line in done.stderr.splitlines())


def test_what_a_program_asks_for_is_printed_quiet_or_not(cli: CommandLine) -> None:
    done = cli.run("--quiet", "dump", "--json")
    assert done.stderr == ""
    assert done.json()["sha256"]


def test_a_check_that_refuses_shows_why(cli: CommandLine) -> None:
    done = cli.run("--quiet", "check", "gone.dump")
    assert done.returncode == 3
    assert "gone.dump" in done.stdout


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("link", "is a symbolic link"),
        ("directory", "Is a directory"),
        ("missing/log", "No such file or directory"),
        ("/dev/null", "is no regular file of your own"),
    ],
)
def test_a_log_that_cannot_be_one_is_refused(tmp_path: Path, kind: str, told: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    done = CommandLine(tmp_path, {}).run("--log-file", kind, "inspect")
    assert (done.returncode, f"{kind} cannot be the log: {told}" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_a_log_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    log.chmod(0o644)
    CommandLine(tmp_path, {}).run("--log-file", log, "inspect")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.read_text().startswith("before\n2")


def test_the_version_has_a_short_option(tmp_path: Path) -> None:
    line = CommandLine(tmp_path, {})
    assert line.run("-V").stdout == line.run("--version").stdout != ""


def test_a_shell_completes_the_names_that_a_rollback_takes(cli: CommandLine) -> None:
    complete = cli.having(
        _PGPROMOTE_COMPLETE="bash_complete", COMP_WORDS="pgpromote rollback ", COMP_CWORD="2"
    )
    assert "previous" not in complete.run().stdout
    assert cli.run("dump").returncode == 0
    previous = cli.run("restore", "--json").json()["swapped"]["previous"]
    assert complete.run().stdout == f"plain,{previous}\n"
    assert complete.having(PROD_DATABASE_URL="postgresql://127.0.0.1:1/shop").run().stdout.strip() == ""
