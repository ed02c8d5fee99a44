"""Rows do not leak: what a server says of a value goes to a private file, and the error stays of use."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgpromote_tests.func.leaks import LEAKS, PLANTED, SECRET, TALKATIVE, VALUE, Leak, shop_of
from pgpromote_tests.func.test_alerts import Receiver, receiving
from pgpromote_tests.func.test_cli_terminal import on_a_terminal
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
ALL = "CREATE SCHEMA app;" + "\n".join(leak.script() for leak in LEAKS)
IN_PLACE = ("--strategy", "clean", "--yes")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving([]) as found:
        yield found


def test_no_error_of_a_restore_shows_a_row_anywhere_but_in_its_private_file(
    dev: Server, prod: Server, tmp_path: Path, receiver: Receiver
) -> None:
    shop = shop_of(tmp_path, dev, prod, ALL, receiver)

    ended = shop.commands.run("restore", *IN_PLACE, "--verbose", "--json")
    refreshed = shop.commands.run("refresh", *IN_PLACE, "--verbose")

    assert (ended.returncode, refreshed.returncode) == (1, 1)
    assert list(shop.leaks(ended, refreshed)) == []
    assert len(receiver.received) == 2
    assert len(list((tmp_path / "reports").glob("*.html"))) == 2
    kept = shop.kept.read_text()
    assert stat.S_IMODE(shop.kept.stat().st_mode) == 0o600
    assert kept.count(SECRET) > len(LEAKS)
    assert f"etails: {shop.kept}" in ended.stderr
    assert f"etails: {shop.kept}" in refreshed.stderr


# The first error ends a restore beside prod, so each needs a run of its own.
FEW = [leak for leak in LEAKS if leak.name in {"raising", "made", "unique_", "viewed", "noticed"}]


@pytest.mark.parametrize("builder", ["", "leaky_builder"])
@pytest.mark.parametrize("leak", FEW, ids=lambda leak: leak.name)
def test_an_error_beside_prod_says_what_failed_where_and_no_value(
    dev: Server, prod: Server, tmp_path: Path, receiver: Receiver, *, leak: Leak, builder: str
) -> None:
    shop = shop_of(tmp_path, dev, prod, f"CREATE SCHEMA app; {leak.script()}", receiver)
    commands = shop.commands
    if builder:
        prod.execute(f"DROP ROLE IF EXISTS {builder}; CREATE ROLE {builder} LOGIN")
        prod.let_in(builder)
        commands = commands.having(BUILD_DATABASE_URL=prod.url("postgres", builder))

    ended = commands.run("restore", "--verbose")

    assert ended.returncode == 1
    assert list(shop.leaks(ended)) == []
    assert leak.told in ended.stderr
    assert "Prod is untouched" in ended.stderr
    assert PLANTED.search(shop.kept.read_bytes())


def test_a_repair_that_fails_shows_no_row(
    dev: Server, prod: Server, tmp_path: Path, receiver: Receiver
) -> None:
    shop = shop_of(tmp_path, dev, prod, "", receiver)
    script = f"CREATE TABLE app (id integer PRIMARY KEY); {TALKATIVE}"
    prod.execute(script, shop.commands.environment["PROD_DATABASE_URL"].rpartition("/")[2])

    ended = shop.commands.run("repair")

    assert ended.returncode == 1
    assert list(shop.leaks(ended)) == []
    assert "public.app.id could not be repaired" in ended.stderr
    assert "SQLSTATE P0001" in ended.stderr
    assert SECRET in shop.kept.read_text()


def test_details_are_printed_on_a_terminal_and_refused_elsewhere(
    dev: Server, prod: Server, tmp_path: Path, receiver: Receiver
) -> None:
    script = "CREATE SCHEMA app;" + next(leak for leak in LEAKS if leak.name == "unique_").script()
    shop = shop_of(tmp_path, dev, prod, script, receiver)
    assert not PLANTED.search(on_a_terminal(shop.commands, "restore").screen.encode())

    shown = on_a_terminal(shop.commands, "restore", "--show-details")
    declined = shop.commands.run("restore", "--show-details")

    assert shown.returncode == 1
    assert len(re.findall(rf"\)=\({SECRET}\) is duplicated", shown.screen)) == 1
    assert declined.returncode == 2
    assert "only on a terminal" in declined.stderr
    assert list(shop.leaks(declined)) == []


EVIL = "e\x1b[31m\x9b2J\u202e\r\x07vil"


def test_a_name_cannot_drive_the_terminal_or_turn_the_text(
    dev: Server, prod: Server, tmp_path: Path, receiver: Receiver
) -> None:
    table = f'app."{EVIL}"'
    script = f"""
        CREATE SCHEMA app; CREATE FUNCTION app.f(v text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT v';
        CREATE TABLE {table} (v text, CONSTRAINT "{EVIL}" CHECK (app.f(v) IS NOT NULL));
        INSERT INTO {table} VALUES ('{VALUE}');
        CREATE OR REPLACE FUNCTION app.f(v text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text';
    """
    shop = shop_of(tmp_path, dev, prod, script, receiver)

    ended = shop.commands.run("restore", "--verbose")
    refreshed = shop.commands.run("refresh", "--verbose")
    looked = shop.commands.run("inspect", "--json")
    on_terminal = on_a_terminal(shop.commands, "restore", NO_COLOR="1")

    assert "e\\u001b[31m" in ended.stderr
    assert repr(EVIL)[1:-1] in str(looked.json())
    said = [each.text for each in (ended, refreshed, looked)]
    said += [str(body["text"]) for _, body in receiver.received]
    said += [
        page.read_text()
        for page in (tmp_path / "reports").iterdir()
        if page.is_file() and page.suffix != ".log"
    ]
    for text in said:
        assert not re.search("[\x1b\x9b\u202e\x07]", text)
    assert "\x1b[31m" not in on_terminal.screen
    assert not re.search("[\x9b\u202e\x07]", on_terminal.screen)
