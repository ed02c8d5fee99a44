"""The modules of postgres/ name settings, commands and options, and a front end spells them."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import pgpromote.postgres
from pgpromote.cli import pgpromote as program
from pgpromote.defs.config import spelling
from pgpromote.postgres import naming
from pgpromote.postgres.databases import hold, mark
from pgpromote.settings import VARIABLES

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


def test_a_run_in_dagster_names_the_line_of_the_launchpad_and_the_op() -> None:
    with naming.options_spelled(spelling("refresh_prod")):
        of_prod = "in the config of prod_schema"
        assert naming.option("accept-loss", "s.a", "ä?") == f'`accept_loss: ["s.a", "ä?"]` {of_prod}'
        assert naming.option("rights", "source") == f'`rights: "source"` {of_prod}'
        assert naming.option("restore-as-superuser") == f"`restore_as_superuser: true` {of_prod}"
        assert naming.option("jobs") == f"`jobs` {of_prod}"
        assert naming.option("encoding", "UTF8") == '`encoding: "UTF8"` in the config of dev_dump_archive'
    assert naming.option("jobs") == "--jobs"


@pytest.mark.parametrize(
    ("job", "op"),
    [("a_restore_prod", "prod_schema"), ("a_rehearse_prod", "rehearse"), ("a_rollback_prod", "rollback")],
)
def test_the_op_is_that_of_the_job_and_its_promotion(job: str, op: str) -> None:
    with naming.options_spelled(spelling(job, "a_")):
        assert naming.option("allow", "slot") == f'`allow: ["slot"]` in the config of a_{op}'


@pytest.mark.parametrize("job", ["refresh_prod", "rehearse_prod", "rollback_prod", "__ASSET_JOB"])
def test_every_option_that_a_text_names_is_a_field_of_the_launchpad(job: str) -> None:
    spelled = spelling(job)
    assert all("in the config of" in spelled(name, ["x"]) for kind, name in asked() if kind == "option")
