"""Before prod is touched: rights, extensions, the two databases, and everything that is wrong at once."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres import dump, preflight, restore
from pgpromote.postgres.choice import Choice
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.preflight import Report
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests.func.command_line import Sample, contents, sample_of
from pgpromote_tests.servers import Server, running

SHOP = """
CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN amount AS integer CHECK (VALUE >= 0);
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT n * 2 $$;
CREATE SEQUENCE numbers; CREATE SCHEMA other; CREATE TABLE other.things (id integer PRIMARY KEY);
CREATE TABLE users (id integer PRIMARY KEY, name text, mood mood);
INSERT INTO users VALUES (1, 'one', 'good');
CREATE VIEW names AS SELECT name FROM users;
"""


@pytest.fixture(scope="module")
def sample(dev: Server, samples: Path) -> Sample:
    return sample_of(dev, SHOP, samples / f"shop{dev.major}.dump")


def examined(prod: Server, sample: Sample, target: Database) -> Report:
    return preflight.examine(sample.path, target, [prod.tools()])


def errors(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity is Severity.ERROR]


# Rights ----------------------------------------------------------------------------------------------------


def as_role(server: Server, target: Database, options: str = "") -> Database:
    """Create a role of the test's own and log in with it."""
    role = f"promoter_{target.name}"
    server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{server.cluster.password}' {options}")
    return parse_url(server.url(target.name, role), "PROD_DATABASE_URL")


@pytest.mark.versions(15, 16, 17, 18)
def test_a_database_owner_without_more_rights_restores_and_repeats(prod: Server, sample: Sample) -> None:
    target = prod.new_database()
    owner = as_role(prod, target)
    prod.execute(f"ALTER DATABASE {target.name} OWNER TO promoter_{target.name}")
    for _ in range(2):
        restore.restore(examined(prod, sample, owner).cleared(), owner, [prod.tools()], "test")


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("CREATE TABLE users (id int)", "public.users"),
        ("CREATE VIEW names AS SELECT 1 AS name", "public.names"),
        ("CREATE SEQUENCE numbers", "public.numbers"),
        ("CREATE SCHEMA other", "schema other"),
        ("CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'", "twice(integer)"),
        ("CREATE TYPE mood AS ENUM ('good')", "public.mood"),
        ("CREATE DOMAIN amount AS integer", "public.amount"),
    ],
)
@pytest.mark.versions(15, 18)
def test_an_object_that_belongs_to_somebody_else_is_refused_by_name(
    prod: Server, sample: Sample, script: str, name: str
) -> None:
    target = prod.new_database(script)
    somebody = as_role(prod, target)
    prod.execute(
        f"GRANT CREATE ON DATABASE {target.name} TO promoter_{target.name};"
        f"GRANT CREATE ON SCHEMA public TO promoter_{target.name}",
        target.name,
    )
    report = examined(prod, sample, somebody)
    assert {finding.rule for finding in errors(report)} == {"rights"}
    assert any(name in finding.message for finding in errors(report)), report.findings
    assert all(f"promoter_{target.name}" in finding.message for finding in errors(report))


def test_a_role_that_may_not_create_anything_is_told_which_grants_it_needs(
    prod: Server, sample: Sample
) -> None:
    target = prod.new_database()
    report = examined(prod, sample, as_role(prod, target))
    hints = " ".join(finding.hint for finding in errors(report))
    assert f'GRANT CREATE ON SCHEMA "public" TO "promoter_{target.name}"' in hints
    assert f'GRANT CREATE ON DATABASE "{target.name}" TO "promoter_{target.name}"' in hints


@pytest.mark.versions(16, 18)
def test_what_the_safety_archive_could_not_hold_is_refused_before_anything_is_touched(
    prod: Server, sample: Sample
) -> None:
    target = prod.new_database(
        "CREATE TABLE secret (id int); CREATE SEQUENCE counter; CREATE TABLE open (id int);"
        "CREATE TABLE hidden (id int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; CREATE EXTENSION vector;"
        "CREATE VIEW harmless AS SELECT 1 AS n; SELECT lo_create(0)"
    )
    owner, user = as_role(prod, target), f"promoter_{target.name}"
    prod.execute(
        f"ALTER DATABASE {target.name} OWNER TO {user}; GRANT SELECT ON open, hidden TO {user}", target.name
    )

    (found,) = errors(examined(prod, sample, owner))

    assert found.rule == "rights"
    for name in ("large objects", "public.counter", "public.hidden", "public.secret"):
        assert name in found.message
    for name in ("open", "harmless"):
        assert name not in found.message
    assert preflight.examine(sample.path, owner, [prod.tools()], Choice(safety_archive=False)).clearance
    assert preflight.examine(sample.path, owner, [prod.tools()], Choice(in_place=False)).of("rights") == ()

    prod.execute(found.hint.partition("; for row")[0])
    prod.execute(f"ALTER ROLE {user} BYPASSRLS")
    (found,) = errors(examined(prod, sample, owner))
    assert found.object == "large objects"
    prod.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata", target.name)
    assert examined(prod, sample, owner).clearance
    dump.dump(owner, sample.path.with_name(f"{target.name}.dump"), [prod.tools()], "test", of_prod=True)


