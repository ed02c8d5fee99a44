"""What reaches beyond dev's database stays on dev and is named; everything else arrives and is proven."""

from pathlib import Path

import pytest

from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Foreign, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote.postgres.strategy import CLEAN, SWAP, Strategy
from pgpromote_tests.func.command_line import Sample, contents, sample_of
from pgpromote_tests.func.proofs import proof_of
from pgpromote_tests.servers import Server

# Needs nothing of what follows it, and stays whole.
SHOP = """
CREATE TABLE users (id integer PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'one');
CREATE TABLE parts (id integer) PARTITION BY RANGE (id);
CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (2) TO (3); INSERT INTO parts VALUES (2);
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE VIEW names AS SELECT name FROM users;
CREATE SCHEMA app; CREATE TABLE app.things (id integer);
"""
FOREIGN = """
CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER far FOREIGN DATA WRAPPER wrapper OPTIONS (host 'dev');
CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'Canary'); COMMENT ON SERVER far IS 'far away';
GRANT USAGE ON FOREIGN SERVER far TO PUBLIC;
CREATE FOREIGN TABLE remote (id integer, name text) SERVER far; COMMENT ON COLUMN remote.id IS 'key';
GRANT SELECT (id) ON remote TO PUBLIC;
CREATE FOREIGN TABLE part1 PARTITION OF parts FOR VALUES FROM (1) TO (2) SERVER far;
CREATE VIEW both_names AS SELECT name FROM users UNION ALL SELECT name FROM remote;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM both_names WITH NO DATA; CREATE INDEX kept_name ON kept (name);
CREATE TABLE child (x serial PRIMARY KEY) INHERITS (remote); INSERT INTO child VALUES (5, 'five');
CREATE TABLE refers (x integer CONSTRAINT to_child REFERENCES child); INSERT INTO refers VALUES (1);
CREATE FUNCTION total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM remote; END;
CREATE FUNCTION as_text() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM remote';
CREATE TABLE logged (id integer); CREATE INDEX logged_i ON logged (id);
CREATE RULE copy AS ON INSERT TO logged DO ALSO INSERT INTO remote VALUES (new.id);
CREATE POLICY p ON logged USING (id IN (SELECT id FROM remote));
CREATE VIEW cycle AS SELECT id FROM remote;
CREATE FUNCTION uses(cycle) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE VIEW cycle AS SELECT id, uses(NULL) AS u FROM remote;
CREATE EVENT TRIGGER ev ON ddl_command_end EXECUTE FUNCTION watch(); COMMENT ON EVENT TRIGGER ev IS 'x';
CREATE PUBLICATION by_table FOR TABLE users, part2; COMMENT ON PUBLICATION by_table IS 'x';
CREATE PUBLICATION by_schema FOR TABLES IN SCHEMA app; CREATE PUBLICATION of_all FOR ALL TABLES;
CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere.invalid' PUBLICATION p WITH (connect = false);
COMMENT ON SUBSCRIPTION sub IS 'x';
"""
# What arrives of it.
REST = """
CREATE FUNCTION as_text() RETURNS bigint LANGUAGE sql AS 'SELECT 0';
CREATE TABLE refers (x integer); INSERT INTO refers VALUES (1);
CREATE TABLE logged (id integer); CREATE INDEX logged_i ON logged (id);
"""
ASKED = {
    "wrapper": "foreign-servers",
    "far": "foreign-servers",
    "USER MAPPING public SERVER far": "user-mappings",
    "ev": "event-triggers",
    "by_table": "publications",
    "by_schema": "publications",
    "of_all": "publications",
    "sub": "subscriptions",
}
ALONG = {
    "public.remote", "public.part1", "public.both_names", "public.kept", "public.child",
    "public.refers to_child", "public.total()", "public.logged copy", "public.logged p", "public.cycle",
    "public.uses(public.cycle)",
}  # fmt: skip


@pytest.fixture(scope="module")
def sample(dev: Server, samples: Path) -> Sample:
    """Dump everything once."""
    sample = sample_of(dev, SHOP + FOREIGN, samples / f"shop{dev.major}.dump")
    dev.execute("ALTER SUBSCRIPTION sub SET (slot_name = NONE); DROP SUBSCRIPTION sub", sample.source.name)
    return sample


