"""No wait without bound: who holds a lock that a promotion needs is named, and prod stays as it was."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import psycopg
import pytest

from pgpromote.postgres import dump, stall, waits
from pgpromote.postgres.archives import description
from pgpromote.postgres.errors import PgpromoteError, SessionFailed
from pgpromote.postgres.losses import counts, fingerprint
from pgpromote.postgres.server import Database, connect, parse_url
from pgpromote.postgres.strategy import CLEAN
from pgpromote.postgres.tools import Tools
from pgpromote.run.steps import CHECK, promote
from pgpromote_tests import runs
from pgpromote_tests.func.walks import Stage, until
from pgpromote_tests.servers import Server

Work = Callable[[Database, list[Tools], Path], None]
Held = Callable[["psycopg.Connection[object]"], str]
LONG = 'a table with a long name, "quoted", as an ORM makes them: 63 by'
SHOP = (
    f"""CREATE TABLE "{LONG.replace('"', '""')}" (id integer PRIMARY KEY); CREATE TABLE users (id integer);"""
)
IMPATIENT = "options=-c%20lock_timeout%3D300ms"


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    """Give a promotion that has dumped, and waits for no lock on prod longer than it takes to see it."""
    url = f"{prod.new_url(SHOP)}?{IMPATIENT}"
    staged = Stage(dev, prod, runs.promotion(dev.new_url(SHOP), url, tmp_path, dev))
    staged.dump()
    return staged


def plan(staged: Stage) -> None:
    with staged.walk() as run:
        until(run, CHECK)


def restore(staged: Stage) -> None:
    with staged.walk() as run:
        promote(run)


def restore_in_place(staged: Stage) -> None:
    with staged.walk(strategy=CLEAN) as run:
        promote(run)


@pytest.mark.parametrize("work", [plan, restore, restore_in_place])
@pytest.mark.parametrize("table", [LONG, "users"])
def test_a_lock_of_an_application_is_waited_for_a_while_and_its_holder_is_named(
    staged: Stage, table: str, work: Callable[[Stage], None]
) -> None:
    name = psycopg.sql.Identifier(table)
    with psycopg.connect(
        staged.prod.url(staged.promotion.target().name), application_name="migration"
    ) as session:
        session.execute(psycopg.sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(name))
        with pytest.raises(PgpromoteError) as problem:
            work(staged)
        pid = session.info.backend_pid

    told = str(problem.value)
    assert f"is held by migration (pid {pid}, postgres), idle in transaction for " in told
    assert f"SELECT pg_terminate_backend({pid});" in told
    assert table.partition('"')[0] in told
    restore(staged)


@pytest.mark.versions(15, 16, 17, 18)
def test_a_holder_that_has_let_go_is_no_riddle(prod: Server) -> None:
    target = parse_url(prod.new_url(SHOP), "PROD_DATABASE_URL")
    with pytest.raises(SessionFailed, match="has let go of it by now"), connect(target) as session:
        raise psycopg.errors.LockNotAvailable
    assert session.closed


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Give what is logged, where the server is asked at once whether we wait for a lock."""
    monkeypatch.setattr(stall, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(stall, "LOCK_EVERY", 0.1)
    waits.tell.cache_clear()
    return caplog


def dumped(source: Database, tools: list[Tools], place: Path) -> None:
    dump.dump(source, place / "shop.dump", tools, "waiting")


def looked_at(target: Database, tools: list[Tools], place: Path) -> None:
    fingerprint.look(target, tools, "waiting")


def described(database: Database, tools: list[Tools], place: Path) -> None:
    description.describe(database, tools, "16.0", "waiting", settings={})


def counted(target: Database, tools: list[Tools], place: Path) -> None:
    counts.read(target, "waiting")


def table_locked(session: "psycopg.Connection[object]") -> str:
    session.execute(
        psycopg.sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(psycopg.sql.Identifier(LONG))
    )
    return f"is held by nightly migration (pid {session.info.backend_pid}, postgres)"


def table_changed(session: "psycopg.Connection[object]") -> str:
    session.execute("ALTER TABLE users ADD more text")
    return f"public.users is held by nightly migration (pid {session.info.backend_pid}, postgres)"


def prepared(session: "psycopg.Connection[object]") -> str:
    session.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'two phases'")
    return "public.users is held by a prepared transaction (pid 0)"


@pytest.mark.versions(15, 16, 18)
@pytest.mark.parametrize("held", [table_locked, table_changed, prepared])
@pytest.mark.parametrize("work", [dumped, looked_at, described, counted])
def test_whoever_waits_for_a_lock_says_so_meanwhile_and_a_plain_role_sees_the_holder(
    prod: Server, tmp_path: Path, impatient: pytest.LogCaptureFixture, work: Work, held: Held
) -> None:
    target = plain_reader(prod)
    with psycopg.connect(prod.url(target.name), application_name="nightly migration") as session:
        holder, pid = held(session), session.info.backend_pid
        with pytest.raises(PgpromoteError) as problem:
            work(target, [prod.tools()], tmp_path)
        if held is prepared:
            session.commit()
            session.autocommit = True
            session.execute("ROLLBACK PREPARED 'two phases'")

    warned = [record.getMessage() for record in impatient.records if record.name == "pgpromote"]
    assert [each for each in warned if holder in each], warned
    assert len(warned) == len(set(warned))
    if held is not prepared:
        assert f"SELECT pg_terminate_backend({pid}) ends it" in warned[0]
        assert holder in str(problem.value)


def plain_reader(server: Server) -> Database:
    """Return a new database, by a login that may read it and nothing else, and that waits for 2 s."""
    name = parse_url(server.new_url(SHOP), "URL").name
    server.execute(
        """DO $$ BEGIN CREATE ROLE "reader, Größe" LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
        GRANT pg_read_all_data TO "reader, Größe" """
    )
    server.let_in("reader, Größe")
    url = server.url(name, "reader, Größe")
    return parse_url(f"{url}?options=-c%20lock_timeout%3D2s", "PROD_DATABASE_URL")


def test_a_url_may_say_how_long_to_wait(prod: Server) -> None:
    url = prod.new_url(SHOP)
    for more, expected in (("", "1min"), ("?options=-c%20lock_timeout%3D5min", "5min")):
        with connect(parse_url(url + more, "URL")) as session:
            assert session.execute("SHOW lock_timeout").fetchone() == (expected,)


def test_what_only_reads_waits_for_no_writer(prod: Server) -> None:
    target = parse_url(f"{prod.new_url(SHOP)}?{IMPATIENT}", "PROD_DATABASE_URL")
    with psycopg.connect(prod.url(target.name)) as session:
        session.execute("LOCK TABLE users IN EXCLUSIVE MODE")
        assert counts.read(target, "test").rows["public.users"] == 0


def test_sessions_that_wait_at_the_same_time_say_so_once(
    impatient: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Barrier(2)

    def slowly(*_: object) -> None:
        with suppress(BrokenBarrierError):
            both.wait(timeout=0.5)  # a second one that logs the same comes in
            pytest.fail("both are told")

    monkeypatch.setattr(waits.LOG, "warning", slowly)
    with ThreadPoolExecutor() as pool:
        told = [pool.submit(waits.warn, "shop", "public.users is held") for _ in range(2)]
    assert [each.result() for each in told] == [None, None]
