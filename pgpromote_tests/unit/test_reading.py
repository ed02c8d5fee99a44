"""How far the reading of tables is, and how many tables a statement reads for that."""

from itertools import pairwise

import pytest

from pgpromote.postgres.rows.reading import CHUNK, PART, ROWS, Reading


def reading(**known: int) -> Reading:
    made = Reading()
    made.expect(known)
    return made


def sizes(known: dict[str, int]) -> list[int]:
    names = list(known)
    chunks = list(reading(**known).chunks(names))
    assert [name for chunk in chunks for name in names[chunk]] == names
    return [chunk.stop - chunk.start for chunk in chunks]


def test_rows_are_counted_when_their_tables_are_read() -> None:
    far = reading(orders=900, tags=100)
    assert (far.share, far.told(), far.doing()) == (0, "0 of 1,000 rows", [])
    far.begin(["tags", "orders", "unknown"])
    assert (far.share, far.doing()) == (0, ["reading orders, 900 rows"])
    far.end(["orders", "unknown"])
    assert (far.share, far.told(), far.doing()) == (0.9, "900 of 1,000 rows", [])


def test_without_known_rows_nothing_is_told_of_how_far_it_is() -> None:
    far = Reading()
    far.begin(["orders"])
    far.end(["orders"])
    assert far.share == 0


@pytest.mark.parametrize("rows", [0, 1, ROWS // CHUNK])
def test_small_tables_are_read_together_as_if_nobody_watched(rows: int) -> None:
    known = {f"t{n}": rows for n in range(2 * CHUNK + 1)}
    assert sizes(known) == [CHUNK, CHUNK, 1]


def test_large_tables_are_read_by_themselves() -> None:
    assert sizes({"a": 1, "big": 10 * ROWS, "b": 1, "c": 1}) == [1, 1, 2]


def test_a_database_of_many_large_tables_takes_a_bounded_number_of_statements() -> None:
    known = {f"t{n}": 10_000_000 + n for n in range(5000)}
    counted = sizes(known)
    assert max(counted) <= CHUNK
    assert len(counted) <= 2 / PART
    assert all(one + other > CHUNK / 2 for one, other in pairwise(counted[:-1]))


def test_nothing_to_read_is_no_statement() -> None:
    assert sizes({}) == []
