"""A mark is read as it was written, and by an older pgpromote as far as it can."""

import json
from datetime import UTC, datetime

import pytest

from pgpromote.postgres.databases import hold, mark
from pgpromote.postgres.databases.mark import End, Kind, Mark, Provenance
from pgpromote.postgres.model import Severity

AT = datetime(2026, 3, 1, 4, 5, 6, 78900, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 4, 5, 6, tzinfo=UTC)
FULL = Mark(
    Kind.PREVIOUS, "läden", 1, "run-1", AT, "my shop",
    ended=End.ROLLBACK,
    was=Provenance("shop", "run-0", "läden.dump", "ab" * 32, 1, AT, LATER),
    followed=Provenance(oid=2, since=LATER),
    held_at=LATER,
)  # fmt: skip


def test_a_mark_is_read_as_it_was_written_in_ascii() -> None:
    assert mark.read(FULL.text()) == FULL
    assert FULL.text().isascii()


OLD = (
    '{"kind": "previous", "prod": "läden", "prod_oid": 7, "promotion": "r", "at": "2026-03-01T04:05:06+00:00"'
)


@pytest.mark.parametrize(
    "text",
    [
        OLD + "}",
        OLD.replace("previous", "shadow").replace("04:05:06+00", "05:05:06+01") + "}",
        OLD + ', "comment": "my \\"shop\\"", "overwritten_at": "2026-03-01T04:05:06+00:00"}',
    ],
)
def test_a_mark_of_the_version_before_is_read(text: str) -> None:
    found = mark.read(mark.SIGN + text)
    assert found
    assert (found.ended, found.was, found.followed, found.held_at) == (None, None, None, None)
    assert found.at == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    assert json.loads(found.text().removeprefix(mark.SIGN)).keys() == json.loads(text).keys()


def test_the_version_before_reads_our_mark() -> None:
    found = json.loads(FULL.text().removeprefix(mark.SIGN))
    # The keys of its dataclass: it takes no other, and asks of these four alone what type they have.
    assert found.keys() <= {"kind", "prod", "prod_oid", "promotion", "at", "comment", "overwritten_at"}
    assert (found["kind"], found["prod"], found["comment"]) == ("previous", "läden", "my shop")
    assert datetime.fromisoformat(found["at"]) == AT


@pytest.mark.parametrize(
    "promotion",
    [
        '{"ended": "promotion"}',
        '{"run": "r", "ended": "?"}',
        '{"run": "r", "was": 5}',
        '{"run": "r", "was": {"sha256": 5}}',
        '{"run": "r", "held_at": true}',
        "[]",
    ],
)
def test_a_stranger_s_newer_mark_stops_nobody(promotion: str) -> None:
    text = OLD.replace('"r"', promotion) + "}"
    found = mark.read(mark.SIGN + text)
    assert found is None or (found.ended, found.was) == (None, None)


def test_a_finding_names_what_ends_the_hold() -> None:
    held = hold.Hold("shop", AT, "shop__previous_1", "me", FULL.was)
    refused, warned = (hold.refusal(held, despite=despite) for despite in (False, True))
    assert (refused.severity, warned.severity) == (Severity.ERROR, Severity.WARNING)
    assert "shop__previous_1" in refused.message
    assert "läden.dump" in refused.message
    assert refused.hint.endswith("pgpromote resume")
