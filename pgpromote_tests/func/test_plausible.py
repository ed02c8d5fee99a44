"""What dev lost is not lost in prod unasked: an archive is compared with the one that prod came from."""

import re
import shlex

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.losses import plausible
from pgpromote.postgres.model import Filters, Finding, Severity
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA
from pgpromote.run.check import look
from pgpromote.run.rollback import bring_back
from pgpromote.run.steps import RETAIN, promote
from pgpromote_tests.func.losses import AS_EACH, EMPTY, FILLED, ODD, QUOTED, TABLES, Place, count
from pgpromote_tests.func.walks import Stage


def refusal(shop: Stage, **options: object) -> list[Finding]:
    """Promote once more, and return why that is refused; prod is as it was."""
    shop.dump()
    with shop.untouched(), pytest.raises(Refused) as refused, shop.walk(**options) as run:
        promote(run)
    assert refused.value.exit_code == 3
    found = [each for each in refused.value.findings if each.severity is Severity.ERROR]
    assert {each.rule for each in found} == {plausible.RULE}
    return found


def comment(shop: Stage, database: str) -> str:
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = "
    return str(shop.prod.rows(f"{query}'{database}'")[0][0])


def named(found: list[Finding]) -> set[str]:
    return {each.object for each in found}


@AS_EACH
def test_an_empty_dev_does_not_empty_prod(place: Place) -> None:
    shop = place()
    shop.promote()
    shop.in_dev(EMPTY)

    found = refusal(shop)

    assert named(found) == {"public.users", "public.tickets", f"public.{ODD}"}
    assert "public.users held 500 row(s) in the archive that prod came from; this archive brings none." in [
        each.message for each in found
    ]


def test_what_the_refusal_says_is_to_be_typed_is_enough(place: Place) -> None:
    shop = place()
    shop.promote()
    shop.in_dev(EMPTY)
    words = shlex.split(refusal(shop)[0].hint)
    typed = words[words.index("--accept-loss") + 1].split(",")

    shop.promote(accept_loss=tuple(typed))

    assert count(shop) == 0


def test_only_what_is_named_is_accepted(place: Place) -> None:
    shop = place(PGPROMOTE_ACCEPT_LOSS="tickets")
    shop.promote()
    shop.in_dev(EMPTY)

    assert named(refusal(shop, accept_loss=("public.l*",))) == {"public.users"}


@AS_EACH
@pytest.mark.parametrize("typo", ["user", "public.useers", "shop.users", "Users", "t" * 63, 'läden "x"?'])
def test_a_pattern_that_is_no_tables_name_is_told_and_in_a_refusal_beside_what_to_type(
    place: Place, typo: str
) -> None:
    shop = place()
    shop.promote()
    shop.dump()
    given = ("user?", "public.tickets", "all", typo)
    with shop.walk(accept_loss=given) as run:
        found = [each for each in promote(run).checks if each.rule == plausible.RULE]
    assert [(each.severity, each.object) for each in found] == [(Severity.WARNING, typo)]
    assert not plausible.accepted(found[0])

    shop.in_dev(EMPTY)
    for each in refusal(shop, accept_loss=(typo,)):
        assert each.hint.startswith(f"Nothing is called {typo}: that accepts nothing. Look at dev first.")


def test_a_table_that_lost_nothing_is_accepted_in_silence(place: Place) -> None:
    shop = place(in_prod="CREATE TABLE sessions (id int)")
    shop.dump()
    with shop.walk(accept_loss=("sessions", "public.users")) as run:
        assert [each for each in promote(run).checks if each.rule == plausible.RULE] == []


def test_each_table_that_loses_all_its_rows_or_is_gone_is_refused(place: Place) -> None:
    shop = place()
    shop.promote()
    shop.in_dev(f"DROP TABLE tickets; ALTER TABLE users RENAME TO people; DELETE FROM {QUOTED}")

    assert named(refusal(shop)) == {"public.tickets", "public.users", f"public.{ODD}"}


def test_from_half_of_all_rows_on_fewer_are_refused(place: Place) -> None:
    shop = place()
    shop.promote()
    # 500, 100 and 10 rows: half of all is 305.
    shop.in_dev("DELETE FROM users WHERE id > 195")

    (found,) = refusal(shop)
    shop.in_dev("INSERT INTO users SELECT generate_series(196, 196)")
    shop.promote()

    assert found.message.endswith("this archive brings 195. Of all rows, 50% are gone.")
    assert count(shop) == 196


