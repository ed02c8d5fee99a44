"""The time of the schedule: what Dagster reads is taken, anything else refused by the name of its setting."""

import dagster as dg
import pytest

from pgpromote.defs import cron
from pgpromote.defs.factory import build_promotion
from pgpromote.postgres.errors import ConfigError
from pgpromote.settings import from_environment


@pytest.mark.parametrize(
    "line", ["@daily", "@HOURLY", " 0  2 * * MON ", "0 2 l * *", "30 22-2 * * fri-mon", "*/5 * * * *"]
)
def test_what_people_write_is_what_the_schedule_gets(line: str) -> None:
    definitions = build_promotion(from_environment({"PGPROMOTE_CRON": line}))
    dg.Definitions.validate_loadable(definitions)
    (schedule,) = definitions.get_repository_def().schedule_defs
    assert schedule.cron_schedule == line


@pytest.mark.parametrize(
    "line",
    [
        "bogus",
        "0 2 * *",
        "0 0 2 * * *",
        "60 2 * * *",
        "0 25 * * *",
        "0 2 * * montag",
        "0 2 30 2 *",
        "@reboot",
    ],
)
def test_a_line_without_meaning_is_refused_by_the_name_of_its_setting(line: str) -> None:
    with pytest.raises(ConfigError) as refused:
        cron.check(line)
    assert refused.value.message.startswith(f"PGPROMOTE_CRON is {line!r}")
    assert "30 1 * * *" in refused.value.hint
    with pytest.raises(ConfigError):
        build_promotion(from_environment({"PGPROMOTE_CRON": line}))
