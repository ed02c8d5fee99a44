"""The next free value of a sequence, against brute force over every small sequence."""

import itertools
from collections.abc import Iterator

import pytest

from pgpromote.postgres.keys.sequences import Feed, Position, next_free

LOW, HIGH = -6, 6
INCREMENTS = (-4, -3, -2, -1, 1, 2, 3, 4)


def feed(start: int = 1, increment: int = 1, low: int = LOW, high: int = HIGH) -> Feed:
    return Feed(
        table=1,
        name="public.t",
        column="id",
        sequence="public.t_id_seq",
        tables=[1],
        users=["public.t"],
        columns=["id"],
        start=start,
        increment=increment,
        low=low,
        high=high,
        cycle=False,
        parent_only=False,
        reason="",
        readable=True,
    )


def every_small_sequence() -> Iterator[tuple[Feed, Position]]:
    inside = range(LOW, HIGH + 1)
    around = range(LOW - 4, HIGH + 5)  # a used up sequence stands one step outside of its range
    for start, increment, upcoming in itertools.product(inside, INCREMENTS, around):
        for furthest in (None, *inside):
            yield feed(start, increment), Position(upcoming, furthest)


def is_beyond(value: int, other: int | None, increment: int) -> bool:
    return other is None or (value > other if increment > 0 else value < other)


def test_a_sequence_is_moved_to_the_nearest_value_of_its_own_steps_beyond_the_ids() -> None:
    for sequence, position in every_small_sequence():
        upcoming, furthest, step = position.upcoming, position.furthest, sequence.increment
        if is_beyond(upcoming, furthest, step):
            wanted = upcoming
        else:
            steps = itertools.count(sequence.start - 100 * step, step)
            wanted = next(value for value in steps if is_beyond(value, furthest, step))
        expected = wanted if LOW <= wanted <= HIGH else None
        assert next_free(sequence, position) == expected, (sequence, position)


def test_a_sequence_never_goes_back() -> None:
    for sequence, position in every_small_sequence():
        value = next_free(sequence, position)
        assert (
            value is None
            or value == position.upcoming
            or is_beyond(value, position.upcoming, sequence.increment)
        )


def test_a_repaired_sequence_gives_no_id_that_is_in_use() -> None:
    for sequence, position in every_small_sequence():
        value = next_free(sequence, position)
        if value is not None and position.furthest is not None:
            end = HIGH + 1 if sequence.increment > 0 else LOW - 1
            used = (
                range(LOW, position.furthest + 1)
                if sequence.increment > 0
                else range(position.furthest, HIGH + 1)
            )
            assert not set(range(value, end, sequence.increment)) & set(used)


def test_a_repaired_sequence_needs_no_second_repair() -> None:
    for sequence, position in every_small_sequence():
        value = next_free(sequence, position)
        if value is not None:
            assert next_free(sequence, Position(value, position.furthest)) == value


@pytest.mark.parametrize("maximum", [2**15 - 1, 2**31 - 1, 2**63 - 1])
def test_the_last_value_of_a_type_is_given_and_none_after_it(maximum: int) -> None:
    sequence = feed(low=1, high=maximum)
    assert next_free(sequence, Position(1, maximum - 1)) == maximum
    assert next_free(sequence, Position(1, maximum)) is None


def test_a_used_up_sequence_has_no_next_value_though_the_table_is_empty() -> None:
    assert next_free(feed(), Position(HIGH + 1, None)) is None
