"""The shadow database: it is like prod, nobody else can use it, and only ours are ever dropped."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from pgpromote.postgres.databases import mark, shadow
from pgpromote.postgres.databases.mark import Kind, Mark, name_beside
from pgpromote.postgres.databases.shadow import UNFINISHED, Origin
from pgpromote.postgres.errors import ConnectionFailed, PgpromoteError, Refused, SessionFailed
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.func.shops import NAMES, login, new_name
from pgpromote_tests.servers import Server

LIKE_PROD = """
SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), dattablespace
  FROM pg_database AS d WHERE datname = '{}'"""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOCALES = {
    "libc": "ENCODING 'UTF8' LOCALE 'C.UTF-8'",
    "another encoding": "ENCODING 'LATIN1' LOCALE 'C'",
    "two locales": "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'",
}


def check_likeness(server: Server, options: str) -> None:
    name = f"shop_{next(server.numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")

    made = shadow.create(Place(login(server, name, "postgres"), "p"))

    assert server.rows(LIKE_PROD.format(made.name)) == server.rows(LIKE_PROD.format(name))


def databases(server: Server) -> set[object]:
    return {name for (name,) in server.rows("SELECT datname FROM pg_database")}


def role(server: Server, options: str = "") -> str:
    """Create a role that can log in with the server's one password."""
    name = f"shadow_role_{next(server.numbers)}"
    password = psycopg.sql.Literal(server.cluster.password).as_string()
    server.execute(f"CREATE ROLE {name} LOGIN {options} PASSWORD {password}")
    return name


def orphans(prod: Database, promotion: str) -> list[str]:
    with connect(prod.at("postgres"), promotion, autocommit=True) as session:
        return shadow.orphans(session, prod.name)


def unfinished(server: Server, prod: str) -> str:
    """Leave what a death between CREATE DATABASE and the mark leaves."""
    name = name_beside(prod, "__shadow_0123abcd")
    server.execute(
        f'CREATE DATABASE "{name}" TEMPLATE template0 ALLOW_CONNECTIONS false CONNECTION LIMIT {UNFINISHED}'
    )
    return name


# Like prod ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.versions(15, 16, 17, 18)
def test_a_shadow_has_the_encoding_and_locale_of_prod(locale: str, prod: Server) -> None:
    check_likeness(prod, LOCALES[locale])


@pytest.mark.versions(18)
def test_a_shadow_has_the_builtin_locale_of_prod(prod: Server) -> None:
    check_likeness(
        prod, "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST' LOCALE 'C'"
    )


def test_a_shadow_lies_in_the_tablespace_of_prod(prod: Server) -> None:
    space = f"space_{next(prod.numbers)}"
    with psycopg.connect(prod.url(), autocommit=True) as session:
        session.execute("SET allow_in_place_tablespaces = on")
        session.execute(f"CREATE TABLESPACE {space} LOCATION ''".encode())

    check_likeness(prod, f"TABLESPACE {space}")


@pytest.mark.versions(15, 16, 17, 18)
def test_an_icu_database_is_asked_for_with_its_locale_and_rules() -> None:
    # No server of the tests is built with ICU.
    origin = Origin(1, "shop", "UTF8", "C", "C", "i", "de-AT", "&a < g", None, NOW)

    assert " LOCALE_PROVIDER icu LC_COLLATE 'C' LC_CTYPE 'C' ICU_LOCALE 'de-AT' ICU_RULES '&a < g' " in (
        shadow.plan("s", origin).sql
    )
    assert "ICU" not in shadow.plan("s", replace(origin, provider="c", locale=None, icu_rules=None)).sql


@pytest.mark.parametrize("kind", NAMES)
def test_any_name_of_prod_gives_a_name_that_fits_and_is_unique(kind: str, prod: Server) -> None:
    database = prod.new_database(name=new_name(prod, kind))

    made = [shadow.create(Place(database, "p")) for _ in range(2)]

    assert made[0].name != made[1].name
    assert {made[0].name, made[1].name} <= databases(prod)
    assert all(len(each.name.encode()) <= 63 for each in made)
    shadow.drop(Place(database), made[0].name)
    assert databases(prod) & {each.name for each in made} == {made[1].name}
    assert orphans(database, "other") == [made[1].name]


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = {name_beside("x" * 60 + end, "__shadow_01234567") for end in ("1", "2", "3")}

    assert len(names) == 3


def test_a_shadow_knows_its_prod(prod: Server) -> None:
    database = prod.new_database()

    made = shadow.create(Place(database, "p"))

    assert prod.rows(f"SELECT oid::bigint FROM pg_database WHERE datname = '{made.name}'") == [(made.oid,)]
    assert prod.rows(f"SELECT oid::bigint FROM pg_database WHERE datname = '{database.name}'") == [
        (made.prod_oid,)
    ]
    with connect(made.at(database)) as session:
        assert session.info.dbname == made.name