def promoted(prod: Server, sample: Sample, target: Database, *, strategy: Strategy = CLEAN) -> Report:
    report = preflight.examine(
        sample.path,
        Place(target),
        [prod.tools()],
        Choice(strategy=strategy, restore_as_superuser=True),
    )
    clearance = report.cleared()
    restore.restore(clearance, target, [prod.tools()], "test")
    proof_of(prod, clearance, sample.manifest, target).proven()
    return report


def as_text(server: Server, target: Database) -> str:
    """Return all definitions and rows; the bodies of functions may differ."""
    return contents(server, target.name).replace("SELECT count(*) FROM remote", "SELECT 0")


@pytest.mark.parametrize("strategy", [CLEAN, SWAP])
@pytest.mark.versions(15, 18)
def test_it_stays_on_dev_with_what_depends_on_it_and_the_rest_arrives_whole(
    prod: Server, sample: Sample, *, strategy: Strategy
) -> None:
    target = prod.new_database()
    promoted(prod, sample, target, strategy=strategy)
    assert as_text(prod, target) == as_text(prod, prod.new_database(SHOP + REST))


def test_every_object_that_stays_is_named_once_with_the_way_to_bring_it(prod: Server, sample: Sample) -> None:
    found = preflight.examine(sample.path, Place(prod.new_database()), [prod.tools()]).of("left_out")
    asked = {f.object: f.hint for f in found if f.severity is Severity.INFO}
    along = [f.object for f in found if f.severity is Severity.WARNING]
    assert asked == {name: f"Bring it with the setting bring: {kind}." for name, kind in ASKED.items()}
    assert sorted(along) == sorted(ALONG)
    assert "Canary" not in str(found)


@pytest.mark.versions(15, 18)
def test_what_is_asked_for_arrives(dev: Server, prod: Server, sample: Sample) -> None:
    target = prod.new_database()
    bring = [kind for kind in Foreign if kind is not Foreign.SUBSCRIPTIONS]
    report = preflight.examine(
        sample.path, Place(target), [prod.tools()], Choice(bring=frozenset(bring), restore_as_superuser=True)
    )
    restore.restore(report.cleared(), target, [prod.tools()], "test")
    assert [finding.object for finding in report.of("left_out")] == ["sub"]
    everything = contents(dev, sample.source.name, "--no-privileges")
    assert contents(prod, target.name, "--no-privileges") == everything


def test_what_prod_has_of_its_own_stays_when_it_is_replaced_in_place(prod: Server, sample: Sample) -> None:
    own = """CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER far FOREIGN DATA WRAPPER wrapper;
        CREATE PUBLICATION of_all FOR ALL TABLES; CREATE FOREIGN TABLE remote (mine text) SERVER far;
        CREATE FUNCTION mine() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
        CREATE EVENT TRIGGER ev ON sql_drop EXECUTE FUNCTION mine()"""
    target = prod.new_database(f"{SHOP}; {own}")
    promoted(prod, sample, target)
    assert as_text(prod, target) == as_text(prod, prod.new_database(f"{SHOP}; {REST}; {own}"))


def test_what_prod_would_lose_because_dev_s_own_is_left_out_is_refused_with_the_way_out(
    prod: Server, sample: Sample
) -> None:
    target = prod.new_database(f"{SHOP}; CREATE EVENT TRIGGER ev ON sql_drop EXECUTE FUNCTION watch()")
    (found,) = preflight.examine(sample.path, Place(target), [prod.tools()]).of("nothing_in_the_way")
    assert (found.severity, found.object) == (Severity.ERROR, "event trigger ev")
    assert "left_out" in found.hint
    bring = [Foreign.EVENT_TRIGGERS]
    assert preflight.examine(
        sample.path, Place(target), [prod.tools()], Choice(bring=frozenset(bring), restore_as_superuser=True)
    ).clearance


def test_a_role_that_is_no_superuser_is_not_refused_for_what_is_left_out(
    prod: Server, sample: Sample
) -> None:
    target = prod.new_database()
    role = f"left_{target.name}"
    prod.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD '{prod.cluster.password}';"
        f"ALTER DATABASE {target.name} OWNER TO {role}"
    )
    ours = Database("PROD_DATABASE_URL", {**target.parameters, "user": role}, target.secrets)
    assert promoted(prod, sample, ours).of("rights") == ()
