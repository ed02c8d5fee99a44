"""Each right lost or gained is found by name, and new objects stay closed."""

from collections.abc import Iterator

import pytest

from pgpromote.postgres.model import Severity
from pgpromote_tests.func.rights_lab import SINK, Lab, open_lab
from pgpromote_tests.servers import Server


@pytest.fixture(scope="module")
def equal(prod: Server) -> Iterator[Lab]:
    """Return two databases with equal rights; a test that changes one changes it back."""
    with open_lab(prod) as lab:
        lab.run(lab.prod, SINK)
        lab.restore()
        lab.carry_over()
        assert lab.findings() == []
        yield lab


# The proof finds each single change -------------------------------------------------------------------------

MUTATIONS = [
    (
        "REVOKE DELETE ON shop.orders FROM <app_rw>",
        ("rights_lost", "table shop.orders", "DELETE for app_rw is lost."),
    ),
    (
        "GRANT TRUNCATE ON shop.orders TO <app_rw>",
        ("rights_gained", "table shop.orders", "TRUNCATE for app_rw is new."),
    ),
    (
        "GRANT SELECT ON shop.orders TO PUBLIC",
        ("rights_gained", "table shop.orders", "SELECT for PUBLIC is new."),
    ),
    (
        "GRANT SELECT ON shop.totals TO <app_ro> WITH GRANT OPTION",
        ("rights_gained", "view shop.totals", "SELECT WITH GRANT OPTION for app_ro is new."),
    ),
    (
        "ALTER TABLE shop.items OWNER TO <app_rw>",
        ("rights_owner", "table shop.items", "Belongs to app_rw instead of owner."),
    ),
    (
        "REVOKE SELECT (total) ON shop.orders FROM <staff>",
        ("rights_lost", "table shop.orders", "SELECT on column total for staff is lost."),
    ),
    (
        "GRANT UPDATE (total) ON shop.orders TO <staff>",
        ("rights_gained", "table shop.orders", "UPDATE on column total for staff is new."),
    ),
    (
        "GRANT EXECUTE ON FUNCTION shop.secret(integer, text) TO PUBLIC",
        ("rights_security_definer", "function shop.secret(integer, text)", "EXECUTE for PUBLIC is new."),
    ),
    (
        "ALTER FUNCTION shop.secret(integer, text) OWNER TO postgres",
        (
            "rights_security_definer",
            "function shop.secret(integer, text)",
            "Belongs to postgres instead of owner.",
        ),
    ),
    (
        "ALTER FUNCTION shop.open(integer[]) SECURITY DEFINER",
        (
            "rights_security_definer",
            "function shop.open(integer[])",
            "Now runs with the rights of its owner postgres (superuser).",
        ),
    ),
    (
        "GRANT EXECUTE ON ROUTINE shop.work(IN integer, IN integer) TO PUBLIC",
        ("rights_gained", "procedure shop.work(integer, integer)", "EXECUTE for PUBLIC is new."),
    ),
    (
        "GRANT USAGE ON TYPE shop.mood TO PUBLIC",
        ("rights_gained", "type shop.mood", "USAGE for PUBLIC is new."),
    ),
    (
        "REVOKE USAGE ON SCHEMA shop FROM <staff>",
        ("rights_lost", "schema shop", "USAGE for staff is lost."),
    ),
    (
        "REVOKE USAGE ON SEQUENCE shop.numbers FROM <app_rw>",
        ("rights_lost", "sequence shop.numbers", "USAGE for app_rw is lost."),
    ),
    (
        "REVOKE SELECT ON LARGE OBJECT 4711 FROM <app_ro>",
        ("rights_lost", "large object 4711", "SELECT for app_ro is lost."),
    ),
    (
        "REVOKE USAGE ON FOREIGN SERVER far FROM <app_rw>",
        ("rights_lost", "server far", "USAGE for app_rw is lost."),
    ),
    (
        "GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC",
        ("rights_gained", "language plpgsql", "USAGE for PUBLIC is new."),
    ),
    (
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_sleep(float8) TO PUBLIC",
        ("rights_gained", "function pg_catalog.pg_sleep(double precision)", "EXECUTE for PUBLIC is new."),
    ),
    (
        "REVOKE EXECUTE ON FUNCTION pg_catalog.now() FROM PUBLIC",
        ("rights_lost", "function pg_catalog.now()", "EXECUTE for PUBLIC is lost."),
    ),
    (
        "ALTER FUNCTION pg_catalog.now() OWNER TO <owner>",
        ("rights_owner", "function pg_catalog.now()", "Belongs to owner instead of postgres."),
    ),
    (
        "REVOKE USAGE ON TYPE shop.orders FROM PUBLIC",
        ("rights_lost", "type shop.orders", "USAGE for PUBLIC is lost."),
    ),
    (
        "GRANT USAGE ON TYPE shop.items TO PUBLIC",
        ("rights_gained", "type shop.items", "USAGE for PUBLIC is new."),
    ),
    (
        "ALTER OPERATOR shop.### (integer, integer) OWNER TO <staff>",
        ("rights_owner", "operator shop.###(integer,integer)", "Belongs to staff instead of owner."),
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE <owner> IN SCHEMA shop REVOKE SELECT ON TABLES FROM <app_ro>",
        (
            "rights_lost",
            "default privileges of owner on TABLES in schema shop",
            "SELECT for app_ro is lost.",
        ),
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE <owner> GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        ("rights_gained", "default privileges of owner on ROUTINES", "EXECUTE for PUBLIC is new."),
    ),
]


