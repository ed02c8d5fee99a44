"""What a person can choose for a run can be typed at a terminal and filled in at the launchpad."""

from dataclasses import MISSING, fields, replace
from pathlib import Path

import click
import pytest

from pgpromote.cli.promote import promote_command, refresh, restore_command
from pgpromote.defs.config import RestoreConfig, restore_config
from pgpromote.postgres.model import Filters, Foreign, Policy
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA
from pgpromote.run.options import DEFAULTS, Options

# Set by a rollback alone.
INTERNAL = {"way_back"}
# The sensor sets the first; a command of its own stands for the second, a question for the third.
NOT_TYPED = {"sha256", "adopt", "despite_hold"}
CHOSEN = replace(
    DEFAULTS,
    archive_path=Path("/dumps/shop.dump"),
    strategy=CLEAN,
    allow_data_loss_outside=True,
    safety_archive=False,
    jobs=3,
    filters=Filters(True, True, ("a",), ("b",), ("c",), ("d",)),
    rights=Policy.NONE,
    bring=tuple(Foreign),
    allow=("slot",),
    repair=False,
    repair_exclude=("t",),
    proof="count",
    expect_plan="f1",
    sha256="ab",
    adopt=True,
    despite_hold=True,
    accept_loss=("all",),
    restore_as_superuser=True,
)


def names() -> set[str]:
    whole = {each.name for each in fields(Options)} - {"filters"} - INTERNAL
    return whole | {each.name for each in fields(Filters)}


def test_every_option_of_a_run_can_be_typed() -> None:
    typed = {str(each.name).replace("dump_path", "archive_path") for each in restore_command.params}
    assert names() - NOT_TYPED <= typed


def test_every_option_of_a_run_is_in_the_launchpad() -> None:
    assert names() <= set(RestoreConfig.model_fields)


@pytest.mark.parametrize("command", [promote_command, refresh], ids=lambda command: command.name)
def test_what_dumps_itself_takes_every_option_but_the_archive_and_the_scope(command: click.Command) -> None:
    typed = {str(each.name) for each in command.params}
    scope = {each.name for each in fields(Filters)}
    assert typed & {"archive_path", "expect_plan"} == set()  # no plan has seen the archive that it makes
    assert names() - NOT_TYPED - scope - {"archive_path", "expect_plan"} <= typed


def test_every_option_is_chosen_in_what_is_passed_through_the_launchpad_below() -> None:
    plain = {each.name for each in fields(Options) if each.default is not MISSING} - INTERNAL
    assert {name for name in plain if getattr(CHOSEN, name) == getattr(DEFAULTS, name)} == set()


@pytest.mark.parametrize(
    "options", [DEFAULTS, CHOSEN, replace(DEFAULTS, strategy=replace(RESET_SCHEMA, reset="shop"))]
)
def test_what_was_chosen_comes_through_the_launchpad_unchanged(options: Options) -> None:
    assert restore_config(options).options() == options
