"""The origin of an archive is judged by its manifest, its header and the origins that are known."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres.archives.origin import NOTHING, Expected, Known, Origin, judge, read
from pgpromote.postgres.model import Severity

PATH = Path("/dumps/new.dump")
DUMPED = Origin("shop", "shop", "71", 16384, "shop")
DEV = replace(DUMPED, promotion="")
PROD = Origin("shop_prod", "shop_prod", "72", 5)
OURS, REACHED = Expected("shop"), Known(DEV, None, PROD)


def judged(
    archive: Origin,
    expected: Expected = OURS,
    known: Known = REACHED,
    *allow: str,
) -> list[tuple[Severity, str]]:
    return [(severity, name) for severity, name, _, _ in judge(PATH, archive, expected, known, allow)]


def test_an_archive_of_ours_of_dev_as_it_is_passes() -> None:
    assert judged(DUMPED) == []


@pytest.mark.parametrize("name", ["billing", "Shop", "shop_dev"])
def test_the_name_of_another_promotion_is_refused_unless_allowed(name: str) -> None:
    theirs = replace(DUMPED, promotion=name)
    assert judged(theirs) == [(Severity.ERROR, name)]
    assert judged(theirs, OURS, Known(DEV), "shop") == [(Severity.ERROR, name)]
    assert judged(theirs, OURS, Known(DEV), name) == [(Severity.WARNING, name)]


@pytest.mark.parametrize("name", ["billing", "SHOP", "shop ", "läden", "x" * 63])
def test_another_source_database_is_refused_unless_allowed(name: str) -> None:
    theirs = replace(DUMPED, database=name, alias=name)
    for known in (Known(DEV), Known(Origin("shop", "shop")), Known(None, DEV)):
        assert judged(theirs, OURS, known) == [(Severity.ERROR, name)]
        assert judged(theirs, OURS, known, name) == [(Severity.WARNING, name)]


def test_a_pooler_may_call_the_database_otherwise() -> None:
    assert judged(replace(DUMPED, alias="pooled")) == []
    assert judged(DUMPED, OURS, Known(replace(DEV, alias="pooled"))) == []
    assert judged(replace(DUMPED, alias="pooled"), OURS, Known(Origin("pooled", "pooled"))) == []


@pytest.mark.parametrize("change", [{"system_identifier": "9"}, {"oid": 9}])
def test_another_database_of_the_same_name_is_a_warning(change: dict[str, str | int]) -> None:
    rebuilt = replace(DUMPED, **change)  # type: ignore[arg-type]  # one of two fields
    for known in (Known(DEV), Known(Origin("shop", "shop"), DEV), Known(None, DEV)):
        assert judged(rebuilt, OURS, known) == [(Severity.WARNING, "shop")]


def test_the_source_as_it_is_counts_more_than_that_of_the_last_promotion() -> None:
    assert judged(DUMPED, OURS, Known(DEV, replace(DEV, oid=9))) == []


@pytest.mark.parametrize("archive", [Origin("shop", "shop"), replace(DUMPED, oid=None)])
def test_what_an_archive_does_not_say_is_not_held_against_it(archive: Origin) -> None:
    assert judged(archive) == []


@pytest.mark.parametrize("wanted", ["71", "71/16384"])
def test_the_demanded_source_passes_whatever_dev_is_now(wanted: str) -> None:
    assert judged(DUMPED, Expected("shop", wanted), Known(replace(DEV, oid=9))) == []
    assert judged(DUMPED, Expected("shop", wanted), NOTHING) == []


@pytest.mark.parametrize("wanted", ["7", "72", "71/1", "16384", "72/16384"])
@pytest.mark.parametrize("known", [Known(DEV), NOTHING])
def test_any_other_source_than_the_demanded_is_refused(wanted: str, known: Known) -> None:
    assert judged(DUMPED, Expected("shop", wanted), known) == [(Severity.ERROR, "shop")]
    assert judged(Origin("shop", "shop"), Expected("shop", wanted), known) == [(Severity.ERROR, "shop")]


def test_what_prod_was_itself_passes_whatever_is_expected() -> None:
    for own in (
        replace(PROD, oid=4, promotion="before"),  # prod's OID is another after each swap
        Origin("shop_prod", "shop_prod", label="shop_prod on prod:5432"),  # older manifests know no server
    ):
        known = Known(DEV, None, replace(PROD, label="shop_prod on prod:5432"))
        assert judged(own, Expected("shop", "71"), known) == []


def test_what_only_has_the_name_of_prod_is_not_prods_own() -> None:
    own = replace(PROD, oid=None, promotion="before")
    called = Origin("shop", "shop")
    prod = Origin("shop", "shop", "72", 5, label="shop on prod:5432")
    assert judged(called, Expected("shop", "71"), Known(DEV, None, prod)) == [(Severity.ERROR, "shop")]
    assert judged(replace(own, system_identifier="73")) == [
        (Severity.ERROR, "before"),
        (Severity.ERROR, "shop_prod"),
    ]


def test_where_nothing_is_known_it_is_for_the_record() -> None:
    assert judged(DUMPED, OURS, NOTHING) == [(Severity.INFO, "shop")]


@pytest.mark.parametrize(
    "origin",
    [DEV, Origin("a/b c", "a/b c", "7", None), Origin("läden", "läden"), Origin("x" * 63, "x" * 63, "1", 2)],
)
def test_an_origin_is_read_back_as_it_was_written(origin: Origin) -> None:
    assert read(origin.text()) == origin
