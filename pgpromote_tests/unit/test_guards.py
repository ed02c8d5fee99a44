"""The rules about a wrong prod or source, another writer, objects left on dev, and an impossible swap."""

from dataclasses import replace

import pytest

from pgpromote.postgres.archives.origin import Known, Origin
from pgpromote.postgres.archives.selection import LeftOut
from pgpromote.postgres.checks.catalog import Catalog
from pgpromote.postgres.databases.obstacles import Writer
from pgpromote.postgres.model import Finding, Foreign, Severity, TocEntry
from pgpromote.postgres.strategy import CLEAN, SWAP
from pgpromote_tests.unit.plain import CATALOG, DEV, MANIFEST, found, given, identified


def entry(kind: str, tag: str, definition: str = "") -> TocEntry:
    return TocEntry(2, kind, "", tag, "alice", "pre-data", definition)


def test_what_stays_on_dev_is_named_with_the_setting_that_brings_it() -> None:
    servers = entry("SERVER", "far")
    view = entry("VIEW", "v")
    facts = given(left_out=(LeftOut(servers, kind=Foreign.SERVERS), LeftOut(view, needs=servers)))
    (first, second) = found("left_out", facts)
    assert first[:2] == (Severity.INFO, "far")
    assert second[:2] == (Severity.WARNING, "v")
    assert "bring: foreign-servers" in first[2]
    assert "VIEW v of dev is left out as well: it needs SERVER far." in second[2]


def test_a_restrictive_policy_is_never_left_out() -> None:
    policies = [
        entry("POLICY", "t p", f"CREATE POLICY p ON public.t {kind} FOR SELECT USING (true);")
        for kind in ("AS RESTRICTIVE", "AS PERMISSIVE", "")
    ]
    findings = [found("left_out", given(left_out=(LeftOut(each),))) for each in policies]
    assert [each[0][0] for each in findings] == [Severity.ERROR, Severity.WARNING, Severity.WARNING]


@pytest.mark.parametrize(
    ("catalog", "told"),
    [
        (replace(CATALOG, template=True), "a template"),
        (identified(database="postgres"), "maintenance database"),
        (identified(database="locks"), "the promotion lock"),
        (replace(CATALOG, dagster_schemas=("public",)), "Dagster's own storage, in the schema public"),
    ],
)
def test_a_database_that_is_none_of_its_own_is_no_prod(catalog: Catalog, told: str) -> None:
    ((severity, subject, message),) = found("target_allowed", given(catalog=catalog))
    assert (severity, subject) == (Severity.ERROR, catalog.identity.database)
    assert told in message


@pytest.mark.parametrize(
    ("filters", "in_place", "refused"),
    [("tables x", False, True), ("tables x", True, False), ("", False, False)],
)
def test_an_archive_that_was_limited_on_purpose_is_not_swapped_in(
    filters: str, *, in_place: bool, refused: bool
) -> None:
    facts = given(manifest=replace(MANIFEST, filters=filters), strategy=CLEAN if in_place else SWAP)
    assert [severity for severity, _, _ in found("whole_archive", facts)] == [Severity.ERROR] * refused


def test_a_source_that_is_marked_as_prod_is_refused() -> None:
    ((severity, _, message),) = found("right_direction", given(dev=replace(DEV, marked=True)))
    assert severity is Severity.ERROR
    assert "marked as prod" in message


# Of one server: dev and prod of a team, a database that is neither, and one of prod's name elsewhere.
TEAM_DEV = Origin("dev", "dev", "71", 1)
TEAM_PROD = Origin("shop", "shop", "71", 2)
OTHER = Origin("qa", "qa", "71", 3)
ELSEWHERE = replace(TEAM_PROD, system_identifier="72")


@pytest.mark.parametrize(
    ("came_from", "last", "allow", "severities"),
    [
        (TEAM_PROD, None, (), [Severity.ERROR]),
        (replace(TEAM_PROD, oid=9), OTHER, (), [Severity.ERROR]),
        (TEAM_PROD, None, ("dev",), [Severity.WARNING]),
        (TEAM_PROD, TEAM_DEV, (), [Severity.WARNING]),
        (OTHER, None, (), []),
        (ELSEWHERE, None, (), []),
        (None, TEAM_DEV, (), []),
    ],
    ids=[
        "exchanged", "exchanged, then made anew", "allowed", "both ways", "a chain of three",
        "the name alone", "never promoted",
    ],
)  # fmt: skip
def test_a_source_that_was_promoted_from_prod_is_refused_unless_that_is_known(
    came_from: Origin | None, last: Origin | None, allow: tuple[str, ...], severities: list[Severity]
) -> None:
    known = Known(TEAM_DEV, last, TEAM_PROD)
    facts = given(dev=replace(DEV, came_from=came_from), known=known, allow=frozenset(allow))
    told = found("right_direction", facts)
    assert [severity for severity, _, _ in told] == severities
    assert all("promoted from shop" in message and "--allow dev" in message for _, _, message in told)


def test_another_writer_is_refused_only_where_prod_is_changed_in_place() -> None:
    facts = given(writers=(Writer(77, "pgpromote:dead"),))
    ((severity, subject, message),) = found("no_other_writer", facts)
    assert (severity, subject) == (Severity.ERROR, "pgpromote:dead")
    assert "pg_terminate_backend(77)" in message
    assert found("no_other_writer", given(facts, strategy=SWAP)) == []


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        ("swap_owner", Severity.ERROR),
        ("swap_create_database", Severity.ERROR),
        ("swap_replication_slot", Severity.ERROR),
        ("swap_subscription", Severity.ERROR),
        ("swap_setting", Severity.ERROR),
        ("swap_left_transaction", Severity.ERROR),
        ("swap_prepared_transaction", Severity.WARNING),
        ("swap_session", Severity.WARNING),
    ],
)
def test_what_forbids_a_swap_is_said_before_the_restore_as_hard_as_it_can_be_known(
    rule: str, shown: Severity
) -> None:
    facts = given(obstacles=(Finding(rule, Severity.ERROR, "shop", "No."),), strategy=SWAP)
    assert [severity for severity, _, _ in found("swap_possible", facts)] == [shown]
    assert found("swap_possible", given(facts, strategy=CLEAN)) == []
