"""The fingerprint of a plan changes whenever prod or the archive does, and only then."""

import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgpromote.demo import servers as demo
from pgpromote.postgres.errors import Refused, ToolFailed
from pgpromote.postgres.losses import fingerprint
from pgpromote.postgres.model import Clearance, Severity
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.tools import find
from pgpromote_tests.func.command_line import Sample, sample_of
from pgpromote_tests.func.plans import cleared
from pgpromote_tests.servers import Server

CHANGES = (
    "ALTER TABLE items ADD more int",
    "UPDATE items SET note = 'b' WHERE id = 1",
    "INSERT INTO items VALUES (2)",
    "GRANT SELECT ON items TO pg_monitor",
    "REVOKE SELECT ON items FROM pg_monitor; GRANT SELECT ON items TO pg_monitor WITH GRANT OPTION",
    "SELECT nextval('numbers')",
    "SELECT setval('numbers', 9, false)",
    "ALTER TABLE items DISABLE TRIGGER tell",
    "SELECT lo_from_bytea(4711, 'a')",
    "GRANT SELECT ON LARGE OBJECT 4711 TO pg_monitor",
    "COMMENT ON TABLE items IS 'told'",
    "CREATE POLICY mine ON items",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor",
    "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database()); END$$",
    "DO $$BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END$$",
)
SHOP = """
    CREATE TABLE items (id int PRIMARY KEY, note text); INSERT INTO items VALUES (1, 'a'), (7, 'z');
    CREATE SEQUENCE numbers; CREATE INDEX items_note ON items (note);
    CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER tell BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION told();
"""


@pytest.mark.versions(15, 17, 18)
def test_any_change_changes_the_fingerprint(prod: Server) -> None:
    target = prod.new_database(SHOP)
    seen = [fingerprint.look(target, [prod.tools()], "test").digest]
    for change in CHANGES:
        prod.execute(change, target.name)
        found = fingerprint.look(target, [prod.tools()], "test").digest
        assert found not in seen, change
        seen.append(found)


def test_equal_databases_have_different_fingerprints(prod: Server) -> None:
    one, other = (fingerprint.look(prod.new_database(SHOP), [prod.tools()], "test").digest for _ in range(2))
    assert one != other


def test_reading_and_maintenance_leave_the_fingerprint(
    prod: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    target = prod.new_database(SHOP + "DELETE FROM items WHERE id = 1; SELECT nextval('numbers')")
    before = fingerprint.look(target, [prod.tools()], "test").digest
    for harmless in ("SELECT * FROM items", "VACUUM FULL ANALYZE items", "REINDEX TABLE items"):
        prod.execute(harmless, target.name)
    assert fingerprint.look(target, [prod.tools()], "another").digest == before
    assert list(tmp_path.iterdir()) == []


def test_a_restart_leaves_the_fingerprint() -> None:
    with tempfile.TemporaryDirectory(prefix="pgpromote-tests-") as home:
        Path(home).chmod(0o711)
        seen: list[str] = []
        for _ in range(2):
            with demo.running(Path(home) / "prod", demo.binaries(16), settings={"fsync": "off"}) as cluster:
                if not seen:
                    with psycopg.connect(cluster.url(), autocommit=True) as session:
                        session.execute(f"{SHOP}; SELECT nextval('numbers')".encode())
                target = parse_url(cluster.url(), "PROD_DATABASE_URL")
                seen.append(fingerprint.look(target, find([cluster.bin_dir]), "test").digest)
    assert seen[0] == seen[1]


@pytest.fixture
def sample(dev: Server, tmp_path: Path) -> Sample:
    return sample_of(dev, SHOP, tmp_path / "shop.dump")


def reasons(expected: str, aim: Clearance, target: Database, prod: Server) -> list[tuple[str, str]]:
    """Return object and message of each finding by which what was expected is refused."""
    with pytest.raises(Refused, match="Run pgpromote plan again and look") as refusal:
        fingerprint.check(expected, aim, target, [prod.tools()], "test")
    found = refusal.value.findings
    assert {(each.rule, each.severity) for each in found} == {("expect_plan", Severity.ERROR)}
    return [(each.object, each.message) for each in found]


def test_a_prod_that_changed_since_the_plan_is_refused_with_both_digests(
    prod: Server, sample: Sample
) -> None:
    target, aim = prod.new_database(SHOP), cleared(sample)
    planned = fingerprint.look(target, [prod.tools()], "test")
    expected = planned.fingerprint(aim.sha256)
    fingerprint.check(expected, aim, target, [prod.tools()], "test")

    prod.execute("INSERT INTO items VALUES (2)", target.name)

    ((subject, message),) = reasons(expected, aim, target, prod)
    assert subject == target.label
    assert planned.digest in message
    assert fingerprint.look(target, [prod.tools()], "test").digest in message


def test_another_archive_than_that_of_the_plan_is_refused_by_its_digest(prod: Server, sample: Sample) -> None:
    target, aim = prod.new_database(SHOP), cleared(sample)
    expected = fingerprint.look(target, [prod.tools()], "test").fingerprint(aim.sha256)
    newer = replace(aim, sha256="f" + aim.sha256[1:] if aim.sha256[0] != "f" else "0" + aim.sha256[1:])

    ((subject, message),) = reasons(expected, newer, target, prod)

    assert subject == str(aim.path)
    assert aim.sha256[:16] in message
    assert newer.sha256[:16] in message


@pytest.mark.parametrize("expected", ["0000", "-", "a-", "-b", "a-b-c"])
def test_a_fingerprint_of_no_plan_is_refused_for_prod_and_for_the_archive(
    prod: Server, sample: Sample, expected: str
) -> None:
    target = prod.new_database(SHOP)
    found = reasons(expected, cleared(sample), target, prod)
    assert [subject for subject, _ in found] == [target.label, str(sample.path)]


def test_a_prod_that_our_role_cannot_read_has_no_fingerprint(prod: Server) -> None:
    target = prod.new_database(SHOP)
    role = f"planner_{target.name}"
    prod.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{prod.cluster.password}'")
    planner = parse_url(prod.url(target.name, role), "PROD_DATABASE_URL")
    with pytest.raises(ToolFailed, match="permission denied") as failure:
        fingerprint.look(planner, [prod.tools()], "test")
    assert prod.cluster.password not in str(failure.value)
