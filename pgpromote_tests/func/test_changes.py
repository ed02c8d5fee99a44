"""A plan says which tables prod's users changed since the last promotion, and about how much."""

import os
import signal
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.keys import repair
from pgpromote.postgres.losses import fingerprint, plan
from pgpromote.postgres.model import Content, Finding, Severity
from pgpromote.postgres.server import connect
from pgpromote.run.check import look
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.command_line import wait_until
from pgpromote_tests.func.losses import AS_EACH, FILLED, ODD, QUOTED, Place, place_of
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.servers import Server

KEYS = "CREATE TABLE keys (id int PRIMARY KEY); INSERT INTO keys SELECT generate_series(1, 5);"
COUNTED = "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_all_tables WHERE relname = '{}'"


@pytest.fixture
def staged(place: Place) -> Stage:
    """Return a prod that has just been promoted."""
    made = place(FILLED + KEYS)
    made.promote()
    return made


def counted(staged: Stage, table: str) -> int:
    return int(str(staged.prod.rows(COUNTED.format(table), staged.promotion.target().name)[0][0]))


def write(staged: Stage, script: str, table: str = "users", more: int = 1) -> None:
    """Do what a user of prod does, and wait until the statistics know it: so many more rows."""
    before = counted(staged, table)
    staged.in_prod(script)
    wait_until(lambda: counted(staged, table) >= before + more, f"statistics of {table}")


def crash(server: Server) -> None:
    """Kill one process of a server, which ends all others and recovers; wait until it answers again."""
    with psycopg.connect(server.url()) as session, closing(psycopg.connect(server.url())) as witness:
        os.kill(session.info.backend_pid, signal.SIGKILL)
        # Until the server has noticed, it goes on answering.
        wait_until(lambda: ended(witness), "the server to end its other sessions")
    wait_until(lambda: answers(server), "the server to recover")


def ended(session: psycopg.Connection) -> bool:
    with suppress(psycopg.OperationalError):
        session.execute("SELECT")
    return session.closed


def answers(server: Server) -> bool:
    with suppress(psycopg.OperationalError):
        return server.rows("SELECT pg_is_in_recovery()") == [(False,)]
    return False


def losses(staged: Stage, held: Mapping[str, Content] | None = None) -> tuple[Finding, ...]:
    """Return what a plan says that prod would lose; `held` is what prod holds, with hashes."""
    with staged.walk() as run:
        aim = look(run.promotion, run.options, run.run_id).aim
    assert aim
    return plan.preview(aim, aim.manifest, staged.promotion.target(), "test", held=held).losses


def held(staged: Stage) -> Mapping[str, Content]:
    """Return the content of prod's tables, with hashes."""
    return fingerprint.look(staged.promotion.target(), staged.promotion.tools(), "test").held


def told(staged: Stage, *, exactly: bool) -> dict[str, str]:
    """Return what a plan says of users' changes, by table."""
    held = (
        fingerprint.look(staged.promotion.target(), staged.promotion.tools(), "test").held
        if exactly
        else None
    )
    found = [each for each in losses(staged, held) if "prod's users" in each.message]
    assert all(each.severity is Severity.WARNING for each in found)
    return {each.object: each.message for each in found}


@AS_EACH
def test_edited_users_and_closed_tickets_are_told(staged: Stage) -> None:
    assert told(staged, exactly=True) == told(staged, exactly=False) == {}
    write(staged, "UPDATE users SET name = upper(name)", more=500)
    closed = "UPDATE tickets SET state = 'closed' WHERE id < 100; DELETE FROM tickets WHERE id = 100"
    write(staged, closed, "tickets", 100)
    write(staged, f"INSERT INTO {QUOTED} VALUES (11)", ODD.replace("'", "''"))

    exactly, about = told(staged, exactly=True), told(staged, exactly=False)

    assert exactly.keys() == about.keys() == {"public.users", "public.tickets", f"public.{ODD}"}
    assert exactly["public.users"].endswith("its hash is another: about 500 updates.")
    assert about["public.tickets"].endswith(
        "wrote to it since the last promotion: about 99 updates, 1 delete."
    )


def test_writes_that_were_rolled_back_are_counted_but_no_change(staged: Stage) -> None:
    write(staged, "BEGIN; INSERT INTO users SELECT generate_series(501, 507); ROLLBACK", more=7)

    assert told(staged, exactly=False)["public.users"].endswith("about 7 inserts.")
    assert told(staged, exactly=True) == {}


def test_a_truncate_is_not_counted_but_a_change(staged: Stage) -> None:
    staged.in_prod("TRUNCATE tickets")

    assert told(staged, exactly=False) == {}
    assert told(staged, exactly=True)["public.tickets"].endswith("no write was counted, as of TRUNCATE.")


def test_repairs_rights_and_statistics_are_no_changes_of_users(staged: Stage) -> None:
    staged.in_prod("ALTER TABLE keys ALTER id DROP IDENTITY")
    with connect(staged.promotion.target(), "test") as session:
        session.execute("GRANT SELECT ON public.users TO PUBLIC")
    assert repair.repair(staged.promotion.target(), "test", really=True).changes
    staged.in_prod("ANALYZE")
    staged.in_prod("VACUUM")

    assert told(staged, exactly=False) == told(staged, exactly=True) == {}


def test_the_next_promotion_begins_anew(staged: Stage) -> None:
    write(staged, "UPDATE users SET name = upper(name)", more=500)
    staged.promote()

    assert told(staged, exactly=False) == told(staged, exactly=True) == {}


def test_what_is_not_known_is_said_where_hashes_are_compared(place: Place) -> None:
    staged = place(in_prod=FILLED)
    staged.dump()

    exactly, about = losses(staged, held(staged)), losses(staged)

    assert [each.severity for each in exactly] == [Severity.INFO]
    assert "is not known" in exactly[0].message
    assert about == ()


def test_before_a_first_promotion_the_tables_with_other_rows_are_named(place: Place) -> None:
    staged = place(in_prod=FILLED)
    staged.dump()
    staged.in_prod(f"UPDATE users SET name = upper(name) WHERE id = 7; UPDATE {QUOTED} SET id = -id")

    ((severity, message),) = [(each.severity, each.message) for each in losses(staged, held(staged))]

    assert severity is Severity.WARNING
    assert f"2 table(s) hold other rows than the archive: public.{ODD}, public.users." in message


@pytest.mark.versions(16, 18)
def test_after_a_crash_only_what_came_since_is_counted(
    start_server: StartServer, tmp_path: Path, major: int
) -> None:
    staged = place_of(start_server, tmp_path, major, "a plain owner", "crashing")()
    staged.promote()
    # The tests' servers do not wait for a commit to be written, and a crash would undo it.
    write(staged, "SET synchronous_commit = on; UPDATE users SET name = upper(name)", more=500)
    crash(staged.prod)
    write(staged, "UPDATE users SET name = lower(name) WHERE id < 4", more=3)

    assert told(staged, exactly=False)["public.users"].endswith(
        "about 3 updates; statistics began anew in between, after a crash for one."
    )
    assert "its hash is another" in told(staged, exactly=True)["public.users"]
