"""Plain SQL: for reading and review, restorable in one transaction when a person asks for it."""

import re
import shlex
from pathlib import Path

import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.archives import archive
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import ArchiveError, ConfigError, PgpromoteError, Refused, RestoreFailed
from pgpromote.postgres.loading import restore
from pgpromote.postgres.loading.restore import Restored
from pgpromote.postgres.model import Filters
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote.postgres.strategy import CLEAN
from pgpromote.run.steps import promote
from pgpromote_tests.func.command_line import contents
from pgpromote_tests.func.walks import stage
from pgpromote_tests.servers import Server

SHOP = r"""
CREATE SCHEMA other; CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE users (id integer PRIMARY KEY, name text, mood mood);
INSERT INTO users VALUES (1, E'back\\slash, tab\t, newline\n and ''quote''', 'good'), (2, '\.', NULL);
CREATE TABLE other."Größe" (id integer REFERENCES users);
CREATE FUNCTION public.twice(n integer) RETURNS integer LANGUAGE sql AS $$ SELECT n * 2 $$;
CREATE VIEW names AS SELECT name FROM users;
"""


@pytest.fixture
def path(tmp_path: Path, dev: Server) -> Path:
    source = dev.new_database(SHOP, variable="DEV_DATABASE_URL")
    dump.dump_sql(source, tmp_path / "full.sql", [dev.tools()], "test")
    return tmp_path / "full.sql"


def restored(prod: Server, target: Database, path: Path) -> Restored:
    report = preflight.examine(path, Place(target), [prod.tools()], Choice(restore_as_superuser=True))
    return restore.restore(report.cleared(), target, [prod.tools()], "test")


def test_plain_sql_is_readable_private_and_complete(path: Path) -> None:
    text = path.read_text()
    assert "CREATE TABLE public.users" in text
    assert text.rstrip().splitlines()[-1].startswith(("\\unrestrict", "--"))
    assert "PostgreSQL database dump complete" in text
    assert oct(path.stat().st_mode)[-3:] == "600"
    archive.verify_sql(path)


@pytest.mark.versions(15, 18)
def test_plain_sql_is_restored_and_a_second_time_on_top(prod: Server, path: Path) -> None:
    target = prod.new_database()
    first = restored(prod, target, path)
    once = contents(prod, target.name)
    assert "Größe" in once
    restored(prod, target, path)
    assert contents(prod, target.name) == once
    assert (first.jobs, first.counts) == (1, {})


@pytest.mark.parametrize(
    "command", ["\\! id >{canary}", "\\connect postgres", "COMMIT;", "SELECT 1 \\g |tee {canary}"]
)
def test_what_psql_would_do_by_itself_is_refused_unless_it_is_allowed_by_name(
    prod: Server, path: Path, tmp_path: Path, command: str
) -> None:
    target = prod.new_database("CREATE TABLE kept (id integer); INSERT INTO kept VALUES (7)")
    before = contents(prod, target.name)
    text = path.read_text()
    line = text[: text.index("CREATE VIEW")].count("\n") + 1
    written = command.format(canary=tmp_path / "canary")
    path.write_text(text.replace("CREATE VIEW", f"{written}\nCREATE VIEW", 1))

    with pytest.raises(Refused) as refusal:
        restored(prod, target, path)

    name = next(word for word in written.rstrip(";").split() if word.startswith("\\") or word == "COMMIT")
    assert f"line {line}: {name} is psql's to do" in str(refusal.value)
    assert f"--allow {shlex.quote(name)}" in str(refusal.value)
    assert contents(prod, target.name) == before
    assert not (tmp_path / "canary").exists()
    allowed = preflight.examine(
        path,
        Place(target),
        [prod.tools()],
        Choice(strategy=CLEAN, allow=frozenset({name}), restore_as_superuser=True),
    )
    assert allowed.clearance


