"""History and retention of what prod was before."""

from datetime import timedelta

import psycopg
import pytest

from pgpromote.postgres.databases import cutover, hold, previous, shadow
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, clock, parse_url
from pgpromote_tests.servers import Server


def promoted(server: Server, times: int) -> tuple[Database, list[str]]:
    """Promote a prod so many times; return the names of the previous ones, newest first."""
    database = server.new_database()
    server.execute(f"COMMENT ON DATABASE {database.name} IS 'the shop'")
    names = [
        cutover.swap(Place(database, f"p{n}"), shadow.create(Place(database, f"p{n}")).name).previous
        for n in range(times)
    ]
    return database, names[::-1]


def databases(server: Server, like: str) -> set[object]:
    return {
        name
        for (name,) in server.rows(f"SELECT datname FROM pg_database WHERE starts_with(datname, '{like}')")
    }


def test_the_history_says_what_there_is_newest_first(prod: Server) -> None:
    database, names = promoted(prod, 3)

    found = previous.history(Place(database))

    assert [each.name for each in found] == names
    assert [each.promotion for each in found] == ["p2", "p1", "p0"]
    assert [each.owner for each in found] == ["postgres"] * 3
    assert [each.comment for each in found] == ["the shop"] * 3
    assert all(each.usable and each.size and each.size > 1_000_000 for each in found)
    assert found[0].swapped_at > found[1].swapped_at > found[2].swapped_at
    assert found[0].swapped_at.utcoffset() == timedelta(0)


def test_the_newest_and_the_oldest_of_a_day_are_kept(prod: Server) -> None:
    database, names = promoted(prod, 5)
    assert previous.beyond(Place(database), keep=2, swapped=False) == tuple(names[2:4])

    assert previous.retain(Place(database), keep=2).dropped == tuple(names[2:4])

    assert databases(prod, database.name) == {database.name, *names[:2], names[4]}
    assert previous.retain(Place(database), keep=2).dropped == ()


def test_the_one_more_is_the_newest_that_has_reached_the_age(prod: Server) -> None:
    database, names = promoted(prod, 4)

    assert previous.retain(Place(database), keep=1, min_age=timedelta(0)).dropped == tuple(names[2:])

    assert databases(prod, database.name) == {database.name, *names[:2]}


def next_promotion(place: Place) -> str:
    return cutover.swap(place, shadow.create(place).name).previous


@pytest.mark.parametrize("rollbacks", [1, 3])
@pytest.mark.parametrize("later", [2, 5])
def test_what_was_prod_before_a_bad_morning_stays_also_after_it_was_brought_back(
    prod: Server, rollbacks: int, later: int
) -> None:
    database, (*_, first) = promoted(prod, 4)
    place = Place(database, "morning")
    prod.execute("CREATE TABLE only_here ()", first)
    for number in range(rollbacks):  # there, and back, and there again
        back = cutover.rollback(place, name=first if number == 0 else "").previous
    assert back
    with promotion_lock(place):
        hold.release(place)
    for _ in range(later):
        next_promotion(place)
        previous.retain(place, keep=1)

    left = [each.name for each in previous.history(place)]
    assert len(left) == 2
    assert prod.rows("SELECT to_regclass('only_here') IS NOT NULL", left[-1]) == [(True,)]


def test_what_was_changed_in_place_after_it_was_brought_back_is_no_older_than_that(prod: Server) -> None:
    database, (*_, first) = promoted(prod, 3)
    place = Place(database, "morning")
    cutover.rollback(place, name=first)
    with place.session() as session:
        now = clock(session)
    previous.mark_overwritten(place, now)
    with promotion_lock(place):
        hold.release(place)
    ended = next_promotion(place)
    next_promotion(place)

    previous.retain(place, keep=1)

    assert ended not in {each.name for each in previous.history(place)}


def test_a_swap_to_come_is_counted_by_what_it_would_drop(prod: Server) -> None:
    database, names = promoted(prod, 3)

    assert previous.beyond(Place(database), keep=2) == (names[1],)
    assert previous.beyond(Place(database), keep=2, swapped=False) == ()
    assert previous.beyond(Place(database), keep=0) == tuple(names)

    cutover.swap(Place(database, "p"), shadow.create(Place(database, "p")).name)
    assert previous.retain(Place(database), keep=2).dropped == (names[1],)


def test_one_that_is_in_use_stays(prod: Server) -> None:
    database, names = promoted(prod, 2)

    with psycopg.connect(prod.url(names[1])) as rescuer:
        retained = previous.retain(Place(database), keep=0)
        rescuer.execute("SELECT 1")

    assert retained.dropped == (names[0],)
    assert [(f.object, "1 session(s)" in f.message) for f in retained.findings] == [(names[1], True)]


