"""The cut-over: prod gets another content and keeps its name, with everything that belongs to the name."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.sql import Identifier

from pgpromote.postgres.databases import cutover, previous, shadow
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.databases.mark import Kind, Mark
from pgpromote.postgres.errors import CutOverFailed, PgpromoteError, Refused
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import connect
from pgpromote_tests.func.shops import (
    NAMES,
    PATIENCE,
    configuration,
    content,
    login,
    new_name,
    oid,
    roles,
    shop,
    untouched,
    word,
)
from pgpromote_tests.servers import Server

# The swap -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NAMES)
def test_a_swap_keeps_the_name_and_the_old_content_beside_it(kind: str, prod: Server) -> None:
    database, made = shop(prod, new_name(prod, kind))

    done = cutover.swap(Place(database, "p"), made.name)

    assert word(prod, database) == "new"
    assert prod.rows("SELECT word FROM content", done.previous) == [("old",)]
    assert len(done.previous.encode()) <= 63
    assert done.downtime_ms > 0
    assert prod.rows(
        f"SELECT count(*) FROM pg_database WHERE datname ~ '__(shadow|incoming)_' AND oid = {made.oid}"
    ) == [(0,)]


def set_up(server: Server, name: str) -> None:
    owner, giver, taker = roles(server, 3)
    database = Identifier(name).as_string()
    server.execute(
        f"""ALTER DATABASE {database} OWNER TO {owner};
        ALTER DATABASE {database} CONNECTION LIMIT 77;
        COMMENT ON DATABASE {database} IS E'it''s \\\\ the ''shop''\\n100%';
        REVOKE ALL ON DATABASE {database} FROM PUBLIC; REVOKE TEMPORARY ON DATABASE {database} FROM {owner};
        GRANT CONNECT, CREATE ON DATABASE {database} TO {giver} WITH GRANT OPTION;
        SET ROLE {giver}; GRANT CONNECT ON DATABASE {database} TO {taker}; RESET ROLE;
        ALTER DATABASE {database} SET search_path = "$user", app, "Odd, ""one"" x", public;
        ALTER DATABASE {database} SET "TimeZone" = 'Europe/Berlin';
        ALTER DATABASE {database} SET app.pairs = 'a=1, b="2", it''s \\ ';
        ALTER DATABASE {database} SET log_min_duration_statement = '250ms';
        ALTER ROLE ALL IN DATABASE {database} SET statement_timeout = '3min';
        ALTER ROLE {giver} IN DATABASE {database} SET work_mem = '7MB';
        ALTER ROLE {taker} IN DATABASE {database} SET search_path = '';
        ALTER ROLE {taker} IN DATABASE {database} SET session_preload_libraries = '';
        ALTER ROLE {taker} IN DATABASE {database} SET temp_tablespaces = pg_default, "A b";"""
    )


@pytest.mark.parametrize("kind", NAMES)
def test_everything_that_belongs_to_the_name_is_carried_over(kind: str, prod: Server) -> None:
    database = prod.new_database(content("old"), new_name(prod, kind))
    set_up(prod, database.name)
    before = configuration(prod, database.name)
    made = shadow.create(Place(database, "p"))

    cutover.swap(Place(database, "p"), made.name)

    assert oid(prod, database.name) == made.oid
    assert configuration(prod, database.name) == before


@pytest.mark.versions(15, 18)
def test_what_the_shadow_has_and_prod_has_not_is_taken_away(prod: Server) -> None:
    database, made = shop(prod)
    before = configuration(prod, database.name)
    set_up(prod, made.name)
    prod.execute(f"ALTER DATABASE {made.name} OWNER TO postgres")
    with psycopg.connect(prod.url(), autocommit=True) as session:
        mark = Mark(Kind.SHADOW, database.name, made.prod_oid, "p", datetime.now(UTC))
        comment = psycopg.sql.Literal(mark.text()).as_string()
        session.execute(f"COMMENT ON DATABASE {made.name} IS {comment}".encode())

    cutover.swap(Place(database, "p"), made.name)

    assert configuration(prod, database.name) == before


def test_a_default_acl_stays_a_default(prod: Server) -> None:
    database, made = shop(prod)
    (stranger,) = roles(prod, 1)

    cutover.swap(Place(database, "p"), made.name)

    with connect(login(prod, database.name, stranger)) as session:
        assert session.info.user == stranger


@pytest.mark.versions(15, 18)
def test_what_cannot_be_carried_over_fails_before_anybody_is_disconnected(prod: Server) -> None:
    database, made = shop(prod)
    with psycopg.connect(prod.url(), autocommit=True) as session:
        session.execute(
            "INSERT INTO pg_shseclabel VALUES (%s, 'pg_database'::regclass, 'no such provider', 'secret')",
            [made.prod_oid],
        )
    with psycopg.connect(prod.url(database.name)) as user, untouched(prod, database):
        with pytest.raises(CutOverFailed, match="no such provider"):
            cutover.swap(Place(database, "p"), made.name)
        user.execute("SELECT 1")


def test_everybody_who_is_connected_ends_up_in_the_new_prod(prod: Server) -> None:
    database, made = shop(prod)
    with ExitStack() as stack:
        users = [stack.enter_context(psycopg.connect(prod.url(database.name))) for _ in range(8)]
        stack.enter_context(psycopg.connect(prod.url(made.name)))  # somebody looks at the shadow
        users[0].execute("SELECT 1")

        cutover.swap(Place(database, "p"), made.name)

        for user in users:
            with pytest.raises(psycopg.OperationalError):
                user.execute("SELECT 1")
    assert word(prod, database) == "new"


CLIENTS = 32


def test_no_acknowledged_row_is_lost_and_every_client_arrives(prod: Server) -> None:
    database, made = shop(prod)
    for name in (database.name, made.name):
        prod.execute("CREATE TABLE rows (id text PRIMARY KEY)", name)

    def client(number: int) -> list[str]:
        """Insert row after row, reconnecting, until one is acknowledged by the new prod."""
        acknowledged: list[str] = []
        deadline = time.monotonic() + PATIENCE
        insert = "INSERT INTO rows VALUES (%s) RETURNING (SELECT word FROM content)"
        while time.monotonic() < deadline:
            try:
                with psycopg.connect(prod.url(database.name), autocommit=True) as session:
                    while time.monotonic() < deadline:
                        row = f"{number}-{len(acknowledged)}-{time.monotonic_ns()}"
                        answer = session.execute(insert, [row]).fetchone()
                        acknowledged.append(row)
                        if answer == ("new",):
                            return acknowledged
            except psycopg.OperationalError:
                continue
        pytest.fail("a client has not reached the new prod")

    with ThreadPoolExecutor(CLIENTS) as clients:
        running: list[Future[list[str]]] = [clients.submit(client, number) for number in range(CLIENTS)]
        arrived = "SELECT count(DISTINCT split_part(id, '-', 1)) FROM rows"
        while prod.rows(arrived, database.name) != [(CLIENTS,)]:
            assert not any(each.done() for each in running)
        done = cutover.swap(Place(database, "p"), made.name)
        acknowledged = [row for each in running for row in each.result(PATIENCE)]

    stored = {
        row for name in (database.name, done.previous) for (row,) in prod.rows("SELECT id FROM rows", name)
    }
    assert len(acknowledged) > CLIENTS
    assert set(acknowledged) - stored == set()


# Rollback -------------------------------------------------------------------------------------------------


@pytest.mark.versions(15, 16, 17, 18)
def test_a_rollback_can_be_rolled_back(prod: Server) -> None:
    database, made = shop(prod)
    prod.execute(f"COMMENT ON DATABASE {database.name} IS 'the old shop'")
    words = []
    outcomes: list[CutOver] = [cutover.swap(Place(database, "p"), made.name)]
    prod.execute(f"COMMENT ON DATABASE {database.name} IS 'the new shop'")
    for _ in range(3):
        outcomes.append(cutover.rollback(Place(database, "p")))
        words.append((word(prod, database), configuration(prod, database.name)[2]))

    assert words == [("old", "the old shop"), ("new", "the new shop"), ("old", "the old shop")]
    assert [each.name for each in previous.history(Place(database))] == [outcomes[-1].previous]
    assert len({each.previous for each in outcomes}) == 4


def test_a_rollback_goes_to_the_newest_previous_or_the_one_that_is_named(prod: Server) -> None:
    database, first = shop(prod)
    oldest = cutover.swap(Place(database, "p"), first.name).previous
    second = shadow.create(Place(database, "p"))
    prod.execute(content("newer"), second.name)
    cutover.swap(Place(database, "p"), second.name)

    cutover.rollback(Place(database, "p"))
    assert word(prod, database) == "new"
    cutover.rollback(Place(database, "p"), name=oldest)
    assert word(prod, database) == "old"


def test_without_a_previous_a_rollback_is_refused(prod: Server) -> None:
    database, made = shop(prod)

    with untouched(prod, database):
        with pytest.raises(Refused, match="no previous"):
            cutover.rollback(Place(database, "p"))
        with pytest.raises(Refused, match="not marked"):
            cutover.rollback(Place(database, "p"), name=made.name)


def test_a_target_that_does_not_exist_is_a_clear_error(prod: Server) -> None:
    with pytest.raises(PgpromoteError, match="no database nowhere"):
        cutover.swap(Place(login(prod, "nowhere", "postgres"), "p"), "shadow")
