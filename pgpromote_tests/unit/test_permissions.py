"""An object that our role may not replace, create or give away is refused, with the grant that helps."""

from dataclasses import replace

import pytest

from pgpromote.postgres.checks.access import Barred
from pgpromote.postgres.checks.catalog import Replaced
from pgpromote.postgres.model import Archive, Severity
from pgpromote.postgres.strategy import CLEAN, SWAP
from pgpromote_tests.unit.archives import Entry, archive_of
from pgpromote_tests.unit.plain import CATALOG, found, given, identified, of


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
    Entry(2, "AGGREGATE", "a()", "", "CREATE AGGREGATE public.a(integer) (\n    STYPE = internal\n);\n"),
    Entry(2, "EVENT TRIGGER", "e", ""),
    Entry(2, "FOREIGN DATA WRAPPER", "f", ""),
    Entry(
        2,
        "FUNCTION",
        "f()",
        definition="CREATE FUNCTION public.f() RETURNS int\n    LANGUAGE c\n    AS 'x', 'f';",
    ),
    Entry(2, "PUBLICATION", "p", "", "CREATE PUBLICATION p FOR ALL TABLES WITH (publish = 'insert');\n"),
    Entry(
        2,
        "CAST",
        "CAST (text AS public.mood)",
        "",
        "CREATE CAST (text AS public.mood) WITHOUT FUNCTION AS ASSIGNMENT;\n",
    ),
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
        *(
            Entry(
                number,
                "CAST",
                "CAST (integer AS core.region)",
                "",
                f"CREATE CAST (integer AS core.region) {how};\n",
            )
            for number, how in ((5, "WITH FUNCTION core.to_region(integer)"), (6, "WITH INOUT AS IMPLICIT"))
        ),
    )
    assert found("rights", given(archive=archive)) == []
