"""What `up` prints of Dagster's output: warnings and errors, whole, and no event."""

import io

import pytest

from pgpromote.demo import quiet

AT = "2026-11-29 04:43:20 +0000 - dagster"
COLOURED = "\x1b[32m2026-11-29 04:43:20 +0000\x1b[0m - dagster - \x1b[34m{}\x1b[0m - told\n"


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
@pytest.mark.parametrize(
    "line", [f"{AT} - {{}} - told\n", COLOURED, f"{AT}.daemon.SensorDaemon - {{}} - a\n"]
)
def test_a_line_and_what_follows_it_are_printed_by_its_level(level: str, line: str) -> None:
    told = [line.format(level), "Traceback (most recent call last):\n", "\n", "E: WARNING - лавка\n"]
    assert list(quiet.loud(told)) == (told if level not in quiet.HIDDEN else [])


def test_what_no_logger_prints_is_printed_until_an_event_comes() -> None:
    lines = [
        "no logger\n",
        f"{AT} - DEBUG - STEP_START\n",
        "pg_restore: …\n",
        f"{AT} - ERROR - why\n",
        "more\n",
    ]
    assert list(quiet.loud(lines)) == ["no logger\n", f"{AT} - ERROR - why\n", "more\n"]


def test_who_writes_goes_on_when_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    output = io.StringIO("one\ntwo\nthree\n")
    monkeypatch.setattr("sys.stderr", Gone())
    quiet.pass_on(output)
    assert output.read() == ""
