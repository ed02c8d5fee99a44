"""Rows do not leak: what a server says of a value goes to a private file, and the error stays of use."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgpromote_tests.func.leaks import LEAKS, PLANTED, SECRET, TALKATIVE, VALUE, Leak, Shop, shop_of
from pgpromote_tests.func.test_alerts import Receiver, receiving
from pgpromote_tests.func.test_cli_terminal import on_a_terminal
from pgpromote_tests.servers import Server

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


@pytest.mark.parametrize("leak", FEW, ids=lambda leak: leak.name)
@pytest.mark.parametrize("major", [16])
def test_an_error_beside_prod_says_what_failed_where_and_no_value(
    dev: Server, prod: Server, tmp_path: Path, receiver: Receiver, leak: Leak
) -> None:
    shop = shop_of(tmp_path, dev, prod, f"CREATE SCHEMA app; {leak.script()}", receiver)

    ended = shop.commands.run("restore", "--verbose")

    assert ended.returncode == 1
    assert list(shop.leaks(ended)) == []
    assert leak.told in ended.stderr
    assert "Prod is untouched" in ended.stderr
    assert PLANTED.search(shop.kept.read_bytes())
