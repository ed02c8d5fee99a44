"""The command lines of pg_dump, pg_restore and psql: complete, without secrets, one value per argument."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres import dump, encodings
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Clearance, Filters, Policy, ServerVersion
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.strategy import CLEAN, SWAP, Strategy
from pgpromote.postgres.tools import Tools
from pgpromote_tests.unit.archives import archive_of
from pgpromote_tests.unit.plain import IDENTITY

TOOLS = Tools(Path("/pg/bin"), ServerVersion(160014))
CLIENT = restore.Client(TOOLS, TOOLS.version)
PATH = Path("/dumps/a b's.dump")
NO_FILTERS = Filters()


@pytest.fixture
def database() -> Database:
    return parse_url("postgresql://me:Canary@host:5433/it's%20%22odd%22", "DEV_DATABASE_URL")


def dumping(
    database: Database, filters: Filters = NO_FILTERS, *, plain: bool = False, encoding: str = "UTF8"
) -> list[str]:
    patient = replace(IDENTITY, lock_timeout="7s")
    return dump.dump_command(
        TOOLS, database, PATH, patient, plain=plain, compression="gzip:1", encoding=encoding, filters=filters
    )


def restoring(
    database: Database,
    filters: Filters = NO_FILTERS,
    jobs: int = 4,
    *,
    strategy: Strategy = CLEAN,
    rights: Policy = Policy.KEEP,
    client: restore.Client = CLIENT,
) -> list[str]:
    clearance = Clearance(
        path=PATH,
        sha256="aa",
        archive=archive_of(),
        strategy=strategy,
        target="shop on prod",
        target_oid=1,
        filters=filters,
        create_extensions=(),
        make_room=(),
        rights=rights,
    )
    return restore.restore_command(client, database, clearance, jobs=jobs)


def test_no_command_line_holds_the_password(database: Database) -> None:
    commands = [dumping(database), dumping(database, plain=True), restoring(database)]
    commands.append(restore.sql_command(CLIENT, database, PATH))
    assert "Canary" not in str(commands)


def test_no_command_asks_for_a_password(database: Database) -> None:
    for command in (dumping(database), restoring(database), restore.sql_command(CLIENT, database, PATH)):
        assert "--no-password" in command


def test_a_dump_is_custom_and_compressed_and_does_not_wait_for_ever(database: Database) -> None:
    command = dumping(database)
    assert command[0] == "/pg/bin/pg_dump"
    assert {"--format=custom", "--compress=gzip:1", "--lock-wait-timeout=7s", f"--file={PATH}"} <= set(
        command
    )


def test_a_plain_dump_can_be_run_on_a_database_that_has_the_objects(database: Database) -> None:
    command = dumping(database, plain=True)
    assert {"--format=plain", "--clean", "--if-exists", "--no-owner", "--no-privileges"} <= set(command)
    assert not any(argument.startswith("--compress") for argument in command)


def test_a_restore_runs_in_parallel_and_leaves_the_dropping_to_us(database: Database) -> None:
    command = restoring(database, jobs=7)
    assert command[0] == "/pg/bin/pg_restore"
    assert {"--no-owner", "--jobs=7"} <= set(command)
    assert "--clean" not in command
    assert command[-1] == str(PATH)


def test_a_restore_beside_prod_drops_nothing_and_stops_at_the_first_error(database: Database) -> None:
    command = restoring(database, strategy=SWAP)
    assert {"--exit-on-error", "--no-owner", "--jobs=4"} <= set(command)
    assert not {"--clean", "--if-exists"} & set(command)


@pytest.mark.parametrize("client", [170010, 180004])
@pytest.mark.parametrize("server", [150020, 160014])
def test_a_restore_goes_on_after_the_one_error_that_is_expected(
    database: Database, client: int, server: int
) -> None:
    programs = restore.Client(Tools(Path("/pg/bin"), ServerVersion(client)), ServerVersion(server))
    assert "--exit-on-error" not in restoring(database, strategy=SWAP, client=programs)


@pytest.mark.parametrize("policy", Policy)
def test_no_restore_gives_owners_before_all_is_built(database: Database, policy: Policy) -> None:
    assert "--no-owner" in restoring(database, rights=policy)


def test_rows_alone_are_restored_without_dropping_anything(database: Database) -> None:
    command = restoring(database, Filters(data_only=True))
    assert "--data-only" in command
    assert not {"--clean", "--if-exists"} & set(command)


def test_definitions_alone_are_restored_without_rows(database: Database) -> None:
    assert "--schema-only" in restoring(database, Filters(schema_only=True))


def test_plain_sql_runs_in_one_transaction_and_stops_at_the_first_error(database: Database) -> None:
    command = restore.sql_command(CLIENT, database, PATH)
    assert {"--single-transaction", "--set=ON_ERROR_STOP=1", "--no-psqlrc", f"--file={PATH}"} <= set(command)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("UTF8", "straße"), ("LATIN1", "straße"), ("KOI8R", "цены"), ("EUC_JP", "価格"), ("SQL_ASCII", "größe")],
)
def test_a_filter_reaches_pg_dump_in_the_encoding_of_the_dump(
    database: Database, encoding: str, name: str
) -> None:
    command = dumping(database, Filters(tables=(name,)), encoding=encoding)
    codec = encodings.codec(encoding)
    assert f"--encoding={encoding}" in command
    assert b"--table=" + name.encode(codec) in map(os.fsencode, command)


def test_every_dump_filter_is_one_argument(database: Database) -> None:
    filters = Filters(
        schema_only=True,
        tables=("a b", "--format=tar"),
        schemas=('"S"',),
        exclude_tables=("x'*",),
        exclude_schemas=("old",),
    )
    assert dumping(database, filters)[-7:] == [
        "--strict-names",
        "--schema-only",
        "--table=a b",
        "--table=--format=tar",
        '--schema="S"',
        "--exclude-table=x'*",
        "--exclude-schema=old",
    ]


def test_strict_names_are_demanded_only_where_a_pattern_could_miss(database: Database) -> None:
    assert "--strict-names" not in dumping(database, Filters(exclude_tables=("x",)))
    assert "--strict-names" not in dumping(database)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("users", "users", True),
        ("USERS", "users", True),
        ("us*", "users", True),
        ("us?rs", "users", True),
        ("public.users", "public.users", True),
        ('"Users"', "Users", True),
        ("Users", "Users", False),
        ('"users"', "Users", False),
        ('"us*"', "users", False),
        ("log", "logs", False),
    ],
)
def test_exclusions_match_as_pg_dump_matches_them(pattern: str, name: str, *, matches: bool) -> None:
    assert dump._matches(pattern, name) is matches
