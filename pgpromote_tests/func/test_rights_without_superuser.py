"""A role that is no superuser carries rights over as the roles it may act as; what it lacks is told first."""

import psycopg
import pytest
from psycopg import sql

from pgpromote.postgres.model import Finding, Policy, Severity
from pgpromote.postgres.rights import carry
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote_tests.func.rights_lab import Lab

PLAIN = """
CREATE SCHEMA shop AUTHORIZATION <owner>;
GRANT USAGE ON SCHEMA shop TO <app_rw>;
CREATE TABLE shop.orders (id serial PRIMARY KEY, note text);
CREATE TABLE public.lone (id integer);
ALTER TABLE public.lone OWNER TO <owner>;
CREATE FUNCTION shop.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TYPE shop.mood AS ENUM ('good');
ALTER TABLE shop.orders OWNER TO <owner>;
ALTER FUNCTION shop.f() OWNER TO <staff>;
ALTER TYPE shop.mood OWNER TO <staff>;
GRANT SELECT ON shop.orders TO <auditor> WITH GRANT OPTION;
GRANT SELECT (note) ON shop.orders TO <app_ro>;
GRANT USAGE ON SCHEMA shop TO <auditor>;
SET ROLE <auditor>; GRANT SELECT ON shop.orders TO <app_rw>; RESET ROLE;
REVOKE USAGE ON SCHEMA shop FROM <auditor>;
REVOKE EXECUTE ON FUNCTION shop.f() FROM PUBLIC;
REVOKE SELECT, TRUNCATE ON shop.orders FROM <owner>;
ALTER DEFAULT PRIVILEGES FOR ROLE <owner> IN SCHEMA shop GRANT SELECT ON TABLES TO <app_rw>;
"""


def deployer(lab: Lab, grants: str) -> Database:
    """Let <nobody> log in and own the new database and all in it, with the given memberships."""
    login = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
        sql.Identifier(lab.role("nobody")), lab.server.cluster.password
    )
    with psycopg.connect(lab.server.url(), autocommit=True) as session:
        session.execute(login)
    lab.run(lab.prod, grants + f"ALTER DATABASE {lab.new.name} OWNER TO <nobody>;")
    lab.run(lab.prod, f"ALTER DATABASE {lab.prod.name} OWNER TO <nobody>;")
    login_url = parse_url(lab.server.url(lab.new.name, lab.role("nobody")), "PROD_DATABASE_URL")
    lab.restore(login_url)
    return login_url


@pytest.mark.parametrize("inherit", ["TRUE", "FALSE"])
def test_a_member_of_the_owners_carries_all_rights_over_without_superuser(lab: Lab, inherit: str) -> None:
    lab.run(lab.prod, PLAIN)
    login = deployer(
        lab,
        "".join(
            f"GRANT <{role}> TO <nobody> WITH INHERIT {inherit}, SET TRUE;"
            for role in ("owner", "staff", "auditor")
        ),
    )
    with connect(login) as session:
        assert carry.problems(session, lab.capture(lab.prod)) == []
    lab.carry_over(login)
    assert lab.findings() == []
    assert lab.matrix(lab.prod) == lab.matrix(lab.new)


def test_a_member_of_the_owners_acts_as_them_in_each_transaction_anew(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry, "BATCH", 1)
    lab.run(lab.prod, PLAIN)
    login = deployer(lab, "GRANT <owner>, <staff>, <auditor> TO <nobody> WITH INHERIT FALSE, SET TRUE;")
    carry.take_over(lab.capture(lab.prod), login, "test", Policy.KEEP)
    assert lab.findings() == []
    assert lab.matrix(lab.prod) == lab.matrix(lab.new)


@pytest.mark.versions(16, 17, 18)
def test_roles_that_we_may_not_become_are_told_before_anything_is_done(lab: Lab) -> None:
    lab.run(lab.prod, PLAIN)
    login = deployer(lab, "GRANT <owner> TO <nobody> WITH INHERIT TRUE, SET TRUE;")
    with connect(login) as session:
        found = carry.problems(session, lab.capture(lab.prod))
    assert {f.severity for f in found} == {Severity.ERROR}
    assert [f.message.replace(lab.mark, "") for f in found] == [
        "function shop.f() and 1 more: nobody may not SET ROLE staff, so it cannot make that role an owner.",
        "table shop.orders: nobody may not act as auditor, whose grants have to change.",
    ]
    for each in found:  # what it says helps, with rights as the member of each role would inherit them
        lab.run(lab.prod, each.hint.removeprefix("As a superuser: "))
    with connect(login) as session:
        assert carry.problems(session, lab.capture(lab.prod)) == []


@pytest.mark.versions(15)
def test_what_lets_us_act_as_a_role_is_a_statement_that_the_server_knows(lab: Lab) -> None:
    lab.run(lab.prod, PLAIN)
    login = deployer(lab, "GRANT <owner> TO <nobody>;")
    with connect(login) as session:
        for each in carry.problems(session, lab.capture(lab.prod)):
            lab.run(lab.prod, each.hint.removeprefix("As a superuser: "))
        assert carry.problems(session, lab.capture(lab.prod)) == []


@pytest.mark.versions(16, 18)
def test_a_superusers_object_is_told_with_the_statement_that_gives_it_away(lab: Lab) -> None:
    lab.run(
        lab.prod, PLAIN + "ALTER FUNCTION shop.f() OWNER TO postgres; ALTER TYPE shop.mood OWNER TO postgres"
    )
    login = deployer(lab, "GRANT <owner>, <auditor> TO <nobody> WITH INHERIT TRUE, SET TRUE;")
    with connect(login) as session:
        told = carry.problems(session, lab.capture(lab.prod))
        for found in told:
            assert found.object in found.message
            assert "superuser instead" not in found.hint
            lab.run(lab.prod, found.hint.partition("run in prod: ")[2])
        assert {found.object for found in told} == {"function shop.f()", "type shop.mood"}
        assert carry.problems(session, lab.capture(lab.prod)) == []


def test_a_role_that_is_missing_is_told(lab: Lab) -> None:
    lab.run(lab.prod, PLAIN)
    lab.restore()
    wanted = lab.capture(lab.prod)
    lab.run(lab.prod, "REASSIGN OWNED BY <staff> TO <owner>; DROP OWNED BY <staff>; DROP ROLE <staff>")
    with connect(lab.new) as session:
        found: list[Finding] = carry.problems(session, wanted)
    lab.run(lab.prod, "CREATE ROLE <staff>")
    assert [f.message.replace(lab.mark, "") for f in found] == [
        "function shop.f() and 1 more: There is no role staff on this server."
    ]
