"""No wait without bound: who holds a lock that a promotion needs is named, and prod stays as it was."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.errors import PgpromoteError, SessionFailed
from pgpromote.postgres.losses import counts
from pgpromote.postgres.server import connect, parse_url
from pgpromote.postgres.strategy import CLEAN
from pgpromote.run.steps import CHECK, promote
from pgpromote_tests import runs
from pgpromote_tests.func.walks import Stage, until
from pgpromote_tests.servers import Server

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
