"""A login that fails is answered with what helps, to be pasted; a missing prod with its way back."""

import json
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pgpromote.postgres import logins
from pgpromote.postgres.errors import ConnectionFailed, DatabaseMissing
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote_tests.func.command_line import command_line
from pgpromote_tests.servers import Server

# A statement that locks the role out, and the one that the hint has to say.
LOCKED_OUT = {
    "ALTER ROLE {role} NOLOGIN": "ALTER ROLE {role} LOGIN;",
    "ALTER ROLE {role} CONNECTION LIMIT 0": "ALTER ROLE {role} CONNECTION LIMIT -1;",
    "ALTER ROLE {role} VALID UNTIL '2020-01-01'": "ALTER ROLE {role} VALID UNTIL 'infinity';",
    "ALTER DATABASE {database} CONNECTION LIMIT 0": "ALTER DATABASE {database} CONNECTION LIMIT -1;",
    "ALTER DATABASE {database} ALLOW_CONNECTIONS false": (
        "ALTER DATABASE {database} WITH ALLOW_CONNECTIONS true;"
    ),
}
ODD = [
    "plain",
    'Rôle "x" {0} too many SSL',
    'password "does not exist" pg_hba.conf',
    "ж" * 28,
]  # quotes, words of other messages, other alphabets


def refusal(login: Database) -> ConnectionFailed:
    with pytest.raises(ConnectionFailed) as failed, connect(login):
        pass
    return failed.value


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("locked", LOCKED_OUT)
@pytest.mark.versions(15, 18)
def test_a_login_that_is_locked_out_works_after_the_statement_of_the_hint(
    prod: Server, locked: str, name: str
) -> None:
    number = next(prod.numbers)
    role, database = f"{name}{number}", prod.new_database(name=f"{name}_{number}d").name
    names = {"role": sql.Identifier(role), "database": sql.Identifier(database)}
    login = parse_url(prod.url(database, role), "PROD_DATABASE_URL")
    with psycopg.connect(prod.url(), autocommit=True) as session:
        session.execute(sql.SQL("CREATE ROLE {role} LOGIN").format(**names))
        prod.let_in(role)
        session.execute(sql.SQL(locked).format(**names))
        hint = refusal(login).hint
        remedy = sql.SQL(LOCKED_OUT[locked]).format(**names).as_string(session)
        assert hint.endswith(remedy)
        session.execute(remedy.encode())
    with connect(login):
        pass


def test_a_missing_right_to_connect_is_named(prod: Server) -> None:
    database = prod.new_database()
    role = f"outsider_{database.name}"
    prod.execute(f"CREATE ROLE {role}; REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC")
    prod.let_in(role)
    login = parse_url(prod.url(database.name, role), "PROD_DATABASE_URL")
    assert f'GRANT CONNECT ON DATABASE "{database.name}" TO "{role}";' in refusal(login).hint


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("the database system is starting up", "Wait until it is up"),
        ("the database system is shutting down", "Somebody stops it. Wait"),
        (
            "the database system is not yet accepting connections DETAIL:  Consistent recovery",
            "It starts. Wait",
        ),
        ("the database system is in recovery mode", "It starts. Wait"),
        ("the database system is not accepting connections DETAIL:  Hot standby mode", "the primary's host"),
        ("sorry, too many clients already", "max_connections"),
        ("remaining connection slots are reserved for roles with the SUPERUSER attribute", "max_connections"),
        ('no pg_hba.conf entry for host "::1", user "a", database "b", no encryption', "pg_hba.conf"),
        ('pg_hba.conf rejects connection for host "::1", user "a", database "b", SSL encryption', "pg_hba"),
        ('cannot connect to invalid database "shop"', "DROP DATABASE was cut short"),
        ('Peer authentication failed for user "shop"', "another proof than a password"),
        ("fe_sendauth: no password supplied", "~/.pgpass"),
        ("could not translate host name", "Check host and port"),
    ],
)
def test_each_answer_to_a_login_has_its_own_hint(said: str, hint: str) -> None:
    error = logins.failed(
        "PROD_DATABASE_URL", {"dbname": "shop"}, "shop on h:5432", f"connection failed: FATAL:  {said}"
    )
    assert hint in error.hint
    assert not isinstance(error, DatabaseMissing)


SHOP = "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1)"


def test_a_prod_that_was_renamed_is_refused_with_its_way_back(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    url = prod.new_url(SHOP)
    name = url.rpartition("/")[2]
    commands = command_line(tmp_path, dev, dev.new_url(SHOP), prod, url)
    assert commands.run("promote", "--yes").returncode == 0
    prod.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")

    ended = commands.run("promote", "--yes")

    assert ended.returncode == 3
    assert "[target_reachable]" in ended.stderr
    assert "If it was renamed, rename it back." in ended.stderr
    (way,) = {
        line.partition("this brings it back: ")[2] for line in ended.stderr.splitlines() if "brings" in line
    }
    assert "Create" not in ended.stderr
    assert (
        "Prod was not touched by this run, which could not log in there: see whether it is up."
        in ended.stderr
    )
    assert "Prod is untouched" not in ended.stderr
    prod.execute(way)
    assert commands.run("check").returncode == 0


def test_a_prod_that_never_was_is_not_to_be_made_at_once(dev: Server, prod: Server, tmp_path: Path) -> None:
    url = prod.url("never_was")
    commands = command_line(tmp_path, dev, dev.new_url(SHOP), prod, url)
    ended = commands.run("promote", "--yes")
    assert ended.returncode == 3
    assert "has no database never_was" in ended.stderr
    assert "Correct its name" in ended.stderr


def test_a_server_that_is_down_is_not_said_to_be_well(dev: Server, tmp_path: Path) -> None:
    url = "postgresql://me@127.0.0.1:1/shop"
    commands = command_line(tmp_path, dev, dev.new_url(SHOP), None, url)
    ended = commands.run("promote", "--yes")
    assert ended.returncode == 3
    assert (
        "Prod was not touched by this run, which could not log in there: see whether it is up."
        in ended.stderr
    )
    assert "Prod is untouched" not in ended.stderr
    (report,) = tmp_path.glob("data/reports/*.json")
    assert json.loads(report.read_text())["prod"] in ended.stderr
    assert "could not log in" in report.read_text()
