"""Repair by people with fewer rights, and what a user or a configuration keeps it from doing."""

from dataclasses import replace

import psycopg
import pytest

from pgpromote.postgres import audit
from pgpromote.postgres.errors import ConfigError, RepairFailed
from pgpromote.postgres.keys import repair
from pgpromote.postgres.keys.repair import Repair
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote_tests.servers import Server

BROKEN = "CREATE TABLE {0} (id integer PRIMARY KEY); INSERT INTO {0} SELECT generate_series(1, 500);"
BEHIND = "CREATE TABLE {0} (id serial PRIMARY KEY); INSERT INTO {0} SELECT generate_series(1, 500);"


def new_role(server: Server, database: Database, name: str) -> str:
    """Create a role that may log in to the test's own database; its name is unique on the server."""
    role = f"{name}_{database.name}"
    server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{server.cluster.password}'")
    return role


def as_role(server: Server, database: Database, role: str) -> Database:
    return parse_url(server.url(database.name, role), "PROD_DATABASE_URL")


def planned(database: Database, exclude: tuple[str, ...] = ()) -> Repair:
    with connect(database) as session:
        return repair.plan(session, exclude)


def reasons(plan: Repair) -> dict[str, str]:
    return {skipped.table: skipped.reason for skipped in plan.skipped}


@pytest.fixture
def database(prod: Server) -> Database:
    return prod.new_database()


@pytest.mark.versions(15, 18)
def test_tables_of_another_owner_are_skipped_only_when_they_have_a_defect(
    prod: Server, database: Database
) -> None:
    alice = new_role(prod, database, "alice")
    prod.execute(
        BROKEN.format("broken")
        + BEHIND.format("behind")
        + "CREATE TABLE fine (id serial PRIMARY KEY);"
        + f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {alice};"
        + f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {alice};",
        database.name,
    )
    plan = planned(as_role(prod, database, alice))
    assert plan.statements == ()
    assert reasons(plan) == {"public.behind": "not_owner", "public.broken": "not_owner"}


@pytest.mark.versions(15, 16, 17, 18)
def test_an_owner_repairs_own_tables_and_is_told_about_the_others(prod: Server, database: Database) -> None:
    alice = new_role(prod, database, "alice")
    prod.execute(
        BROKEN.format("broken")
        + BEHIND.format("behind")
        # No sequence can be made in `closed`; a hidden schema cannot even be named.
        + f"CREATE SCHEMA mine AUTHORIZATION {alice}; CREATE SCHEMA closed; CREATE SCHEMA hidden;"
        + f"GRANT USAGE ON SCHEMA closed TO {alice}; GRANT CREATE ON SCHEMA hidden TO {alice};"
        + "".join(
            BROKEN.format(table) + f"ALTER TABLE {table} OWNER TO {alice};"
            for table in ("mine.broken", "closed.broken", "hidden.broken")
        )
        + "".join(
            BEHIND.format(table) + f"ALTER TABLE {table} OWNER TO {alice};"
            for table in ("closed.behind", "hidden.behind")
        ),
        database.name,
    )
    done = repair.repair(as_role(prod, database, alice), "test")
    assert [(change.table, change.after) for change in done.changes] == [
        ("mine.broken", 501),
        ("closed.behind", 501),
    ]
    assert reasons(done) == {
        "closed.broken": "no_create",
        "hidden.behind": "not_readable",
        "hidden.broken": "no_create",
        "public.behind": "not_readable",
        "public.broken": "not_owner",
    }


def test_a_table_that_its_owner_may_not_read_is_skipped(prod: Server, database: Database) -> None:
    alice = new_role(prod, database, "alice")
    prod.execute(
        f"CREATE SCHEMA mine AUTHORIZATION {alice};"
        + "".join(
            script.format(table)
            + f"ALTER TABLE {table} OWNER TO {alice}; REVOKE SELECT ON {table} FROM {alice};"
            for table, script in (("mine.broken", BROKEN), ("mine.behind", BEHIND))
        ),
        database.name,
    )
    plan = planned(as_role(prod, database, alice))
    assert plan.statements == ()
    assert reasons(plan) == {"mine.behind": "not_readable", "mine.broken": "not_readable"}


@pytest.mark.parametrize(
    "calling",
    [
        "CREATE INDEX ON behind (id) WHERE id > once(0);",
        "CREATE STATISTICS spread ON (id + once(1)), (id * 2) FROM behind;",
        "CREATE TABLE child (CHECK (id > once(0))) INHERITS (behind);",
    ],
)
def test_a_table_that_calls_functions_when_it_is_read_is_left_alone_where_none_may_run_as_us(
    database: Database, prod: Server, calling: str
) -> None:
    once = "CREATE FUNCTION once(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n';"
    prod.execute(once + BEHIND.format("behind") + calling + BROKEN.format("plain"), database.name)
    plan = planned(replace(database, guarded=True))
    assert reasons(plan) == {"public.behind": "code"}
    assert [change.table for change in plan.changes] == ["public.plain"]
    assert reasons(planned(database)) == {}
    assert reasons(planned(replace(database, guarded=True), ("behind",))) == {"public.behind": "excluded"}


