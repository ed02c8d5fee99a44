"""How a loss of dev is refused, asked about and accepted: at the command line, on a terminal, in Dagster."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster_shared.yaml_utils import load_run_config_yaml

from pgpromote.postgres.losses import plausible
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import BARE, CommandLine, Ended
from pgpromote_tests.func.losses import AS_EACH, EMPTY, Place, count
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.runs import checks_of

pytestmark = pytest.mark.long

NAMES = 'public.users,public.tickets,public.läden? "it\'s" ? ?a]? 東京'


@dataclass(frozen=True)
class Emptied:
    """A prod that was promoted, an archive of the dev that was emptied since, and their command line."""

    shop: Stage
    commands: CommandLine

    def run(self, *arguments: str) -> Ended:
        return self.commands.run(*arguments)


@pytest.fixture
def emptied(place: Place, tmp_path: Path) -> Emptied:
    """Promote once, and empty dev."""
    shop = place()
    shop.promote()
    shop.in_dev(EMPTY)
    shop.dump()
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environment = {
        **shop.promotion.environment,
        "DAGSTER_HOME": str(tmp_path),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    return Emptied(shop, CommandLine(tmp_path, environment))


def at_a_terminal(emptied: Emptied, answer: str, *arguments: str) -> tuple[int, str]:
    """Run a command with a person before it who answers; return its exit code and what it told."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pgpromote", *arguments],
        env={**BARE, **emptied.commands.environment}, cwd=emptied.commands.directory, stdin=theirs,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    _, told = process.communicate()
    os.close(ours)
    return process.returncode, told


@AS_EACH
def test_without_a_terminal_it_is_refused_with_what_to_type(emptied: Emptied) -> None:
    for arguments in (["restore"], ["restore", "--yes"], ["rehearse"], ["check"], ["refresh"]):
        refused = emptied.run(*arguments)
        assert refused.returncode == 3, refused.text
        assert "public.users held 500 row(s) in the archive that prod came from" in refused.text
        assert "--accept-loss 'public.users,public.tickets,public.läden" in refused.text
    assert count(emptied.shop) == 500

    done = emptied.run("restore", "--accept-loss", NAMES)

    assert done.returncode == 0, done.text
    assert count(emptied.shop) == 0
    assert "public.users held 500 row(s) in the archive that prod came from" in done.stdout
    assert "That is accepted by name." in done.stdout
    assert "Now in " in done.stdout
    report = max(emptied.shop.promotion.report_dir.glob("*.json"))
    rules = {rule["rule"]: rule["findings"] for rule in json.loads(report.read_text())["rules"]}
    assert [found["severity"] for found in rules[plausible.RULE]] == ["warning"] * 3


def test_a_setting_accepts_in_every_way_that_a_run_starts(emptied: Emptied) -> None:
    accepting = Emptied(emptied.shop, emptied.commands.having(PGPROMOTE_ACCEPT_LOSS="all"))

    assert accepting.run("check").returncode == 0
    done = accepting.run("refresh")

    assert done.returncode == 0, done.text
    assert count(emptied.shop) == 0


@pytest.mark.parametrize(
    ("answer", "arguments", "code"),
    [("y", ["restore"], 0), ("n", ["restore"], 1), ("", ["restore", "--yes"], 0), ("y", ["rehearse"], 0)],
)
def test_a_person_at_a_terminal_is_asked(
    emptied: Emptied, answer: str, arguments: list[str], code: int
) -> None:
    ended, told = at_a_terminal(emptied, answer, *arguments)

    assert ended == code, told
    assert "public.users held 500 row(s) in the archive that prod came from" in told
    assert ("Go on all the same?" in told) == ("--yes" not in arguments)
    assert count(emptied.shop) == (0 if code == 0 and "restore" in arguments else 500)
    assert told.endswith("Prod is untouched.\nAborted!\n") == (code == 1)


def test_a_plan_shows_it_and_ends_with_the_command_that_accepts_it(emptied: Emptied) -> None:
    shown = emptied.run("plan")

    assert shown.returncode == 0, shown.text
    assert "public.users held 500 row(s) in the archive that prod came from" in shown.stdout
    assert "--accept-loss 'public.users,public.tickets" in shown.stdout.splitlines()[-1]


def test_a_dagster_run_is_refused_unless_its_configuration_accepts_it(emptied: Emptied) -> None:
    promotion = emptied.shop.promotion

    refused = runs.run(promotion, "restore_prod")

    check = checks_of(refused, "prod_schema")[plausible.RULE]
    assert (refused.success, check.passed, count(emptied.shop)) == (False, False, 500)
    assert "public.users held 500 row(s)" in str(check.description)
    preview = checks_of(refused, "prod_schema")["loss_preview"]
    assert (preview.passed, preview.severity.value) == (False, "WARN")
    assert "public.users" in str(preview.description)
    _, told, _ = runs.failure_of(refused)
    _, _, line = told.partition("`ops: ")
    pasted: Any = load_run_config_yaml(line.partition("` in the launchpad")[0])
    assert pasted["prod_schema"]["config"]["accept_loss"][:2] == ["public.users", "public.tickets"]
    assert "--accept-loss" not in str([event.message for event in refused.all_events]) + told

    done = runs.run(promotion, "restore_prod", {"prod_schema": {"accept_loss": ["users", "public.t*", "l*"]}})

    check = checks_of(done, "prod_schema")[plausible.RULE]
    assert (done.success, check.passed, check.severity.value, count(emptied.shop)) == (True, False, "WARN", 0)
    assert "accepted by name" in str(check.description)
    lost = runs.records(runs.metadata_of(done, "prod_schema")["losses"])
    assert lost
    assert all(str(each["what"]).startswith("Now in ") for each in lost)
