"""What reaches beyond the source's database stays there, with everything that depends on it."""

import pytest

from pgpromote.postgres.archives.selection import Selection, choose
from pgpromote.postgres.model import Filters, Foreign
from pgpromote_tests.unit.archives import Entry, archive_of

# As pg_dump 16 and 18 write it, with the same dependencies.
ENTRIES = (
    Entry(2, "FOREIGN DATA WRAPPER", "w", ""),
    Entry(3, "SERVER", "far", "", dependencies=(2,)),
    Entry(4, "ACL", "FOREIGN SERVER far", "", dependencies=(3,)),
    Entry(5, "USER MAPPING", "USER MAPPING app SERVER far", ""),
    Entry(10, "FOREIGN TABLE", "remote", dependencies=(3,)),
    Entry(11, "COMMENT", "COLUMN remote.id", dependencies=(10,)),
    Entry(12, "FUNCTION", "f()", dependencies=(10,)),
    Entry(13, "FUNCTION", "g()"),
    Entry(14, "VIEW", "empty first"),
    Entry(15, "FUNCTION", "uses(public.empty)", dependencies=(14,)),
    Entry(16, "RULE", "empty first _RETURN", dependencies=(15, 14, 10)),
    Entry(20, "TABLE", "child", dependencies=(10,)),
    Entry(21, "TABLE DATA", "child", dependencies=(20,)),
    Entry(22, "SEQUENCE", "child_x_seq", dependencies=(20,)),
    Entry(23, "SEQUENCE SET", "child_x_seq", dependencies=(22,)),
    Entry(24, "CONSTRAINT", "child child_pkey", dependencies=(20,)),
    Entry(25, "INDEX", "child_i", dependencies=(20,)),
    Entry(26, "TABLE", "refs"),
    Entry(27, "FK CONSTRAINT", "refs refs_x_fkey", dependencies=(20, 24, 26)),
    Entry(30, "TABLE", "parts"),
    Entry(31, "FOREIGN TABLE", "part1", dependencies=(3, 30)),
    Entry(32, "TABLE ATTACH", "part1", dependencies=(31, 30)),
    Entry(33, "TABLE", "part2", dependencies=(30,)),
    Entry(34, "TABLE ATTACH", "part2", dependencies=(33, 30)),
    Entry(40, "TABLE", "plain"),
    Entry(41, "RULE", "plain r", dependencies=(40, 10)),
    Entry(42, "POLICY", "plain p", dependencies=(40, 10)),
    Entry(43, "DEFAULT", "plain n", dependencies=(40, 12)),
    Entry(44, "INDEX", "plain_f", dependencies=(40, 12)),
    Entry(50, "MATERIALIZED VIEW", "mv", dependencies=(10,)),
    Entry(51, "MATERIALIZED VIEW DATA", "mv", dependencies=(50,)),
    Entry(60, "PUBLICATION", "pub", ""),
    Entry(61, "PUBLICATION TABLE", "pub plain", dependencies=(60, 40)),
    Entry(62, "PUBLICATION TABLES IN SCHEMA", "pub public", "", dependencies=(60,)),
    Entry(63, "SUBSCRIPTION", "sub", ""),
    Entry(64, "COMMENT", "SUBSCRIPTION sub", "", dependencies=(63,)),
    Entry(65, "SUBSCRIPTION TABLE", "sub plain", "", dependencies=(63,)),
    Entry(70, "FUNCTION", "watch()"),
    Entry(71, "EVENT TRIGGER", "ev", "", dependencies=(70,)),
)
OF_SERVERS = {2, 3, 5, 10, 12, 14, 15, 20, 27, 31, 41, 42, 43, 44, 50}
ALONE = {13, 26, 30, 33, 34, 40, 70}


def chosen(*bring: Foreign, filters: Filters = Filters()) -> Selection:  # noqa: B008 - frozen
    return choose(archive_of(*ENTRIES), filters, frozenset(bring))


def kept(selection: Selection) -> set[int]:
    return {entry.dump_id for entry in selection.archive.entries}


def named(selection: Selection) -> set[int]:
    return {left.entry.dump_id for left in selection.left_out}


def test_it_stays_with_all_that_depends_on_it_and_each_object_is_named_once() -> None:
    selection = chosen()
    assert kept(selection) == ALONE
    assert named(selection) == OF_SERVERS | {60, 63, 71}
    assert {left.entry.dump_id for left in selection.left_out if left.kind} == {2, 3, 5, 60, 63, 71}


def test_what_has_to_go_along_says_what_it_needs() -> None:
    needs = {left.entry.tag: left.needs.tag for left in chosen().left_out if left.needs}
    assert needs["remote"] == "far"
    assert needs["refs refs_x_fkey"] == "child"
    assert needs["plain n"] == "f()"


@pytest.mark.parametrize(
    ("bring", "left"),
    [
        (tuple(Foreign), set()),
        ((Foreign.SERVERS,), {5, 60, 63, 71}),
        ((Foreign.USER_MAPPINGS,), OF_SERVERS | {60, 63, 71}),
        ((Foreign.SERVERS, Foreign.USER_MAPPINGS), {60, 63, 71}),
        ((Foreign.PUBLICATIONS,), OF_SERVERS | {63, 71}),
        ((Foreign.SUBSCRIPTIONS,), OF_SERVERS | {60, 71}),
        ((Foreign.EVENT_TRIGGERS,), OF_SERVERS | {60, 63}),
    ],
)
def test_each_kind_comes_along_when_it_is_asked_for(bring: tuple[Foreign, ...], left: set[int]) -> None:
    assert named(chosen(*bring)) == left


def test_bringing_everything_changes_nothing() -> None:
    assert chosen(*Foreign).archive == archive_of(*ENTRIES)


@pytest.mark.parametrize(
    ("filters", "left", "rest"),
    [
        (Filters(tables=("plain",)), {41, 42, 43, 44}, {40}),
        (Filters(exclude_tables=("remote", "empty first", "child")), {2, 3, 5, 27, 31, 60, 63, 71}, ALONE),
        (Filters(data_only=True), set[int](), set[int]()),
    ],
)
def test_only_what_the_filters_leave_is_named(filters: Filters, left: set[int], rest: set[int]) -> None:
    selection = chosen(filters=filters)
    assert (named(selection), kept(selection)) == (left, rest)