def test_an_extension_that_the_role_may_not_create_is_refused_until_it_is_there(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    sample = sample_of(dev, "CREATE EXTENSION vector; CREATE TABLE e (v vector)", tmp_path / "vector.dump")
    target = prod.new_database()
    owner = as_role(prod, target)
    prod.execute(f"ALTER DATABASE {target.name} OWNER TO promoter_{target.name}")
    report = examined(prod, sample, owner)
    assert [(finding.rule, finding.object) for finding in errors(report)] == [("extensions", "vector")]
    assert f'As a superuser, run in {target.name}: CREATE EXTENSION "vector";' in errors(report)[0].hint
    prod.execute("CREATE EXTENSION vector", target.name)
    assert examined(prod, sample, owner).clearance


def test_an_extension_that_is_missing_is_created_with_its_schema(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    source = 'CREATE SCHEMA "Ext"; CREATE EXTENSION vector SCHEMA "Ext"; CREATE TABLE e (v "Ext".vector)'
    sample = sample_of(dev, source, tmp_path / "vector.dump")
    target = prod.new_database()
    for _ in range(2):
        clearance = examined(prod, sample, target).cleared()
        restore.create_extensions(clearance, target, "test")
        restore.restore(clearance, target, [prod.tools()], "test")
    assert contents(prod, target.name) == contents(dev, sample.source.name)


# The two databases -----------------------------------------------------------------------------------------


def test_dev_and_prod_as_one_database_are_refused_whatever_the_urls_look_like(
    dev: Server, sample: Sample
) -> None:
    target = replace(sample.source, variable="PROD_DATABASE_URL")
    other_host = replace(target, parameters={**target.parameters, "host": "localhost"})
    for same in (target, other_host):
        report = preflight.examine(sample.path, same, [dev.tools()], source=sample.source)
        assert "not_same_database" in {finding.rule for finding in errors(report)}


def test_two_databases_of_one_server_are_two(dev: Server, sample: Sample) -> None:
    report = preflight.examine(sample.path, dev.new_database(), [dev.tools()], source=sample.source)
    assert report.clearance


def test_a_source_that_cannot_be_asked_is_a_warning(prod: Server, sample: Sample) -> None:
    gone = sample.source.at("no_such_database")
    report = preflight.examine(sample.path, prod.new_database(), [prod.tools()], source=gone)
    assert report.clearance
    assert "no_such_database" in report.of("not_same_database")[0].message


def test_a_standby_is_refused_by_name(sample: Sample) -> None:
    home = Path(tempfile.mkdtemp(prefix="pgpromote-standby-"))
    home.chmod(0o711)
    try:
        with running(home, 16, "standby") as server:
            server.new_url(name="shop")
        (home / "standby16" / "data" / "standby.signal").touch()
        with running(home, 16, "standby") as server:
            target = parse_url(server.url("shop"), "PROD_DATABASE_URL")
            (found,) = errors(preflight.examine(sample.path, target, [server.tools()]))
    finally:
        shutil.rmtree(home)
    assert found.rule == "target_reachable"
    assert "is a standby" in found.message
    assert "primary" in found.hint


def test_everything_that_is_wrong_is_reported_at_once(dev: Server, prod: Server, tmp_path: Path) -> None:
    role = f"ghost_{next(dev.numbers)}_{dev.major}"
    dev.execute(f"CREATE ROLE {role}")
    sample = sample_of(
        dev,
        f"CREATE EXTENSION vector; CREATE TABLE t (id int); CREATE POLICY p ON t TO {role}, PUBLIC;"
        f"CREATE POLICY q ON t TO {role}; CREATE TABLE u (id int)",
        tmp_path / "wrong.dump",
    )
    target = prod.new_database("CREATE TABLE u (id int); CREATE VIEW extra AS SELECT * FROM u")
    user = as_role(prod, target)
    sample.path.write_bytes(sample.path.read_bytes() + b"x")
    report = examined(prod, sample, user)
    assert {finding.rule for finding in errors(report)} == {
        "archive_readable", "extensions", "policy_roles", "rights", "nothing_in_the_way"}  # fmt: skip
    with pytest.raises(Refused) as refusal:
        report.cleared()
    for finding in errors(report):
        assert finding.message in str(refusal.value)
        assert finding.hint


def test_a_database_replaced_since_the_checks_is_refused(prod: Server, sample: Sample) -> None:
    target = prod.new_database()
    clearance = examined(prod, sample, target).cleared()
    prod.execute(f"DROP DATABASE {target.name}")
    prod.new_database(name=target.name)
    with pytest.raises(Refused, match="replaced by another database"):
        restore.restore(clearance, target, [prod.tools()], "test")
    assert prod.rows("SELECT 1 FROM pg_class WHERE relname = 'users'", target.name) == []
