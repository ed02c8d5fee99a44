"""A plan says which tables prod's users changed since the last promotion, and about how much."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres import plan, repair
from pgpromote.postgres.model import Content, Finding, Severity
from pgpromote.postgres.server import connect
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import wait_until
from pgpromote_tests.func.losses import AS_EACH, FILLED, ODD, QUOTED, Place, place_of
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.servers import Server

KEYS = "CREATE TABLE keys (id int PRIMARY KEY); INSERT INTO keys SELECT generate_series(1, 5);"
COUNTED = "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_all_tables WHERE relname = '{}'"


@pytest.fixture
def shop(place: Place) -> Stage:
    """Return a prod that has just been promoted."""
    made = place(FILLED + KEYS)
    made.promote()
    return made


def counted(shop: Stage, table: str) -> int:
    return int(str(shop.prod.rows(COUNTED.format(table), shop.promotion.target().name)[0][0]))


def write(shop: Stage, script: str, table: str = "users", more: int = 1) -> None:
    """Do what a user of prod does, and wait until the statistics know it: so many more rows."""
    before = counted(shop, table)
    shop.in_prod(script)
    wait_until(lambda: counted(shop, table) >= before + more, f"statistics of {table}")


def crash(server: Server) -> None:
    """Kill one process of a server, which ends all others and recovers; wait until it answers again."""
    with psycopg.connect(server.url()) as session:
        os.kill(session.info.backend_pid, signal.SIGKILL)
    wait_until(lambda: answers(server), "the server to recover")


def answers(server: Server) -> bool:
    with suppress(psycopg.OperationalError):
        return server.rows("SELECT pg_is_in_recovery()") == [(False,)]
    return False


def losses(shop: Stage, held: Mapping[str, Content] | None = None) -> tuple[Finding, ...]:
    """Return what a plan says that prod would lose; `held` is what prod holds, with hashes."""
    with shop.walk() as run:
        aim = run.look().aim
    assert aim
    return plan.preview(aim, aim.manifest, shop.promotion.target(), "test", held=held).losses


def told(shop: Stage, *, exactly: bool) -> dict[str, str]:
    """Return what a plan says of users' changes, by table."""
    held = plan.look(shop.promotion.target(), shop.promotion.tools(), "test").held if exactly else None
    found = [each for each in losses(shop, held) if "prod's users" in each.message]
    assert all(each.severity is Severity.WARNING for each in found)
    return {each.object: each.message for each in found}


@AS_EACH
def test_edited_users_and_closed_tickets_are_told(shop: Stage) -> None:
    assert told(shop, exactly=True) == told(shop, exactly=False) == {}
    write(shop, "UPDATE users SET name = upper(name)", more=500)
    closed = "UPDATE tickets SET state = 'closed' WHERE id < 100; DELETE FROM tickets WHERE id = 100"
    write(shop, closed, "tickets", 100)
    write(shop, f"INSERT INTO {QUOTED} VALUES (11)", ODD.replace("'", "''"))

    exactly, about = told(shop, exactly=True), told(shop, exactly=False)

    assert exactly.keys() == about.keys() == {"public.users", "public.tickets", f"public.{ODD}"}
    assert exactly["public.users"].endswith("its hash is another: about 500 updates.")
    assert about["public.tickets"].endswith(
        "wrote to it since the last promotion: about 99 updates, 1 delete."
    )


def test_writes_that_were_rolled_back_are_counted_but_no_change(shop: Stage) -> None:
    write(shop, "BEGIN; INSERT INTO users SELECT generate_series(501, 507); ROLLBACK", more=7)

    assert told(shop, exactly=False)["public.users"].endswith("about 7 inserts.")
    assert told(shop, exactly=True) == {}


def test_a_truncate_is_not_counted_but_a_change(shop: Stage) -> None:
    shop.in_prod("TRUNCATE tickets")

    assert told(shop, exactly=False) == {}
    assert told(shop, exactly=True)["public.tickets"].endswith("no write was counted, as of TRUNCATE.")


def test_repairs_rights_and_statistics_are_no_changes_of_users(shop: Stage) -> None:
    shop.in_prod("ALTER TABLE keys ALTER id DROP IDENTITY")
    with connect(shop.promotion.target(), "test") as session:
        session.execute("GRANT SELECT ON public.users TO PUBLIC")
    assert repair.repair(shop.promotion.target(), "test", really=True).changes
    shop.in_prod("ANALYZE")
    shop.in_prod("VACUUM")

    assert told(shop, exactly=False) == told(shop, exactly=True) == {}


def test_the_next_promotion_begins_anew(shop: Stage) -> None:
    write(shop, "UPDATE users SET name = upper(name)", more=500)
    shop.promote()

    assert told(shop, exactly=False) == told(shop, exactly=True) == {}


def test_what_is_not_known_is_said_where_hashes_are_compared(place: Place) -> None:
    shop = place(in_prod=FILLED)
    shop.dump()
    held = plan.look(shop.promotion.target(), shop.promotion.tools(), "test").held

    exactly, about = losses(shop, held), losses(shop)

    assert [each.severity for each in exactly] == [Severity.INFO]
    assert "is not known" in exactly[0].message
    assert about == ()


@pytest.mark.versions(16, 18)
def test_after_a_crash_only_what_came_since_is_counted(
    start_server: StartServer, tmp_path: Path, major: int
) -> None:
    shop = place_of(start_server, tmp_path, major, "a plain owner", "crashing")()
    shop.promote()
    # The tests' servers do not wait for a commit to be written, and a crash would undo it.
    write(shop, "SET synchronous_commit = on; UPDATE users SET name = upper(name)", more=500)
    crash(shop.prod)
    write(shop, "UPDATE users SET name = lower(name) WHERE id < 4", more=3)

    assert told(shop, exactly=False)["public.users"].endswith(
        "about 3 updates; statistics began anew in between, after a crash for one."
    )
    assert "its hash is another" in told(shop, exactly=True)["public.users"]
