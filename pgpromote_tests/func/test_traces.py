"""What counts as a text that leads to dev: asked of PostgreSQL, as the audit does."""

import pytest

from pgpromote.postgres import audit
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.traces import traces_of
from pgpromote_tests.servers import Server


def at(server: str, name: str = "shop") -> Database:
    return parse_url(f"postgresql://me:secret@{server}/{name}", "URL")


OWN = at("dev.example")
OWN_PORT = at("dev.example:5433")
BARE = at("dev")
SHARED = at("prod.example:5433")
NAMED = at("prod.example", "shop_dev")

# Dev, and a text that leads to it where prod is shop on prod.example, port 5432.
LEADS = [
    (OWN, "dev.example"),
    (OWN, "http://DEV.example/x"),
    (OWN, "host=dev.example user=x"),
    (OWN, "host=dev.example port=5432"),
    (OWN, "port='5432' dbname='x' host='dev.example'"),
    (OWN, "Ask dev.example."),
    (OWN, "'dev.example'"),
    (OWN, "dev.example:5432"),
    (OWN, "http://dev.example:8000/api"),
    (OWN, "postgresql://dev.example/shop"),
    (OWN, "postgresql+psycopg://u:1@other:1,dev.example:5432/x"),
    (OWN, "dblink('host=other port=7000', q); dblink('host=dev.example', q)"),
    (OWN, "app.host=dev.example app.port=1"),
    (OWN_PORT, "see dev.example for more"),
    (OWN_PORT, "host=dev.example port=5433"),
    (OWN_PORT, "port=5433 user='a b' host=dev.example"),
    (OWN_PORT, "postgres://me@dev.example:5433/x"),
    (OWN_PORT, "app.host=dev.example"),
    (BARE, "host = 'dev' user=x"),
    (BARE, "http://dev:80/"),
    (BARE, "postgresql://me@dev/x"),
    (BARE, "jdbc:postgresql://dev:5432/x"),
    (SHARED, "host=prod.example port=5433"),
    (SHARED, "port = 5433  host = prod.example"),
    (SHARED, "postgresql://me@prod.example:5433/x"),
    (SHARED, "prod.example:5433"),
    (NAMED, "dbname='shop_dev'"),
    (NAMED, "postgresql://u@h/shop_dev?x=1"),
    (NAMED, "postgresql://u:99@h:5432/shop_dev"),
    (NAMED, "host=elsewhere port=5432 dbname=shop_dev"),
    (at("[2001:db8::7]"), "postgresql://[2001:db8::7]:5432/x"),
    (at("[2001:db8::7]"), "hostaddr=2001:db8::7"),
]
OTHERS = [
    (OWN, "mydev.example"),
    (OWN, "a.dev.example"),
    (OWN, "dev.example.org"),
    (OWN, "devxexample"),
    (OWN, "dev-example"),
    (OWN, "host=dev.example port=5433"),
    (OWN, "port='5433' dbname='x' host='dev.example'"),
    (OWN, "host=dev.example user=x port=54321"),
    (OWN, "dev.example:5433"),
    (OWN, "postgresql://me:5432@dev.example:5433/x"),
    (OWN, "postgresql+asyncpg://dev.example:6432/x"),
    (OWN_PORT, "host=dev.example"),
    (OWN_PORT, "host=dev.example port=5432"),
    (OWN_PORT, "host=dev.example port=54330"),
    (OWN_PORT, "postgresql://me@dev.example/x"),
    (OWN_PORT, "dev.example:5432"),
    (BARE, "for dev only"),
    (BARE, "host=dev port=5433"),
    (BARE, "host=devel"),
    (SHARED, "prod.example"),
    (SHARED, "host=prod.example"),
    (SHARED, "host=prod.example port=5432"),
    (SHARED, "postgresql://me@prod.example:5432/x"),
    (SHARED, "http://prod.example/"),
    (SHARED, "host=prod.example port=5432; host=other port=5433"),
    (NAMED, "SELECT * FROM shop_dev"),
    (NAMED, "postgresql://u@h:1/shop_dev"),
    (NAMED, "host=prod.example port=5433 dbname=shop_dev"),
    (NAMED, "dbname=shop_dev user=x port=5433"),
]


def traced(server: Server, dev: Database, text: str, prod: Database) -> bool:
    with audit.reading(parse_url(server.url(), "URL"), "test") as session:
        found = session.execute("SELECT %s::text ~* %s", (text, traces_of(dev, prod))).fetchone()
    return found == (True,)


@pytest.mark.parametrize(("dev", "text"), LEADS)
@pytest.mark.versions(16, 15, 18)
def test_a_server_or_database_of_dev_counts(prod: Server, dev: Database, text: str) -> None:
    assert traced(prod, dev, text, at("prod.example"))


@pytest.mark.parametrize(("dev", "text"), OTHERS)
@pytest.mark.versions(16, 15, 18)
def test_another_host_port_or_word_does_not_count(prod: Server, dev: Database, text: str) -> None:
    assert not traced(prod, dev, text, at("prod.example"))


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ("host=localhost port=5433", True),
        ("postgresql://localhost:5433/x", True),
        ("host=localhost port=5432", False),
        ("host=localhost", False),
        ("http://localhost:8000", False),
    ],
)
def test_two_servers_of_one_machine_are_told_apart_by_their_ports(
    prod: Server, text: str, *, leads: bool
) -> None:
    assert traced(prod, at("localhost:5433"), text, at("localhost")) is leads


def test_the_default_port_is_devs_where_prod_has_another(prod: Server) -> None:
    dev, target = at("db.example"), at("db.example:5433")
    assert traced(prod, dev, "host=db.example dbname=x", target)
    assert traced(prod, dev, "postgresql://db.example/x", target)
    assert not traced(prod, dev, "host=db.example port=5433", target)
    assert not traced(prod, dev, "db.example", target)


def test_each_host_of_a_url_has_its_port(prod: Server) -> None:
    dev, target = at("a.example:5433,b.example:5434"), at("a.example:5433,c.example:5434")
    assert traced(prod, dev, "host=b.example port=5434", target)
    assert not traced(prod, dev, "host=a.example port=5433", target)


def test_a_long_text_is_read_within_the_time_of_an_audit(prod: Server) -> None:
    text = "PERFORM dblink('host=dev.example port=1 user=x', 'SELECT 1'); port=7 " * 5000
    assert not traced(prod, OWN, text, at("prod.example"))


POINTING = """
    CREATE FOREIGN DATA WRAPPER nowhere;
    CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host 'prod.example', port '{port}');
    CREATE FUNCTION far() RETURNS text LANGUAGE sql AS $$ SELECT 'host=prod.example port={port}' $$;
    CREATE VIEW far AS SELECT 'postgresql://prod.example:{port}/x'::text AS url;
    CREATE SUBSCRIPTION far CONNECTION 'host=prod.example port={port} password=hush' PUBLICATION p
        WITH (connect = false, slot_name = NONE);
"""


@pytest.mark.versions(15, 18)
def test_the_audit_compares_ports_on_a_host_that_dev_and_prod_share(prod: Server) -> None:
    objects = {"foreign server far", "routine public.far()", "subscription far", "view public.far"}
    for port, expected in ((5433, objects), (5432, set[str]()), (6432, set[str]())):
        database = prod.new_database(POINTING.format(port=port))
        pattern = traces_of(SHARED, at("prod.example"))
        with audit.reading(database, "test") as session:
            found = audit._judge_all(session, [audit.rule("points_at_dev")], pattern)
        assert {each.object for each in found} == expected
