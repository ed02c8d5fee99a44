"""Limiting an archive on purpose: what stays, what goes along, and names that name nothing."""

import pytest

from pgpromote.postgres.archives.selection import select
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.model import Archive, Filters
from pgpromote_tests.unit.archives import Entry, archive_of

ENTRIES = (
    Entry(2, "SCHEMA", "shop", ""),
    Entry(3, "EXTENSION", "vector", ""),
    Entry(4, "FUNCTION", "total(integer)"),
    Entry(10, "TABLE", "orders", dependencies=(4,)),
    Entry(11, "TABLE DATA", "orders", dependencies=(10,)),
    Entry(12, "CONSTRAINT", "orders orders_pkey", dependencies=(10,)),
    Entry(13, "COMMENT", "TABLE orders", dependencies=(10,)),
    Entry(20, "TABLE", "Odd Name", "shop"),
    Entry(21, "TABLE DATA", "Odd Name", "shop", dependencies=(20,)),
    Entry(22, "FK CONSTRAINT", "Odd Name to_orders", "shop", dependencies=(20, 10, 12)),
    Entry(30, "VIEW", "recent", dependencies=(10,)),
    Entry(31, "VIEW", "recent_count", dependencies=(30,)),
    Entry(40, "TABLE", "orders", "shop"),
    Entry(41, "TABLE DATA", "orders", "shop", dependencies=(40,)),
)
# As pg_dump 16 writes them, with the same dependencies.
PARTS = (
    Entry(50, "TABLE", "tags"),
    Entry(51, "ACL", "TABLE tags", dependencies=(50,)),
    Entry(52, "SEQUENCE", "tags_id_seq", dependencies=(50,)),
    Entry(53, "SEQUENCE OWNED BY", "tags_id_seq", dependencies=(52,)),
    Entry(54, "COMMENT", "SEQUENCE tags_id_seq", dependencies=(52,)),
    Entry(55, "DEFAULT", "tags id", dependencies=(52, 50, 50)),
    Entry(56, "SEQUENCE SET", "tags_id_seq", dependencies=(52,)),
    Entry(57, "CONSTRAINT", "tags tags_pkey", dependencies=(50,)),
    Entry(58, "COMMENT", "CONSTRAINT tags_pkey ON tags", dependencies=(57,)),
    Entry(59, "MATERIALIZED VIEW", "first", dependencies=(50,)),
    Entry(60, "MATERIALIZED VIEW", "second", dependencies=(59,)),
    Entry(61, "MATERIALIZED VIEW DATA", "first", dependencies=(59,)),
    Entry(62, "MATERIALIZED VIEW DATA", "second", dependencies=(60, 61)),
    Entry(70, "TABLE", "other", dependencies=(52,)),
    Entry(71, "RULE", "other r", dependencies=(70, 70, 50, 70)),
    Entry(72, "POLICY", "other p", dependencies=(50, 70)),
    Entry(73, "DEFAULT", "child id", dependencies=(52,)),
    Entry(80, "TABLE", "parent"),
    Entry(81, "TABLE", "part", "shop", dependencies=(80,)),
    Entry(82, "TABLE ATTACH", "part", "shop", dependencies=(81, 80)),
    Entry(83, "TABLE DATA", "part", "shop", dependencies=(81,)),
    Entry(84, "INDEX", "parent_k", dependencies=(80,)),
    Entry(85, "INDEX", "part_k", "shop", dependencies=(81, 81, 84)),
    Entry(86, "INDEX ATTACH", "part_k", "shop", dependencies=(85, 84, 81, 80)),
)


@pytest.fixture
def shop() -> Archive:
    return archive_of(*ENTRIES)


def kept(shop: Archive, filters: Filters) -> set[int]:
    return {entry.dump_id for entry in select(shop, filters).entries}


def test_no_filter_keeps_everything(shop: Archive) -> None:
    assert select(shop, Filters()) == shop


