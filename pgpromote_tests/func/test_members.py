"""What users put on an extension's own objects is in no archive: it is named before and after the restore."""

from pathlib import Path

import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import parse_url
from pgpromote_tests.func.proofs import proof_of
from pgpromote_tests.servers import Server

MADE = """
    CREATE TABLE "queue ""é"" x" (id integer PRIMARY KEY, body text);
    INSERT INTO "queue ""é"" x" VALUES (1, 'of the extension'), (101, 'of a user');
    ALTER EXTENSION plpgsql ADD TABLE "queue ""é"" x";
"""
# As pg_extension_config_dump does it in an extension's script: pg_dump takes only the users' rows along.
CONFIGURED = """
    SET allow_system_table_mods = on;
    UPDATE pg_extension SET extconfig = ARRAY['"queue ""é"" x"'::regclass::oid],
        extcondition = ARRAY['WHERE id > 100'] WHERE extname = 'plpgsql';
"""
NAME = 'table public."queue ""é"" x"'
ADDED = {
    "": "",
    "a column": 'ALTER TABLE "queue ""é"" x" ADD COLUMN note text',
    "an index": 'CREATE INDEX "by body" ON "queue ""é"" x" (body)',
    "a trigger": """CREATE TRIGGER t BEFORE UPDATE ON "queue ""é"" x"
        FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
    "a policy": 'CREATE POLICY mine ON "queue ""é"" x" USING (true)',
}
TOLD = {"a column": "column note text", "an index": 'index "by body"', "a trigger": "trigger t"}


def promoted(
    dev: Server, prod: Server, path: Path, made: str, there: str
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Promote in place into a prod that has the extension's table: what the check says, and the proof."""
    source, target = parse_url(dev.new_url(made), "DEV_DATABASE_URL"), prod.new_database(there)
    _, manifest = dump.dump(source, path, [dev.tools()], "test")
    report = preflight.examine(path, Place(target), [prod.tools()])
    restore.restore(report.cleared(), target, [prod.tools()], "test")
    proof = proof_of(prod, report.cleared(), manifest, target)
    assert proof.of("contents") == ()
    return report.of("extension_contents"), proof.of("extension_members")


@pytest.mark.parametrize("added", ADDED)
def test_what_users_added_to_an_extensions_table_is_named(
    dev: Server, prod: Server, tmp_path: Path, added: str
) -> None:
    before, after = promoted(dev, prod, tmp_path / "dev.dump", MADE + ADDED[added], MADE)
    for found in (before, after):
        assert [(each.severity, each.object) for each in found] == [(Severity.WARNING, NAME)] * bool(added)
        assert all(TOLD.get(added, "policy mine") in each.message for each in found)


def test_rows_of_an_extensions_table_are_counted_and_compared(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    changes = {"DELETE FROM": "2 rows on dev and 0 on prod.", "UPDATE": "on dev and 2 on prod, not the same."}
    for number, (change, told) in enumerate(changes.items()):
        there = MADE + f'{change} "queue ""é"" x"' + (" SET body = 'x'" if change == "UPDATE" else "")
        for found in promoted(dev, prod, tmp_path / f"{number}.dump", MADE, there):
            (each,) = found
            assert (each.severity, each.object) == (Severity.WARNING, NAME)
            assert told in each.message


def test_what_an_extension_lets_pg_dump_take_along_is_expected_of_the_restore_only(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    configured = MADE + CONFIGURED
    there = configured + 'DELETE FROM "queue ""é"" x" WHERE id > 100;'
    assert promoted(dev, prod, tmp_path / "same.dump", configured, there) == ((), ())

    changed = configured + 'UPDATE "queue ""é"" x" SET body = body || id WHERE id < 100;'
    before, (after,) = promoted(dev, prod, tmp_path / "changed.dump", changed, there)
    assert before == ()
    assert (after.severity, after.object) == (Severity.WARNING, NAME)


@pytest.mark.versions(16, 18)
def test_an_object_that_users_made_an_extensions_own_is_named(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    script = """
        CREATE FUNCTION answer(integer) RETURNS integer LANGUAGE sql AS 'SELECT 42';
        CREATE TYPE mood AS ENUM ('good'); CREATE SEQUENCE numbers;
        ALTER EXTENSION plpgsql ADD FUNCTION answer(integer); ALTER EXTENSION plpgsql ADD TYPE mood;
        ALTER EXTENSION plpgsql ADD SEQUENCE numbers;
    """
    for found in promoted(dev, prod, tmp_path / "dev.dump", script, ""):
        assert [each.object for each in found] == [
            "function public.answer(integer)",
            "sequence public.numbers",
            "type public.mood",
        ]
        assert {each.severity for each in found} == {Severity.WARNING}
