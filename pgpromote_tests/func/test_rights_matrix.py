"""Every role can do in the new database what it could in the old one, and no more: asked of the server."""

import psycopg
import pytest

from pgpromote.postgres.apply import apply
from pgpromote.postgres.model import Policy
from pgpromote.postgres.rights import carry
from pgpromote.postgres.server import connect
from pgpromote_tests.func.rights_lab import SINK, Lab, open_lab
from pgpromote_tests.servers import Server


@pytest.fixture
def sink(lab: Lab) -> Lab:
    """Return an old database with every kind of right, and a new one with its objects only."""
    lab.run(lab.prod, SINK)
    lab.restore()
    return lab


@pytest.mark.versions(15, 16, 17, 18)
def test_every_right_is_the_same_after_the_plan(sink: Lab) -> None:
    before = sink.matrix(sink.prod)
    assert sink.matrix(sink.new) != before
    assert sink.carry_over() > 50
    after = sink.matrix(sink.new)
    assert (sorted(map(str, before - after)), sorted(map(str, after - before))) == ([], [])
    assert sink.findings() == []


def test_the_plan_applied_twice_changes_nothing(sink: Lab) -> None:
    sink.carry_over()
    assert sink.carry_over() == 0


@pytest.mark.versions(15, 18)
def test_the_restored_database_without_the_plan_fails_the_proof(sink: Lab) -> None:
    rules = {rule for rule, _, _ in sink.errors()}
    assert rules == {"rights_lost", "rights_gained", "rights_owner", "rights_security_definer"}


def test_one_statement_gives_equal_rights_on_many_objects(lab: Lab) -> None:
    for database in (lab.prod, lab.new):
        lab.run(
            database, "CREATE TABLE a (id integer); CREATE TABLE b (id integer); CREATE VIEW c AS SELECT 1"
        )
    lab.run(lab.prod, "GRANT SELECT ON a, b, c TO <app_ro>; GRANT SELECT (id) ON a, b TO <staff>")
    with connect(lab.new) as session:
        statements = carry.plan(session, lab.capture(lab.prod))
        apply(session, statements)
    assert [statement.why for statement in statements] == [
        "rights on table public.a and 1 more as in prod",
        "rights on table public.a and 1 more as in prod",
        "rights on view public.c as in prod",
    ]
    assert lab.findings() == []
    assert lab.matrix(lab.prod) == lab.matrix(lab.new)


def test_more_new_owners_than_the_server_has_locks_are_carried_over_in_parts(few_locks: Server) -> None:
    many = "DO $$BEGIN FOR i IN {}..{} LOOP EXECUTE format('CREATE TABLE t%s (a text)', i); END LOOP; END$$"
    with open_lab(few_locks) as lab:
        for first in range(0, 2500, 100):
            lab.run(lab.prod, many.format(first, first + 99))
            lab.run(lab.new, many.format(first, first + 99))
        for first in range(0, 2500, 100):
            owners = "".join(f"ALTER TABLE t{i} OWNER TO <owner>;" for i in range(first, first + 100))
            lab.run(lab.prod, owners)
        lab.run(lab.prod, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO <app_ro>")
        wanted = lab.capture(lab.prod)
        with psycopg.connect(few_locks.url(lab.new.name)) as session:
            session.execute("SET search_path = pg_catalog, pg_temp")
            with pytest.raises(psycopg.errors.OutOfMemory):
                apply(session, carry.plan(session, wanted))
        carry.take_over(wanted, lab.new, "test", Policy.KEEP)
        assert lab.findings() == []
