"""`pgpromote restore`: the schema that it resets, and the connections that it is given."""

import os

import pytest

from pgpromote_tests.func.command_line import CommandLine, contents, having_dumped
from pgpromote_tests.servers import Server

SHOP = """
CREATE EXTENSION vector; CREATE SCHEMA shop;
CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL); INSERT INTO users VALUES (7, 'x');
CREATE TABLE shop.orders (id integer PRIMARY KEY);
"""


@pytest.fixture(scope="module")
def cli(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Dump a shop once, for all that restore it."""
    return having_dumped(tmp_path_factory.mktemp("cli"), dev, SHOP, prod)


@pytest.mark.parametrize(
    ("option", "kept"),
    [("--reset-schema", "shop"), ("--reset-schema=public", "shop"), ("--reset-schema=shop", "public")],
)
def test_a_reset_clears_the_named_schema_and_only_that(
    cli: CommandLine, prod: Server, option: str, kept: str
) -> None:
    url = prod.new_url(
        "CREATE SCHEMA shop; CREATE TABLE leftover (id int); CREATE TABLE shop.leftover (id int);"
        "CREATE TABLE shop.orders (id int); CREATE TABLE users (id int)"
    )
    commands = cli.having(PROD_DATABASE_URL=url)
    if kept == "shop":  # the archive brings this schema, so it may keep nothing of its own
        prod.execute("DROP TABLE shop.leftover; CREATE TABLE kept (id int)", url.rpartition("/")[2])
    assert commands.run("check", option).returncode == 0
    result = commands.run("restore", option)
    assert result.returncode == 0, result.stderr
    left = prod.rows(
        "SELECT schemaname::text FROM pg_tables WHERE tablename = 'leftover'", url.rpartition("/")[2]
    )
    assert left == ([("public",)] if kept == "public" else [])


def test_a_reset_of_a_schema_that_does_not_exist_changes_nothing(cli: CommandLine, prod: Server) -> None:
    url = prod.new_url("CREATE TABLE users (id int)")
    before = contents(prod, url.rpartition("/")[2])
    commands = cli.having(PROD_DATABASE_URL=url)
    for command in ("restore", "check"):
        result = commands.run(command, "--reset-schema=nosuch")
        assert result.returncode in {1, 3}
        assert "nosuch" in result.text
    assert contents(prod, url.rpartition("/")[2]) == before


def test_a_reset_that_would_destroy_data_outside_is_refused_before_anything_is_done(
    cli: CommandLine, prod: Server
) -> None:
    url = prod.new_url(
        "CREATE TYPE mood AS ENUM ('a'); CREATE SCHEMA keep; CREATE TABLE keep.t (id int, mood mood);"
        "INSERT INTO keep.t VALUES (1, 'a')"
    )
    before = contents(prod, url.rpartition("/")[2])
    commands = cli.having(PROD_DATABASE_URL=url)
    result = commands.run("restore", "--reset-schema")
    assert result.returncode == 3
    assert "keep.t" in result.stderr
    # vector is not there either: what is refused must not have created it
    assert contents(prod, url.rpartition("/")[2]) == before
    assert commands.run("restore", "--reset-schema", "--allow-data-loss-outside").returncode == 0
    assert prod.rows("SELECT id FROM keep.t", url.rpartition("/")[2]) == [(1,)]


def test_a_strategy_and_a_reset_that_exclude_each_other_are_a_usage_error(cli: CommandLine) -> None:
    result = cli.run("restore", "--strategy", "swap", "--reset-schema")
    assert result.returncode == 2
    assert "exclude each other" in result.stderr


@pytest.mark.parametrize(
    ("given", "jobs"),
    [(["-j", "2"], 2), (["--jobs=3"], 3), (["{archive}", "2"], 2), (["{archive}", "-j3"], 3), ([], None)],
    ids=str,
)
def test_connections_are_given_as_to_pg_restore_or_after_the_archive(
    cli: CommandLine, prod: Server, given: list[str], jobs: int | None
) -> None:
    archive = cli.directory / "dumps" / "shop" / "shop_dev.dump"
    commands = cli.having(PROD_DATABASE_URL=prod.new_url())
    told = commands.run("restore", *(each.format(archive=archive) for each in given), "--json").json()
    assert told["jobs"] == (jobs or min(os.cpu_count() or 4, 16))


def test_connections_that_are_given_twice_are_a_usage_error(cli: CommandLine) -> None:
    result = cli.run("restore", "shop.dump", "2", "--jobs=3")
    assert result.returncode == 2
    assert "give one of them" in result.stderr