@pytest.mark.parametrize(("mutation", "error"), MUTATIONS, ids=[mutation for mutation, _ in MUTATIONS])
@pytest.mark.versions(15, 18)
def test_one_change_is_found_and_put_right(equal: Lab, mutation: str, error: tuple[str, str, str]) -> None:
    equal.run(equal.new, mutation)
    found = equal.errors()
    if "SECURITY DEFINER" in mutation:
        equal.run(equal.new, mutation.replace("SECURITY DEFINER", "SECURITY INVOKER"))
    else:
        equal.carry_over()
    assert [(rule, name.replace(equal.mark, ""), text) for rule, name, text in found] == [error]
    assert equal.findings() == []


def test_a_view_that_now_reads_as_its_owner_is_told(equal: Lab) -> None:
    equal.run(equal.new, "ALTER VIEW shop.mine RESET (security_invoker)")
    found = [(f.rule, f.severity, f.object) for f in equal.findings()]
    equal.run(equal.new, "ALTER VIEW shop.mine SET (security_invoker = true)")
    assert found == [("rights_runs_as_owner", Severity.WARNING, "view shop.mine")]


def test_the_same_right_from_another_giver_is_a_warning_and_put_right(equal: Lab) -> None:
    equal.run(
        equal.new,
        "SET ROLE <app_ro>; REVOKE SELECT ON shop.items FROM <odd>; RESET ROLE;"
        "GRANT SELECT ON shop.items TO <odd>",
    )
    found = [(f.rule, f.severity, f.object) for f in equal.findings()]
    equal.carry_over()
    assert found == [("rights_grantor", Severity.WARNING, "table shop.items")]
    assert equal.findings() == []


def test_a_chain_of_grants_that_prod_does_not_have_is_taken_back(equal: Lab) -> None:
    equal.run(
        equal.new,
        "GRANT UPDATE ON shop.items TO <staff> WITH GRANT OPTION;"
        "GRANT UPDATE (name) ON shop.items TO <auditor>;"
        "SET ROLE <staff>; GRANT UPDATE ON shop.items TO <auditor> WITH GRANT OPTION;"
        "SET ROLE <auditor>; GRANT UPDATE ON shop.items TO <odd>, PUBLIC",
    )
    equal.carry_over()
    assert equal.findings() == []
    assert equal.matrix(equal.new) == equal.matrix(equal.prod)


@pytest.mark.versions(15, 18)
def test_a_right_on_a_table_makes_way_for_rights_on_its_columns(equal: Lab) -> None:
    equal.run(
        equal.new, "REVOKE ALL ON shop.orders FROM <staff>; GRANT SELECT, UPDATE ON shop.orders TO <staff>"
    )
    assert [message for _, _, message in equal.errors()] == [
        "SELECT for staff is new.",
        "UPDATE for staff is new.",
    ]
    equal.carry_over()
    assert equal.findings() == []


# What only one of the databases has -------------------------------------------------------------------------

NEWCOMERS = """
CREATE SCHEMA fresh;
CREATE TABLE fresh.t (id serial);
CREATE TABLE shop.added (id serial, name text);
CREATE FUNCTION shop.plain_new() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TABLE public.added (id integer);
CREATE TYPE public.kind AS ENUM ('a');
CREATE FUNCTION public.powerful() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE TABLE "od.d ""schema"" {x} 100%".added (id integer);
CREATE TYPE "od.d ""schema"" {x} 100%".kind AS ENUM ('a');
SELECT lo_create(4712);
GRANT ALL ON SCHEMA fresh TO <nobody>;
GRANT ALL ON fresh.t, shop.added, public.added TO <nobody>, PUBLIC;
GRANT ALL ON FUNCTION public.powerful(), shop.plain_new() TO <nobody>;
GRANT ALL ON LARGE OBJECT 4712 TO PUBLIC;
"""


