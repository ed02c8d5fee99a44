"""A command that the tests fork from a process which has loaded it is the same as one that is started."""

from pathlib import Path

import pytest

import pgpromote.cli
from pgpromote_tests.func import preloaded
from pgpromote_tests.func.command_line import CommandLine, ended

URL = "postgresql://läden:{}@127.0.0.1:1/shop"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["promote"],
        ["history", "--json"],
        ["dump", "--no-such-option"],
        ["no-such-command"],
        ["-h"],
    ],
)
@pytest.mark.parametrize("variables", [{}, {"PROD_DATABASE_URL": URL, "PGPROMOTE_NAME": "läden 'und' mehr"}])
def test_it_ends_and_prints_as_a_command_that_is_started(
    tmp_path: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    commands = CommandLine(tmp_path, variables)
    assert preloaded.suits(variables)
    assert commands.run(*arguments) == ended(commands.start(*arguments))


@pytest.mark.parametrize("variable", ["NO_COLOR", "LC_ALL", "COLUMNS", "PYTHONUTF8", "TZ"])
def test_what_is_read_before_a_command_begins_does_not_suit(variable: str) -> None:
    assert not preloaded.suits({"PROD_DATABASE_URL": URL, variable: ""})


def test_it_is_of_the_code_under_test(tmp_path: Path) -> None:
    (tmp_path / "pgpromote.env").mkdir()
    told = CommandLine(tmp_path, {}).run("--debug", "history").stderr
    assert str(Path(pgpromote.cli.__file__).parent) in told
