"""Resetting a schema: everything that belongs to the schema is there again, or nothing has happened."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from pgpromote.postgres import reset
from pgpromote.postgres.errors import ConfigError, Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import Database, Session, connect
from pgpromote_tests.servers import Server

# What a reset has to bring back; `filler` is what it has to take away.
STATE = """
SELECT n.nspname::text, n.nspowner::regrole::text,
       ARRAY(SELECT (a.grantor::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable)::text
               FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a ORDER BY 1),
       ARRAY(SELECT (d.defaclrole::regrole, d.defaclobjtype, d.defaclacl)::text
               FROM pg_default_acl AS d WHERE d.defaclnamespace = n.oid ORDER BY 1),
       obj_description(n.oid, 'pg_namespace'),
       ARRAY(SELECT p.pubname::text FROM pg_publication AS p
               JOIN pg_publication_namespace AS m ON m.pnpubid = p.oid WHERE m.pnnspid = n.oid ORDER BY 1),
       ARRAY(SELECT (e.extname, e.extversion)::text FROM pg_extension AS e
              WHERE e.extnamespace = n.oid ORDER BY 1),
       EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'filler')
  FROM pg_namespace AS n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1
"""


@contextmanager
def acting(database: Database, role: str) -> Iterator[Session]:
    """Open a session that has logged in as `role`."""
    with connect(database, autocommit=True) as session:
        session.execute(psycopg.sql.SQL("SET SESSION AUTHORIZATION {}").format(psycopg.sql.Identifier(role)))
        yield session


def quoted(name: str) -> str:
    return psycopg.sql.Identifier(name).as_string()


def errors(plan: reset.Reset) -> list[Finding]:
    return [finding for finding in plan.outside if finding.severity is Severity.ERROR]


def warnings(plan: reset.Reset) -> list[str]:
    return [finding.rule for finding in plan.outside if finding.severity is Severity.WARNING]


# What belongs to a schema ---------------------------------------------------------------------------------

# Roles outlive a test's database, so every case has its own.
KEPT = {
    "the public schema as initdb makes it": ("public", ""),
    "no grants at all": ("app", "CREATE SCHEMA app"),
    "its owner": (
        "app",
        "CREATE ROLE r_owner; CREATE SCHEMA app AUTHORIZATION r_owner; GRANT USAGE ON SCHEMA app TO PUBLIC",
    ),
    "its comment": ("app", r"CREATE SCHEMA app; COMMENT ON SCHEMA app IS E'it''s 100%% \\ ''mine''\n%s ü'"),
    "grants and grant options": (
        "app",
        """CREATE SCHEMA app; CREATE ROLE r_user; CREATE ROLE "r Admin";
        GRANT USAGE ON SCHEMA app TO PUBLIC; GRANT USAGE ON SCHEMA app TO r_user;
        GRANT ALL ON SCHEMA app TO "r Admin" WITH GRANT OPTION""",
    ),
    "a chain of grants by other roles": (
        "app",
        """CREATE SCHEMA app; CREATE ROLE r_z; CREATE ROLE r_a; CREATE ROLE r_m;
        GRANT USAGE ON SCHEMA app TO r_z WITH GRANT OPTION;
        SET ROLE r_z; GRANT USAGE ON SCHEMA app TO r_a WITH GRANT OPTION;
        SET ROLE r_a; GRANT USAGE ON SCHEMA app TO r_m; GRANT USAGE ON SCHEMA app TO PUBLIC; RESET ROLE""",
    ),
    "an owner without rights": (
        "app",
        """CREATE SCHEMA app; CREATE ROLE r_reader; GRANT USAGE ON SCHEMA app TO r_reader;
        REVOKE ALL ON SCHEMA app FROM CURRENT_USER""",
    ),
    "no rights for anybody": ("app", "CREATE SCHEMA app; REVOKE ALL ON SCHEMA app FROM CURRENT_USER"),
    "fewer rights than its owner's default privileges give": (
        "app",
        """CREATE SCHEMA app; CREATE ROLE r_default; CREATE ROLE r_more; GRANT USAGE ON SCHEMA app TO r_more;
        ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO r_default;
        ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO r_more WITH GRANT OPTION""",
    ),
    "default privileges of several roles": (
        "app",
        """CREATE SCHEMA app; CREATE ROLE r_maker; CREATE ROLE "r ""Q"" r";
        ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT, INSERT ON TABLES TO PUBLIC;
        ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT UPDATE ON TABLES TO "r ""Q"" r" WITH GRANT OPTION;
        ALTER DEFAULT PRIVILEGES FOR ROLE r_maker IN SCHEMA app GRANT USAGE ON SEQUENCES TO "r ""Q"" r";
        ALTER DEFAULT PRIVILEGES FOR ROLE r_maker IN SCHEMA app GRANT EXECUTE ON FUNCTIONS TO r_maker;
        ALTER DEFAULT PRIVILEGES FOR ROLE r_maker IN SCHEMA app GRANT USAGE ON TYPES TO PUBLIC""",
    ),
    "its place in publications": (
        "app",
        """CREATE SCHEMA app; CREATE PUBLICATION one FOR TABLES IN SCHEMA app;
        CREATE PUBLICATION "T wo" FOR TABLES IN SCHEMA public, app; CREATE PUBLICATION three""",
    ),
    "an extension": ("app", "CREATE SCHEMA app; CREATE EXTENSION vector SCHEMA app"),
    "a name of quotes and spaces": ("a \"b\" 'c' %s", """CREATE SCHEMA "a ""b"" 'c' %s" """),
    "a name of several lines and scripts": ("Zeile\nñ 表", 'CREATE SCHEMA "Zeile\nñ 表"'),
}


@pytest.mark.parametrize("case", KEPT)
@pytest.mark.versions(16, 18)
def test_what_belongs_to_a_schema_is_there_again(prod: Server, case: str) -> None:
    schema, script = KEPT[case]
    database = prod.new_database(script)
    before = prod.rows(STATE, database.name)
    prod.execute(f"CREATE TABLE {quoted(schema)}.filler (id int)", database.name)

    with connect(database) as session:
        reset.reset(session, schema)

    assert prod.rows(STATE, database.name) == before


def test_a_database_owner_resets_public_without_being_superuser(prod: Server) -> None:
    database = prod.new_database("""
        CREATE ROLE reset_dba; CREATE ROLE reset_dba_user; GRANT USAGE ON SCHEMA public TO reset_dba_user;
        CREATE TABLE filler (id int)
    """)
    prod.execute(f"ALTER DATABASE {database.name} OWNER TO reset_dba")
    prod.execute("DROP TABLE filler", database.name)
    before = prod.rows(STATE, database.name)

    with acting(database, "reset_dba") as session:
        reset.reset(session, "public")

    assert prod.rows(STATE, database.name) == before


@pytest.mark.versions(15, 16, 17, 18)
def test_a_member_of_the_owner_gives_the_rights_in_the_name_of_the_owner(prod: Server) -> None:
    database = prod.new_database("""
        CREATE ROLE reset_team; CREATE ROLE reset_member IN ROLE reset_team; CREATE ROLE reset_guest;
        CREATE SCHEMA app AUTHORIZATION reset_team;
        GRANT USAGE ON SCHEMA app TO reset_guest WITH GRANT OPTION;
        ALTER DEFAULT PRIVILEGES FOR ROLE reset_team IN SCHEMA app GRANT SELECT ON TABLES TO reset_guest
    """)
    prod.execute(f"GRANT CREATE ON DATABASE {database.name} TO reset_member")
    before = prod.rows(STATE, database.name)

    with acting(database, "reset_member") as session:
        reset.reset(session, "app")

    assert prod.rows(STATE, database.name) == before


def test_an_event_trigger_that_goes_with_the_schema_does_not_stop_the_reset(prod: Server) -> None:
    database = prod.new_database("""
        CREATE FUNCTION public.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER e1 ON ddl_command_start EXECUTE FUNCTION public.f();
        CREATE EVENT TRIGGER e2 ON ddl_command_end EXECUTE FUNCTION public.f();
        CREATE EVENT TRIGGER e3 ON sql_drop EXECUTE FUNCTION public.f();
    """)

    with connect(database) as session:
        plan = reset.reset(session, "public")

    assert [finding.object for finding in plan.outside] == [f"event trigger e{n}" for n in (1, 2, 3)]
    assert prod.rows("SELECT count(*) FROM pg_event_trigger", database.name) == [(0,)]


def test_an_event_trigger_that_refuses_leaves_everything_as_it_was(prod: Server) -> None:
    database = prod.new_database("""
        CREATE SCHEMA guard; CREATE SCHEMA app; CREATE TABLE app.filler (id int);
        CREATE FUNCTION guard.f() RETURNS event_trigger LANGUAGE plpgsql
            AS 'BEGIN IF tg_tag = $$COMMENT$$ THEN RAISE EXCEPTION $$no$$; END IF; END';
        COMMENT ON SCHEMA app IS 'x'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION guard.f();
    """)

    with connect(database) as session, pytest.raises(psycopg.errors.RaiseException):
        reset.reset(session, "app")

    assert prod.rows("SELECT count(*) FROM app.filler", database.name) == [(0,)]


# What cannot come back --------------------------------------------------------------------------------------


@pytest.mark.versions(15, 18)
def test_a_right_from_a_role_we_cannot_act_for_comes_from_the_owner(prod: Server) -> None:
    database = prod.new_database("""
        CREATE ROLE reset_chief; CREATE ROLE reset_giver; CREATE ROLE reset_taker;
        CREATE SCHEMA app AUTHORIZATION reset_chief;
        GRANT USAGE ON SCHEMA app TO reset_giver WITH GRANT OPTION;
        SET ROLE reset_giver; GRANT USAGE ON SCHEMA app TO reset_taker; RESET ROLE
    """)
    prod.execute(f"GRANT CREATE ON DATABASE {database.name} TO reset_chief")

    with acting(database, "reset_chief") as session:
        plan = reset.reset(session, "app")

    assert warnings(plan) == ["reset_grant"]
    assert "came from reset_giver; now it comes from reset_chief" in plan.outside[0].message
    assert prod.rows("SELECT has_schema_privilege('reset_taker', 'app', 'USAGE')", database.name) == [(True,)]


def test_a_right_from_a_role_that_may_no_longer_give_it_comes_from_the_owner(prod: Server) -> None:
    database = prod.new_database("""
        CREATE ROLE reset_former; CREATE ROLE reset_still; CREATE SCHEMA app;
        UPDATE pg_namespace SET nspacl = '{reset_still=U/reset_former}' WHERE nspname = 'app'
    """)

    with connect(database) as session:
        plan = reset.reset(session, "app")

    assert warnings(plan) == ["reset_grant"]
    assert prod.rows("SELECT nspacl::text FROM pg_namespace WHERE nspname = 'app'", database.name) == [
        ("{reset_still=U/postgres}",)
    ]


@pytest.mark.versions(15, 18)
def test_default_privileges_and_publications_that_we_cannot_renew_are_listed_as_lost(prod: Server) -> None:
    database = prod.new_database("""
        CREATE ROLE reset_poor; CREATE ROLE reset_other; CREATE SCHEMA app AUTHORIZATION reset_poor;
        ALTER DEFAULT PRIVILEGES FOR ROLE reset_other IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;
        CREATE PUBLICATION reset_pub FOR TABLES IN SCHEMA app
    """)
    prod.execute(f"GRANT CREATE ON DATABASE {database.name} TO reset_poor")

    with acting(database, "reset_poor") as session:
        plan = reset.reset(session, "app")

    assert warnings(plan) == ["reset_default_privileges", "reset_publication"]
    assert plan.outside[0].hint.endswith("IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC")
    assert plan.outside[1].hint.endswith("ALTER PUBLICATION reset_pub ADD TABLES IN SCHEMA app")


def test_a_security_label_without_its_provider_is_listed_as_lost(prod: Server) -> None:
    database = prod.new_database("""
        CREATE SCHEMA app;
        INSERT INTO pg_seclabel
        VALUES ('app'::regnamespace, 'pg_namespace'::regclass, 0, 'nobody', 'secret')
    """)

    with connect(database) as session:
        plan = reset.reset(session, "app")

    assert warnings(plan) == ["reset_security_label"]
    assert "SECURITY LABEL FOR nobody ON SCHEMA app IS 'secret'" in plan.outside[0].hint


# What is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", ["nowhere", "pg_catalog", "information_schema", "pg_toast", "APP", ""])
def test_a_schema_that_cannot_be_reset_is_refused_with_those_that_can(prod: Server, schema: str) -> None:
    with (
        connect(prod.new_database("CREATE SCHEMA app")) as session,
        pytest.raises(ConfigError, match="app, public"),
    ):
        reset.plan(session, schema)


def test_who_has_no_right_to_the_schema_is_refused_at_once(prod: Server) -> None:
    database = prod.new_database("CREATE ROLE reset_nobody; CREATE SCHEMA app; CREATE TABLE app.t (id int)")

    with acting(database, "reset_nobody") as session, pytest.raises(Refused) as refused:
        reset.reset(session, "app", allow_data_loss_outside=True)

    assert [finding.rule for finding in refused.value.findings] == ["reset_schema_rights"] * 2
    assert "rights of its owner postgres" in str(refused.value)
    assert "CREATE on the database" in str(refused.value)


@pytest.mark.versions(16, 18)
def test_who_inherits_from_the_owner_but_cannot_become_him_is_refused(prod: Server) -> None:
    database = prod.new_database("""
        CREATE ROLE reset_boss; CREATE ROLE reset_heir; GRANT reset_boss TO reset_heir WITH SET FALSE;
        CREATE SCHEMA app AUTHORIZATION reset_boss
    """)
    prod.execute(f"GRANT CREATE ON DATABASE {database.name} TO reset_heir")

    with acting(database, "reset_heir") as session:
        (finding,) = errors(reset.plan(session, "app"))

    assert "may not SET ROLE reset_boss" in finding.message


def test_a_schema_of_an_extension_is_refused(prod: Server) -> None:
    database = prod.new_database(
        "CREATE SCHEMA app; CREATE EXTENSION vector; ALTER EXTENSION vector ADD SCHEMA app"
    )

    with connect(database) as session:
        (finding,) = errors(reset.plan(session, "app"))

    assert finding.rule == "reset_schema_rights"
    assert "belongs to the extension vector" in finding.message


def test_a_plan_that_no_longer_holds_is_refused(prod: Server) -> None:
    database = prod.new_database("CREATE SCHEMA app; CREATE TABLE app.t (id int)")
    with connect(database) as session:
        plan = reset.plan(session, "app")
    prod.execute("CREATE VIEW public.v AS SELECT * FROM app.t", database.name)

    with connect(database) as session, pytest.raises(Refused, match="reset_plan_outdated"):
        reset.reset(session, plan)

    assert prod.rows("SELECT count(*) FROM public.v", database.name) == [(0,)]


def test_a_plan_that_still_holds_is_what_runs(prod: Server) -> None:
    database = prod.new_database(
        "CREATE SCHEMA app; CREATE TABLE app.t (id int); COMMENT ON SCHEMA app IS 'x'"
    )
    ran: list[object] = []

    with connect(database) as session:
        plan = reset.plan(session, "app")
        assert reset.reset(session, plan, on_statement=ran.append) == plan

    assert ran == list(plan.statements)