def test_without_a_prod_no_shadow_is_made(prod: Server) -> None:
    before = databases(prod)

    with pytest.raises(PgpromoteError, match="There is no database nowhere"):
        shadow.create(Place(login(prod, "nowhere", "postgres"), "p"))

    assert databases(prod) == before


# Who may use it -------------------------------------------------------------------------------------------


def test_nobody_else_can_connect_to_a_shadow(prod: Server) -> None:
    database, stranger = prod.new_database(), role(prod)
    made = shadow.create(Place(database, "p"))

    with (
        pytest.raises(ConnectionFailed, match="permission denied"),
        connect(login(prod, made.name, stranger)),
    ):
        pass


@pytest.mark.versions(15, 18)
def test_a_role_that_may_create_databases_makes_and_drops_shadows(prod: Server) -> None:
    database, owner = prod.new_database(), role(prod, "CREATEDB")
    ours = login(prod, database.name, owner)

    made = shadow.create(Place(ours, "p"))

    with connect(made.at(ours)) as session:
        assert session.info.user == owner
    shadow.drop(Place(ours), made.name)
    assert made.name not in databases(prod)


def test_a_role_that_may_not_create_databases_leaves_nothing(prod: Server) -> None:
    database, owner = prod.new_database(), role(prod)
    before = databases(prod)

    with pytest.raises(SessionFailed, match="permission denied to create database"):
        shadow.create(Place(login(prod, database.name, owner), "p"))

    assert databases(prod) == before


# Dropping -------------------------------------------------------------------------------------------------


def test_a_shadow_is_dropped_under_the_feet_of_its_sessions_and_dropping_again_does_nothing(
    prod: Server,
) -> None:
    database = prod.new_database()
    made = shadow.create(Place(database, "p"))

    with psycopg.connect(prod.url(made.name)):
        shadow.drop(Place(database), made.name)
    shadow.drop(Place(database), made.name)

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(prod.url(made.name))


def test_a_database_without_our_mark_is_never_dropped(prod: Server) -> None:
    database = prod.new_database()
    name = f"{database.name}__shadow_01234567"
    prod.execute(f"CREATE DATABASE {name}")

    for victim in (name, database.name, "template1"):
        with pytest.raises(Refused, match="not marked"):
            shadow.drop(Place(database), victim)

    assert {name, database.name, "template1"} <= databases(prod)


@pytest.mark.parametrize(
    "change", [{"prod": "another"}, {"kind": "previous"}, {"kind": "other"}, {"more": 1}, {"at": 5}]
)
def test_a_mark_that_is_not_exactly_ours_does_not_count(change: dict[str, object], prod: Server) -> None:
    database = prod.new_database()
    made = shadow.create(Place(database, "p"))
    text = Mark(Kind.SHADOW, database.name, 1, "p", NOW).text()
    forged = "pgpromote " + json.dumps({**json.loads(text.removeprefix("pgpromote ")), **change})
    prod.execute(f"COMMENT ON DATABASE {made.name} IS '{forged}'")

    with pytest.raises(Refused, match="not marked"):
        shadow.drop(Place(database), made.name)


def test_a_mark_written_by_a_stranger_does_not_count(prod: Server) -> None:
    database, stranger = prod.new_database(), role(prod, "CREATEDB")
    forged = shadow.create(Place(login(prod, database.name, stranger), "p"))

    with pytest.raises(Refused, match="not marked"):
        # a superuser could drop it, so it is the mark that protects it
        shadow.drop(Place(database), forged.name)

    assert orphans(database, "q") == []


# What a dead promotion leaves -----------------------------------------------------------------------------


def test_the_shadow_of_a_promotion_is_an_orphan_once_its_last_session_is_gone(prod: Server) -> None:
    database = prod.new_database()
    made = shadow.create(Place(database, "first"))

    with connect(database, "first"):
        assert orphans(database, "second") == []

    assert orphans(database, "second") == [made.name]
    assert orphans(database, "first") == []
    assert orphans(prod.new_database(), "second") == []


def test_a_creation_that_was_cut_short_is_an_orphan_that_nobody_could_enter(prod: Server) -> None:
    database = prod.new_database()
    name = unfinished(prod, database.name)
    with pytest.raises(psycopg.OperationalError, match="not currently accepting"):
        psycopg.connect(prod.url(name))

    with connect(database, "first"):  # it may be this one's
        assert orphans(database, "second") == []
    assert orphans(database, "second") == [name]

    shadow.drop(Place(database), name)
    assert name not in databases(prod)


def test_a_drop_that_was_cut_short_is_finished_by_the_next_run(prod: Server) -> None:
    database = prod.new_database()
    made = shadow.create(Place(database, "first"))
    with psycopg.connect(prod.url(), autocommit=True) as session:
        # what the server itself leaves then
        session.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = %s", [made.name])

    assert orphans(database, "second") == [made.name]
    shadow.drop(Place(database), made.name)

    assert made.name not in databases(prod)


def test_what_is_not_a_mark_is_not_read_as_one() -> None:
    assert mark.read("the shop") is None
    assert mark.read("pgpromote is great") is None
    assert mark.read("pgpromote [1]") is None
