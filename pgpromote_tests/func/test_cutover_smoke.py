"""A new prod that does not answer by its name is swapped back, and prod is as it was before."""

import pytest

from pgpromote.postgres.databases import cutover, previous, shadow
from pgpromote.postgres.databases.mark import Kind, find
from pgpromote.postgres.databases.shadow import Shadow
from pgpromote.postgres.errors import UNTOUCHED, CutOverFailed
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.func.shops import configuration, content, login, oid, roles, shop, untouched, word
from pgpromote_tests.servers import Server

REFUSE = """CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'closed today'; END $$;
CREATE EVENT TRIGGER refuse ON login EXECUTE FUNCTION refuse(); ALTER EVENT TRIGGER refuse ENABLE ALWAYS"""


def swapped_back(prod: Server, database: Database, made: Shadow, told: str) -> None:
    """Swap, and check that everything has the name, the mark and the comment that it had before."""
    prod.execute(f"COMMENT ON DATABASE {database.name} IS 'the shop'")
    with untouched(prod, database):
        with pytest.raises(CutOverFailed, match=told) as failure:
            cutover.swap(Place(database, "p"), made.name)
        assert "swapped back" in failure.value.message
        assert failure.value.outcome == UNTOUCHED
    assert oid(prod, made.name) == made.oid
    assert previous.history(Place(database)) == []
    with connect(database.at("postgres")) as session:
        assert [each.name for each in find(session, database.name, Kind.SHADOW)] == [made.name]
    shadow.drop(Place(database), made.name)


@pytest.mark.versions(18)
def test_a_new_prod_whose_login_trigger_keeps_everybody_out_is_swapped_back(prod: Server) -> None:
    database, made = shop(prod)
    prod.execute(REFUSE, made.name)
    swapped_back(prod, database, made, r"function refuse\(\) line 1")


def test_a_new_prod_that_accepts_no_connection_is_swapped_back(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = shop(prod)

    carry, closed = cutover._carry, list[bool]()

    def meanwhile(exchange: cutover._Exchange) -> None:
        if not closed:  # the second time, the names are exchanged already
            prod.execute(f"ALTER DATABASE {made.name} ALLOW_CONNECTIONS false")
        closed.append(True)
        carry(exchange)

    monkeypatch.setattr(cutover, "_carry", meanwhile)
    with pytest.raises(CutOverFailed, match="not currently accepting"):
        cutover.swap(Place(database, "p"), made.name)
    assert word(prod, database) == "old"
    assert oid(prod, made.name) == made.oid


def test_a_new_prod_that_cannot_be_queried_is_swapped_back(prod: Server) -> None:
    database, made = shop(prod)
    prod.execute("ALTER FUNCTION pg_encoding_to_char(integer) RENAME TO gone", made.name)
    swapped_back(prod, database, made, "pg_encoding_to_char")


def test_a_new_prod_that_answers_is_said_to_have_answered(prod: Server) -> None:
    database, made = shop(prod)
    assert cutover.swap(Place(database, "p"), made.name).tested
    assert not cutover.rollback(Place(database, "p")).tested


def test_a_prod_that_did_not_answer_us_before_is_swapped_and_said_to_be_untested(prod: Server) -> None:
    (owner,) = roles(prod, 1, "CREATEDB")
    database = prod.new_database(content("old"))
    prod.execute(f"ALTER DATABASE {database.name} OWNER TO {owner}")
    ours = login(prod, database.name, owner)
    made = shadow.create(Place(ours, "p"))
    prod.execute(content("new"), made.name)
    prod.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 0")
    before = configuration(prod, database.name)

    done = cutover.swap(Place(ours, "p"), made.name)

    assert not done.tested
    assert (word(prod, database), configuration(prod, database.name)) == ("new", before)


def test_a_new_prod_that_cannot_be_swapped_back_says_where_the_old_content_is(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = shop(prod)
    prod.execute("ALTER FUNCTION pg_encoding_to_char(integer) RENAME TO gone", made.name)
    gid = f"gid_{next(prod.numbers)}"
    silence = cutover._persistent_silence

    def somebody_prepares(place: Place, oid: int) -> str:
        found = silence(place, oid)
        prod.execute(f"BEGIN; INSERT INTO content VALUES ('x'); PREPARE TRANSACTION '{gid}'", database.name)
        return found

    monkeypatch.setattr(cutover, "_persistent_silence", somebody_prepares)
    with pytest.raises(CutOverFailed, match=f"Swapping back failed.*{gid}") as failure:
        cutover.swap(Place(database, "p"), made.name)
    prod.execute(f"ROLLBACK PREPARED '{gid}'", database.name)
    (kept,) = previous.history(Place(database))
    assert kept.name in failure.value.hint
    cutover.rollback(Place(database, "p"))
    assert word(prod, database) == "old"
