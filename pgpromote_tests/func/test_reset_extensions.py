"""What a reset does with the extensions of its schema, and when the server has too few locks for it.

The extensions are written here, for a server of our own: the embedded ones carry `vector` only.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgpromote.demo import servers
from pgpromote.postgres import reset
from pgpromote.postgres.errors import PgpromoteError, Refused
from pgpromote.postgres.server import connect
from pgpromote_tests.func.test_reset import STATE, acting, errors, warnings
from pgpromote_tests.servers import FAST, Server


@dataclass(frozen=True)
class Lab:
    """A server whose extensions the tests write themselves, and that allows few locks."""

    server: Server
    extensions: Path

    def offer(self, name: str, *, control: str = "", version: str = "1.0", script: str = "SELECT 1") -> None:
        """Put an extension on offer."""
        (self.extensions / f"{name}.control").write_text(f"default_version = '{version}'\n{control}\n")
        (self.extensions / f"{name}--{version}.sql").write_text(script)

    def withdraw(self, pattern: str) -> None:
        """Take an extension's files away."""
        for path in self.extensions.glob(pattern):
            path.unlink()


@pytest.fixture(scope="module")
def lab(major: int) -> Iterator[Lab]:
    home = Path(tempfile.mkdtemp(prefix="pgpromote-tests-"))
    home.chmod(0o711)
    package = servers.binaries(major).parent
    libraries = package.parent.with_suffix(".libs")  # the programs look for them beside their package
    shutil.copytree(package, home / "package" / package.name)
    shutil.copytree(libraries, home / libraries.name)
    share = home / "package" / package.name / "share" / "postgresql" / "extension"
    few_locks = {**FAST, "max_locks_per_transaction": "10", "max_connections": "10"}
    with servers.running(home / "cluster", share.parents[2] / "bin", settings=few_locks) as cluster:
        yield Lab(Server(cluster, major), share)
    shutil.rmtree(home)


@pytest.mark.versions(15, 16, 17, 18)
def test_a_schema_too_big_for_the_lock_table_is_reported_and_kept(few_locks: Server) -> None:
    database = few_locks.new_database("CREATE SCHEMA app")
    for chunk in range(0, 1500, 50):
        few_locks.execute(
            f"DO $$BEGIN FOR i IN {chunk}..{chunk + 49} LOOP"
            " EXECUTE format('CREATE TABLE app.t%s (id int)', i); END LOOP; END$$",
            database.name,
        )

    with (
        connect(database) as session,
        pytest.raises(PgpromoteError, match=r"max_locks_per_transaction = 10\)") as failed,
    ):
        reset.reset(session, "app")

    assert failed.value.hint.startswith("Set max_locks_per_transaction to at least 226 ")
    assert few_locks.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'app'", database.name) == [
        (1500,)
    ]


def test_extensions_come_back_in_the_order_in_which_they_need_each_other(lab: Lab) -> None:
    lab.offer("a_addon", control="requires = 'm_middle'")
    lab.offer("m_middle", control="requires = 'z_base'")
    lab.offer("z_base")
    database = lab.server.new_database("CREATE SCHEMA app; CREATE EXTENSION a_addon SCHEMA app CASCADE")
    before = lab.server.rows(STATE, database.name)

    with connect(database) as session:
        reset.reset(session, "app")

    assert lab.server.rows(STATE, database.name) == before


def test_an_extension_keeps_its_version_when_there_is_a_newer_one(lab: Lab) -> None:
    lab.offer("steady", version="1.0")
    lab.offer("steady", version="2.0")
    database = lab.server.new_database("CREATE SCHEMA app; CREATE EXTENSION steady SCHEMA app VERSION '1.0'")
    before = lab.server.rows(STATE, database.name)

    with connect(database) as session:
        reset.reset(session, "app")

    assert lab.server.rows(STATE, database.name) == before


def test_a_version_that_is_gone_is_replaced_by_the_default_and_reported(lab: Lab) -> None:
    lab.offer("aging", version="1.0")
    database = lab.server.new_database("CREATE SCHEMA app; CREATE EXTENSION aging SCHEMA app")
    lab.withdraw("aging*")
    lab.offer("aging", version="2.0")

    with connect(database) as session:
        plan = reset.reset(session, "app")

    assert warnings(plan) == ["reset_extension"]
    assert "1.0 is not on offer any more; the reset creates version 2.0" in plan.outside[0].message
    assert lab.server.rows("SELECT extversion FROM pg_extension WHERE extname = 'aging'", database.name) == [
        ("2.0",)
    ]


def test_an_extension_that_the_server_no_longer_has_is_not_dropped(lab: Lab) -> None:
    lab.offer("gone")
    database = lab.server.new_database("CREATE SCHEMA app; CREATE EXTENSION gone SCHEMA app")
    lab.withdraw("gone*")

    with connect(database) as session, pytest.raises(Refused, match="does not offer it any more"):
        reset.reset(session, "app", allow_data_loss_outside=True)


def test_what_users_put_into_a_schema_of_a_taken_extension_is_reported(lab: Lab) -> None:
    lab.offer("housing", script="CREATE SCHEMA housing_rooms; CREATE TABLE housing_rooms.own (id int)")
    database = lab.server.new_database("""
        CREATE SCHEMA app; CREATE EXTENSION housing SCHEMA app;
        CREATE TABLE housing_rooms.mine (id int); CREATE VIEW housing_rooms.look AS SELECT 1 AS one;
        ALTER DEFAULT PRIVILEGES IN SCHEMA housing_rooms GRANT SELECT ON TABLES TO PUBLIC
    """)

    with connect(database) as session:
        plan = reset.plan(session, "app")

    assert [finding.object for finding in plan.outside] == [
        "default acl for role postgres in schema housing_rooms on tables",
        "table housing_rooms.mine",
        "view housing_rooms.look",
        "extension housing",
    ]