def test_only_marked_databases_of_this_prod_are_dropped(prod: Server) -> None:
    database, (name,) = promoted(prod, 1)
    other, (others,) = promoted(prod, 1)
    lookalike = f"{database.name}__previous_20200101_000000_000"
    prod.execute(f"CREATE DATABASE {lookalike}")

    assert previous.retain(Place(database), keep=0).dropped == (name,)

    assert databases(prod, lookalike) == {lookalike}
    assert databases(prod, other.name) >= {other.name, others}


def test_one_that_cannot_be_brought_back_takes_nobody_s_place(prod: Server) -> None:
    database, names = promoted(prod, 5)
    prod.execute(f"ALTER DATABASE {names[0]} ALLOW_CONNECTIONS false")

    assert previous.retain(Place(database), keep=2).dropped == (names[3],)

    assert databases(prod, database.name) == {database.name, *names[:3], names[4]}


def test_one_that_was_made_a_template_to_keep_it_stays(prod: Server) -> None:
    database, names = promoted(prod, 2)
    prod.execute(f"ALTER DATABASE {names[0]} IS_TEMPLATE true")

    retained = previous.retain(Place(database), keep=0)

    assert retained.dropped == (names[1],)
    assert [(f.object, "template" in f.message) for f in retained.findings] == [(names[0], True)]
    prod.execute(f"ALTER DATABASE {names[0]} IS_TEMPLATE false")


def test_one_of_another_owner_stays_and_does_not_fail_the_promotion(prod: Server) -> None:
    database, (name,) = promoted(prod, 1)
    role = f"deploy_{database.name}"
    prod.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{prod.cluster.password}'")
    prod.execute(f"ALTER DATABASE {database.name} OWNER TO {role}")
    ours = parse_url(prod.url(database.name, role), "PROD_DATABASE_URL")

    retained = previous.retain(Place(ours), keep=0)

    assert retained.dropped == ()
    assert [(f.object, "owner" in f.message) for f in retained.findings] == [(name, True)]


def test_one_whose_drop_was_cut_short_is_shown_and_dropped_but_never_swapped_in(prod: Server) -> None:
    database, (name,) = promoted(prod, 1)
    with psycopg.connect(prod.url(), autocommit=True) as session:
        # what the server itself leaves then
        session.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = %s", [name])

    assert [each.usable for each in previous.history(Place(database))] == [False]
    with pytest.raises(Refused, match="no previous"):
        cutover.rollback(Place(database, "p"))
    assert previous.retain(Place(database), keep=0).dropped == (name,)


def test_one_that_was_renamed_to_keep_it_stays_is_listed_and_can_come_back(prod: Server) -> None:
    database, (newer, older) = promoted(prod, 2)
    keepsake = f"{database.name}_before_the_migration"
    prod.execute(f"ALTER DATABASE {older} RENAME TO {keepsake}")

    retained = previous.retain(Place(database), keep=0)

    assert (retained.dropped, retained.findings) == ((newer,), ())
    assert [each.name for each in previous.history(Place(database))] == [keepsake]
    cutover.rollback(Place(database, "p"), name=keepsake)
    assert keepsake not in databases(prod, database.name)


def test_one_with_a_name_that_had_to_be_cut_is_dropped(prod: Server) -> None:
    database = prod.new_database(name=f"{'ä' * 28}{next(prod.numbers):03}")
    name = cutover.swap(Place(database, "p"), shadow.create(Place(database, "p")).name).previous
    assert not name.startswith(database.name)

    assert previous.retain(Place(database), keep=0).dropped == (name,)


def test_one_of_an_earlier_owner_is_neither_dropped_nor_passed_over_in_silence(prod: Server) -> None:
    database, (name,) = promoted(prod, 1)
    role = f"earlier_{database.name}"
    prod.execute(f"CREATE ROLE {role}; ALTER DATABASE {name} OWNER TO {role}")

    retained = previous.retain(Place(database), keep=0)

    assert retained.dropped == ()
    assert [(f.rule, f.object, role in f.message) for f in retained.findings] == [
        ("previous_owner", name, True)
    ]
    assert [(each.name, each.usable) for each in previous.history(Place(database))] == [(name, False)]


def test_a_stranger_s_database_with_a_copied_mark_is_not_listed(prod: Server) -> None:
    database, (name,) = promoted(prod, 1)
    forged, role = f"{database.name}__previous_forged", f"stranger_{database.name}"
    prod.execute(f"CREATE ROLE {role}")
    prod.execute(f"CREATE DATABASE {forged} OWNER {role}")
    ((text,),) = prod.rows(
        f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'"
    )
    prod.execute(
        psycopg.sql.SQL("COMMENT ON DATABASE {} IS {}")
        .format(psycopg.sql.Identifier(forged), psycopg.sql.Literal(text))
        .as_string()
    )

    assert [each.name for each in previous.history(Place(database))] == [name]
