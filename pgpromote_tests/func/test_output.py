"""Output that cannot be written: the exit code stays that of the deed, and stderr says the rest."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from pgpromote.terminal import streams
from pgpromote_tests.func.command_line import CommandLine, command_line
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

OLD = "CREATE TABLE relics (id integer PRIMARY KEY)"


@pytest.fixture
def cli(dev: Server, prod: Server, tmp_path: Path) -> CommandLine:
    line = command_line(tmp_path, dev, dev.new_url(SHOP), prod, prod.new_url(OLD))
    return line.having(PGPROMOTE_REPORT_DIR=str(tmp_path / "reports"))


def full(*numbers: int) -> None:
    """Let all that is written to these descriptors meet a full disk."""
    for number in numbers:
        os.dup2(os.open("/dev/full", os.O_WRONLY), number)


def unread(*numbers: int) -> None:
    """Let these descriptors be a pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    for number in numbers:
        os.dup2(writer, number)


def closed(*numbers: int) -> None:
    for number in numbers:
        os.close(number)


LOST = pytest.mark.parametrize(
    ("lose", "why"),
    [(full, "No space left on device"), (unread, "its reader is gone"), (closed, "stdout is closed")],
)


def is_new(cli: CommandLine, prod: Server) -> bool:
    """Return whether prod is what dev was."""
    name = cli.environment["PROD_DATABASE_URL"].rpartition("/")[2].partition("?")[0]
    return prod.rows("SELECT pg_catalog.to_regclass('public.relics') IS NULL", name) == [(True,)]


@LOST
def test_what_was_done_is_told_though_the_result_is_lost_and_the_exit_code_is_about_that(
    cli: CommandLine, prod: Server, lose: Callable[[int], None], why: str
) -> None:
    archive = cli.directory / "dumps" / "shop" / "shop_dev.dump"
    new, old = "Prod is the new one", "An earlier Prod is back, and on hold until pgpromote resume"
    for command, done, is_now_new in (
        (("dump",), "The archive is written, and Prod is untouched", False),
        (("rehearse",), "The rehearsal went well, and Prod is untouched", False),
        (("restore", archive), new, True),
        (("rollback", "--yes"), old, False),
        (("resume", "--json"), "Prod is not on hold", False),
        (("promote", "--json"), new, True),
        (("rollback", "--yes", "--json"), old, False),
        (("resume",), "Prod is not on hold", False),
        (("promote",), new, True),
        (("repair",), "The primary keys of Prod are repaired", True),
        (("mark-prod",), "Prod is marked", True),
        (("mark-prod", "--remove"), "Prod is no longer marked", True),
    ):
        ended = cli.run(*command, prepare=lambda: lose(1))
        assert (command, ended.returncode) == (command, 0), ended.stderr
        told = f"Warning: {done}, but the result could not be shown: {why}."
        assert ended.stderr.splitlines()[-1] == told
        assert is_new(cli, prod) is is_now_new, command


@LOST
def test_a_refresh_and_an_adoption_are_told_too(
    cli: CommandLine, prod: Server, lose: Callable[[int], None], why: str
) -> None:
    (cli.directory / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    refresh = cli.having(DAGSTER_HOME=str(cli.directory), DAGSTER_DISABLE_TELEMETRY="1")
    ended = refresh.run("refresh", prepare=lambda: lose(1))
    assert (ended.returncode, is_new(cli, prod)) == (0, True), ended.stderr
    assert ended.stderr.endswith(f"Prod is the new one, but the result could not be shown: {why}.\n")

    (cli.directory / "dumps" / "shop" / "shop_dev.dump.json").unlink(missing_ok=True)
    taken = cli.directory / "taken.dump"
    taken.write_bytes((cli.directory / "dumps" / "shop" / "shop_dev.dump").read_bytes())
    ended = cli.run("adopt", taken, prepare=lambda: lose(1))
    assert (ended.returncode, ended.stderr.count("The archive is adopted")) == (0, 1), ended.stderr


@pytest.mark.parametrize("lose", [full, unread, closed])
@pytest.mark.parametrize("numbers", [(2,), (1, 2), (0, 1, 2)])
def test_a_promotion_goes_on_when_nobody_reads_its_progress(
    cli: CommandLine, prod: Server, lose: Callable[..., None], numbers: tuple[int, ...]
) -> None:
    ended = cli.run("promote", "--verbose", prepare=lambda: lose(*numbers))
    assert (ended.returncode, is_new(cli, prod)) == (0, True), ended.text


@LOST
@pytest.mark.parametrize("command", [("plan",), ("audit",), ("history", "--json"), ("inspect",), ("--help",)])
def test_a_command_that_only_shows_fails_without_its_output_unless_the_reader_had_enough(
    cli: CommandLine, lose: Callable[[int], None], why: str, command: tuple[str, ...]
) -> None:
    assert cli.run("dump").returncode == 0
    ended = cli.run(*command, prepare=lambda: lose(1))
    if lose is unread:
        assert (ended.returncode, "rror" in ended.stderr) == (0, False), ended.stderr
        return
    assert ended.returncode == 1
    assert f"Error: The output could not be written: {why}.\nHint: " in ended.stderr
    assert "bug" not in ended.stderr


@LOST
def test_a_refusal_stays_a_refusal(cli: CommandLine, lose: Callable[[int], None], why: str) -> None:
    for command in ("check", "restore"):
        ended = cli.run(command, "gone.dump", prepare=lambda: lose(1))
        assert (command, ended.returncode) == (command, 3), ended.stderr


def small_files() -> None:
    """Let no file of this process grow beyond 300 bytes, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))


@pytest.mark.parametrize("options", [("-q",), ()])
@pytest.mark.parametrize("command", ["history", "status", "mark-prod"])
def test_a_log_that_is_cut_off_is_one_warning_and_changes_nothing_else(
    cli: CommandLine, options: tuple[str, ...], command: str
) -> None:
    log = cli.directory / "night.log"
    log.write_text("night\n" * 45)
    ended = cli.run(*options, "--log-file", log, command, prepare=small_files)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines()[-1] == f"Warning: {log} lacks lines: File too large."
    assert ended.stderr.count("lacks lines") == 1
    assert log.stat().st_size == 300


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_text_that_an_encoding_lacks_is_spelled_out(encoding: str, tmp_path: Path) -> None:
    ended = CommandLine(tmp_path, {"PYTHONIOENCODING": encoding}).run("inspect", "café→\udcff.dump")
    assert "Traceback" not in ended.stderr
    assert "There is no archive at caf" in ended.stderr
    assert "bug" not in ended.stderr


def test_a_reader_that_is_slow_gets_all_of_it_though_the_pipe_does_not_block() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    if not (child := os.fork()):
        os.close(writer)
        while os.read(reader, 4096):
            pass
        os._exit(0)
    with streams.keeping(writer) as stream:
        for _ in range(100):
            stream.write("x" * 10_000)
        assert streams.failure(stream) is None
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
