"""A program that a signal ends is interrupted: that is no verdict on it, nor on what it read."""

import signal
from pathlib import Path

import pytest

from pgpromote.postgres import tools
from pgpromote.postgres.archives import archive
from pgpromote.postgres.errors import ToolFailed
from pgpromote.postgres.model import ServerVersion
from pgpromote.postgres.tools import PROGRAMS, Tools

SIGNALS = [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]


def installation(place: Path, script: str) -> Path:
    """Make client programs that are all this script."""
    place.mkdir()
    for name in PROGRAMS:
        (place / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / name).chmod(0o755)
    return place


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_an_installation_whose_program_a_signal_ends_is_not_skipped(
    tmp_path: Path, number: signal.Signals
) -> None:
    killed = installation(tmp_path / "killed", f"kill -{int(number)} $$")
    older = installation(tmp_path / "older", "echo 'pg_dump (PostgreSQL) 12.1'")
    with pytest.raises(ToolFailed) as failure:
        tools.find([killed, older])
    assert f"{killed}/pg_dump --version was ended by {number.name}." in str(failure.value)


@pytest.mark.parametrize("script", ["exit 1", "echo nothing", "exec /nowhere", ""])
def test_an_installation_that_does_not_run_is_skipped(tmp_path: Path, script: str) -> None:
    broken = installation(tmp_path / "broken", script)
    older = installation(tmp_path / "older", "echo 'pg_dump (PostgreSQL) 12.1'")
    assert [each.directory for each in tools.find([broken, older])] == [older]


def test_an_installation_is_asked_once_for_its_version_until_its_program_is_another(tmp_path: Path) -> None:
    place = installation(tmp_path / "client", f"echo >> {tmp_path}/asked; echo 'pg_dump (PostgreSQL) 16.1'")
    for _ in range(3):
        assert [each.version for each in tools.find([place])] == [ServerVersion(160001)]
    assert (tmp_path / "asked").read_text().count("\n") == 1
    (place / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 17.2'\n")
    assert [each.version for each in tools.find([place])] == [ServerVersion(170002)]


@pytest.mark.parametrize("program", ["gone", "not/a/file"])
def test_a_program_that_is_not_there_is_named(tmp_path: Path, program: str) -> None:
    with pytest.raises(ToolFailed, match=f"{program} cannot be run: No such file"):
        tools.ask([str(tmp_path / program), "--version"])


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_an_archive_whose_reading_a_signal_ends_is_not_called_broken(
    tmp_path: Path, number: signal.Signals
) -> None:
    client = Tools(installation(tmp_path / "killed", f"kill -{int(number)} $$"), ServerVersion(160014))
    with pytest.raises(ToolFailed, match=f"interrupted by {number.name}"):
        archive.verify(tmp_path / "shop.dump", client)


def test_an_archive_is_not_called_broken_by_a_program_that_lacks_a_library(tmp_path: Path) -> None:
    lacking = installation(
        tmp_path / "lacking", "echo 'error while loading shared libraries: libpq'; exit 127"
    )
    with pytest.raises(ToolFailed, match="interrupted by exit code 127: error while loading"):
        archive.verify(tmp_path / "shop.dump", Tools(lacking, ServerVersion(160014)))
