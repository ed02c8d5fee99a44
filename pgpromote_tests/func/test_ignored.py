"""Tests that are run under nohup, or behind a shell's &, start programs that can be interrupted."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pgpromote_tests import ignored

SHOW = "import signal; print(*(n.name for n in ({}) if signal.getsignal(n) is signal.SIG_IGN))"


@pytest.fixture(params=[signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """Return a signal that this process ignores meanwhile."""
    before = signal.signal(request.param, signal.SIG_IGN)
    yield request.param
    signal.signal(request.param, before)


def ignored_by_a_child() -> str:
    listed = ", ".join(f"signal.{each.name}" for each in ignored.NUMBERS)
    command = [sys.executable, "-c", SHOW.format(listed)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_program_that_the_tests_start_ignores_no_signal(number: signal.Signals) -> None:
    assert ignored_by_a_child() == number.name
    ignored.ignore_alone()
    assert ignored_by_a_child() == ""
    signal.raise_signal(number)  # and we go on
