"""Schemas in the style of large real applications go through: nothing is refused, nothing differs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pgpromote_tests.case_files import Case, Section
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.corpus import django, rails, warehouse
from pgpromote_tests.func import case_runs

TABLES = """
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema)'
"""
# A child of the inheritance gets its columns in another order, on the same version too.
SETTINGS = {"warehouse": {"schema": "reloaded"}}


@pytest.mark.parametrize(
    ("script", "dev", "prod"),
    [
        pytest.param(script, *pair, id=f"{name}-{pair[0]}-{pair[1]}")
        for name, script, pairs in (
            ("rails", rails.script, [(18, 18), (15, 16)]),
            ("django", django.script, [(17, 17), (16, 18)]),
            ("warehouse", warehouse.script, [(15, 15), (16, 16)]),
        )
        for pair in pairs
    ],
)
def test_a_large_schema_is_proven_and_the_same(
    start_server: StartServer, script: Callable[[], str], dev: int, prod: int, tmp_path: Path
) -> None:
    name = script.__module__.rpartition(".")[2]
    sections = (Section("dev", "", script()),)
    case = Case(Path(name), "promoted", "", ((dev, prod),), SETTINGS.get(name, {}), sections)

    with case_runs.staged(case, start_server(dev, "dev"), start_server(prod, "prod"), tmp_path) as stage:
        problems = case_runs.play(stage)
        ((tables,),) = stage.dev.rows(TABLES, stage.source)

    assert not problems, "\n".join(problems)
    assert int(str(tables)) >= 60
