"""A shadow is dropped whatever is at work in it; one that stays hides no error and fails no later run."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.databases import shadow
from pgpromote.postgres.databases.shadow import Shadow
from pgpromote.postgres.errors import NotProven, SessionFailed
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect
from pgpromote.run.run import Run
from pgpromote.run.steps import PROVE, RESTORE, promote
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import wait_until
from pgpromote_tests.func.shops import login
from pgpromote_tests.func.walks import Stage, until
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
# A worker that looks for work all the time, and then takes some seconds for each page.
EAGER = {
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_cost_limit": "1",
    "autovacuum_vacuum_cost_delay": "100ms",
    "vacuum_cost_page_dirty": "10000",
    "vacuum_cost_page_miss": "10000",
    "vacuum_cost_page_hit": "10000",
}
# What there is to do for it.
WORK = {
    "dead rows": "CREATE TABLE busy AS SELECT n FROM generate_series(1, 50000) AS n; DELETE FROM busy;",
    "rows to analyze": "CREATE TABLE busy AS SELECT n, n::text AS word FROM generate_series(1, 50000) AS n;",
    "an index": (
        "CREATE TABLE busy (n integer PRIMARY KEY); INSERT INTO busy SELECT generate_series(1, 50000);"
        "UPDATE busy SET n = -n;"
    ),
}
WORKERS = """SELECT pid FROM pg_stat_activity
WHERE backend_type = 'autovacuum worker' AND datname = '{}' AND query LIKE '%busy%'"""


@pytest.fixture
def eager(prod: Server) -> Iterator[Server]:
    """Give a prod whose autovacuum is always at work."""
    with psycopg.connect(prod.url(), autocommit=True) as session:
        for name, value in EAGER.items():
            session.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        session.execute("SELECT pg_reload_conf()")
        yield prod
        session.execute("ALTER SYSTEM RESET ALL")
        session.execute("SELECT pg_reload_conf()")


@pytest.fixture
def owned(prod: Server) -> Database:
    """Give a prod whose owner may create databases, and nothing else: the least that the README asks for."""
    owner = f"owner_{next(prod.numbers)}"
    prod.execute(f"CREATE ROLE {owner} CREATEDB")
    prod.let_in(owner)
    database = prod.new_database()
    prod.execute(f"ALTER DATABASE {database.name} OWNER TO {owner}")
    return login(prod, database.name, owner)


@pytest.mark.parametrize("sessions", [0, 1], ids=["alone", "beside a session of ours"])
@pytest.mark.parametrize("work", WORK)
def test_an_owner_drops_a_shadow_that_autovacuum_is_in(
    eager: Server, owned: Database, work: str, sessions: int
) -> None:
    made = shadow.create(Place(owned, "p"))
    ours = eager.url(made.name, owned.parameters["user"])
    with psycopg.connect(ours) as session:
        session.execute(WORK[work].encode())
    with ExitStack() as stack:
        for _ in range(sessions):
            stack.enter_context(psycopg.connect(ours))
        wait_until(lambda: eager.rows(WORKERS.format(made.name)), "autovacuum is in the shadow")

        shadow.drop(Place(owned), made.name)

    assert made.name not in eager.databases()


def orphan(owned: Database) -> Shadow:
    with connect(owned, "dead"):
        return shadow.create(Place(owned, "dead"))


def test_an_orphan_that_a_superuser_is_in_stays_and_is_named(prod: Server, owned: Database) -> None:
    held, free = orphan(owned), orphan(owned)
    with psycopg.connect(prod.url(held.name)):
        swept = shadow.drop_orphans(Place(owned, "next"))

    assert swept.dropped == (free.name,)
    (finding,) = swept.findings
    assert (finding.rule, finding.object) == ("orphan_kept", held.name)
    assert f"DROP DATABASE {held.name} WITH (FORCE);" in finding.hint.replace('"', "")
    assert shadow.drop_orphans(Place(owned, "next")).dropped == (held.name,)


def run_into(staged: Stage, problem: Callable[[Run], object]) -> str:
    """Let a run meet a problem while a superuser is in its shadow, and return the shadow's name."""
    with ExitStack() as stack, staged.walk() as run:
        until(run, RESTORE)
        name = run.database.name
        ours = staged.promotion.target().parameters["user"]
        staged.prod.execute(f"SET ROLE {ours}; CREATE TABLE besides (a int)", name)
        stack.enter_context(psycopg.connect(staged.prod.url(name)))
        problem(run)
    return name


@pytest.fixture
def staged(dev: Server, prod: Server, owned: Database, tmp_path: Path) -> Stage:
    """Give a promotion into a prod of an owner who is no superuser."""
    url = prod.url(owned.name, owned.parameters["user"])
    staged = Stage(dev, prod, runs.promotion(dev.new_url("CREATE TABLE t (a int)"), url, tmp_path, dev))
    staged.dump()
    return staged


def test_a_run_goes_on_beside_an_orphan_that_stays(staged: Stage, owned: Database) -> None:
    held = orphan(owned)
    with psycopg.connect(staged.prod.url(held.name)), staged.walk() as run:
        promote(run)
        assert run.state.prepared
        assert [found.object for found in run.state.prepared.warnings] == [held.name]
    assert staged.prod.rows("SELECT * FROM t", owned.name) == []


def test_a_shadow_that_stays_does_not_hide_why_the_run_failed(staged: Stage) -> None:
    with pytest.raises(NotProven) as failure:
        run_into(staged, lambda run: until(run, PROVE))

    told = str(failure.value)
    assert "besides is there, and the archive has none." in told
    assert " is still there: " in told
    assert "is dropped" not in told


@pytest.mark.parametrize("problem", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_an_interruption_stays_what_it_is_when_the_shadow_stays(
    staged: Stage, problem: type[BaseException]
) -> None:
    def interrupt(_run: Run) -> None:
        raise problem

    with pytest.raises(problem) as failure:
        run_into(staged, interrupt)

    (note,) = failure.value.__notes__
    assert " is still there: " in note


def test_a_drop_that_nobody_may_make_is_an_error_of_its_own(prod: Server, owned: Database) -> None:
    made = shadow.create(Place(owned, "p"))
    with (
        psycopg.connect(prod.url(made.name)),
        pytest.raises(SessionFailed, match="being accessed by other users"),
    ):
        shadow.drop(Place(owned), made.name)
