"""Whatever of an archive does not fit prod is refused or warned of, by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres.model import ServerVersion, Severity
from pgpromote.postgres.strategy import SWAP
from pgpromote.postgres.tools import Tools
from pgpromote_tests.unit.archives import Entry, archive_of
from pgpromote_tests.unit.plain import MANIFEST, found, given, identified, of


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
    assert "promote as a superuser, or set trusted = true" in message


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
