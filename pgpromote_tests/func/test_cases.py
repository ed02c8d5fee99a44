"""Each case file whose name begins with F."""

from pathlib import Path

import pytest

from pgpromote_tests.case_files import Case, read_all
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func import case_runs

pytestmark = pytest.mark.long


@pytest.mark.parametrize(("case", "dev", "prod"), case_runs.on_each_pair(read_all("F")))
def test_a_case_ends_as_its_file_says(
    start_server: StartServer, case: Case, dev: int, prod: int, tmp_path: Path
) -> None:
    with case_runs.staged(case, start_server(dev, "dev"), start_server(prod, "prod"), tmp_path) as stage:
        problems = case_runs.play(stage)
    assert not problems, "\n".join(problems)
