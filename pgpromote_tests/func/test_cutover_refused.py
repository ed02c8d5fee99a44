"""A cut-over that is refused or given up leaves prod as it was, and open."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from pgpromote.demo import servers
from pgpromote.postgres.databases import cutover, obstacles, previous, shadow
from pgpromote.postgres.databases.shadow import Shadow
from pgpromote.postgres.errors import UNTOUCHED, CutOverFailed, Refused
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.func.shops import (
    configuration,
    content,
    login,
    oid,
    roles,
    rules,
    shop,
    untouched,
    word,
)
from pgpromote_tests.servers import FAST, Server

# What forbids it ------------------------------------------------------------------------------------------


def test_a_prepared_transaction_is_refused_by_name(prod: Server) -> None:
    database, made = shop(prod)
    gid = f"gid_{next(prod.numbers)}"
    with untouched(prod, database):
        prod.execute(f"BEGIN; INSERT INTO content VALUES ('x'); PREPARE TRANSACTION '{gid}'", database.name)
        with pytest.raises(Refused, match=gid) as refused:
            cutover.swap(Place(database, "p"), made.name, allow=[gid])
        prod.execute(f"ROLLBACK PREPARED '{gid}'", database.name)
    assert rules(refused.value) == ["swap_prepared_transaction"]

    cutover.swap(Place(database, "p"), made.name)


def test_a_prepared_transaction_that_was_left_is_known_from_one_that_will_end(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = shop(prod)
    gid = f"it's left {next(prod.numbers)}"
    literal = gid.replace("'", "''")
    prod.execute(f"BEGIN; INSERT INTO content VALUES ('x'); PREPARE TRANSACTION '{literal}'", database.name)
    with connect(database, "test") as session:
        side = obstacles.side(session, database.name)
        (fresh,) = obstacles.find(session, side)
        monkeypatch.setattr(obstacles, "LEFT", timedelta(microseconds=1))
        (left,) = obstacles.find(session, side)
    prod.execute(f"ROLLBACK PREPARED '{literal}'", database.name)

    assert (fresh.rule in obstacles.PASSING, left.rule in obstacles.PASSING) == (True, False)
    assert "over a minute ago" in left.message
    assert left.hint == fresh.hint
    assert f"ROLLBACK PREPARED '{literal}'" in left.hint


def test_a_transaction_prepared_after_the_checks_makes_us_give_up_within_the_limit(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = shop(prod)
    gid = f"gid_{next(prod.numbers)}"
    carry = cutover._carry

    def meanwhile(exchange: cutover._Exchange) -> None:
        carry(exchange)
        prod.execute(f"BEGIN; INSERT INTO content VALUES ('x'); PREPARE TRANSACTION '{gid}'", database.name)

    monkeypatch.setattr(cutover, "_carry", meanwhile)
    with untouched(prod, database):
        told = r"statement timeout.*Prod is as it was, and open"
        with pytest.raises(CutOverFailed, match=told) as failure:
            cutover.swap(Place(database, "p"), made.name, limit_seconds=0.5)
        assert failure.value.outcome == UNTOUCHED
        prod.execute(f"ROLLBACK PREPARED '{gid}'", database.name)
    assert oid(prod, made.name) == made.oid


@pytest.fixture(scope="module")
def logical() -> Iterator[Server]:
    home = Path(tempfile.mkdtemp(prefix="pgpromote-tests-"))
    home.chmod(0o711)
    settings = {**FAST, "wal_level": "logical"}
    with servers.running(home / "logical", servers.binaries(16), settings=settings) as cluster:
        yield Server(cluster, 16)
    shutil.rmtree(home)


@pytest.mark.versions(15, 18)
def test_a_replication_slot_is_refused_unless_it_is_allowed_by_name(logical: Server) -> None:
    prod = logical
    database, made = shop(prod)
    slot = f"slot_{next(prod.numbers)}"
    prod.execute(f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')", database.name)
    with untouched(prod, database), pytest.raises(Refused, match=slot) as refused:
        cutover.swap(Place(database, "p"), made.name, allow=["another"])
    assert rules(refused.value) == ["swap_replication_slot"]

    done = cutover.swap(Place(database, "p"), made.name, allow=[slot])

    kept = previous.retain(Place(database), keep=0)
    assert kept.dropped == ()
    assert [(f.rule, f.object) for f in kept.findings] == [("previous_kept", done.previous)]
    assert slot in kept.findings[0].message
    prod.execute(f"SELECT pg_drop_replication_slot('{slot}')")
    assert previous.retain(Place(database), keep=0).dropped == (done.previous,)


def test_a_subscription_is_refused_unless_it_is_allowed_by_name(prod: Server) -> None:
    database, made = shop(prod)
    name = f"sub_{next(prod.numbers)}"
    prod.execute(
        f"CREATE SUBSCRIPTION {name} CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)",
        database.name,
    )
    with untouched(prod, database), pytest.raises(Refused, match=name) as refused:
        cutover.swap(Place(database, "p"), made.name)
    assert rules(refused.value) == ["swap_subscription"]

    done = cutover.swap(Place(database, "p"), made.name, allow=[name])

    assert "subscription" in previous.retain(Place(database), keep=0).findings[0].message
    prod.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}", done.previous)


def test_a_prod_that_was_replaced_since_the_shadow_was_made_is_refused(prod: Server) -> None:
    database, made = shop(prod)
    prod.execute(f"DROP DATABASE {database.name}")
    prod.new_database(content("another"), database.name)

    with untouched(prod, database), pytest.raises(Refused, match="replaced") as refused:
        cutover.swap(Place(database, "p"), made.name)

    assert rules(refused.value) == ["target_unchanged"]


def test_a_prod_that_is_replaced_after_the_checks_stays(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = shop(prod)
    carry, replaced = cutover._carry, f"{database.name}_replaced"

    def meanwhile(exchange: cutover._Exchange) -> None:
        carry(exchange)
        if oid(prod, database.name) == made.prod_oid:
            prod.execute(f"ALTER DATABASE {database.name} RENAME TO {replaced}")
            prod.new_database(content("another"), database.name)

    monkeypatch.setattr(cutover, "_carry", meanwhile)
    with pytest.raises(Refused, match="replaced"):
        cutover.swap(Place(database, "p"), made.name)

    assert word(prod, database) == "another"
    assert prod.rows("SELECT word FROM content", replaced) == [("old",)]
    assert oid(prod, made.name) == made.oid


def test_a_setting_made_while_we_wait_for_the_sessions_is_carried_over(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = shop(prod)
    carry = cutover._carry

    def meanwhile(exchange: cutover._Exchange) -> None:
        carry(exchange)
        with psycopg.connect(prod.url(), autocommit=True) as session:
            session.execute("SET lock_timeout = '50ms'")
            try:
                session.execute(f"ALTER DATABASE {database.name} SET work_mem = '9MB'".encode())
            except psycopg.errors.LockNotAvailable:
                locked.append(True)

    locked: list[bool] = []
    monkeypatch.setattr(cutover, "_carry", meanwhile)

    cutover.swap(Place(database, "p"), made.name)

    assert prod.rows("SHOW work_mem", database.name) == [("9MB",)]
    assert locked == [True]


def test_only_a_marked_shadow_of_this_prod_is_swapped_in(prod: Server) -> None:
    database, _ = shop(prod)
    _, foreign = shop(prod)

    with untouched(prod, database):
        for name in (database.name, "template1", "postgres", "nowhere", foreign.name):
            with pytest.raises(Refused, match="not marked"):
                cutover.swap(Place(database, "p"), name)


def test_the_database_of_the_lock_is_never_swapped(prod: Server) -> None:
    target = login(prod, "postgres", "postgres")
    made = shadow.create(Place(target, "p"))

    with pytest.raises(Refused) as refused:
        cutover.swap(Place(target, "p"), made.name)

    assert "swap_target" in rules(refused.value)


# Without superuser ----------------------------------------------------------------------------------------


def owned_shop(server: Server, options: str = "CREATEDB") -> tuple[Database, Shadow]:
    """Make a prod and a shadow of a role that is no superuser."""
    (owner,) = roles(server, 1, options)
    database = server.new_database(content("old"))
    server.execute(f"ALTER DATABASE {database.name} OWNER TO {owner}")
    ours = login(server, database.name, owner)
    return ours, shadow.create(Place(ours, "p"))


def test_an_owner_who_may_create_databases_can_swap_and_roll_back(prod: Server) -> None:
    ours, made = owned_shop(prod)
    prod.execute(
        f"ALTER DATABASE {ours.name} SET work_mem = '9MB'; REVOKE ALL ON DATABASE {ours.name} FROM PUBLIC"
    )
    before = configuration(prod, ours.name)
    user = ours.parameters["user"]
    with psycopg.connect(prod.url(ours.name, user)):
        done = cutover.swap(Place(ours, "p"), made.name)
    assert (oid(prod, ours.name), configuration(prod, ours.name)) == (made.oid, before)

    cutover.rollback(Place(ours, "p"))

    assert (oid(prod, ours.name), configuration(prod, ours.name)) == (made.prod_oid, before)
    assert previous.history(Place(ours))[0].name != done.previous


@pytest.mark.versions(15, 18)
def test_a_session_that_we_may_not_end_is_refused_by_its_user(prod: Server) -> None:
    ours, made = owned_shop(prod)
    with psycopg.connect(prod.url(ours.name)) as superuser:
        with pytest.raises(Refused, match="of postgres") as refused:
            cutover.swap(Place(ours, "p"), made.name)
        superuser.execute("SELECT 1")
    assert rules(refused.value) == ["swap_session"]

    (other,) = roles(prod, 1)
    with psycopg.connect(prod.url(ours.name, other)):
        with pytest.raises(Refused, match=other):
            cutover.swap(Place(ours, "p"), made.name)
        prod.execute(f"GRANT pg_signal_backend TO {ours.parameters['user']}")
        cutover.swap(Place(ours, "p"), made.name)
    assert oid(prod, ours.name) == made.oid


def test_a_session_that_we_may_not_end_and_that_comes_after_the_checks_makes_us_give_up(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, made = owned_shop(prod)
    carry = cutover._carry
    with ExitStack() as stack:

        def meanwhile(exchange: cutover._Exchange) -> None:
            carry(exchange)
            stack.enter_context(psycopg.connect(prod.url(ours.name)))

        monkeypatch.setattr(cutover, "_carry", meanwhile)
        with (
            untouched(prod, ours),
            pytest.raises(CutOverFailed, match=r"permission denied to terminate|must be a") as failure,
        ):
            cutover.swap(Place(ours, "p"), made.name)
    assert failure.value.outcome == UNTOUCHED


@pytest.mark.versions(15, 18)
def test_a_session_that_is_ended_in_the_swap_says_for_certain_that_prod_is_the_old_one(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = shop(prod)
    carry = cutover._carry

    def meanwhile(exchange: cutover._Exchange) -> None:
        carry(exchange)
        prod.execute(f"SELECT pg_terminate_backend({exchange.session.info.backend_pid}, 5000)")

    monkeypatch.setattr(cutover, "_carry", meanwhile)
    with untouched(prod, database), pytest.raises(CutOverFailed, match="terminating") as failure:
        cutover.swap(Place(database, "p"), made.name)
    assert failure.value.outcome == UNTOUCHED


@pytest.mark.versions(15, 18)
def test_rights_that_are_missing_are_refused_together(prod: Server) -> None:
    database, made = shop(prod)
    (stranger,) = roles(prod, 1)

    with untouched(prod, database), pytest.raises(Refused) as refused:
        cutover.swap(Place(login(prod, database.name, stranger), "p"), made.name)

    assert rules(refused.value) == ["swap_owner", "swap_owner", "swap_create_database"]