@pytest.mark.versions(15, 18)
def test_a_table_whose_row_security_hides_rows_from_its_owner_is_skipped(
    prod: Server, database: Database
) -> None:
    alice = new_role(prod, database, "alice")
    prod.execute(
        f"CREATE SCHEMA mine AUTHORIZATION {alice};"
        + "".join(
            script.format(table) + f"ALTER TABLE {table} OWNER TO {alice};"
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY first_row ON {table} USING (id = 1);"
            for table, script in (("mine.broken", BROKEN), ("mine.behind", BEHIND))
        )
        # Without FORCE the owner sees all rows, and so does the repair.
        + BROKEN.format("mine.visible")
        + f"ALTER TABLE mine.visible OWNER TO {alice}; ALTER TABLE mine.visible ENABLE ROW LEVEL SECURITY;"
        + "CREATE POLICY first_row ON mine.visible USING (id = 1);",
        database.name,
    )
    plan = planned(as_role(prod, database, alice))
    assert [(change.table, change.after) for change in plan.changes] == [("mine.visible", 501)]
    assert reasons(plan) == {"mine.behind": "row_security", "mine.broken": "row_security"}


def test_a_superusers_repair_serves_the_owner_and_a_role_that_may_only_insert(
    prod: Server, database: Database
) -> None:
    alice, bob = new_role(prod, database, "alice"), new_role(prod, database, "bob")
    prod.execute(
        BROKEN.format("t") + f"ALTER TABLE t OWNER TO {alice}; GRANT INSERT ON t TO {bob};", database.name
    )
    repair.repair(database, "test")

    owner = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 't_id_seq'"
    assert prod.rows(owner, database.name) == [(alice,)]
    with psycopg.connect(prod.url(database.name, bob)) as session:
        session.execute("INSERT INTO t DEFAULT VALUES")
    assert prod.rows("SELECT max(id) FROM t", database.name) == [(501,)]


def test_a_temporary_table_is_left_to_its_session(prod: Server, database: Database) -> None:
    with psycopg.connect(prod.url(database.name), autocommit=True) as session:
        session.execute("CREATE TEMPORARY TABLE broken (id integer PRIMARY KEY)")
        session.execute("CREATE TEMPORARY TABLE behind (id serial PRIMARY KEY)")
        session.execute("INSERT INTO behind VALUES (5)")
        plan = planned(database)
    assert plan.statements == ()
    assert [skipped.reason for skipped in plan.skipped] == ["temporary"]


def test_a_database_that_is_read_only_by_default_is_repaired(prod: Server, database: Database) -> None:
    prod.execute(BROKEN.format("t") + BEHIND.format("u"), database.name)
    prod.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    assert [change.after for change in repair.repair(database, "test").changes] == [501, 501]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_another_encoding_is_audited_and_repaired(encoding: str, prod: Server) -> None:
    name = f"{encoding.lower()}_shop"
    prod.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    with psycopg.connect(prod.url(name), client_encoding="UTF8", autocommit=True) as session:
        session.execute('CREATE TABLE "Größe" (id integer PRIMARY KEY, note text NOT NULL)')
        session.execute("""INSERT INTO "Größe" VALUES (500, '')""")
    database = parse_url(prod.url(name), "PROD_DATABASE_URL")
    assert {found.object for found in audit.examine(database, "test", [audit.KEYS])} == {'public."Größe".id'}
    done = repair.repair(database, "test")
    assert [(change.table, change.after) for change in done.changes] == [('public."Größe"', 501)]


@pytest.mark.parametrize("pattern", ["lookup", "public.lookup", "look*", "*.lookup", "public.[k-m]ookup"])
@pytest.mark.versions(15, 16, 17, 18)
def test_an_excluded_table_is_left_alone_and_named(pattern: str, prod: Server, database: Database) -> None:
    prod.execute(BROKEN.format("lookup") + BROKEN.format("other"), database.name)
    done = repair.repair(database, "test", exclude=[pattern])
    assert [change.table for change in done.changes] == ["public.other"]
    assert reasons(done) == {"public.lookup": "excluded"}


@pytest.mark.versions(15, 16, 17, 18)
def test_an_exclusion_covers_the_sequence_of_its_table_also_when_others_share_it(
    prod: Server, database: Database
) -> None:
    prod.execute(
        BEHIND.format("fixed")
        + "CREATE TABLE shared (id integer PRIMARY KEY DEFAULT nextval('fixed_id_seq'));"
        + "CREATE TABLE fine (id serial PRIMARY KEY);",
        database.name,
    )
    plan = planned(database, ("shared", "fine"))
    assert plan.statements == ()
    assert reasons(plan) == {"public.fixed": "excluded"}


@pytest.mark.parametrize("pattern", ["Lookup", "other.lookup", "pg_class", "lookup_view"])
def test_an_exclusion_that_matches_no_table_is_an_error(
    pattern: str, prod: Server, database: Database
) -> None:
    prod.execute(BROKEN.format("lookup") + "CREATE VIEW lookup_view AS SELECT 1;", database.name)
    with pytest.raises(ConfigError, match="matches no table"):
        repair.repair(database, "test", exclude=["lookup", pattern])
    assert planned(database).changes


def test_a_report_changes_nothing(prod: Server, database: Database) -> None:
    prod.execute(BROKEN.format("t"), database.name)
    report = repair.repair(database, "test", really=False)
    assert [statement.sql for statement in report.statements] == [
        "ALTER TABLE public.t ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY",
        "ALTER TABLE public.t ALTER COLUMN id RESTART WITH 501",
    ]
    assert planned(database) == report


def test_a_raising_event_trigger_is_a_clear_error_and_nothing_is_changed(
    prod: Server, database: Database
) -> None:
    prod.execute(
        BROKEN.format("t")
        + "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS "
        + "$$ BEGIN RAISE 'tables are frozen'; END $$;"
        # At the end of the command, so that the identity was there for a moment.
        + "CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('ALTER TABLE') "
        + "EXECUTE FUNCTION refuse();",
        database.name,
    )
    before = planned(database)
    with pytest.raises(RepairFailed, match=r"public\.t\.id could not be repaired: .*function public\.refuse"):
        repair.repair(database, "test")
    assert planned(database) == before
