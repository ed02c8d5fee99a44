"""The page of a report is the same whether its template was compiled by this run or by one before."""

from pathlib import Path

import pytest
from jinja2 import Environment, FunctionLoader

from pgpromote.report.compiled import Compiled


def rendered(place: Path) -> str:
    environment = Environment(
        loader=FunctionLoader(lambda name: "{{ 6 * 7 }}"),
        bytecode_cache=Compiled(str(place)),
        autoescape=True,
    )
    return environment.get_template("page").render()


def test_a_template_is_compiled_once(tmp_path: Path) -> None:
    assert (rendered(tmp_path), rendered(tmp_path)) == ("42", "42")
    (kept,) = tmp_path.iterdir()
    before = kept.stat()
    rendered(tmp_path)
    assert kept.stat() == before or kept.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("size", [0, 3, 10, 30, 60])
def test_a_damaged_cache_is_compiled_again(tmp_path: Path, size: int) -> None:
    rendered(tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:size])
    assert rendered(tmp_path) == "42"


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    assert rendered(tmp_path / "nowhere") == "42"
