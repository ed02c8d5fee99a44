"""Shops to cut over: a prod with old content, its shadow with new content, and settings of the name."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pgpromote.postgres.databases import shadow
from pgpromote.postgres.databases.shadow import Shadow
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests.servers import Server

PATIENCE = 30  # seconds until a test that waits for a condition gives up
# Everything that belongs to a database's name, without the order in which the server keeps it.
CONFIGURATION = """
SELECT d.datdba::regrole::text, d.datconnlimit, shobj_description(d.oid, 'pg_database'),
       ARRAY(SELECT (a.grantor::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable)::text
               FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a ORDER BY 1),
       ARRAY(SELECT (s.setrole::regrole, c)::text
               FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c WHERE s.setdatabase = d.oid ORDER BY 1)
  FROM pg_database AS d WHERE d.datname = """

# Databases of other tests are on the same server, so each name gets a number.
NAMES = {
    "plain": "shop_{:04}",
    "quotes": 'it\'s "odd" 100%s \\ {:04}',
    "unicode": "läden-东京-🏪-{:04}",
    "the longest": "x" * 59 + "{:04}",
    "the longest in unicode": "東" * 19 + "{:04}",
    "one byte too long with a suffix": "y" * 42 + "{:04}",
}


def new_name(server: Server, kind: str) -> str:
    return NAMES[kind].format(next(server.numbers))


def content(word: str) -> str:
    return f"CREATE TABLE content (word text); INSERT INTO content VALUES ('{word}');"


def shop(server: Server, name: str = "") -> tuple[Database, Shadow]:
    """Make a prod with old content and its shadow with new content."""
    database = server.new_database(content("old"), name)
    made = shadow.create(Place(database, "p"))
    server.execute(content("new"), made.name)
    return database, made


def word(server: Server, database: Database) -> object:
    return server.rows("SELECT word FROM public.content", database.name)[0][0]


def configuration(server: Server, name: str) -> tuple[object, ...]:
    literal = psycopg.sql.Literal(name).as_string()
    return server.rows(CONFIGURATION + literal)[0]


def oid(server: Server, name: str) -> object:
    literal = psycopg.sql.Literal(name).as_string()
    return server.rows(f"SELECT oid::bigint FROM pg_database WHERE datname = {literal}")[0][0]


def roles(server: Server, count: int, options: str = "") -> list[str]:
    """Create roles that can log in with the server's one password."""
    names = [f"cut_role_{next(server.numbers)}" for _ in range(count)]
    password = psycopg.sql.Literal(server.cluster.password).as_string()
    server.execute("".join(f"CREATE ROLE {name} LOGIN {options} PASSWORD {password};" for name in names))
    return names


def login(server: Server, database: str, user: str) -> Database:
    return parse_url(server.url(database, user), "PROD_DATABASE_URL")


def rules(refused: Refused) -> list[str]:
    return [finding.rule for finding in refused.findings]


@contextmanager
def untouched(server: Server, database: Database) -> Iterator[None]:
    """Check that prod is the same database with the same content afterwards, and open."""

    def seen() -> tuple[object, ...]:
        return oid(server, database.name), configuration(server, database.name), word(server, database)

    before = seen()
    yield
    assert seen() == before
