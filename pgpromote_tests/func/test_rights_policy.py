"""Whose rights the new database gets is chosen: prod's, proven to the last grant; the source's; or none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Clearance, Filters, Finding, Policy, Severity, Statement
from pgpromote.postgres.rights import carry, handover
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote.postgres.strategy import SWAP
from pgpromote_tests.func.command_line import dumped
from pgpromote_tests.func.rights_lab import Lab, open_lab
from pgpromote_tests.servers import Server

OBJECTS = """
    CREATE SCHEMA shop; CREATE TABLE shop.orders (id serial, total integer); CREATE VIEW shop.v AS SELECT 1;
    CREATE FUNCTION shop.total() RETURNS integer LANGUAGE sql AS 'SELECT 1';
"""
PROD = """
    ALTER TABLE shop.orders OWNER TO <owner>; GRANT USAGE ON SCHEMA shop TO <app_ro>;
    GRANT SELECT ON shop.orders TO <app_ro>; REVOKE EXECUTE ON FUNCTION shop.total() FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES FOR ROLE <owner> IN SCHEMA shop GRANT SELECT ON TABLES TO <app_ro>;
"""
DEV = """
    ALTER SCHEMA shop OWNER TO <staff>; ALTER TABLE shop.orders OWNER TO <staff>;
    GRANT ALL ON shop.orders TO <odd>;
    GRANT SELECT (total) ON shop.orders TO <app_rw> WITH GRANT OPTION; GRANT SELECT ON shop.v TO PUBLIC;
    REVOKE EXECUTE ON FUNCTION shop.total() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION shop.total() TO <auditor>;
    ALTER DEFAULT PRIVILEGES FOR ROLE <staff> IN SCHEMA shop GRANT INSERT ON TABLES TO <app_rw>;
"""


@pytest.fixture
def lab(prod: Server) -> Iterator[Lab]:
    """Return a prod with rights of its own, and a new database with the same objects and no rights."""
    with open_lab(prod) as lab:
        for database in (lab.prod, lab.new):
            lab.run(database, OBJECTS)
        lab.run(lab.prod, PROD)
        yield lab


def prove(lab: Lab, policy: Policy) -> tuple[Finding, ...]:
    return carry.prove(carry.read(lab.prod, "test"), lab.new, "test", policy)


@pytest.mark.versions(15, 16, 17, 18)
def test_prods_rights_are_taken_over_and_proven(lab: Lab) -> None:
    assert {f.severity for f in prove(lab, Policy.KEEP)} == {Severity.ERROR}
    ran: list[Statement] = []
    assert carry.take_over(carry.read(lab.prod, "test"), lab.new, "test", Policy.KEEP, ran.append) == ()
    assert len(ran) > 3
    assert prove(lab, Policy.KEEP) == ()
    assert lab.matrix(lab.new) == lab.matrix(lab.prod)


def test_a_grant_removed_between_the_take_over_and_the_proof_is_found(lab: Lab) -> None:
    carry.take_over(carry.read(lab.prod, "test"), lab.new, "test", Policy.KEEP)
    lab.run(lab.new, "REVOKE SELECT ON shop.orders FROM <app_ro>")
    (finding,) = prove(lab, Policy.KEEP)
    assert (finding.rule, finding.severity) == ("rights_kept", Severity.ERROR)
    assert finding.message.replace(lab.mark, "") == "SELECT for app_ro is lost."


@pytest.mark.versions(15, 18)
def test_a_role_that_is_not_ours_to_act_as_is_refused_before_anything_is_done(lab: Lab) -> None:
    login = lab.role("nobody")
    password = lab.server.cluster.password
    fresh = lab.server.new_database()
    lab.run(lab.prod, f"ALTER ROLE <nobody> LOGIN PASSWORD '{password}'")
    lab.run(fresh, f"ALTER DATABASE {fresh.name} OWNER TO <nobody>; SET ROLE <nobody>; {OBJECTS}")
    restored = parse_url(lab.server.url(fresh.name, login), "PROD_DATABASE_URL")
    before = lab.matrix(restored)
    with pytest.raises(Refused, match="may not SET ROLE owner"):
        carry.take_over(carry.read(lab.prod, "test"), restored, "test", Policy.KEEP)
    assert lab.matrix(restored) == before
    lab.run(lab.prod, f"DROP DATABASE {fresh.name}")


@pytest.mark.parametrize("policy", [Policy.SOURCE, Policy.NONE])
def test_rights_that_were_not_to_be_kept_are_shown_and_never_an_error(lab: Lab, policy: Policy) -> None:
    before = lab.matrix(lab.new)
    assert carry.take_over(carry.read(lab.prod, "test"), lab.new, "test", policy) == ()
    assert lab.matrix(lab.new) == before
    kept, chosen = prove(lab, Policy.KEEP), prove(lab, policy)
    assert [f.message for f in chosen] == [f.message for f in kept]
    assert {(f.rule, f.severity) for f in chosen} == {("rights_kept", Severity.WARNING)}


def restored(lab: Lab, path: Path, policy: Policy) -> Database:
    """Dump prod as if it were the source, and restore it beside with the given policy."""
    sample = dumped(lab.server, lab.prod, path)
    target = lab.server.new_database()
    with connect(target) as session:
        (oid,) = session.execute(
            "SELECT oid::int8 FROM pg_database WHERE datname = current_database()"
        ).fetchone() or (0,)
    clearance = Clearance(
        path=path,
        sha256=sample.manifest.sha256,
        archive=archive.read(path),
        strategy=SWAP,
        target=target.label,
        target_oid=int(str(oid)),
        filters=Filters(),
        create_extensions=(),
        make_room=(),
        rights=policy,
    )
    restore.restore(clearance, target, [lab.server.tools()], "test")
    handover.give(clearance, target, [lab.server.tools()], "test")
    return target


@pytest.mark.versions(15, 18)
def test_the_sources_owners_and_grants_arrive_only_when_they_are_wanted(lab: Lab, tmp_path: Path) -> None:
    lab.run(lab.prod, DEV)
    taken = restored(lab, tmp_path / "taken.dump", Policy.SOURCE)
    none = restored(lab, tmp_path / "none.dump", Policy.NONE)
    assert lab.matrix(taken) == lab.matrix(lab.prod)
    assert carry.prove(carry.read(lab.prod, "test"), taken, "test", Policy.KEEP) == ()
    owners = {str(row[2]) for row in lab.matrix(none) if row[0] == "owner"}
    assert owners == {"postgres", "pg_database_owner"}
    for database in (taken, none):
        lab.run(lab.prod, f"DROP DATABASE {database.name}")
