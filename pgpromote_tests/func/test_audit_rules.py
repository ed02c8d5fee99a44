"""Each audit rule finds its defect, leaves alone what only looks like it, and its fix makes it go away."""

from collections.abc import Sequence

import psycopg
import pytest

from pgpromote.postgres import audit
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.audit_samples import DEFECTS, FOUND, SOUND
from pgpromote_tests.servers import Server

DEV = parse_url("postgresql://me@dev.example:5432/shop_dev", "DEV_DATABASE_URL")

# The rules of prod_audit.
OTHERS = [rule for rule in audit.RULES if rule not in {audit.KEYS, audit.NOT_NULL}]
# Not those whose fix has a gap to fill; nor these two, for the seeded versions never existed.
FIXABLE = {
    name for name in OTHERS
    if (fix := audit.rule(name).fix) and "..." not in fix
} - {"collation_changed", "extension_behind"}  # fmt: skip


def objects(findings: Sequence[Finding], rule: str) -> set[str]:
    return {finding.object for finding in findings if finding.rule == rule}


def with_defects(prod: Server) -> Database:
    database = prod.new_database("")
    prod.execute(DEFECTS.replace("{database}", database.name), database.name)
    return database


def test_a_sound_database_has_no_findings(prod: Server) -> None:
    database = prod.new_database(SOUND)
    assert audit.examine(database, "test", dev=DEV) == []


@pytest.mark.versions(15, 16, 17, 18)
def test_each_rule_finds_its_defects_and_their_fixes_make_them_go_away(prod: Server) -> None:
    database = with_defects(prod)
    expected = {
        rule: {o.replace("{database}", database.name) for o in found} for rule, found in FOUND.items()
    }

    found = audit.examine(database, "test", OTHERS, dev=DEV)

    disabled = objects(found, "trigger_disabled")
    assert {"off.t noted", "off.t kept", "audit_seen"} < disabled
    assert len([o for o in disabled if o.startswith('off.loaded "RI_ConstraintTrigger')]) == 2
    assert {rule: objects(found, rule) for rule in OTHERS if rule != "trigger_disabled"} == expected
    assert list(dict.fromkeys(finding.rule for finding in found)) == OTHERS
    assert all(finding.judged for finding in found)
    assert "hush" not in repr(found)
    errors = {finding.object for finding in found if finding.severity is Severity.ERROR}
    assert errors == {"behind.serial.id", "behind.filled.id", "near.used_up"}

    # An event trigger that is enabled again would fire.
    prod.execute("DROP EVENT TRIGGER audit_seen", database.name)
    fixable = [f for f in found if f.rule in FIXABLE and f.fix and f.object != "audit_seen"]
    apply(prod, database, fixable)
    left = audit.examine(database, "test", OTHERS, dev=DEV)
    assert {f.rule for f in fixable} == FIXABLE
    assert {(f.rule, f.object) for f in fixable} & {(f.rule, f.object) for f in left} == set()


def apply(prod: Server, database: Database, findings: Sequence[Finding]) -> None:
    with psycopg.connect(prod.url(database.name), autocommit=True) as session:
        for finding in findings:
            for statement in finding.fix.split("; "):
                session.execute(statement.encode())


def test_what_18_does_not_enforce_or_has_not_validated_is_found(start_server: StartServer) -> None:
    database = start_server(18, "prod").new_database("""
        CREATE TABLE t (id serial PRIMARY KEY, n integer);
        ALTER TABLE t ADD CONSTRAINT filled NOT NULL n NOT VALID;
        ALTER TABLE t ADD CONSTRAINT loose CHECK (n > 0) NOT ENFORCED;
    """)
    found = audit.examine(database, "test", ["constraint_not_validated"])
    assert [(f.object, f.fix) for f in found] == [
        ("public.t filled", "ALTER TABLE public.t VALIDATE CONSTRAINT filled;"),
        ("public.t loose", ""),
    ]


def test_a_database_with_another_collation_version_is_found(prod: Server) -> None:
    database = prod.new_database()
    prod.execute(f"UPDATE pg_database SET datcollversion = '0' WHERE datname = '{database.name}'")
    (found,) = audit.examine(database, "test", ["collation_changed"])
    assert found.object == f"DATABASE {database.name}"
    assert found.fix == (
        f"REINDEX DATABASE {database.name}; ALTER DATABASE {database.name} REFRESH COLLATION VERSION;"
    )


@pytest.mark.versions(15, 18)
def test_the_end_of_a_sequence_is_the_one_of_its_narrowest_column(prod: Server) -> None:
    database = prod.new_database("""
        CREATE SEQUENCE many;
        CREATE TABLE wide (id bigint PRIMARY KEY DEFAULT nextval('many'));
        CREATE TABLE narrow (n integer DEFAULT nextval('many'));
        SELECT setval('many', 2000000000);
    """)
    (found,) = audit.examine(database, "test", ["sequence_near_end"])
    assert found.message == "It stands at 2000000000; the last number that fits is 2147483647."
    assert found.fix == (
        "ALTER SEQUENCE public.many AS bigint; ALTER TABLE public.narrow ALTER COLUMN n TYPE bigint;"
    )


