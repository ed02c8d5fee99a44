"""Which losses of dev are above the bounds, what accepts them, and the note of what prod came from."""

import shlex
from base64 import b64encode
from zlib import compress

import pytest

from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.losses import baseline, changes, plausible
from pgpromote.postgres.losses.baseline import Baseline, Table, Written
from pgpromote.postgres.losses.changes import Change
from pgpromote.postgres.losses.plausible import Bounds, Comparison, Held
from pgpromote.postgres.model import Content, Severity
from pgpromote.settings import from_environment

ODD = ["public.a,b", 'od"d s.T*', "東京.[x]?", "a.b.c", "public. padded ", "public.two\nlines"]


def judged(before: Held, after: Held, *accepted: str, share: float = 0.5) -> tuple[set[str], set[str]]:
    """Return the tables that are refused, and those that are accepted."""
    found = list(Comparison(before, after, "prod").judge(Bounds(accepted, share)))
    refused = {each.object for each in found if each.severity is Severity.ERROR}
    return refused, {each.object for each in found} - refused


def test_what_was_not_counted_at_the_last_promotion_is_no_loss() -> None:
    found = Comparison({"s.a": None}, {}, plausible.LAST).judge(Bounds())
    assert list(found) == []


def test_a_table_that_may_not_be_read_is_accepted_by_name() -> None:
    assert judged({"s.a": None, "s.b": None}, {}, "a") == ({"s.b"}, {"s.a"})


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ({"s.a": 5}, {"s.a": 0}, {"s.a"}),
        ({"s.a": 5}, {}, {"s.a"}),
        ({"s.a": 0}, {}, set()),
        ({"s.a": 5}, {"s.a": None}, set()),
        # Nobody may count what goes.
        ({"s.a": None}, {"s.a": 0}, {"s.a"}),
        ({"s.a": None, "s.b": None, "s.c": None}, {"s.a": 1, "s.b": None}, {"s.c"}),
        ({"s.a": 5}, {"s.a": 6, "s.b": 0}, set()),
        ({"s.a": 10}, {"s.a": 6}, set()),
        ({"s.a": 10}, {"s.a": 5}, {"s.a"}),
        # Rows of another table do not make up for it.
        ({"s.a": 10, "s.b": 1}, {"s.a": 4, "s.b": 1000}, {"s.a"}),
        # Only as many as bring the rest below the bound, the largest loss first.
        ({"s.a": 100, "s.b": 60, "s.c": 40}, {"s.a": 10, "s.b": 40, "s.c": 39}, {"s.a"}),
        ({"s.a": 100, "s.b": 100, "s.c": 10}, {"s.a": 1, "s.b": 2, "s.c": 9}, {"s.a"}),
        # A table that is empty now counts for itself, and not among all rows.
        ({"s.a": 1000, "s.b": 10}, {"s.a": 0, "s.b": 5}, {"s.a", "s.b"}),
        ({"s.a": 1000, "s.b": 10}, {"s.a": 0, "s.b": 6}, {"s.a"}),
    ],
)
def test_what_is_above_the_bounds(before: Held, after: Held, refused: set[str]) -> None:
    assert judged(before, after) == (refused, set())


@pytest.mark.parametrize(
    ("share", "after", "refused"), [(1, 1, False), (0.9, 100, True), (0.9, 101, False), (0, 999, True)]
)
def test_the_share_of_all_rows_is_a_setting(share: float, after: int, refused: bool) -> None:
    assert judged({"s.a": 1000}, {"s.a": after}, share=share) == ({"s.a"} if refused else set(), set())


@pytest.mark.parametrize("accepted", ["all", "*", "a", "s.a", "s.*", "?", "s.[a]"])
def test_a_loss_is_accepted_by_the_name_of_its_table(accepted: str) -> None:
    assert judged({"s.a": 5}, {}, accepted) == (set(), {"s.a"})


@pytest.mark.parametrize("accepted", ["A", "s", "b", "t.a", "s.a*b", ""])
def test_another_name_accepts_nothing(accepted: str) -> None:
    assert judged({"s.a": 5}, {}, accepted) == ({"s.a"}, set())