# Each role is made a superuser to create the extension, and then no longer is one.
NEEDS_SUPERUSER = "The reset drops the extension, and only a superuser can create it again."
RIGHTS = {
    "untrusted": ("superuser = true", [NEEDS_SUPERUSER]),
    "trusted": ("superuser = true\ntrusted = true", []),
    "harmless": ("superuser = false", []),
}


@pytest.mark.parametrize("name", RIGHTS)
def test_only_an_extension_that_we_can_create_again_is_dropped(lab: Lab, name: str) -> None:
    control, refusals = RIGHTS[name]
    lab.offer(name, control=control)
    database = lab.server.new_database(f"CREATE ROLE {name}_role SUPERUSER")
    lab.server.execute(f"ALTER DATABASE {database.name} OWNER TO {name}_role")
    with acting(database, f"{name}_role") as session:
        session.execute(f"CREATE SCHEMA app; CREATE EXTENSION {name} SCHEMA app".encode())
    lab.server.execute(f"ALTER ROLE {name}_role NOSUPERUSER")
    before = lab.server.rows(STATE, database.name)

    with acting(database, f"{name}_role") as session:
        plan = reset.plan(session, "app")
        if not refusals:
            reset.reset(session, plan)

    assert [finding.message for finding in errors(plan)] == refusals
    assert lab.server.rows(STATE, database.name) == before


def test_an_extension_of_somebody_else_is_refused(lab: Lab) -> None:
    lab.offer("foreign_one", control="superuser = false")
    database = lab.server.new_database("""
        CREATE ROLE landlord; CREATE SCHEMA app AUTHORIZATION landlord;
        CREATE EXTENSION foreign_one SCHEMA app
    """)
    lab.server.execute(f"GRANT CREATE ON DATABASE {database.name} TO landlord")

    with acting(database, "landlord") as session, pytest.raises(Refused, match="which belongs to postgres"):
        reset.reset(session, "app", allow_data_loss_outside=True)

    assert lab.server.rows(
        "SELECT count(*) FROM pg_extension WHERE extname = 'foreign_one'", database.name
    ) == [(1,)]


def test_another_owner_and_lost_grants_are_reported(lab: Lab) -> None:
    lab.offer(
        "granted",
        control="superuser = false",
        script="""CREATE FUNCTION granted_f() RETURNS int LANGUAGE sql AS 'SELECT 1';
            CREATE FUNCTION granted_g() RETURNS int LANGUAGE sql AS 'SELECT 1';
            REVOKE ALL ON FUNCTION granted_g() FROM PUBLIC""",
    )
    database = lab.server.new_database("CREATE ROLE tenant; CREATE SCHEMA app AUTHORIZATION tenant")
    lab.server.execute(f"GRANT CREATE ON DATABASE {database.name} TO tenant")
    with acting(database, "tenant") as session:
        session.execute("CREATE EXTENSION granted SCHEMA app")
    lab.server.execute("REVOKE EXECUTE ON FUNCTION app.granted_f() FROM PUBLIC", database.name)

    with connect(database) as session:
        plan = reset.plan(session, "app")

    assert warnings(plan) == ["reset_extension"] * 2
    messages = " ".join(finding.message for finding in plan.outside)
    assert "belongs to tenant, the new one to postgres" in messages
    assert "changed the rights on 1 of its objects" in messages


CONFIG = """
CREATE TABLE job (id serial, command text);
INSERT INTO job (id, command) VALUES (0, 'the extension''s own');
CREATE SEQUENCE other_seq;
SELECT pg_catalog.pg_extension_config_dump('job', 'WHERE id > 0');
SELECT pg_catalog.pg_extension_config_dump('job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('other_seq', '');
"""


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ("SELECT 1", []),
        ("INSERT INTO app.job VALUES (1, 'mine')", ["app.job"]),
        ("SELECT nextval('app.other_seq')", ["app.other_seq"]),
        ("INSERT INTO app.job (command) VALUES ('mine')", ["app.job", "app.job_id_seq"]),
    ],
)
def test_data_that_a_user_keeps_in_an_extension_is_not_destroyed_unless_allowed(
    lab: Lab, change: str, lost: list[str]
) -> None:
    lab.offer("scheduler", script=CONFIG)
    database = lab.server.new_database("CREATE SCHEMA app; CREATE EXTENSION scheduler SCHEMA app")
    lab.server.execute(change, database.name)

    with connect(database) as session:
        plan = reset.plan(session, "app")
        if lost:
            with pytest.raises(Refused, match="reset_extension_data"):
                reset.reset(session, plan)
        reset.reset(session, plan, allow_data_loss_outside=True)

    assert [finding.object for finding in errors(plan)] == lost
    assert lab.server.rows("SELECT id FROM app.job", database.name) == [(0,)]


def test_a_table_of_an_extension_that_we_cannot_read_counts_as_data(lab: Lab) -> None:
    lab.offer("secretive", control="superuser = true\ntrusted = true", script=CONFIG)
    database = lab.server.new_database("CREATE ROLE blind; CREATE SCHEMA app AUTHORIZATION blind")
    lab.server.execute(f"GRANT CREATE ON DATABASE {database.name} TO blind")
    with acting(database, "blind") as session:
        session.execute("CREATE EXTENSION secretive SCHEMA app")
        plan = reset.plan(session, "app")

    assert [finding.object for finding in errors(plan)] == ["app.job", "app.job_id_seq", "app.other_seq"]
    assert "may hold data (we cannot read it)" in plan.outside[-1].message
