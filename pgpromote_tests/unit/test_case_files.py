"""Case files are read whole: what a file says is done, and what nobody would understand is an error."""

from pathlib import Path

import pytest

from pgpromote.postgres.strategy import CLEAN
from pgpromote_tests.case_files import CASES, read, read_all

CASE = """-- Expected: nothing.
--@ expect refused rights
--@ versions 15-16 17-17
--@ set dump=--data-only --table orders
--@ set restore=--strategy clean --yes
--@ dev
SELECT 1;
--@ check somebody
SELECT 2 ;;
SELECT 3
"""


def case_file(directory: Path, text: str) -> Path:
    path = directory / "F99 odd-name.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_line_of_a_case_is_understood(tmp_path: Path) -> None:
    case = read(case_file(tmp_path, CASE))
    assert (case.outcome, case.rule, case.versions) == ("refused", "rights", ((15, 16), (17, 17)))
    assert case.name == "f99_odd_name"
    assert [(section.kind, section.role) for section in case.sections] == [("dev", ""), ("check", "somebody")]
    assert case.parts("check") == [("somebody", "SELECT 2"), ("somebody", "SELECT 3")]
    assert case.options().strategy is CLEAN
    assert (case.scope().data_only, case.scope().tables) == (True, ("orders",))


@pytest.mark.parametrize(
    "text",
    [
        CASE.replace("--@ dev", "--@ development"),
        CASE.replace("--@ set dump", "--@ set dumps"),
        CASE.replace("refused rights", "refused"),
        CASE.replace("refused rights", "promoted rights"),
        CASE.replace("refused rights", "fine"),
        CASE.replace("--@ expect refused rights\n", ""),
    ],
)
def test_a_case_that_says_something_else_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"F99 odd-name\.sql: expect"):
        read(case_file(tmp_path, text))


def test_every_case_says_what_is_expected_and_has_a_database_of_its_own() -> None:
    cases = read_all()
    assert [case.path for case in cases] == sorted(CASES.glob("[!0-9]*.sql"))
    assert all(case.path.read_text(encoding="utf-8").startswith("-- Expected: ") for case in cases)
    assert len({case.name for case in cases}) == len(cases)
