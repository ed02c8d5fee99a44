"""The arithmetic of the bench, and what it takes out of the commands of others."""

from importlib import import_module

import pytest

from pgpromote_tests.bench import chart, contenders, figures
from pgpromote_tests.bench import rows as goals
from pgpromote_tests.bench.figures import Figure, Row, Verdict
from pgpromote_tests.bench.trace import PARTS, Trace, program

DUMP = "/bin/pg_dump --dbname=dbname=shop --file=a --verbose --format=custom --compress=gzip:1 --snapshot=1"
RESTORE = ["/bin/pg_restore", "--dbname=dbname=new options='-c a=1'", "--no-owner", "--use-list=x"]
COMMANDS = [
    ["/bin/pg_dump", "--version"],
    DUMP.split(),
    ["/bin/pg_restore", "--file=/dev/null", "a"],
    [*RESTORE, "--jobs=4", "a"],
    [*RESTORE, "--jobs=1", "a"],
]


def test_a_ratio_is_taken_round_by_round() -> None:
    assert figures.ratio([2.0, 4.0, 9.0], [4.0, 8.0, 9.0]) == Figure(0.5, 0.5, 1.0)


def test_a_spread_is_a_share_of_the_median() -> None:
    assert figures.figure([3.0, 4.0, 5.0]).spread == 0.5
    assert figures.figure([0.0]).spread == 0


@pytest.mark.parametrize("power", [0, 1, 2])
def test_an_exponent_is_the_power_that_the_values_grow_with(power: int) -> None:
    sizes = [1.0, 4.0, 16.0]
    assert figures.exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_every_part_that_is_taken_down_is_a_function_of_the_package() -> None:
    for function in (each for functions in PARTS.values() for each in functions):
        module, _, name = function.rpartition(".")
        assert callable(getattr(import_module(f"pgpromote.{module}"), name))


def test_a_part_that_is_missing_in_a_round_took_no_time_there() -> None:
    rounds = [{"dump": 1.0}, {"dump": 3.0, "swap": 2.0}, {"dump": 2.0}]
    assert figures.medians(rounds) == {"dump": 2.0, "swap": 0.0}


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.65, Verdict.MET), (0.7, Verdict.FIRST), (0.71, Verdict.MISSED)]
)
def test_a_row_is_held_to_its_goals(value: float, verdict: Verdict) -> None:
    row = Row("manual", "promotion", 0.70, then=0.65)
    assert row.measured(figures.figure([value])).verdict == verdict
    assert row.unmeasured("not installed").verdict == Verdict.NOT_MEASURED


def test_bare_commands_take_over_only_what_a_fair_comparison_shares() -> None:
    assert contenders.settings("pg_dump", COMMANDS) == ["--format=custom", "--compress=gzip:1"]
    assert contenders.settings("pg_restore", COMMANDS) == ["--no-owner", "--jobs=4"]


def test_bare_commands_keep_the_session_settings_and_change_the_database() -> None:
    connection = contenders.connection("pg_restore", COMMANDS, "postgresql://me@127.0.0.1:5433/other")
    assert connection == "--dbname=dbname=other options='-c a=1' user=me host=127.0.0.1 port=5433"


def test_a_program_is_named_by_what_it_is_started_for() -> None:
    names = [program(command) for command in COMMANDS[:4]]
    assert names == ["tool versions", "pg_dump", "pg_restore (verify)", "pg_restore"]


def test_pgcopydb_says_which_versions_it_can_clone() -> None:
    said = "pgcopydb version 0.10-1\ncompiled with PostgreSQL 15.0\ncompatible with Postgres 10, 14, and 15\n"
    assert contenders.parse_pgcopydb(said) == ("0.10-1", frozenset({10, 14, 15}))


def test_what_a_part_within_took_is_counted_once() -> None:
    trace = Trace()
    with trace.part("restore"):
        trace.count()
        trace.add("pg_restore", 10.0)
    assert trace.parts["pg_restore"].seconds == 10
    assert trace.parts["restore"].seconds == pytest.approx(-10, abs=1)  # the ten seconds did not pass
    assert trace.parts["restore"].queries == 1


def test_the_chart_has_a_bar_for_each_row_that_was_measured() -> None:
    row = Row("bare", "ours < theirs", 1.0)
    drawn = chart.draw([row.measured(figures.figure([9.0])), row.unmeasured("not installed")])
    assert drawn.count("<rect x=") == 1
    assert 'width="300.0"' in drawn  # twice the goal is where a bar ends
    assert "ours &lt; theirs" in drawn


def test_a_start_is_compared_round_by_round_with_python_and_its_driver() -> None:
    version, dump, promote = goals.start_rows([[1, 2, 3, 2, 4], [2, 4, 6, 4, 8], [1, 1, 4, 2, 1]])
    assert [row.figure and row.figure.median for row in (version, dump, promote)] == [3, 1, 2]
    assert "promote" in promote.title
