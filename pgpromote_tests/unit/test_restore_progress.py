"""How far a restore is: entries weigh what they load, sort or check."""

import pytest

from pgpromote.defs import step
from pgpromote.defs.step import Progress
from pgpromote.postgres.loading.activity import Activity
from pgpromote.postgres.model import TocEntry
from pgpromote.run.restore_progress import ENTRY, LOADED, Work

PARALLEL = (
    "pg_restore: processing item 7 SCHEMA shop",
    'pg_restore: creating SCHEMA "shop"',
    "pg_restore: launching item 8 TABLE DATA orders",
    'pg_restore: processing data for table "shop.orders"',
    "pg_restore: finished item 8 TABLE DATA orders",
)
ONE_BY_ONE = (
    "pg_restore: connecting to database for restore",
    'pg_restore: creating SCHEMA "shop"',
    'pg_restore: processing data for table "shop.orders"',
    "pg_restore: executing SEQUENCE SET orders_id_seq",
)


def entry(number: int, kind: str, tag: str, *dependencies: int) -> TocEntry:
    return TocEntry(number, kind, "shop", tag, "alice", "data", dependencies=dependencies)


ENTRIES = (
    entry(7, "SCHEMA", "shop"),
    entry(2, "TABLE", "orders"),
    entry(3, "TABLE", "tags"),
    entry(8, "TABLE DATA", "orders", 2),
    entry(9, "TABLE DATA", "tags", 3),
    entry(10, "INDEX", "orders_idx", 2),
    entry(11, "FK CONSTRAINT", "tags tags_fkey", 3, 2),
)
ROWS = {"shop.orders": 1_000_000, "shop.tags": 10}


def work(*lines: str, now: tuple[Activity, ...] = (), rows: dict[str, int] = ROWS) -> Work:
    done = Work(ENTRIES, rows)
    for line in lines:
        done.take(line)
    done.see(now)
    return done


def loading(rows: int, table: str = "orders") -> Activity:
    return Activity(loading=True, schema="shop", table=table, rows=rows, share=None)


@pytest.mark.parametrize(("lines", "done"), [(PARALLEL, {7, 8}), (ONE_BY_ONE, {7, 2}), ((), set())])
def test_an_entry_is_done_when_the_next_begins_or_its_worker_says_so(
    lines: tuple[str, ...], done: set[int]
) -> None:
    assert work(*lines).done == done


def test_an_entry_that_is_only_launched_is_not_done() -> None:
    assert work(*PARALLEL[:-1]).done == {7}


def test_a_big_table_weighs_more_than_all_small_entries() -> None:
    assert work("pg_restore: finished item 8 TABLE DATA orders").share > 0.75
    assert work("pg_restore: finished item 9 TABLE DATA tags").share < 0.01


def test_without_a_manifest_every_entry_weighs_the_same() -> None:
    assert work("pg_restore: finished item 8 TABLE DATA orders", rows={}).share == pytest.approx(1 / 7)


def test_a_table_counts_while_its_rows_come() -> None:
    whole = work("pg_restore: finished item 8 TABLE DATA orders").share
    assert work(now=(loading(500_000),)).share == pytest.approx(whole / 2, rel=0.01)


def test_nothing_is_lost_between_the_last_row_and_the_word_that_a_table_is_done() -> None:
    whole = work(now=(loading(1_000_000),))
    before = whole.share
    whole.see(())
    assert whole.share == before
    whole.take("pg_restore: finished item 8 TABLE DATA orders")
    assert whole.share == pytest.approx(before, rel=0.01)


def test_rows_that_nobody_expected_never_make_more_than_all() -> None:
    every = [f"pg_restore: finished item {each.dump_id} {each.kind} x" for each in ENTRIES]
    assert work(*every, now=(loading(9_000_000),)).share == 1


def test_an_index_counts_while_it_is_built_and_weighs_less_than_its_rows() -> None:
    half = Activity(loading=False, schema="shop", table="orders", rows=None, share=0.5)
    whole = 7 * ENTRY + LOADED * 1_000_010 + 1_000_010
    assert work(now=(half,)).share == pytest.approx(500_000 / whole)


def test_what_is_worked_on_is_told_with_its_table() -> None:
    building = Activity(loading=False, schema="shop", table="orders", rows=None, share=0.25)
    busy = work(*PARALLEL, now=(loading(1234), loading(5, "new"), building))
    assert busy.told() == "2 of 7 entries"
    assert busy.doing() == [
        "loading shop.orders, 1,234 of 1,000,000 rows",
        "loading shop.new, 5 rows",
        "index of shop.orders 25%",
    ]


def test_before_anything_is_done_nobody_knows_what_remains() -> None:
    assert work().remaining is None
    assert work(*PARALLEL).remaining is not None


def test_nothing_to_restore_is_no_share() -> None:
    assert Work().share == 0


def test_the_log_tells_how_far_it_is_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    progress = Progress(told.append)
    progress(work(*PARALLEL))
    assert told == []
    monkeypatch.setattr(step, "TELL_EVERY", 0.0)
    progress(work())
    progress(work(*PARALLEL, rows={}, now=(loading(3),)))
    assert told == ["29%, about 0 s left: 2 of 7 entries; loading shop.orders, 3 rows."]
