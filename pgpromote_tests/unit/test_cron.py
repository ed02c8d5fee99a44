"""The time of the schedule: what Dagster takes is taken, and anything else is refused by its name."""

import random

import pytest
from dagster._utils.schedules import is_valid_cron_string

from pgpromote import cron
from pgpromote.postgres.errors import ConfigError
from pgpromote.settings import from_environment

NUMBERS = "* 0 7 23 24 59 60 31 12 13 30 29 08 -1 1- 1.5 x ? l ² 0x1 1_0 +1"
SPANS = "1-5 22-2 */5 */0 1-10/3 3/4 5/2 1,2 1,,2 *,3 */100 1-mon mon/2"
NAMES = "mon fri-sun SAT jan feb-apr dec sat#1 5#2 mon#6 l5 0-7 sun-tue"
PARTS = f"{NUMBERS} {SPANS} {NAMES}".split()


def is_taken(line: str) -> bool:
    try:
        cron.check(line, "PGPROMOTE_CRON")
    except ConfigError:
        return False
    return True


def lines() -> list[str]:
    """Make lines of which each has one or a few odd fields."""
    chance = random.Random(5)  # noqa: S311 - the same lines each time
    rare = [["*"] * 5, ["0", "2", "*", "*", "*"], ["*"] * 4, ["*"] * 6]
    made = []
    for _ in range(20_000):
        line = list(chance.choice(rare))
        for _ in range(chance.randint(0, 3)):
            line[chance.randrange(len(line))] = chance.choice(PARTS)
        made.append(" ".join(line))
    return made


def test_it_takes_what_dagster_takes() -> None:
    made = lines()
    taken = {line for line in made if is_taken(line)}

    assert len(taken) > 500
    assert len({*made} - taken) > 500
    assert {line for line in taken if not is_valid_cron_string(line)} == set()
    assert {line for line in {*made} - taken if is_valid_cron_string(line) and "31/5" not in line} == set()


@pytest.mark.parametrize("line", ["@daily", "@HOURLY", " 0  2 * * MON ", "0 2 l * *", "30 22-2 * * fri-mon"])
def test_what_people_write_is_what_dagster_gets(line: str) -> None:
    given = from_environment({"PGPROMOTE_CRON": line}).cron
    assert is_valid_cron_string(given)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("bogus", "it has 1 fields"),
        ("0 2 * *", "it has 4 fields"),
        ("0 0 2 * * *", "it has 6 fields"),
        ("60 2 * * *", "'60' is no minute from 0 to 59"),
        ("0 25 * * *", "'25' is no hour from 0 to 23"),
        ("0 2 * * montag", "'montag' is no day of the week from 0 to 7"),
        ("0 2 30 2 *", "no such day is in any such month"),
        ("0 2 31 4,6 *", "no such day is in any such month"),
        ("@reboot", "it has 1 fields"),
    ],
)
def test_a_line_without_meaning_is_refused_by_its_name_and_its_field(line: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        from_environment({"PGPROMOTE_CRON": line})
    assert refused.value.message == f"PGPROMOTE_CRON is {line!r}, no time of a schedule: {why}."
    assert "30 1 * * *" in refused.value.hint