def test_a_cache_of_prod_is_accepted_once(place: Place) -> None:
    fill = "INSERT INTO sessions VALUES (1), (2)"
    shop = place(in_prod=f"{TABLES} {fill}")
    assert named(refusal(shop)) == {"public.sessions"}
    shop.promote(accept_loss=("sessions",))
    assert count(shop, "sessions") == 0

    for _ in range(2):
        shop.in_prod(fill)
        shop.promote()
        assert count(shop, "sessions") == 0


def test_a_first_promotion_is_compared_with_prod(place: Place) -> None:
    shop = place(in_dev=TABLES, in_prod=FILLED + "CREATE TABLE only_here AS SELECT 1 AS id;")

    found = refusal(shop)

    assert named(found) == {"public.users", "public.tickets", f"public.{ODD}", "public.only_here"}
    assert all("in prod;" in each.message for each in found)


ANOTHERS = "ALTER TABLE secrets OWNER TO pg_monitor; ALTER TABLE empty OWNER TO pg_monitor"
SECURED = "; ".join(
    f"ALTER TABLE {table} {secured} ROW LEVEL SECURITY"
    for table in ("secrets", "empty")
    for secured in ("ENABLE", "FORCE")
)
CLOSED = "REVOKE ALL ON secrets, empty FROM current_user"


@pytest.mark.parametrize("hide", [ANOTHERS, SECURED, CLOSED], ids=["another's", "row security", "closed"])
@pytest.mark.parametrize("place", [(16, "a plain owner")], indirect=True, ids=str)
def test_a_table_of_prod_that_our_role_may_not_read_is_a_loss_unless_it_is_empty(
    place: Place, hide: str
) -> None:
    kept = "CREATE TABLE secrets AS SELECT 1 AS id; CREATE TABLE empty (id int);"
    shop = place(in_dev=TABLES, in_prod=TABLES + kept)
    shop.prod.execute(hide.replace("current_user", owner_of(shop)), shop.promotion.target().name)

    (found,) = refusal(shop)

    assert found.object == "public.secrets"
    assert found.message.startswith("public.secrets may hold rows in prod that our role may not count;")
    assert "--accept-loss public.secrets" in found.hint


@pytest.mark.parametrize("place", [(15, "a plain owner"), (18, "a plain owner")], indirect=True, ids=str)
def test_the_longest_and_oddest_names_are_told_apart_where_our_role_may_not_read(place: Place) -> None:
    """Names of 63 bytes that differ at their end alone; with their schema they are twice as long."""
    schema = 'Ä "it\'s" 東京 ' + "s" * 46
    secrets, empty = (f'{"t" * 52} "[é*]" %{each}' for each in "se")
    assert [len(each.encode()) for each in (schema, secrets, empty)] == [63, 63, 63]
    quoted = [name.replace('"', '""') for name in (schema, secrets, empty)]
    full, bare = (f'"{quoted[0]}"."{each}"' for each in quoted[1:])
    kept = (
        f'CREATE SCHEMA "{quoted[0]}"; CREATE TABLE {full} AS SELECT 1 AS id; CREATE TABLE {bare} (id int);'
    )
    shop = place(in_dev=TABLES, in_prod=TABLES + kept)
    shop.prod.execute(f"REVOKE ALL ON {full}, {bare} FROM {owner_of(shop)}", shop.promotion.target().name)

    (found,) = refusal(shop)
    assert found.object == f"{schema}.{secrets}"

    shop.promote(accept_loss=(plausible.pattern(found.object),))


def owner_of(shop: Stage) -> str:
    query = "SELECT datdba::regrole::text FROM pg_database WHERE datname = "
    return str(shop.prod.rows(f"{query}'{shop.promotion.target().name}'")[0][0])


def test_without_a_previous_database_prod_itself_is_compared(place: Place) -> None:
    shop = place(PGPROMOTE_KEEP="0")
    shop.dump()
    with shop.walk() as run:
        promote(run)
        RETAIN.walk(run)
    shop.in_dev(EMPTY)

    assert "in prod;" in refusal(shop)[0].message


def test_what_prod_came_from_is_found_after_a_rollback(place: Place) -> None:
    shop = place()
    shop.promote()
    shop.in_prod("INSERT INTO sessions VALUES (1)")
    shop.promote()
    shop.in_prod("INSERT INTO sessions VALUES (2)")
    for _ in range(3):
        with shop.walk() as run:
            bring_back(run.promotion, run.run_id)
    shop.in_dev(EMPTY)

    found = refusal(shop, despite_hold=True)
    assert all("the archive that prod came from" in each.message for each in found)


def test_an_empty_previous_database_comes_back_unasked(place: Place) -> None:
    shop = place()
    shop.promote()

    with shop.walk() as run:
        bring_back(run.promotion, run.run_id)

    assert count(shop) == 0