@pytest.mark.versions(15, 18)
def test_a_table_whose_rows_a_unique_index_tells_apart_needs_no_key(prod: Server) -> None:
    database = prod.new_database("""
        CREATE TABLE joined (a integer NOT NULL, b integer NOT NULL, n integer);
        CREATE UNIQUE INDEX ON joined (a, b) INCLUDE (n);
        CREATE TABLE one (n integer NOT NULL UNIQUE);
        CREATE TABLE nullable (a integer NOT NULL, b integer, UNIQUE (a, b));
        CREATE TABLE partial (a integer NOT NULL, b integer); CREATE UNIQUE INDEX ON partial (a) WHERE b > 1;
        CREATE TABLE computed (a integer NOT NULL); CREATE UNIQUE INDEX ON computed (abs(a));
        CREATE TABLE deferred (a integer NOT NULL UNIQUE DEFERRABLE);
        CREATE TABLE plain (a integer NOT NULL); CREATE INDEX ON plain (a);
    """)
    found = audit.examine(database, "test", ["table_without_primary_key"])
    assert [f.object for f in found] == [
        f"public.{name}" for name in ("computed", "deferred", "nullable", "partial", "plain")
    ]


@pytest.mark.versions(15, 18)
def test_a_foreign_key_is_served_by_each_index_that_finds_its_rows(prod: Server) -> None:
    database = prod.new_database("""
        CREATE TABLE a (id integer PRIMARY KEY, kind integer, UNIQUE (id, kind));
        CREATE TABLE subtype (id integer PRIMARY KEY, kind integer,
            FOREIGN KEY (id, kind) REFERENCES a (id, kind));
        CREATE TABLE filled ("A" integer REFERENCES a); CREATE INDEX ON filled ("A") WHERE "A" IS NOT NULL;
        CREATE TABLE begins (n integer, a integer REFERENCES a); CREATE INDEX ON begins (a, n);
        CREATE TABLE partial (a integer REFERENCES a); CREATE INDEX ON partial (a) WHERE a > 1;
        CREATE TABLE second (n integer UNIQUE, a integer REFERENCES a); CREATE INDEX ON second (n, a);
        CREATE TABLE wider (n integer, id integer, kind integer, UNIQUE (id, n),
            FOREIGN KEY (id, kind) REFERENCES a (id, kind));
    """)
    found = audit.examine(database, "test", ["foreign_key_without_index"])
    assert [f.table for f in found] == ["public.partial", "public.second", "public.wider"]


def test_more_sequences_than_the_server_has_locks_are_judged(few_locks: Server) -> None:
    database = few_locks.new_database()
    for first in range(0, 3000, 100):
        few_locks.execute(
            "".join(f"CREATE SEQUENCE s{number} MAXVALUE 10;" for number in range(first, first + 100)),
            database.name,
        )
    few_locks.execute("SELECT setval('s0', 10), setval('s2999', 9)", database.name)

    found = audit.examine(database, "test", ["sequence_near_end"])

    assert [(f.object, f.severity) for f in found] == [
        ("public.s0", Severity.ERROR),
        ("public.s2999", Severity.WARNING),
    ]


def test_a_role_that_may_not_read_everything_is_told_what_was_not_judged(prod: Server) -> None:
    database = with_defects(prod)
    prod.execute("REVOKE SELECT ON pg_catalog.pg_policy FROM PUBLIC", database.name)
    prod.execute(f"CREATE ROLE audit_guest LOGIN PASSWORD '{prod.cluster.password}'")
    guest = parse_url(prod.url(database.name, "audit_guest"), "PROD_DATABASE_URL")

    found = audit.examine(guest, "test", OTHERS, dev=DEV)

    unjudged = {(f.rule, f.object) for f in found if not f.judged}
    assert {
        ("policy_without_rls", database.name),
        ("rls_without_policy", database.name),
        ("points_at_dev", "subscription from_dev"),
        ("points_at_dev", "user mapping of audit_app on dev"),
        ("sequence_behind", "behind.serial.id"),
        ("sequence_near_end", "near.used_up"),
    } <= unjudged
    refused = next(f for f in found if f.rule == "policy_without_rls")
    assert (refused.severity, refused.fix) == (Severity.WARNING, "")
    assert refused.message == "Not judged. permission denied for table pg_policy (SQLSTATE 42501)."
    # What the catalogs show to everybody is judged all the same.
    assert objects(found, "table_unlogged") == FOUND["table_unlogged"]


def test_traces_of_dev_are_not_judged_without_its_url(prod: Server) -> None:
    (found,) = audit.examine(prod.new_database(), "test", ["points_at_dev"])
    assert not found.judged
    assert "URL is not set" in found.message


@pytest.mark.parametrize("rule", audit.RULES)
def test_a_rule_says_what_it_is(rule: str) -> None:
    known = audit.rule(rule)
    assert len(known.why) > 80
    assert "--" not in known.why
    assert known.why[-1] in ".;"
    assert known.ignored[-1] == "."
    assert len(known.ignored) > 20
    assert known.ignored.rstrip(".").casefold() not in known.why.casefold()
    assert audit.describe(rule).endswith(f" If ignored: {known.ignored}")
