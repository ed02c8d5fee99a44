"""Dataclasses are read from foreign JSON as strictly as pydantic would."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from pydantic import TypeAdapter

from pgpromote.postgres import records
from pgpromote.postgres.archives.archive import manifest_text
from pgpromote.postgres.model import Archived, Content, Manifest, Member
from pgpromote_tests.unit.reports import manifest

WHOLE = asdict(manifest()) | {
    "rests_on": {"a": ["b", "c"]},
    "range_rights": {"r": ["GRANT"]},
    "members": {
        "table public.q": {"extension": "queue", "version": "1.0", "parts": ["x"], "archived": "all"}
    },
    "database_size": 7,
}
# In the place of any value of a manifest, at any depth.
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "1",
    "ß",
    "\U0001f600",
    [],
    ["x"],
    [1],
    {},
    {"a": "b"},
    {"a": {}},
]


def changed() -> list[tuple[str, Any]]:
    """Return manifests in which one value is another one, or missing."""
    made = []
    for name in WHOLE:
        made += [(f"{name}={odd!r}", {**WHOLE, name: odd}) for odd in ODD]
        made.append((f"{name} missing", {key: value for key, value in WHOLE.items() if key != name}))
    for odd in ODD:
        for name in ("rows", "hash", "highest"):
            made.append(
                (f"{name}={odd!r}", {**WHOLE, "contents": {"t": {"rows": 1, "hash": "7", name: odd}}})
            )
        for name in ("extension", "parts", "content", "archived"):
            member = {"extension": "q", "version": "1", name: odd}
            made.append((f"{name}={odd!r}", {**WHOLE, "members": {"t": member}}))
    return made


def by_pydantic(content: bytes) -> Manifest | None:
    try:
        return TypeAdapter(Manifest).validate_json(content, strict=True)
    except ValueError:
        return None


def by_ours(content: bytes) -> Manifest | None:
    try:
        return records.read(Manifest, content)
    except ValueError:
        return None


def test_a_manifest_comes_back_as_it_was_written() -> None:
    written = records.read(Manifest, json.dumps(WHOLE).encode())
    assert records.read(Manifest, manifest_text(written).encode()) == written
    assert written.members == {"table public.q": Member("queue", "1.0", ("x",), Archived.ALL)}
    assert all(type(each) is Content for each in written.contents.values())


def test_what_pydantic_takes_is_taken_alike_and_what_it_refuses_is_refused() -> None:
    differing = [
        told for told, each in changed()
        if by_ours(json.dumps(each).encode()) != by_pydantic(json.dumps(each).encode())
    ]  # fmt: skip
    assert differing == []


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b"{", b"\xff\xfe{}", json.dumps(WHOLE).encode("utf-16"), b"[" * 100_000,
        json.dumps({**WHOLE, "source": "\udc80"}).encode(), json.dumps({**WHOLE, "seconds": 1e999}).encode(),
        json.dumps({**WHOLE, "seconds": float("nan")}).encode(),
        json.dumps({**WHOLE, "contents": {"\udc80": {"rows": 1, "hash": None}}}).encode(),
        json.dumps(WHOLE).encode().replace(b'"seconds": 61.5', b'"seconds": 1e999'),
    ],
    ids=lambda content: str(content[:20]),
)  # fmt: skip
def test_what_is_no_record_at_all_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        records.read(Manifest, content)


def test_a_field_that_a_later_version_added_is_left_out() -> None:
    whole = records.read(Manifest, json.dumps(WHOLE).encode())
    assert records.read(Manifest, json.dumps({**WHOLE, "another": 1}).encode()) == whole
