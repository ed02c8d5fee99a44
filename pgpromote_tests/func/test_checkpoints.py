"""A restore asks for checkpoints, so that the log of prod's server needs no more room than it has."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres.errors import SessionFailed
from pgpromote.postgres.loading import checkpoints
from pgpromote.postgres.model import Finding
from pgpromote.postgres.strategy import CLEAN, SWAP, Strategy
from pgpromote.promotion import TARGET
from pgpromote.run.check import look
from pgpromote.run.steps import PREPARE, RESTORE
from pgpromote.settings import ROOM, from_environment
from pgpromote_tests.func.command_line import wait_until
from pgpromote_tests.func.walks import Stage, stage, until
from pgpromote_tests.servers import Server

MB = 1 << 20
WRITTEN = (
    "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::bigint, checkpoint_lsn::text "
    "FROM pg_control_checkpoint()"
)
WATCHING = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE application_name = 'pgpromote:watching'"
)
# Lasts so long that the log is looked at meanwhile.
SLOW = """
    CREATE FUNCTION slow(n integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
    CREATE TABLE t (n integer CHECK (public.slow(n))); INSERT INTO t VALUES (1);
    CREATE OR REPLACE FUNCTION slow(n integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
        'BEGIN PERFORM pg_sleep(2); RETURN true; END'
"""
ROLE = "plain öwner"


def last(prod: Server) -> tuple[int, str]:
    """Return how many bytes the log has got since the last checkpoint, and where that is."""
    ((written, where),) = prod.rows(WRITTEN)
    return int(str(written)), str(where)


@pytest.mark.versions(15, 16, 17, 18)
def test_a_checkpoint_is_made_each_time_the_log_has_grown_so_far(prod: Server) -> None:
    database = replace(prod.new_database("CREATE TABLE t (filler text)"), log_room=8 * MB)
    with checkpoints.forced(database, "watching"):
        for _ in range(3):
            _, before = last(prod)
            prod.execute(
                "INSERT INTO t SELECT repeat(md5(n::text), 30) FROM generate_series(1, 12000) n",
                database.name,
            )
            wait_until(lambda before=before: last(prod)[1] != before, "a checkpoint")  # type: ignore[misc]
            assert last(prod)[0] < 8 * MB


def test_nothing_is_asked_for_unless_somebody_says_how_much_room_there_is(prod: Server) -> None:
    with checkpoints.forced(prod.new_database(), "watching"):
        assert prod.rows(WATCHING) == []


def test_a_log_that_is_no_longer_watched_is_told_at_the_end(prod: Server) -> None:
    watched = checkpoints.forced(replace(prod.new_database(), log_room=MB), "watching")
    with pytest.raises(SessionFailed, match=r"administrator command|closed the connection"), watched:
        assert prod.rows(WATCHING) == [(True,)]


def with_room(shop: Stage, room: str, target: str = "") -> Stage:
    url = {TARGET: target} if target else {}
    return replace(shop, promotion=from_environment({**shop.promotion.environment, ROOM: room, **url}))


@pytest.mark.parametrize("strategy", [SWAP, CLEAN], ids=str)
def test_a_restore_asks_for_them(dev: Server, prod: Server, tmp_path: Path, strategy: Strategy) -> None:
    shop = with_room(stage(dev, prod, tmp_path, SLOW, ""), "1kB")
    shop.dump()
    with shop.walk(strategy=strategy) as run:
        until(run, PREPARE)
        _, before = last(prod)  # DROP DATABASE makes one, too, but none is dropped in this step
        until(run, RESTORE)
        assert last(prod)[1] != before


@pytest.mark.versions(15, 16, 17, 18)
def test_a_role_that_may_not_ask_is_refused_with_what_to_type(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    shop = stage(dev, prod, tmp_path, "CREATE TABLE t (n integer)", "")
    name = shop.promotion.target().name
    prod.execute(
        f'CREATE ROLE "{ROLE}" LOGIN CREATEDB; ALTER DATABASE {name} OWNER TO "{ROLE}";'
        f'GRANT pg_signal_backend TO "{ROLE}"'
    )
    prod.let_in(ROLE)
    shop.dump()
    shop = with_room(shop, "64MB", prod.url(name, ROLE))

    def told() -> tuple[Finding, ...]:
        with shop.walk() as run:
            return tuple(
                each
                for each in look(run.promotion, run.options, run.run_id).of("disk_space")
                if each.object == ROOM
            )

    try:
        (refusal,) = told()
        prod.execute(refusal.hint)
        assert told() == ()
        shop.promote()
    finally:
        prod.drop({each for each in prod.databases() if each.startswith(name)})
        prod.execute(f'DROP ROLE "{ROLE}"')
