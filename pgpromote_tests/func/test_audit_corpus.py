"""The rules on databases that nobody made for them: every warning is right, and listed here."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from pgpromote.demo import auction
from pgpromote.postgres import audit
from pgpromote.postgres.errors import ConnectionFailed
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import parse_url
from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.corpus import django, rails, warehouse
from pgpromote_tests.func.case_runs import psql
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.servers import Server

ROOT = Path(__file__).parents[1]
DEV = parse_url("postgresql://me@dev.example:5432/shop_dev", "DEV_DATABASE_URL")

# The rules of prod_audit.
OTHERS = [rule for rule in audit.RULES if rule not in {audit.KEYS, audit.NOT_NULL}]
# The sequences that the cases leave behind, in the schema named after the case's number.
BEHIND = (
    "c11.parent.id", "c12.t.id", "c13.called.id", "c13.fresh.id", "c14.orders.id", "c20.always.id",
    "c20.by_default.id", "c25.behind.id", "c25.used_up.id", "c27.down.id", "c27.down_by_three.id",
    "c28.even.id", "c28.odd.id", "c30.rings.id", "c31.full_up.id", "c32.cats.id",
    '"Sales Room"."it\'s serial\\too"."{i}d\'"', "c36.served.id", "c39.invoices.id", "c41.t.id", "c42.t.id",
    "c15.by_varchar.id", "c15.elsewhere.id", "c15.quoted.id", "c43.t.a", "c43.t.b",
    "c44.t.id", "c45.t.id", "c46.parent.id",
)  # fmt: skip
IN_CASES = {f"sequence_behind {column}" for column in BEHIND} | {
    "partitioned_without_partitions c09.tenant_bids",
    "sequence_near_end c25.used_up_id_seq",
    "sequence_near_end c31.near_numbers",
    "table_unlogged c22.cache",
    "trigger_disabled c18.disabled fill",
}
UNJUDGED = [
    "c15.ambiguous.id", "c15.folded.id", "c15.not_constant.id", "c15.nowhere.id", "c15.orders.id",
    "c15.qualified.id", "c15.shadowed.id", "c16.shards.id", "c16.tens.id", "c17.orders.id",
    "c40.by_assignment.id", "c40.by_cast.id",
]  # fmt: skip
IN_AUCTION = {
    'constraint_not_validated "BackOffice".imported_ratings imported_ratings_plausible',
    "table_unlogged public.page_cache",
    "trigger_disabled public.reviews log_deletion",
}


SCRIPTS = {"rails": rails.script, "django": django.script, "warehouse": warehouse.script}
# What later changes of those schemas have left behind.
RATINGS = "reviews_rating_is_at_least_one_and_says_something_at_all_in_1_5"
IN_CORPUS: dict[str, set[str]] = {
    "rails": {f"constraint_not_validated public.reviews {RATINGS}"},
    "django": set(),
    "warehouse": {
        "constraint_not_validated mart.top_customers top_customers_rank_positive",
        'primary_key_without_identity "old ""warehouse"" 2.0"."CamelCase"."Id"',
        'primary_key_without_identity "Übersicht"."日本語の表"."列"',
        "table_unlogged raw.scratch",
    },
}


def warnings(findings: Iterable[Finding]) -> set[str]:
    return {f"{f.rule} {f.object}" for f in findings if f.severity is not Severity.INFO}


def test_in_the_cases_all_warnings_are_right(start_server: StartServer) -> None:
    server = start_server(16, "prod")
    database = server.new_database()
    for case in sorted((ROOT / "cases").glob("[0-9]*.sql")):
        # Each is written for the schema public. One database for all takes a tenth of the time.
        server.execute(case.read_text(encoding="utf-8"), database.name)
        server.execute(f"ALTER SCHEMA public RENAME TO c{case.stem[:2]}; CREATE SCHEMA public", database.name)
    server.execute("ANALYZE", database.name)

    found = audit.examine(database, "test", OTHERS, dev=DEV)

    assert warnings(found) == IN_CASES
    # A name that leads to public is right before its case gets another schema, and not after.
    assert sorted(finding.object for finding in found if not finding.judged) == UNJUDGED


@pytest.mark.parametrize("name", SCRIPTS)
def test_in_large_schemas_all_warnings_are_right(prod: Server, name: str) -> None:
    database = prod.new_database()
    psql(prod, database.name, SCRIPTS[name]()).check_returncode()
    prod.execute("ANALYZE", database.name)

    found = audit.audit(database, "test", rules=audit.RULES)

    assert warnings(found.findings) == IN_CORPUS[name]
    assert all(finding.judged for finding in found.findings)
    assert {each.rule for each in found.apart if each.severity is Severity.INFO} == {"owned_by_superuser"}


@pytest.mark.versions(15, 18)
def test_a_real_schema_gets_no_warning(prod: Server) -> None:
    database = prod.new_database((ROOT / "data" / "chinook.sql").read_text(encoding="utf-8"))
    prod.execute("ANALYZE", database.name)
    found = audit.examine(database, "test", OTHERS, dev=DEV)
    assert warnings(found) == set()
    assert all(finding.judged for finding in found)


def test_a_promotion_loses_nothing_and_leaves_only_what_dev_has_too(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    source = dev.new_url(name="auction_dev_audited")
    auction.build(source)
    promotion = runs.promotion(source, prod.new_url(), tmp_path, dev)
    Stage(dev, prod, promotion).promote()

    after = audit.audit(promotion.target(), "test", dev=promotion.source(), rules=OTHERS)

    assert warnings(after.findings) == IN_AUCTION
    assert {f.severity for f in after.findings} == {Severity.INFO, Severity.WARNING}
    assert [f for f in after.findings if not f.judged or "Not so on dev" in f.message] == []


def test_what_prod_lost_on_the_way_is_one_step_worse(prod: Server) -> None:
    sound = """
        CREATE TABLE t (id serial PRIMARY KEY, n integer CHECK (n > 0) NOT NULL DEFAULT 1);
        CREATE UNLOGGED TABLE cache (id serial PRIMARY KEY);
    """
    lost = "ALTER TABLE t DROP CONSTRAINT t_pkey, ALTER n DROP DEFAULT; ALTER TABLE t DISABLE TRIGGER ALL;"
    lost += "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
    lost += "CREATE TRIGGER f AFTER INSERT ON t EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER f"
    on_dev, on_prod = prod.new_database(sound), prod.new_database(sound + lost)

    found = audit.audit(on_prod, "test", dev=on_dev).findings

    assert {(f.rule, f.severity) for f in found if "Not so on dev." in f.message} == {
        ("not_null_without_default", Severity.WARNING),
        ("table_without_primary_key", Severity.WARNING),
        ("trigger_disabled", Severity.ERROR),
    }
    assert [f.severity for f in found if f.rule == "table_unlogged"] == [Severity.WARNING]


def test_a_dev_that_cannot_be_read_is_a_finding(prod: Server) -> None:
    gone = parse_url(prod.url("no_such_dev"), "DEV_DATABASE_URL")
    done = audit.audit(prod.new_database(), "test", dev=gone)
    (found,) = [finding for finding in done.findings if finding.rule == "comparison"]
    assert (found.severity, found.judged) == (Severity.WARNING, False)
    assert "no_such_dev" in found.message


def test_a_database_that_cannot_be_read_is_an_error_though_dev_can(prod: Server) -> None:
    gone = parse_url(prod.url("no_such_prod"), "PROD_DATABASE_URL")
    with pytest.raises(ConnectionFailed, match="no_such_prod"):
        audit.audit(gone, "test", dev=prod.new_database())