def test_what_is_accepted_no_longer_counts_against_the_bound() -> None:
    before, after = {"s.a": 100, "s.b": 100}, {"s.a": 10, "s.b": 90}
    assert judged(before, after, "s.a") == (set(), {"s.a"})
    assert judged(before, {**after, "s.b": 1}, "s.a") == (set(), {"s.a"})
    assert judged(before, {**after, "s.b": 1}, "s.a", share=0.4) == ({"s.b"}, {"s.a"})


@pytest.mark.parametrize("number", [11, 76])
def test_a_long_list_of_names_is_told_once(number: int) -> None:
    before = {f"public.table_{each}": 5 for each in range(number)}
    hint = next(iter(Comparison(before, {}, "prod").judge(Bounds()))).hint
    assert hint.count("public.table_7,") == 1
    assert "PGPROMOTE_ACCEPT_LOSS with the same list" in hint


@pytest.mark.parametrize("names", [[each] for each in ODD] + [ODD])
def test_what_the_hint_says_can_be_typed(names: list[str]) -> None:
    before = dict.fromkeys(names, 5)
    hint = next(iter(Comparison(before, {}, "prod").judge(Bounds()))).hint
    words = shlex.split(hint)

    typed = words[words.index("--accept-loss") + 1]
    variable = words[-1].partition("=")[2]

    assert typed == variable
    bounds = from_environment({"PGPROMOTE_ACCEPT_LOSS": typed}).bounds
    assert all(map(bounds.accept, names))
    assert not bounds.accept("public.other")


def test_the_bounds_are_settings() -> None:
    assert from_environment({}).bounds == Bounds((), 0.5)
    environment = {"PGPROMOTE_ACCEPT_LOSS": " a, s.b* ,,", "PGPROMOTE_LOSS_BOUND": "12.5"}
    assert from_environment(environment).bounds == Bounds(("a", "s.b*"), 0.125)


@pytest.mark.parametrize("text", ["-1", "101", "half", "50%", "nan", "1e1"])
def test_a_bound_that_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="PGPROMOTE_LOSS_BOUND"):
        from_environment({"PGPROMOTE_LOSS_BOUND": text})


def noted(**tables: Table) -> Baseline:
    """Make the note that a swap writes."""
    salt = b"12345678"
    return Baseline(4294967295, salt, {baseline._digest(salt, name): held for name, held in tables.items()})


def test_a_note_reads_as_it_was_written() -> None:
    held = Table(2**62, b"abcdefgh", Written(3, 2, 2**62))
    note = noted(one=held, other=Table(None, baseline.NO_HASH, Written(0, 0, 0)))

    read = baseline.read(note.text())

    assert read == note
    assert read.of("one") == held
    assert read.of("third") is None
    assert read.unchanged("other", Content(1, "hash")) is None


@pytest.mark.parametrize(
    "text",
    ["", "AAAA", "no base 64 é", b64encode(compress(b"\1")).decode(), b64encode(compress(bytes(22))).decode(),
     b64encode(compress(bytes(17))).decode(), b64encode(b"not compressed").decode()],
)  # fmt: skip
def test_a_damaged_note_is_no_note(text: str) -> None:
    assert baseline.read(text) is None


def test_a_note_that_would_fill_memory_is_no_note() -> None:
    head = baseline.HEAD.pack(baseline.VERSION, 1, b"12345678")
    entries = bytes(baseline.LIMIT_BYTES // baseline.ENTRY.size * baseline.ENTRY.size)
    assert baseline.read(b64encode(compress(head + entries, 9)).decode()) is None


@pytest.mark.parametrize(
    ("written", "certain", "anew", "told"),
    [
        (
            Written(1, 500, 0),
            False,
            False,
            "wrote to it since the last promotion: about 1 insert, 500 updates.",
        ),
        (Written(0, 0, 2), True, False, "the last promotion, its hash is another: about 2 deletes."),
        (changes.NOTHING, True, False, "its hash is another: no write was counted, as of TRUNCATE."),
        (
            Written(7, 0, 0),
            False,
            True,
            "7 inserts; statistics began anew in between, after a crash for one.",
        ),
    ],
)
def test_a_change_says_about_how_much(written: Written, certain: bool, anew: bool, told: str) -> None:
    said = Change("s.a", written, certain, anew).told()
    assert said.startswith("s.a: prod's users ")
    assert said.endswith(told)


def test_names_of_patterns_are_those_of_tables() -> None:
    assert plausible.pattern("public.plain") == "public.plain"
