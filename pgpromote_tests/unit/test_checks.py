"""Each rule before prod is touched, on its own: what it refuses, what it warns of, what it lets pass."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres.checks.access import Barred
from pgpromote.postgres.checks.catalog import Replaced
from pgpromote.postgres.checks.rules import RULES, describe, missing
from pgpromote.postgres.errors import ArchiveError, ToolMissing
from pgpromote.postgres.model import Archive, Finding, PlainSql, Policy, ServerVersion, Severity
from pgpromote.postgres.reset import DATA_LOSS, Reset
from pgpromote.postgres.strategy import CLEAN, SWAP
from pgpromote.postgres.tools import Tools
from pgpromote_tests.unit.archives import PATH, Entry, archive_of
from pgpromote_tests.unit.plain import CATALOG, FACTS, MANIFEST, found, given, identified, of

DATA = sorted(DATA_LOSS)[0]
PLAIN_SQL = PlainSql(Path("full.sql"))


@pytest.mark.parametrize("rule", RULES)
def test_a_plain_archive_and_a_plain_prod_pass_every_rule(rule: str) -> None:
    assert found(rule, FACTS) == []
    assert describe(rule).endswith(".")


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_breaks_when_nothing_could_be_read(rule: str) -> None:
    found(rule, given(archive=None, catalog=None, client=None, manifest=None, same_database=None))


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
        ({"has_source": False}, RULES.keys() - {"not_same_database", "right_direction"}, "is not set"),
        (
            {"manifest": None},
            RULES.keys() - {"whole_archive", "extension_contents", "disk_space"},
            "has no manifest",
        ),
        ({"client": None}, RULES.keys() - {"archive_readable"}, "no client program"),
    ],
    ids=["no prod", "no dev", "no manifest", "no client"],
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


def extension(name: str, schema: str = "public") -> Entry:
    return Entry(2, "EXTENSION", name, "", f"CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA {schema};\n")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("timescaledb", "Install the operating-system package that carries timescaledb"),
        ("postgis", 'As a superuser, run in shop: CREATE EXTENSION "postgis";'),
    ],
)
def test_an_extension_that_prod_cannot_have_is_refused_with_what_to_do(name: str, told: str) -> None:
    ((severity, subject, message),) = found("extensions", of(extension(name)))
    assert (severity, subject) == (Severity.ERROR, name)
    assert told in message


def test_an_extension_that_a_new_database_cannot_have_is_refused_with_what_helps_there() -> None:
    facts = given(of(extension("vector")), strategy=SWAP)
    ((severity, _, message),) = found("extensions", facts)
    assert severity is Severity.ERROR
    assert "promote as a superuser, or choose the strategy clean" in message


@pytest.mark.parametrize("name", ["vector", "citext"])
def test_an_extension_that_is_there_or_can_be_created_passes(name: str) -> None:
    assert found("extensions", of(extension(name))) == []


def test_a_superuser_may_create_any_available_extension() -> None:
    assert found("extensions", of(extension("postgis"), catalog=identified(superuser=True))) == []


@pytest.mark.parametrize(("wanted", "warned"), [("0.8.0", False), ("0.10.0", True), ("0.7.9", False)])
def test_an_older_extension_on_prod_is_a_warning(wanted: str, *, warned: bool) -> None:
    facts = given(of(extension("vector")), manifest=replace(MANIFEST, extensions={"vector": wanted}))
    assert [severity for severity, _, _ in found("extensions", facts)] == [Severity.WARNING] * warned


def table(columns: str, name: str = "public.t") -> Entry:
    return Entry(2, "TABLE", "t", definition=f"CREATE TABLE {name} (\n    {columns}\n);\n")


@pytest.mark.parametrize(
    ("columns", "collation"),
    [
        ('name text COLLATE pg_catalog."nosuch"', "nosuch"),
        ('name text COLLATE "nosuch" NOT NULL', "nosuch"),
        ('name text COLLATE pg_catalog."de-x-icu"', "de-x-icu"),
        ('name text COLLATE public."My ""own"" Order"', 'My "own" Order'),
        ("name text COLLATE nosuch", "nosuch"),
        ("other text DEFAULT 'x'::text, name text COLLATE pg_catalog.\"nosuch\"", "nosuch"),
        ('"d\'x" text, name text COLLATE pg_catalog."nosuch", other text DEFAULT \'y\'::text', "nosuch"),
    ],
)
def test_a_collation_that_prod_lacks_is_refused_by_name(columns: str, collation: str) -> None:
    ((severity, subject, message),) = found("collations", of(table(columns)))
    assert (severity, subject) == (Severity.ERROR, collation)
    assert "public.t uses the collation" in message


@pytest.mark.parametrize(
    "columns",
    [
        'name text COLLATE pg_catalog."C"',
        'name text COLLATE pg_catalog."de_DE"',
        "name text DEFAULT 'x COLLATE \"nosuch\" y'::text",
        "name text DEFAULT 'it''s COLLATE nosuch'::text",
        "collate_by text",
    ],
)
def test_a_collation_that_is_there_or_only_written_about_passes(columns: str) -> None:
    assert found("collations", of(table(columns))) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("de-x-icu", "Use a server built with ICU, or drop the collation"),
        ("und-u-ks-level2-x-icu", "Use a server built with ICU, or drop the collation"),
        ("unicode", "Use a server built with ICU, or drop the collation"),
        ("tr_TR.utf8", "Install the locale tr_TR.utf8 on prod's server, then: SELECT pg_import_system"),
    ],
)
def test_a_collation_that_prod_lacks_is_told_with_what_brings_it(name: str, hint: str) -> None:
    ((_, _, message),) = found("collations", of(table(f'name text COLLATE pg_catalog."{name}"')))
    assert hint in message


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("CREATE COLLATION public.mine (provider = icu, locale = 'de');", "built without it"),
        ("CREATE COLLATION public.mine (provider = libc, locale = 'tr_TR');", "locale tr_TR"),
        ("CREATE COLLATION public.mine (provider = libc, lc_collate = 'tr_TR', lc_ctype = 'C');", "tr_TR"),
    ],
)
def test_a_collation_that_prod_cannot_create_is_refused(definition: str, told: str) -> None:
    ((severity, subject, message),) = found(
        "collations", of(Entry(2, "COLLATION", "mine", definition=definition))
    )
    assert (severity, subject) == (Severity.ERROR, "public.mine")
    assert told in message


def test_a_collation_that_the_archive_brings_itself_passes() -> None:
    own = Entry(
        3, "COLLATION", "mine", definition="CREATE COLLATION public.mine (provider = libc, locale = 'C');"
    )
    assert found("collations", of(own, table('name text COLLATE public."mine"'))) == []


@pytest.mark.parametrize(
    ("in_place", "ours", "told"),
    [
        (True, True, []),  # its schema stays, and with it who may create there
        (True, False, ["may not act as that role"]),
        (False, True, ["may not create there"]),
        (False, False, ["may not act as that role"]),
    ],
)
def test_an_owner_that_cannot_get_what_is_its_is_refused(in_place: bool, ours: bool, told: list[str]) -> None:
    barred = Barred("app owner", "Läden", "pg_database_owner", ours, "TABLE Läden.t")
    facts = given(strategy=CLEAN if in_place else SWAP, barred=(barred,), catalog=identified(superuser=False))
    messages = [message for _, subject, message in found("rights", facts) if subject == "app owner"]
    assert len(messages) == len(told)
    assert all(part in message for part, message in zip(told, messages, strict=True))


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


def test_a_missing_tablespace_is_refused_and_names_who_lies_there() -> None:
    facts = of(Entry(2, "TABLE", "t", tablespace="slow"), Entry(3, "TABLE", "u", tablespace="fast"))
    ((severity, subject, message),) = found("tablespaces", facts)
    assert (severity, subject) == (Severity.ERROR, "slow")
    assert "public.t" in message


@pytest.mark.parametrize(
    ("source", "prod", "severity"),
    [
        ("UTF8", "UTF8", None),
        ("LATIN1", "UTF8", Severity.INFO),
        ("UTF8", "LATIN1", Severity.ERROR),
        ("SQL_ASCII", "UTF8", Severity.ERROR),
        ("UTF8", "SQL_ASCII", Severity.ERROR),
    ],
)
def test_an_encoding_that_may_lose_characters_is_refused(
    source: str, prod: str, severity: Severity | None
) -> None:
    archive, catalog = replace(archive_of(), encoding=source), identified(encoding=prod)
    facts = given(archive=archive, catalog=catalog, manifest=replace(MANIFEST, encoding=source))
    assert [found for found, _, _ in found("encoding_and_locale", facts)] == ([severity] if severity else [])


@pytest.mark.parametrize("source", ["EUC_TW", "SQL_ASCII", "LATIN1"])
def test_an_archive_in_utf8_of_a_source_with_prods_encoding_passes(source: str) -> None:
    facts = given(manifest=replace(MANIFEST, encoding=source), catalog=identified(encoding=source))
    assert found("encoding_and_locale", facts) == []


def test_another_sort_order_is_a_warning() -> None:
    facts = given(manifest=replace(MANIFEST, locale="i de-DE"))
    ((severity, _, message),) = found("encoding_and_locale", facts)
    assert severity is Severity.WARNING
    assert "i de-DE" in message


@pytest.mark.parametrize(
    ("archive", "prod", "client", "severities"),
    [
        ("16.14", 160014, 160014, []),
        ("16.14", 170010, 180004, [Severity.INFO]),
        ("16.14", 160014, 180004, [Severity.WARNING]),
        ("18.4", 170010, 170010, [Severity.WARNING]),
        ("15.20", 180004, 180004, []),
        ("18.4 (Debian 18.4-1)", 160014, 180004, [Severity.WARNING, Severity.WARNING]),
    ],
)
def test_versions_that_differ_are_warned_of(
    archive: str, prod: int, client: int, severities: list[Severity]
) -> None:
    facts = given(
        archive=archive_of(server_version=archive),
        catalog=identified(version_number=prod),
        client=Tools(Path("/pg"), ServerVersion(client)),
    )
    told = found("client_tools", facts) + found("source_version", facts)
    assert [severity for severity, _, _ in told] == severities


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
    ((severity, _, _),) = found("not_same_database", given(same_database=True))
    assert severity is Severity.ERROR


BOBS = Replaced("public.t", "bob", ours=False, statement="DROP TABLE public.t", description="table public.t")


def test_an_object_of_another_owner_is_refused_with_the_grant_that_helps() -> None:
    facts = given(catalog=replace(CATALOG, replaced=(BOBS,)))
    ((severity, subject, message),) = found("rights", facts)
    assert (severity, subject) == (Severity.ERROR, "public.t")
    assert 'GRANT "bob" TO "owner"' in message


@pytest.mark.parametrize(
    ("schema", "allowed", "grant"), [("locked", True, "ON SCHEMA"), ("new", False, "ON DATABASE")]
)
def test_a_schema_in_which_we_may_not_create_is_refused(schema: str, grant: str, *, allowed: bool) -> None:
    facts = of(Entry(2, "TABLE", "t", schema), catalog=replace(CATALOG, may_create_schemas=allowed))
    ((severity, subject, message),) = found("rights", facts)
    assert (severity, subject) == (Severity.ERROR, schema)
    assert f"GRANT CREATE {grant}" in message


SUPERUSER_ONLY = [
    Entry(2, "EVENT TRIGGER", "e", ""),
    Entry(2, "FOREIGN DATA WRAPPER", "f", ""),
    Entry(
        2,
        "FUNCTION",
        "f()",
        definition="CREATE FUNCTION public.f() RETURNS int\n    LANGUAGE c\n    AS 'x', 'f';",
    ),
    Entry(2, "PUBLICATION", "p", "", "CREATE PUBLICATION p FOR ALL TABLES WITH (publish = 'insert');\n"),
    Entry(2, "TYPE", "base", definition="CREATE TYPE public.base (\n    INPUT = public.base_in\n);\n"),
]


@pytest.mark.parametrize("entry", SUPERUSER_ONLY, ids=lambda entry: entry.kind)
def test_what_only_a_superuser_may_create_is_refused_for_others(entry: Entry) -> None:
    ((severity, _, message),) = found("rights", of(entry))
    assert severity is Severity.ERROR
    assert "superuser" in message
    assert found("rights", of(entry, catalog=identified(superuser=True))) == []


def test_what_an_owner_may_create_passes() -> None:
    archive: Archive = archive_of(
        Entry(
            2,
            "FUNCTION",
            "f()",
            definition="CREATE FUNCTION public.f() RETURNS int\n    LANGUAGE sql\n    AS $$ $$;",
        ),
        Entry(3, "TYPE", "e", definition="CREATE TYPE public.e AS ENUM (\n    'a'\n);\n"),
        Entry(4, "PUBLICATION", "p", "", "CREATE PUBLICATION p WITH (publish = 'insert');\n"),
    )
    assert found("rights", given(archive=archive)) == []


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