def test_a_table_brings_its_rows_keys_and_comments_and_extensions_stay(shop: Archive) -> None:
    assert kept(shop, Filters(tables=("public.orders",))) == {3, 10, 11, 12, 13}


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ("tags", set(range(50, 59))),
        ("first", {59, 61}),
        ("other", {70, 71, 72}),
        ("parent", set(range(80, 87))),
    ],
)
def test_a_table_brings_all_that_belongs_to_it_and_nothing_of_another(table: str, parts: set[int]) -> None:
    assert kept(archive_of(*PARTS), Filters(tables=(table,))) == parts


def test_a_partition_comes_with_its_parent_or_brings_rows_alone() -> None:
    archive = archive_of(*PARTS)
    with pytest.raises(ConfigError, match=r"partition of public\.parent, but not that table"):
        select(archive, Filters(tables=("shop.part",)))
    assert kept(archive, Filters(tables=("shop.part",), data_only=True)) == {83}


def test_a_name_without_schema_means_every_table_of_that_name(shop: Archive) -> None:
    assert kept(shop, Filters(tables=("orders",))) == {3, 10, 11, 12, 13, 40, 41}


def test_a_view_is_named_like_a_table(shop: Archive) -> None:
    assert kept(shop, Filters(tables=("recent",))) == {3, 30}


def test_a_foreign_key_goes_with_its_own_table_not_with_the_one_it_references(shop: Archive) -> None:
    assert 22 not in kept(shop, Filters(tables=("public.orders",)))
    assert kept(shop, Filters(tables=("Odd Name",))) == {3, 20, 21, 22}


def test_an_excluded_table_takes_its_dependents_along_but_no_key_of_another_table(shop: Archive) -> None:
    left = kept(shop, Filters(exclude_tables=("public.orders",)))
    assert left == {2, 3, 4, 20, 21, 22, 40, 41}


def test_a_schema_is_kept_or_left_out(shop: Archive) -> None:
    assert kept(shop, Filters(schemas=("shop",))) == {2, 3, 20, 21, 22, 40, 41}
    assert kept(shop, Filters(exclude_schemas=("shop",))) == {3, 4, 10, 11, 12, 13, 30, 31}


def test_filters_combine(shop: Archive) -> None:
    assert kept(shop, Filters(tables=("orders",), schemas=("shop",))) == {3, 40, 41}
    assert kept(shop, Filters(tables=("orders",), exclude_schemas=("shop",))) == {3, 10, 11, 12, 13}


@pytest.mark.parametrize(
    ("filters", "option"),
    [
        (Filters(tables=("nosuch",)), "tables"),
        (Filters(tables=("orders", "nosuch")), "tables"),
        (Filters(tables=("ORDERS",)), "tables"),
        (Filters(tables=("total(integer)",)), "tables"),
        (Filters(exclude_tables=("nosuch",)), "exclude_tables"),
        (Filters(schemas=("nosuch",)), "schemas"),
        (Filters(exclude_schemas=("nosuch",)), "exclude_schemas"),
        (Filters(schemas=("",)), "schemas"),
    ],
)
def test_a_filter_that_names_nothing_is_an_error(shop: Archive, filters: Filters, option: str) -> None:
    with pytest.raises(ConfigError, match=f"filter {option} names") as refusal:
        select(shop, filters)
    assert "pgpromote inspect" in refusal.value.hint


def test_schema_only_and_data_only_exclude_each_other(shop: Archive) -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        select(shop, Filters(schema_only=True, data_only=True))


def test_schema_only_leaves_no_rows_and_data_only_nothing_else(shop: Archive) -> None:
    definitions = select(shop, Filters(schema_only=True)).counts()
    assert "TABLE DATA" not in definitions
    assert definitions["TABLE"] == 3
    rows = select(shop, Filters(data_only=True)).counts()
    assert rows["TABLE DATA"] == 3
    assert "TABLE" not in rows


def test_filters_say_what_they_limit() -> None:
    assert str(Filters()) == ""
    assert str(Filters(schema_only=True, exclude_tables=("log",))) == "schema only, exclude tables log"
