"""A rollback puts prod on hold: whatever starts by itself is refused until somebody resumes."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.sql import SQL, Identifier

from pgpromote.postgres.databases import cutover, hold, previous, shadow
from pgpromote.postgres.databases.mark import End, Provenance
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote.postgres.strategy import CLEAN, SWAP
from pgpromote.promotion import TARGET
from pgpromote.run import retention, rollback
from pgpromote.run.options import Options
from pgpromote.run.steps import RETAIN, promote
from pgpromote.settings import from_environment
from pgpromote_tests import runs
from pgpromote_tests.func.command_line import CommandLine
from pgpromote_tests.func.shops import NAMES, content, login, new_name, roles, shop, word
from pgpromote_tests.func.walks import Stage, stage
from pgpromote_tests.runs import checks_of, outputs_of
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long

AT = datetime(2026, 3, 1, 4, 5, 6, 78900, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 4, 5, 6, tzinfo=UTC)


def table(number: int) -> str:
    return f"CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES ({number})"


@pytest.fixture
def as_superuser(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    """Return a prod whose one row says 1, promoted into by a superuser."""
    return stage(dev, prod, tmp_path, "CREATE TABLE t (n int PRIMARY KEY)", table(1))


@pytest.fixture
def night(as_superuser: Stage) -> Stage:
    """Return the same prod, promoted into by its plain owner."""
    return owned(as_superuser)


def owned(made: Stage) -> Stage:
    """Give prod to a role that may create databases, and promote as that."""
    (owner,), name = roles(made.prod, 1, "CREATEDB"), made.promotion.target().name
    made.prod.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    made.in_prod(f"ALTER TABLE t OWNER TO {owner}")
    return elsewhere(made, **{TARGET: made.prod.url(name, owner)})


def elsewhere(made: Stage, **settings: str) -> Stage:
    """Return the same prod with other settings, as another machine may have them."""
    return replace(made, promotion=from_environment({**made.promotion.environment, **settings}))


def promote_number(made: Stage, number: int, **options: object) -> None:
    """Promote a dev whose one row says the number, and drop what is beyond what is kept."""
    made.in_dev(f"DELETE FROM t; INSERT INTO t VALUES ({number})")
    made.dump()
    with made.walk(**options) as run:
        promote(run)
        RETAIN.walk(run)


def back(made: Stage, name: str = "") -> None:
    with made.walk() as run:
        rollback.bring_back(run.promotion, run.run_id, name)


def resume(made: Stage) -> None:
    assert hold.release(made.promotion.place())


def number(made: Stage) -> object:
    ((found,),) = made.prod.rows("SELECT n FROM t", made.promotion.target().name)
    return found


def commands(made: Stage, directory: Path) -> CommandLine:
    return CommandLine(directory, made.promotion.environment)


# Yesterday is one command away ------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["superuser", "owner"])
def test_the_prod_of_the_morning_outlives_a_restore_a_refresh_a_rollback_and_a_sensor(
    as_superuser: Stage, whose: str
) -> None:
    night = as_superuser if whose == "superuser" else owned(as_superuser)
    promote_number(night, 2)
    (morning,) = night.beside()
    promote_number(night, 3)
    back(night)
    assert number(night) == 2
    with pytest.raises(Refused, match="not_on_hold"):
        promote_number(night, 4)
    resume(night)
    promote_number(night, 4)  # what the sensor brings

    assert morning in night.beside()
    back(night, morning)
    assert number(night) == 1


def test_a_rollback_that_is_taken_back_costs_nobody_s_place(night: Stage) -> None:
    promote_number(night, 2)
    back(night)
    back(night)  # 2 was good after all
    assert number(night) == 2
    ends = [each.ended for each in previous.history(night.promotion.place())]
    assert ends == [End.RETURN]
    resume(night)
    promote_number(night, 3)

    assert at_hand(night) == {1, 2}


def at_hand(made: Stage) -> set[object]:
    """Say what the previous databases hold."""
    return {made.prod.rows("SELECT n FROM t", name)[0][0] for name in made.beside()}


def test_what_was_put_aside_goes_with_the_first_promotion_after_resume(night: Stage) -> None:
    promote_number(night, 2)
    back(night)
    promote_number(night, 3, despite_hold=True)  # by a person, who was asked
    assert at_hand(night) == {1, 2}
    plan = retention.beyond(night.promotion, "test", Options())
    assert plan == ()

    resume(night)
    (planned,) = retention.beyond(night.promotion, "test", Options())
    promote_number(night, 4)

    assert at_hand(night) == {1, 3}
    assert planned not in night.beside()


def test_though_none_is_kept_what_was_put_aside_stays_while_prod_is_on_hold(night: Stage) -> None:
    night = elsewhere(night, PGPROMOTE_KEEP="0")
    night.in_dev("INSERT INTO t VALUES (2)")
    night.promote()
    back(night)
    promote_number(night, 3, despite_hold=True)
    assert at_hand(night) == {2}

    resume(night)
    promote_number(night, 4)

    assert night.beside() == []


# Who is refused ---------------------------------------------------------------------------------------------


def test_every_start_without_a_person_is_refused_from_any_machine_until_resume(
    night: Stage, tmp_path: Path
) -> None:
    promote_number(night, 2)
    back(night)
    other = elsewhere(night, PGPROMOTE_NAME="other", PGPROMOTE_DUMP_DIR=str(tmp_path / "other"))
    other.dump()
    there = commands(other, tmp_path)

    with night.untouched():
        for command in ("restore", "check"):
            told = there.run(command)
            assert told.returncode == 3, told.text
            assert "pgpromote resume" in told.text
        (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        refreshed = there.having(DAGSTER_HOME=str(tmp_path)).run("refresh")
        assert refreshed.returncode == 3, refreshed.text
        result = runs.run(other.promotion, "restore_prod")  # what the sensor starts
        assert not result.success
        found = checks_of(result, "prod_schema")["not_on_hold"]
        assert (found.passed, "put aside" in str(found.description)) == (False, True)
        assert there.run("rehearse").returncode == 0
        assert "pgpromote resume" in there.run("plan").stderr

    assert "is dropped after the next good promotion" in there.run("resume").stdout
    assert there.run("resume").stdout.endswith("is not on hold.\n")
    done = there.run("restore")
    assert done.returncode == 0, done.text


def test_a_rollback_by_a_safety_archive_holds_as_well(night: Stage) -> None:
    promote_number(night, 2, strategy=CLEAN)
    back(night)
    assert number(night) == 1
    for strategy in (SWAP, CLEAN):
        with pytest.raises(Refused, match="not_on_hold"):
            promote_number(night, 3, strategy=strategy)


def test_the_job_rollback_prod_asks_nobody_and_holds(night: Stage) -> None:
    promote_number(night, 2)

    result = runs.run(night.promotion, "rollback_prod")

    assert result.success
    assert number(night) == 1
    shown = outputs_of(result, "rollback")["result"]
    assert "pgpromote resume" in str(shown["on hold"].value)
    assert hold.read(night.promotion.place())


# Where it is kept -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """A prod that its owner has rolled back from `aside`."""

    database: Database
    aside: str


def rolled_back(prod: Server, name: str, owner: str) -> Held:
    database, _ = shop(prod, name)
    shadow.drop_orphans(Place(database, "q"))
    prod.execute(SQL("ALTER DATABASE {} OWNER TO {}").format(*map(Identifier, (name, owner))).as_string())
    ours = login(prod, name, owner)
    made = shadow.create(Place(ours, "p"))
    prod.execute(content("new"), made.name)
    cutover.swap(Place(ours, "p"), made.name, came=Provenance("shop", "p", "shop.dump", "ab" * 32))
    return Held(ours, cutover.rollback(Place(ours, "r")).previous)


@pytest.mark.parametrize("kind", NAMES)
def test_a_plain_owner_writes_it_and_ends_it_whatever_the_name(prod: Server, kind: str) -> None:
    (owner,) = roles(prod, 1, "CREATEDB")
    held = rolled_back(prod, new_name(prod, kind), owner)
    assert word(prod, held.database) == "old"

    found = hold.read(Place(held.database))
    assert found
    assert (found.database, found.owner, found.was and found.was.archive) == (held.aside, owner, "shop.dump")
    assert hold.release(Place(held.database)) == found

    assert hold.read(Place(held.database)) is None
    assert [each.held_at for each in previous.history(Place(held.database))] == [None]


def test_it_survives_swaps_and_a_rename_and_the_next_rollback(prod: Server) -> None:
    (owner,) = roles(prod, 1, "CREATEDB")
    held = rolled_back(prod, new_name(prod, "plain"), owner)
    cutover.swap(Place(held.database, "s"), shadow.create(Place(held.database, "s")).name)
    assert hold.read(Place(held.database))
    prod.execute(f"ALTER DATABASE {held.aside} RENAME TO {held.aside}_kept")
    assert hold.read(Place(held.database))
    cutover.rollback(Place(held.database, "t"), name=f"{held.aside}_kept")
    assert hold.read(Place(held.database))


def test_it_holds_one_prod_of_a_server_and_not_its_neighbours(prod: Server) -> None:
    (owner,) = roles(prod, 1, "CREATEDB")
    held = rolled_back(prod, new_name(prod, "quotes"), owner)
    neighbour, _ = shop(prod, new_name(prod, "quotes"))

    assert hold.read(Place(held.database))
    assert hold.read(Place(neighbour)) is None


def test_it_holds_though_prod_has_got_another_owner_who_is_told_what_ends_it(prod: Server) -> None:
    earlier, later = roles(prod, 2, "CREATEDB")
    held = rolled_back(prod, new_name(prod, "plain"), earlier)
    prod.execute(f"ALTER DATABASE {held.database.name} OWNER TO {later}")
    theirs = login(prod, held.database.name, later)
    assert hold.read(Place(theirs))

    with pytest.raises(Refused, match=f"Only its owner {earlier}") as refused:
        hold.release(Place(theirs))

    assert hold.read(Place(theirs))
    prod.execute(refused.value.findings[0].hint.partition("or: ")[2])
    assert hold.release(Place(theirs))
    assert hold.read(Place(theirs)) is None


# What prod is, and what it was ------------------------------------------------------------------------------


def test_the_status_says_from_which_archive_prod_came_and_follows_every_turn(night: Stage) -> None:
    def status() -> rollback.Status:
        with night.walk() as run:
            return rollback.status(run.promotion, run.run_id)

    assert status().came is None
    promote_number(night, 2)
    first = status().came
    assert first
    assert (first.promotion, first.archive) == (night.promotion.name, night.promotion.archive_path.name)
    assert first.sha256
    promote_number(night, 3)
    second = status()
    assert second.came
    assert second.came.sha256 not in {None, first.sha256}
    (newest, oldest) = previous.history(night.promotion.place())
    assert (newest.was, newest.ended) == (first, End.PROMOTION)
    assert oldest.was is None
    assert second.held is None
    assert second.newest == newest

    back(night)

    third = status()
    assert third.came
    assert (third.came.sha256, third.came.oid) == (first.sha256, first.oid)
    assert third.came.since == third.held.since if third.held else None
    assert third.newest
    assert (third.newest.was, third.newest.ended) == (second.came, End.ROLLBACK)


def test_what_was_changed_in_place_since_is_told(night: Stage) -> None:
    promote_number(night, 2)
    promote_number(night, 3, strategy=CLEAN)
    with night.walk() as run:
        came = rollback.status(run.promotion, run.run_id).came
    assert came
    assert came.changed_at
    assert came.since
    assert came.changed_at > came.since


def test_a_rollback_of_another_prod_than_was_shown_is_refused(night: Stage) -> None:
    promote_number(night, 2)
    with night.walk() as run:
        way = rollback.choose(run.promotion, run.run_id)
    promote_number(night, 3)

    with night.untouched(), night.walk() as run, pytest.raises(Refused, match="no longer what was shown"):
        rollback.bring_back(run.promotion, run.run_id, way.name, shown=way.now)
