"""What a prod lacks that dev has is said by the checks, before anything is built."""

from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import ConnectionFailed
from pgpromote.postgres.model import Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import connect, parse_url
from pgpromote.postgres.strategy import SWAP
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.pairs import examined, told
from pgpromote_tests.servers import Server


@pytest.mark.parametrize(
    ("what", "script"),
    [
        ("virtual", "CREATE TABLE t (a int, b int GENERATED ALWAYS AS ((a + 1) * (a - 1)))"),
        ("NOT ENFORCED", "CREATE TABLE t (a int, CHECK (a > 0) NOT ENFORCED)"),
        (
            "NOT ENFORCED",
            "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int REFERENCES u NOT ENFORCED)",
        ),
        ("over time", "CREATE TABLE t (a int4range, b daterange, PRIMARY KEY (a, b WITHOUT OVERLAPS))"),
        ("NOT VALID", "CREATE TABLE t (a int); ALTER TABLE t ADD CONSTRAINT c NOT NULL a NOT VALID"),
    ],
)
def test_what_postgresql_has_since_18_is_refused_for_an_older_prod(
    start_server: StartServer, tmp_path: Path, what: str, script: str
) -> None:
    report = examined(start_server(18, "dev"), start_server(16, "prod"), tmp_path / "shop.dump", script)
    errors = [
        text for severity, text in told(report.findings, "source_version") if severity is Severity.ERROR
    ]
    assert len(errors) == 1
    assert what in errors[0]


def test_an_older_dev_has_nothing_of_18(start_server: StartServer, tmp_path: Path) -> None:
    script = (
        'CREATE TABLE t (a int, "WITHOUT OVERLAPS)" int GENERATED ALWAYS AS (((((((a + 1)))))) * 2) STORED)'
    )
    report = examined(start_server(16, "dev"), start_server(16, "prod"), tmp_path / "shop.dump", script)
    assert told(report.findings, "source_version") == []


def test_what_only_looks_like_it_goes_through(start_server: StartServer, tmp_path: Path) -> None:
    dev, prod = start_server(18, "dev"), start_server(16, "prod")
    script = """
        CREATE TABLE t (a int, b int GENERATED ALWAYS AS ((a + 1) * (a - 1)) STORED, c int NOT NULL,
            d text DEFAULT ' NOT ENFORCED', e int GENERATED ALWAYS AS IDENTITY, CHECK (a IS NOT NULL));
        ALTER TABLE t ADD CONSTRAINT later CHECK (a IS NOT NULL AND b IS NOT NULL) NOT VALID;
        CREATE TABLE "odd, PERIOD NOT ENFORCED" ("a(b" text,
            "c)d((" text GENERATED ALWAYS AS (lower("a(b")) STORED,
            "GENERATED ALWAYS AS (x)" text GENERATED ALWAYS AS (upper("a(b" || ')((')) STORED);
    """
    report = examined(dev, prod, tmp_path / "shop.dump", script)
    assert [severity for severity, _ in told(report.findings, "source_version")] == [Severity.WARNING]
    assert report.clearance


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("CREATE TABLE pp (a int) PARTITION BY LIST (a) TABLESPACE {}", "public.pp"),
        (
            "CREATE TABLE pp (a int) PARTITION BY LIST (a); CREATE INDEX ii ON pp (a) TABLESPACE {}",
            "public.ii",
        ),
        (
            "CREATE TABLE pp (a int PRIMARY KEY USING INDEX TABLESPACE {}) PARTITION BY LIST (a)",
            "public.pp pp_pkey",
        ),
    ],
)
def test_what_is_partitioned_cannot_be_in_the_databases_own_tablespace(
    dev: Server, prod: Server, tmp_path: Path, made: str, name: str
) -> None:
    space = f"space_{dev.major}_{next(dev.numbers)}"
    for server in (dev, prod):
        options = "-c allow_in_place_tablespaces=on"
        with psycopg.connect(server.url(), autocommit=True, options=options) as session:
            session.execute(f"CREATE TABLESPACE {space} LOCATION ''".encode())
    inside = prod.new_url(options=f"TABLESPACE {space}")
    script = made.format(space) + f"; CREATE TABLE plain (a int) TABLESPACE {space}"

    refused = examined(dev, prod, tmp_path / "shop.dump", script, inside)
    elsewhere = examined(dev, prod, tmp_path / "shop.dump", script)

    ((severity, text),) = told(refused.findings, "tablespaces")
    assert severity is Severity.ERROR
    assert text.startswith(name)
    assert told(elsewhere.findings, "tablespaces") == []
    # PostgreSQL agrees
    target = parse_url(prod.url(parse_url(inside, "URL").name), "URL")
    with connect(target) as session, pytest.raises(psycopg.errors.FeatureNotSupported):
        session.execute(made.format(space).replace("pp", "public.pp").encode())


