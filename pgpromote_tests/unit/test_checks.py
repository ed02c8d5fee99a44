"""Each rule before prod is touched, on its own: what it refuses, what it warns of, what it lets pass."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres.archives.origin import Origin
from pgpromote.postgres.checks.dev import Dev
from pgpromote.postgres.checks.rules import RULES, describe, missing
from pgpromote.postgres.errors import ArchiveError, ToolMissing
from pgpromote.postgres.model import Finding, PlainSql, Policy, Severity
from pgpromote.postgres.reset import DATA_LOSS, Reset
from pgpromote_tests.unit.archives import PATH, Entry
from pgpromote_tests.unit.plain import DEV, FACTS, MANIFEST, found, given, identified, of

DATA = sorted(DATA_LOSS)[0]
PLAIN_SQL = PlainSql(Path("full.sql"))


NEED_NO_ARCHIVE = {
    "target_reachable", "target_allowed", "client_tools", "archive_readable", "only_sql", "not_same_database",
    "right_direction", "no_other_writer", "swap_possible", "rollback_possible", "nothing_lost_outside",
    "connection_encrypted", "standby_sessions", "not_on_hold", "build_login",
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_a_plain_archive_and_a_plain_prod_pass_every_rule(rule: str) -> None:
    assert found(rule, FACTS) == []
    assert describe(rule).endswith(".")


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_breaks_when_nothing_could_be_read(rule: str) -> None:
    found(rule, given(archive=None, catalog=None, client=None, manifest=None, dev=Dev(Origin("dev"))))


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_can_look_is_not_skipped(rule: str) -> None:
    assert missing(rule, FACTS) == ""


@pytest.mark.parametrize(
    ("changes", "looking", "why"),
    [
        (
            {"catalog": None, "client": None},
            {"target_reachable", "left_out", "only_sql", "whole_archive", "manifest_there"},
            "prod could",
        ),
        ({"dev": None}, RULES.keys() - {"not_same_database", "right_direction"}, "is not set"),
        (
            {"manifest": None},
            RULES.keys() - {"whole_archive", "extension_contents", "disk_space"},
            "has no manifest",
        ),
        (
            {"dumped": False, "archive": None, "manifest": None},
            NEED_NO_ARCHIVE,
            "there is no archive yet",
        ),
        ({"client": None}, RULES.keys() - {"archive_readable"}, "no client program"),
    ],
    ids=["no prod", "no dev", "no manifest", "before the dump", "no client"],
)
def test_a_rule_that_cannot_look_says_why(changes: dict[str, None], looking: set[str], why: str) -> None:
    facts = given(FACTS, **changes)
    told = {rule: missing(rule, facts) for rule in RULES}
    assert {rule for rule, reason in told.items() if not reason} == set(looking)
    assert all(why in reason for reason in told.values() if reason)


@pytest.mark.parametrize("rule", RULES)
def test_plain_sql_of_which_nobody_knows_what_it_brings_passes_every_rule(rule: str) -> None:
    assert found(rule, given(archive=PLAIN_SQL, manifest=None)) == []


@pytest.mark.parametrize(
    ("archive", "problem", "why"),
    [
        (PLAIN_SQL, None, "plain SQL"),
        (PLAIN_SQL, ArchiveError("cut"), "could not be read"),
        (None, ArchiveError("damaged"), "could not be read"),
    ],
    ids=["plain SQL", "plain SQL that is cut", "a damaged archive"],
)
def test_without_a_list_of_objects_what_it_holds_is_skipped(
    archive: PlainSql | None, problem: ArchiveError | None, why: str
) -> None:
    facts = given(archive=archive, archive_problem=problem, manifest=None)
    told = {
        rule: missing(rule, facts) for rule in ("extensions", "policy_roles", "left_out", "whole_archive")
    }
    assert all(why in reason for reason in told.values()), told


def test_two_programs_that_miss_for_one_reason_are_told_once() -> None:
    problem = ToolMissing("The server is newer.", "Install it.")
    ((_, programs, _),) = found(
        "client_tools", given(client=None, client_problem=problem, source_client_problem=problem)
    )
    assert programs == "pg_restore and pg_dump"
    other = ToolMissing("Dev is newer still.", "Install that.")
    facts = given(client=None, client_problem=problem, source_client_problem=other)
    assert [programs for _, programs, _ in found("client_tools", facts)] == ["pg_restore", "pg_dump"]


def policy(head: str) -> Entry:
    return Entry(2, "POLICY", "t p", definition=f"CREATE POLICY {head} USING ((owner = 'a TO b'::text));\n")


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        ("p ON public.t TO ghost", ["ghost"]),
        ('p ON public.t TO app, "Big Ghost", ghost', ["Big Ghost", "ghost"]),
        ("p ON public.t AS RESTRICTIVE FOR SELECT TO ghost", ["ghost"]),
        ('p ON public.t TO "reader"', ["reader"]),
        ("p ON public.t TO app", []),
        ('p ON public.t TO "Reader", app, public', []),
        ("p ON public.t", []),
        ('p ON public."a TO b"', []),
        ('"p TO q" ON public.t TO app', []),
        ('"x USING (y" ON public.t TO ghost', ["ghost"]),
    ],
)
def test_a_policy_is_refused_exactly_when_prod_lacks_one_of_its_roles(head: str, missing: list[str]) -> None:
    findings = found("policy_roles", of(policy(head)))
    assert [(severity, subject) for severity, subject, _ in findings] == [
        (Severity.ERROR, r) for r in missing
    ]
    assert all("CREATE ROLE" in message for _, _, message in findings)


ACL = """REVOKE ALL ON TABLE public.t FROM PUBLIC;
SET SESSION AUTHORIZATION "Giver";
GRANT SELECT ON TABLE public.t TO reporting WITH GRANT OPTION;
RESET SESSION AUTHORIZATION;
GRANT ALL ON TABLE public.t TO app;
"""
DEFAULTS = 'ALTER DEFAULT PRIVILEGES FOR ROLE maker IN SCHEMA public GRANT SELECT ON TABLES TO "Reader";'


def test_with_the_source_s_rights_every_role_that_they_name_has_to_be_there() -> None:
    entries = (
        Entry(2, "TABLE", "t", owner="stranger"),
        Entry(3, "ACL", "TABLE t", definition=ACL, owner="app"),
        Entry(4, "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", definition=DEFAULTS, owner="app"),
    )
    facts = given(of(*entries), rights=Policy.SOURCE)
    assert [(severity, role) for severity, role, _ in found("source_roles", facts)] == [
        (Severity.ERROR, role) for role in ("Giver", "maker", "reporting", "stranger")
    ]
    assert found("source_roles", of(*entries)) == []


def test_an_adopted_archive_that_changed_is_refused_with_the_command_that_adopts_it_anew() -> None:
    facts = given(sha256="bb", manifest=replace(MANIFEST, adopted_at="2026-03-01T02:00:00+00:00"))
    ((severity, _, _, hint),) = RULES["archive_readable"](facts)
    assert severity is Severity.ERROR
    assert f"pgpromote adopt --anew {facts.path}" in hint
    assert "remove" not in hint


def test_a_file_that_is_not_the_one_of_its_manifest_is_refused() -> None:
    ((severity, subject, message),) = found("archive_readable", given(sha256="bb"))
    assert (severity, subject) == (Severity.ERROR, str(PATH))
    assert "copy the archive and its manifest again, both." in message
    assert "remove" not in message


def test_a_standby_is_refused() -> None:
    ((severity, _, message),) = found("target_reachable", given(catalog=identified(standby=True)))
    assert severity is Severity.ERROR
    assert "primary" in message


def test_the_same_database_on_both_sides_is_refused() -> None:
    ((severity, _, _),) = found("not_same_database", given(dev=replace(DEV, same_database=True)))
    assert severity is Severity.ERROR


@pytest.mark.parametrize(
    ("rule", "allow", "shown"),
    [
        (DATA, False, Severity.ERROR),
        (DATA, True, Severity.WARNING),
        ("reset_schema_rights", True, Severity.ERROR),
    ],
)
def test_a_reset_that_takes_data_outside_is_refused_unless_that_is_allowed(
    rule: str, shown: Severity, *, allow: bool
) -> None:
    outside = Finding(rule, Severity.ERROR, "keep.t", "It would be lost.", "Move it.")
    reset = Reset("public", (outside,), {}, (), 1)
    facts = given(reset=reset, allow_data_loss_outside=allow)
    assert found("nothing_lost_outside", facts) == [(shown, "keep.t", "It would be lost. Move it.")]