def test_a_new_object_is_open_to_its_owner_and_whom_the_default_privileges_name(lab: Lab) -> None:
    lab.run(lab.prod, SINK)
    lab.restore()
    lab.run(lab.new, NEWCOMERS)
    assert {name for rule, name, _ in lab.errors() if rule == "rights_gained"} >= {"table fresh.t"}
    lab.carry_over()
    assert lab.errors() == []
    assert {f.object: f.message.replace(lab.mark, "") for f in lab.findings() if f.rule == "rights_new"} == {
        "schema fresh": "New: owner postgres; no rights for anybody else.",
        "table fresh.t": "New: owner postgres; no rights for anybody else.",
        "table shop.added": "New: owner owner; SELECT to app_ro.",
        "function shop.plain_new()": "New: owner owner; no rights for anybody else.",
        "table public.added": "New: owner postgres; no rights for anybody else.",
        "type public.kind": "New: owner postgres; USAGE to public.",
        "function public.powerful()": "New: owner postgres; no rights for anybody else.",
        'table "od.d ""schema"" {x} 100%".added': 'New: owner Odd "Role" {x} 100%; INSERT to app_rw.',
        'type "od.d ""schema"" {x} 100%".kind': 'New: owner Odd "Role" {x} 100%; no rights for anybody else.',
        "large object 4712": "New: owner postgres; no rights for anybody else.",
    }
    gained = {row[:3] for row in lab.matrix(lab.new) - lab.matrix(lab.prod) if row[2] != "postgres"}
    allowed = {lab.role("owner"), lab.role("Odd"), lab.role("app_ro"), lab.role("app_rw")}
    # The row type of a table is everybody's: default privileges are not for such types.
    open_types = {row for row in gained if row[0] == "type" and row[1] != '"od.d ""schema"" {x} 100%".kind'}
    assert {row[2] for row in gained - open_types if row[0] != "owner"} <= allowed
    assert lab.carry_over() == 0


def test_what_prod_alone_has_is_told_and_needs_no_rights(lab: Lab) -> None:
    lab.run(lab.prod, SINK)
    lab.restore()
    lab.run(
        lab.new,
        "DROP VIEW shop.totals, shop.mine; ALTER TABLE shop.orders DROP note; DROP TYPE shop.mood;"
        'DROP SCHEMA "od.d ""schema"" {x} 100%" CASCADE',
    )
    lab.carry_over()
    assert [(f.severity, f.object) for f in lab.findings()] == [
        (Severity.INFO, "column note of table shop.orders"),
        (Severity.INFO, 'schema "od.d ""schema"" {x} 100%"'),
        (Severity.INFO, 'table "od.d ""schema"" {x} 100%"."T 1"'),
        (Severity.INFO, "type shop.mood"),
        (Severity.INFO, "view shop.mine"),
        (Severity.INFO, "view shop.totals"),
    ]


@pytest.mark.versions(15, 18)
def test_default_privileges_work_for_what_is_created_afterwards(equal: Lab) -> None:
    creation = (
        "SET ROLE <owner>; CREATE TABLE shop.later (id serial);"
        "CREATE FUNCTION shop.later() RETURNS integer LANGUAGE sql AS 'SELECT 1';"
        'SET ROLE <odd>; CREATE TYPE "od.d ""schema"" {x} 100%".later AS (a integer)'
    )
    removal = 'DROP TABLE shop.later; DROP FUNCTION shop.later();DROP TYPE "od.d ""schema"" {x} 100%".later'
    for database in (equal.prod, equal.new):
        equal.run(database, creation)
    before, after = equal.matrix(equal.prod), equal.matrix(equal.new)
    for database in (equal.prod, equal.new):
        equal.run(database, removal)
    assert ("table", "shop.later", equal.role("app_ro"), "SELECT") in before
    assert before == after


# Extensions -------------------------------------------------------------------------------------------------


def test_grants_on_an_extensions_objects_come_back_only_where_prod_changed_them(lab: Lab) -> None:
    for database in (lab.prod, lab.new):
        lab.run(database, "CREATE EXTENSION vector")
    lab.run(
        lab.prod,
        "REVOKE EXECUTE ON FUNCTION public.vector_dims(vector) FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION public.vector_dims(vector) TO <app_ro>",
    )
    assert lab.carry_over() == 2
    assert lab.findings() == []
    assert lab.matrix(lab.prod) == lab.matrix(lab.new)


def test_an_extension_of_another_owner_is_a_warning(lab: Lab) -> None:
    lab.run(lab.prod, "CREATE EXTENSION vector")
    lab.run(lab.new, "ALTER ROLE <nobody> SUPERUSER; SET ROLE <nobody>; CREATE EXTENSION vector")
    lab.carry_over()
    assert [(f.rule, f.severity, f.object) for f in lab.findings()] == [
        ("rights_owner", Severity.WARNING, "extension vector")
    ]
