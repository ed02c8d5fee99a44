"""What row security, triggers and default privileges would spoil is said by the checks, before a restore."""

from pathlib import Path

import pytest

from pgpromote.postgres import dump, tools
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.model import EVERYTHING, Filters, Finding, Policy, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.strategy import CLEAN, SWAP, Strategy
from pgpromote_tests.servers import Server

TABLES = """
    CREATE SCHEMA "My shop";
    CREATE TABLE "My shop"."the ""doc"" of größe" (id integer PRIMARY KEY);
    CREATE TABLE plain (id integer PRIMARY KEY);
    INSERT INTO "My shop"."the ""doc"" of größe" VALUES (1); INSERT INTO plain VALUES (1);
"""
ODD = '"My shop"."the ""doc"" of größe"'
ENABLE = f"ALTER TABLE {ODD} ENABLE ROW LEVEL SECURITY;"
FORCE = f"ALTER TABLE {ODD} FORCE ROW LEVEL SECURITY;"
FENCE = f"CREATE POLICY fence ON {ODD} AS RESTRICTIVE USING (id > 0);"


def role(server: Server, database: Database, options: str = "") -> Database:
    """Return the database as a role that owns it and, with `options`, may do more."""
    name = f"owner_{database.name}"
    server.execute(f"CREATE ROLE {name} LOGIN CREATEDB {options} PASSWORD '{server.cluster.password}'")
    given = ("DATABASE " + database.name, 'SCHEMA "My shop"', f"TABLE {ODD}", "TABLE plain")
    server.execute("".join(f"ALTER {each} OWNER TO {name};" for each in given), database.name)
    return parse_url(server.url(database.name, name), "PROD_DATABASE_URL")


def checked(
    dev: Server,
    target: Database,
    script: str,
    path: Path,
    *,
    rights: Policy = Policy.KEEP,
    filters: Filters = EVERYTHING,
    strategy: Strategy = SWAP,
) -> Report:
    available = tools.find([dev.cluster.bin_dir])
    dump.dump(dev.new_database(script, variable="DEV_DATABASE_URL"), path, available, "test")
    return preflight.examine(
        path,
        Place(target),
        available,
        Choice(rights=rights, filters=filters, strategy=strategy, safety_archive=False),
    )


def told(report: Report, rule: str) -> list[tuple[Severity, str]]:
    return [(f.severity, f.object) for f in report.of(rule)]


NAME = 'My shop.the "doc" of größe'


@pytest.mark.parametrize(
    ("script", "options", "expected"),
    [
        (ENABLE + FORCE, "", [(Severity.ERROR, NAME)]),
        (ENABLE + FORCE, "BYPASSRLS", []),
        (ENABLE, "", []),
        (FORCE, "", []),
    ],
)
@pytest.mark.versions(15, 18)
def test_rows_that_the_loading_role_could_not_read_are_told_before(
    dev: Server, prod: Server, tmp_path: Path, *, script: str, options: str, expected: list[object]
) -> None:
    target = role(prod, prod.new_database(TABLES), options)
    report = checked(dev, target, TABLES + script, tmp_path / "a.dump")
    assert told(report, "rows_visible") == expected
    assert all("BYPASSRLS" in f.hint for f in report.of("rows_visible"))


@pytest.mark.parametrize(
    ("there", "here", "lost"),
    [
        (ENABLE, "", "all rows would be seen"),
        (ENABLE + FORCE, ENABLE, "binds the owner"),
        (ENABLE + FENCE, ENABLE, "restrictive"),
        (ENABLE + FENCE + FORCE, ENABLE + FENCE + FORCE, ""),
        (FORCE, "", ""),
    ],
)
@pytest.mark.parametrize("policy", [Policy.KEEP, Policy.SOURCE])
def test_row_security_that_only_prod_has_is_told_before(
    dev: Server, prod: Server, tmp_path: Path, *, there: str, here: str, lost: str, policy: Policy
) -> None:
    target = prod.new_database(TABLES + there)
    found = checked(dev, target, TABLES + here, tmp_path / "a.dump", rights=policy).of("rows_protected")
    assert [f.severity for f in found] == ([_severity(policy)] if lost else [])
    assert all(lost in f.message and NAME in f.message for f in found)


def _severity(policy: Policy) -> Severity:
    return Severity.ERROR if policy is Policy.KEEP else Severity.WARNING


def trigger(name: str, when: str, then: str = "") -> str:
    return f"CREATE TRIGGER {name} {when} ON plain EXECUTE FUNCTION fire(); {then}"


@pytest.mark.parametrize(
    ("script", "fires"),
    [
        (trigger('"it\'s, so"', "BEFORE INSERT OR UPDATE"), '"it\'s, so"'),
        (trigger("a", "AFTER INSERT"), "DISABLE TRIGGER a;"),
        (trigger("a", "AFTER INSERT", "ALTER TABLE plain ENABLE ALWAYS TRIGGER a"), "DISABLE TRIGGER a;"),
        (trigger("a", "BEFORE UPDATE"), ""),
        (trigger("a", "BEFORE INSERT", "ALTER TABLE plain DISABLE TRIGGER a"), ""),
        (trigger("a", "BEFORE INSERT", "ALTER TABLE plain ENABLE REPLICA TRIGGER a"), ""),
    ],
)
@pytest.mark.versions(15, 17)
def test_triggers_that_loaded_rows_would_fire_are_told_before(
    dev: Server, prod: Server, tmp_path: Path, script: str, fires: str
) -> None:
    fire = "CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    target = prod.new_database(TABLES + fire + script)
    only = Filters(data_only=True)
    report = checked(dev, target, TABLES, tmp_path / "a.dump", filters=only, strategy=CLEAN)
    assert told(report, "no_trigger_fires") == ([(Severity.ERROR, "public.plain")] if fires else [])
    assert all(fires in f.hint for f in report.of("no_trigger_fires"))
    whole = preflight.examine(
        tmp_path / "a.dump", Place(target), tools.find([dev.cluster.bin_dir]), Choice(safety_archive=False)
    )
    assert whole.of("no_trigger_fires") == ()


@pytest.mark.parametrize(
    "statement",
    [
        "IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        "REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        'IN SCHEMA "My shop" GRANT USAGE, SELECT ON SEQUENCES TO PUBLIC',
    ],
)
def test_default_privileges_of_a_superuser_are_told_before_and_nobody_is_made_one(
    dev: Server, prod: Server, tmp_path: Path, statement: str
) -> None:
    database = prod.new_database(TABLES)
    prod.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE postgres {statement}", database.name)
    target = role(prod, database)
    report = checked(dev, target, TABLES, tmp_path / "a.dump")
    found = [f for f in report.of("rights") if f.object.startswith("default privileges of postgres")]
    assert [f.severity for f in found] == [Severity.ERROR]
    assert not [f for f in report.findings if "GRANT postgres" in f.hint or 'GRANT "postgres"' in f.hint]
    prod.execute(_undo(found[0]), database.name)
    again = preflight.examine(
        tmp_path / "a.dump", Place(target), tools.find([dev.cluster.bin_dir]), Choice(strategy=SWAP)
    )
    assert not [f for f in again.of("rights") if f.object.startswith("default privileges")]


def _undo(found: Finding) -> str:
    return "ALTER " + found.hint.partition(": ALTER ")[2].partition(" and give")[0]
