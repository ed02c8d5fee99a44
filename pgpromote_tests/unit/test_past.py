"""Earlier prods in words that fit a terminal."""

import shlex
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from pgpromote.terminal import past, screen
from pgpromote.terminal.past import Kept
from pgpromote_tests.unit.reports import HOSTILE

WIDTH = 80
# The longest that PostgreSQL lets a database be called: 63 bytes.
LONGEST = {
    "plain": "x" * 63,
    "quoted": "it is " + "y" * 57,
    "wide": "\u4ed3" * 21,
    "accents": "\u00e9" * 31,
}


@pytest.mark.parametrize("name", LONGEST.values(), ids=LONGEST)
def test_a_history_fits_80_columns_and_loses_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console = screen.literal(width=WIDTH, force_terminal=True, no_color=True)
    monkeypatch.setattr(screen, "OUT", console)
    what = f"promotion {name}, archive {'a' * 200}.dump, SHA-256 1f2e3d4c5b6a…; swapped out by a promotion"
    back = f"{past.ROLLBACK}{shlex.quote(name)}"

    screen.show_history([Kept("database", datetime(2026, 3, 1, tzinfo=UTC), "7,429,143 bytes", what, back)])

    shown = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, shown)) <= WIDTH
    unfolded = "".join(line.removesuffix("\\") for line in shown)
    assert "".join(unfolded.split()).endswith("".join(f"{what}{back}".split()))


def test_a_command_that_is_too_wide_goes_on_after_a_backslash() -> None:
    short, long = f"{past.ROLLBACK}shop", f"{past.ROLLBACK}{'x' * 63}"
    assert past.folded(short, WIDTH) == [short]
    assert past.folded(long, WIDTH) == ["pgpromote rollback \\", f"  {'x' * 63}"]


def test_what_is_no_command_is_told_as_it_is() -> None:
    told = f"not whole, cannot come back: {HOSTILE}"
    assert past.folded(told, WIDTH) == [told]