@pytest.mark.versions(15, 18)
def test_an_error_names_its_line_and_rolls_everything_back(prod: Server, path: Path) -> None:
    target = prod.new_database("CREATE TABLE kept (id integer); INSERT INTO kept VALUES (7)")
    path.write_text(path.read_text().replace("CREATE VIEW", "SELECT 1/0;\nCREATE VIEW"))
    before = contents(prod, target.name)
    with pytest.raises(RestoreFailed) as failure:
        restored(prod, target, path)
    (error,) = failure.value.errors
    assert error.message == "division by zero (SQLSTATE 22012)"
    line = int(error.entry.removeprefix("line "))
    assert path.read_text().splitlines()[line - 1] == "SELECT 1/0;"
    assert "rolled back" in failure.value.hint
    assert contents(prod, target.name) == before


@pytest.mark.parametrize("command", ["COMMIT", "ROLLBACK", "\\connect"])
def test_what_an_allowed_command_has_done_is_not_called_rolled_back(
    dev: Server, prod: Server, path: Path, command: str
) -> None:
    shop = stage(dev, prod, path.parent, "", "CREATE TABLE kept (id integer); INSERT INTO kept VALUES (7)")
    written = command + (f" {shop.promotion.target().name}" if "connect" in command else ";")
    # As releases before \\restrict wrote it, which allows no command.
    text = re.sub(r"(?m)^\\(un)?restrict .*\n", "", path.read_text())
    path.write_text(text.replace("CREATE VIEW", f"{written}\nSELECT 1/0;\nCREATE VIEW", 1))

    with (
        pytest.raises(RestoreFailed) as failure,
        shop.walk(archive_path=path, strategy=CLEAN, allow=(command,), safety_archive=False) as run,
    ):
        promote(run)

    assert "rolled back" not in str(failure.value)
    assert f"Prod may be a mix of old and new: {command} (line " in str(failure.value.outcome)


def test_nothing_is_called_missing_in_plain_sql_which_does_not_say_what_it_brings(
    dev: Server, prod: Server, path: Path
) -> None:
    shop = stage(dev, prod, path.parent, "", "CREATE TABLE kept (id integer); INSERT INTO kept VALUES (7)")
    with shop.walk(
        archive_path=path, strategy=CLEAN, repair_exclude=("public.users",), safety_archive=False
    ) as run:
        done = promote(run)
        assert run.clearance
        assert not run.clearance.archive.listed
    assert done.plan
    assert "kept" not in str(done.plan.losses)
    assert "Größe" in contents(prod, shop.promotion.target().name)


@pytest.mark.versions(16, 18)
def test_plain_sql_cut_anywhere_is_refused(prod: Server, path: Path) -> None:
    whole = path.read_bytes()
    target = prod.new_database()
    for length in (10, len(whole) // 4, len(whole) // 2, len(whole) - 150, len(whole) - 120):
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError):
            archive.verify_sql(path)
        with pytest.raises(Refused, match="archive_readable"):
            preflight.examine(
                path, Place(target), [prod.tools()], Choice(restore_as_superuser=True)
            ).cleared()


@pytest.mark.parametrize("content", [b"SELECT 1;\n", b"PGDMP\x01\x0e", b"\x00" * 1000])
def test_a_file_that_is_no_dump_of_pg_dump_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.sql").write_bytes(content)
    with pytest.raises(ArchiveError, match="not a plain SQL dump"):
        archive.verify_sql(tmp_path / "mine.sql")


@pytest.mark.parametrize(
    "filters", [Filters(tables=("users",)), Filters(schema_only=True), Filters(data_only=True)]
)
def test_a_filter_that_plain_sql_cannot_obey_is_refused(prod: Server, path: Path, filters: Filters) -> None:
    with pytest.raises(ConfigError, match="SQL"):
        preflight.examine(path, Place(prod.new_database()), [prod.tools()], Choice(filters=filters))


def test_no_shell_command_in_plain_sql_is_run(prod: Server, path: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path.write_text(path.read_text().replace("CREATE VIEW", f"\\! touch {canary}\nCREATE VIEW"))
    with pytest.raises(PgpromoteError):
        restored(prod, prod.new_database(), path)
    assert not canary.exists()
