"""The modules of postgres/ name settings, commands and options, and a front end spells them."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster_shared.yaml_utils import load_run_config_yaml

import pgpromote.postgres
from pgpromote.cli import pgpromote as program
from pgpromote.defs.config import spelling
from pgpromote.defs.factory import build_promotion
from pgpromote.postgres import naming
from pgpromote.postgres.databases import hold, mark
from pgpromote.settings import VARIABLES, from_environment

SOURCES = Path(pgpromote.postgres.__file__).parent
COMMANDS = "|".join(map(re.escape, program.commands))
NAMED = re.compile(rf"PGPROMOTE_|DATABASE_URL|\bpgpromote ({COMMANDS})\b")


@pytest.fixture
def unspelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no program say how it calls things."""
    monkeypatch.setattr(naming, "_spelled", naming._Spelled())


def asked() -> Iterator[tuple[str, str]]:
    """Yield each setting, command and option that a text calls by its bare name, with its kind."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"setting", "command", "option"}:
                words = next(part for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))
                yield ast.unparse(node.func), str(words.value)


@pytest.mark.parametrize("pattern", ["*.py", "*.sql"])
def test_no_source_names_a_variable_or_a_command(pattern: str) -> None:
    sources = {path.relative_to(SOURCES): path.read_text() for path in SOURCES.rglob(pattern)}

    assert sources
    assert {str(path): match[0] for path, text in sources.items() if (match := NAMED.search(text))} == {}


def test_everything_that_a_text_calls_by_its_bare_name_exists() -> None:
    options = {name for command in program.commands.values() for each in command.params for name in each.opts}
    known = {*VARIABLES.values(), *(f"pgpromote {name}" for name in program.commands), *options}
    spelled = {getattr(naming, kind)(name) for kind, name in asked()}

    assert spelled
    assert {" ".join(words.split()[:2]) for words in spelled} <= known


@pytest.mark.usefixtures("unspelled")
def test_they_have_bare_names_where_no_program_spells_them() -> None:
    held = hold.Hold("shop", datetime(2026, 7, 1, tzinfo=UTC), "shop__previous", "owner")

    assert naming.setting("lock_database") == "lock_database"
    assert naming.command("dump --sql") == "dump --sql"
    assert naming.option("accept-loss", "a") == "accept-loss a"
    assert hold.refusal(held, despite=False).hint == "When the next archive may become prod: resume"
    assert 'prod_database_url="$dev_database_url" mark-prod --remove' in mark.marked_source("dev").hint


def test_the_program_spells_them_as_people_write_them() -> None:
    assert naming.setting("lock_database") == "PGPROMOTE_LOCK_DATABASE"
    assert naming.setting("dev_database_url") == "DEV_DATABASE_URL"
    assert naming.command("dump --sql") == "pgpromote dump --sql"
    assert naming.option("accept-loss", "a", "b c") == "--accept-loss 'a,b c'"
    assert naming.option("data-only") == "--data-only"


@pytest.mark.parametrize(
    ("option", "values", "op", "config"),
    [
        ("accept-loss", ["s.a", "ä?", 'it\'s: [no] #\\ "q"'], "prod_schema", None),
        ("rights", ["source"], "prod_schema", "source"),
        ("restore-as-superuser", [], "prod_schema", True),
        ("encoding", ["UTF8"], "dev_dump_archive", "UTF8"),
    ],
)
def test_a_run_in_dagster_gives_what_can_be_pasted_into_the_launchpad(
    option: str, values: list[str], op: str, config: object
) -> None:
    with naming.options_spelled(spelling("refresh_prod")):
        told = naming.option(option, *values)
    assert told.startswith("`ops: {")
    pasted = load_run_config_yaml(told.removeprefix("`").removesuffix("` in the launchpad"))
    assert pasted == {"ops": {op: {"config": {option.replace("-", "_"): config or values}}}}
    job = build_promotion(from_environment({})).resolve_job_def("refresh_prod")
    assert dg.validate_run_config(job, pasted)


def test_an_option_without_a_value_names_its_field_and_the_op() -> None:
    with naming.options_spelled(spelling("refresh_prod")):
        assert naming.option("jobs") == "`jobs` in the config of prod_schema"
    assert naming.option("jobs") == "--jobs"


@pytest.mark.parametrize(
    ("job", "op"),
    [("a_restore_prod", "prod_schema"), ("a_rehearse_prod", "rehearse"), ("a_rollback_prod", "rollback")],
)
def test_the_op_is_that_of_the_job_and_its_promotion(job: str, op: str) -> None:
    with naming.options_spelled(spelling(job, "a_")):
        line = f'ops: {{a_{op}: {{config: {{allow: ["slot"]}}}}}}'
        assert naming.option("allow", "slot") == f"`{line}` in the launchpad"


@pytest.mark.parametrize("job", ["refresh_prod", "rehearse_prod", "rollback_prod", "__ASSET_JOB"])
def test_every_option_that_a_text_names_is_a_field_of_the_launchpad(job: str) -> None:
    spelled = spelling(job)
    assert all("in the launchpad" in spelled(name, ["x"]) for kind, name in asked() if kind == "option")