def test_xml_is_refused_by_a_server_without_libxml_where_there_are_rows(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    script = """
        CREATE TABLE empty (x xml); CREATE TABLE full_of (a int, x xml[]);
        INSERT INTO full_of VALUES (1, NULL);
        CREATE TABLE other ("an xml" text); INSERT INTO other VALUES ('xml');
    """
    report = examined(dev, prod, tmp_path / "shop.dump", script)
    ((severity, text),) = told(report.findings, "xml")
    assert (severity, text.split()[0]) == (Severity.ERROR, "public.full_of")


# Settings of dev's database ---------------------------------------------------------------------------------


def test_settings_of_devs_database_that_prods_lacks_are_told_with_the_statement(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    roles = [f"set_{dev.major}_{next(dev.numbers)}" for _ in range(2)]
    for server in (dev, prod):
        server.execute(f"CREATE ROLE {roles[0]}; CREATE ROLE {roles[1]}")
    dev_url, prod_url = dev.new_url("CREATE TABLE t (a int)"), prod.new_url(name=f'it\'s "{roles[0]}"')
    source = parse_url(dev_url, "URL").name
    dev.execute(
        f"""ALTER DATABASE {source} SET search_path = 'a b', public;
        ALTER DATABASE {source} SET datestyle = 'ISO, DMY';
        ALTER DATABASE {source} SET work_mem = '7MB';
        ALTER DATABASE {source} SET "app.jwt_Key" = 'Canary;''x';
        ALTER ROLE {roles[0]} IN DATABASE {source} SET lock_timeout = '5s';
        ALTER ROLE {roles[1]} IN DATABASE {source} SET lock_timeout = '6s';
        ALTER DATABASE {source} CONNECTION LIMIT 70"""
    )
    quoted = f'"it\'s ""{roles[0]}"""'
    prod.execute(f"ALTER DATABASE {quoted} SET work_mem = '8MB'")
    prod.execute(f"ALTER ROLE {roles[1]} IN DATABASE {quoted} SET LOCK_TIMEOUT = '5s'")
    target = parse_url(prod_url, "PROD_DATABASE_URL")
    dump.dump(parse_url(dev_url, "URL"), path := tmp_path / "shop.dump", [dev.tools()], "test")

    report = preflight.examine(
        path, Place(target), [prod.tools()], Choice(strategy=SWAP, restore_as_superuser=True)
    )

    found = told(report.findings, "database_settings")
    assert {severity for severity, _ in found} == {Severity.WARNING}
    statements = sorted(text.partition("ALTER ")[2] for _, text in found)
    assert statements == sorted(
        [
            f"DATABASE {quoted} SET search_path TO 'a b', 'public';",
            f"DATABASE {quoted} SET \"DateStyle\" TO 'ISO, DMY';",
            f'DATABASE {quoted} SET "app.jwt_Key" TO (as on dev);',
            f"ROLE {roles[0]} IN DATABASE {quoted} SET lock_timeout TO '5s';",
        ]
    )
    assert "Canary" not in str(report.findings)
    for statement in statements:
        if "as on dev" not in statement:
            prod.execute(f"ALTER {statement}")
    after = preflight.examine(
        path, Place(target), [prod.tools()], Choice(strategy=SWAP, restore_as_superuser=True)
    )
    assert [text.split()[3] for _, text in told(after.findings, "database_settings")] == ["app.jwt_key;"]


# A prod that is closed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["closed", 'läden "x" it\'s', "x" * 63])
def test_a_prod_that_allows_no_connections_is_said_to_be_closed(
    dev: Server, prod: Server, tmp_path: Path, name: str
) -> None:
    name = name[:-3] + f"{next(prod.numbers):03}"
    url = prod.new_url(name=name)
    database = psycopg.sql.Identifier(name).as_string()
    prod.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")

    report = examined(dev, prod, tmp_path / "shop.dump", "CREATE TABLE t (a int)", url)

    ((severity, text),) = told(report.findings, "target_reachable")
    assert severity is Severity.ERROR
    assert "not currently accepting connections" in text
    assert f"ALTER DATABASE {database} WITH ALLOW_CONNECTIONS true;" in text
    with pytest.raises(ConnectionFailed), connect(parse_url(url, "URL")):
        pass