def test_an_empty_safety_archive_comes_back_unasked(place: Place) -> None:
    shop = place()
    shop.promote(strategy=CLEAN)
    assert count(shop) == 500

    with shop.walk() as run:
        bring_back(run.promotion, run.run_id)

    assert count(shop) == 0


def test_in_place_only_what_is_replaced_is_compared(place: Place) -> None:
    shop = place(in_dev=TABLES, in_prod=FILLED + "CREATE TABLE only_here AS SELECT 1 AS id;")
    replaced = {"public.users", "public.tickets", f"public.{ODD}"}

    assert named(refusal(shop, strategy=RESET_SCHEMA)) == {*replaced, "public.only_here"}
    assert named(refusal(shop, strategy=CLEAN)) == replaced
    shop.promote(strategy=CLEAN, accept_loss=("all",))

    assert (count(shop), count(shop, "only_here")) == (0, 1)


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (Filters(schemas=("other",)), 500),
        (Filters(exclude_tables=("users", "tickets", ODD)), 500),
        (Filters(schema_only=True), 0),
    ],
)
def test_filters_limit_what_is_compared(place: Place, filters: Filters, left: int) -> None:
    other = "CREATE SCHEMA other; CREATE TABLE other.t AS SELECT 1 AS id;"
    shop = place(in_dev=TABLES + other, in_prod=FILLED + other)

    shop.promote(strategy=CLEAN, filters=filters)

    assert count(shop) == left


def test_rows_that_are_only_added_lose_nothing(place: Place) -> None:
    shop = place(in_dev=TABLES + "INSERT INTO sessions VALUES (1)", in_prod=FILLED)
    shop.dump()

    with shop.walk(strategy=CLEAN, filters=Filters(data_only=True)) as run:
        report = look(run.promotion, run.options, run.run_id)

    assert report.clearance
    assert report.of(plausible.RULE) == ()


PARTS = """
    CREATE TABLE log (day date, id int) PARTITION BY RANGE (day);
    CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')
        PARTITION BY LIST (id);
    CREATE TABLE log_2_1 PARTITION OF log_2 FOR VALUES IN (1);
    INSERT INTO log VALUES ('2026-01-05', 1), ('2026-02-05', 1);
"""


def test_old_partitions_go_and_new_ones_come(place: Place) -> None:
    shop = place(in_dev=FILLED + PARTS, in_prod=TABLES)
    shop.promote()
    shop.in_dev("DROP TABLE log_1; CREATE TABLE log_2_2 PARTITION OF log_2 FOR VALUES IN (2);")

    shop.promote()

    assert count(shop, "log") == 1


def test_a_tree_of_partitions_that_loses_all_its_rows_is_refused(place: Place) -> None:
    shop = place(in_dev=FILLED + PARTS + PARTS.replace("log", "past"), in_prod=TABLES)
    shop.promote()
    shop.in_dev("DROP TABLE log_1, log_2_1; DROP TABLE past")

    assert named(refusal(shop)) == {"public.log", "public.past"}


def test_all_large_objects_at_once_are_a_loss(place: Place) -> None:
    shop = place(in_dev=FILLED + "SELECT lo_from_bytea(0, 'a')", in_prod=TABLES)
    shop.promote()
    shop.in_dev("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")

    assert named(refusal(shop)) == {"large objects"}


def test_an_archive_without_a_manifest_is_counted_before_the_swap(place: Place) -> None:
    shop = place()
    shop.promote()
    shop.in_dev(EMPTY)
    shop.dump()
    archive.manifest_path(shop.promotion.archive_path).unlink()

    with shop.untouched(), pytest.raises(Refused) as refused, shop.walk(adopt=True) as run:
        promote(run)

    assert {each.rule for each in refused.value.findings} == {plausible.RULE}


def test_a_mark_that_is_no_note_of_ours_is_not_believed(place: Place) -> None:
    shop = place()
    shop.promote()
    (previous,) = shop.beside()
    damaged = re.sub('"promoted": "[^"]*"', '"promoted": "AAAA"', comment(shop, previous))
    shop.prod.execute(f"COMMENT ON DATABASE {previous} IS $${damaged}$$")
    shop.in_dev(EMPTY)

    assert "in prod;" in refusal(shop)[0].message


def test_no_name_of_a_table_stands_in_a_comment(place: Place) -> None:
    shop = place()
    shop.promote()

    (previous,) = shop.beside()

    assert '"promoted": "' in comment(shop, previous)
    assert "users" not in comment(shop, previous)
