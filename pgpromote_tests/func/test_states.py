"""The states of runs that were killed are shown by the history, whatever names and paths they hold."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.run import states
from pgpromote.settings import from_environment
from pgpromote_tests.func.command_line import command_line
from pgpromote_tests.servers import Server
from pgpromote_tests.unit.reports import ODD, odd


@pytest.mark.parametrize("kind", ODD)
def test_a_killed_run_of_odd_names_is_shown_by_the_history(
    dev: Server, prod: Server, tmp_path: Path, kind: str
) -> None:
    name, path = ODD[kind][0], Path(os.fsdecode(ODD[kind][1]))
    commands = command_line(tmp_path, dev, dev.new_url(), prod, prod.new_url(name=name))
    commands = commands.having(PGPROMOTE_REPORT_DIR=str(tmp_path / os.fsdecode(b"\xff \xe9")))
    promotion = from_environment(commands.environment)
    states.write(replace(odd(name, path), target=promotion.target().label), promotion.report_dir)

    shown, read = commands.run("history"), commands.run("history", "--json")

    assert (shown.returncode, read.returncode) == (0, 0), shown.stderr + read.stderr
    assert "Warning: The run of 2026-03-01 02:10:04 UTC died in the step restore" in shown.stderr
    assert "Prod may be a mix of old and new" in shown.stderr
    assert "Traceback" not in shown.text + read.text
    (died,) = read.json()["died"]
    assert path.name in died
