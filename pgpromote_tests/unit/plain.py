"""A plain archive and a plain prod, which pass every rule, and a way to run one rule."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pgpromote.postgres.archives.origin import Origin
from pgpromote.postgres.checks.catalog import Catalog, Collation, Extension, Schema
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.dev import Dev
from pgpromote.postgres.checks.facts import Facts
from pgpromote.postgres.checks.prod import Prod
from pgpromote.postgres.checks.rules import RULES
from pgpromote.postgres.model import Manifest, ServerVersion, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, Identity
from pgpromote.postgres.tools import Tools
from pgpromote_tests.unit.archives import PATH, Entry, archive_of

IDENTITY = Identity(
    version_number=160014, system_identifier="1", database="shop", database_oid=5, user="owner",
    superuser=False, standby=False, encoding="UTF8", collate="C.UTF-8", ctype="C.UTF-8", provider="c",
    locale=None,
)  # fmt: skip
CATALOG = Catalog(
    identity=IDENTITY,
    may_create_schemas=True,
    template=False,
    dagster_schemas=(),
    extensions={
        "vector": Extension("vector", "0.8.0", "public", "0.8.1", trusted=False),
        "citext": Extension("citext", None, None, "1.6", trusted=True),
        "postgis": Extension("postgis", None, None, "3.4", trusted=False),
    },
    collations=(Collation("pg_catalog", "C", "c", "C"), Collation("pg_catalog", "de_DE", "c", "de_DE")),
    roles=frozenset({"owner", "Reader", "app"}),
    tablespaces=frozenset({"pg_default", "fast"}),
    schemas={"public": Schema("public", creatable=True), "locked": Schema("locked", creatable=False)},
    replaced=(),
    dependents=(),
    published=(),
)
MANIFEST = Manifest(
    promotion="run", sha256="aa", size=1, created_at="", seconds=1, source="shop on dev",
    server_version="16.14", pg_dump_version="16.14", compression="gzip", encoding="UTF8", locale="c C.UTF-8",
    extensions={"vector": "0.8.0"}, counts={}, contents={},
)  # fmt: skip
DEV = Dev(Origin("shop_dev"), ServerVersion(160014), same_database=False)
FACTS = Facts(
    path=PATH,
    dumped=True,
    place=Place(Database("PROD_DATABASE_URL", {"dbname": "shop", "host": "prod"}), agreed="locks"),
    choice=Choice(safety_archive=False),
    archive=archive_of(),
    archive_problem=None,
    manifest=MANIFEST,
    sha256="aa",
    left_out=(),
    prod=Prod(CATALOG),
    client=Tools(Path("/pg16"), ServerVersion(160014)),
    client_problem=None,
    dev=DEV,
    source_client_problem=None,
)


def given(facts: Facts = FACTS, **changes: Any) -> Facts:
    """Return changed facts; changes are named by fields of the facts, of prod, or of the choice."""
    own, prod, choice = (
        {name: value for name, value in changes.items() if name in {each.name for each in fields(part)}}
        for part in (Facts, Prod, Choice)
    )
    assert not changes.keys() - own.keys() - prod.keys() - choice.keys()
    inner = {name: value for name, value in prod.items() if name not in own}
    return replace(facts, prod=replace(facts.prod, **inner), choice=replace(facts.choice, **choice), **own)


def found(rule: str, facts: Facts) -> list[tuple[Severity, str, str]]:
    """Run one rule; return its findings as people see them: severity, object, message with hint."""
    return [(severity, subject, f"{text} {hint}") for severity, subject, text, hint in RULES[rule](facts)]


def of(*entries: Entry, catalog: Catalog = CATALOG) -> Facts:
    return given(archive=archive_of(*entries), catalog=catalog)


def identified(**changes: object) -> Catalog:
    return replace(CATALOG, identity=replace(IDENTITY, **changes))  # type: ignore[arg-type]  # names checked below
