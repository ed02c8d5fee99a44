"""The state of a run comes back from its file as it was, whatever names and paths it holds."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.run import died, states
from pgpromote.run.state import State
from pgpromote_tests.unit.reports import EMPTY, ODD, failed, odd, promoted

STATES = {"empty": EMPTY, "promoted": promoted(), "failed": failed()} | {
    kind: odd(name, Path(os.fsdecode(path))) for kind, (name, path) in ODD.items()
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_a_state_comes_back_from_its_file_as_it_was(tmp_path: Path, state: State) -> None:
    path = states.write(state, tmp_path)

    assert states.read(tmp_path, state.promotion, state.run_id) == state
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", ["", "{", '{"promotion": 1}', "[]"])
def test_a_state_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    states.write(EMPTY, tmp_path).write_text(content)
    assert states.read(tmp_path, EMPTY.promotion, EMPTY.run_id) is None
    assert list(states.unfinished(tmp_path, EMPTY.promotion)) == []


def test_a_later_version_may_have_added_to_a_state(tmp_path: Path) -> None:
    path = states.write(EMPTY, tmp_path)
    path.write_text('{"another": 1, ' + path.read_text()[1:])
    assert states.read(tmp_path, EMPTY.promotion, EMPTY.run_id) == EMPTY


def test_runs_that_have_no_end_are_found_and_those_of_others_are_not(tmp_path: Path) -> None:
    for run_id, ended in (("one", True), ("two", False), ("three", False)):
        states.write(replace(EMPTY, run_id=run_id, ended=ended), tmp_path)
    states.write(replace(EMPTY, promotion="till", run_id="four"), tmp_path)
    found = {state.run_id for state in states.unfinished(tmp_path, EMPTY.promotion)}
    assert found == {"two", "three"}


def test_the_newest_states_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "KEPT", 2)
    for year in (2024, 2025, 2026):
        states.write(replace(EMPTY, run_id=str(year), began_at=EMPTY.began_at.replace(year=year)), tmp_path)
    states.retain(tmp_path, EMPTY.promotion)
    assert states.read(tmp_path, EMPTY.promotion, "2024") is None
    assert states.read(tmp_path, EMPTY.promotion, "2025")


def test_a_run_that_was_killed_is_told_with_its_step_and_what_prod_is() -> None:
    assert died.told(failed()).startswith("The run of 2026-03-01 02:10:04 UTC died in the step restore: ")
    assert died.told(failed()).endswith("Prod is untouched.")
