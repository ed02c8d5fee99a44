"""The log of a step tells how far a restore is, now and then."""

import pytest

from pgpromote.defs import step
from pgpromote.defs.step import Progress


def test_the_log_tells_entries_of_all_and_no_other_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "TELL_EVERY", 0.0)
    told: list[str] = []
    progress = Progress(told.append, 4)
    for line in ("pg_restore: connecting", 'pg_restore: creating TABLE "t"', "processing data for table t"):
        progress(line)
    assert [line.partition(",")[0] for line in told] == ["25%: 1 of 4 entries", "50%: 2 of 4 entries"]
    assert capsys.readouterr().out.count("\n") == 3


def test_the_log_is_not_told_more_often_than_now_and_then() -> None:
    told: list[str] = []
    progress = Progress(told.append, 2)
    progress("creating TABLE")
    progress("creating VIEW")
    assert told == []
