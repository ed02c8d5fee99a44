"""A restore limited on purpose: what was named arrives, everything else on prod stays as it is."""

from pathlib import Path

import pytest

from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import ConfigError, Refused
from pgpromote.postgres.loading import restore
from pgpromote.postgres.loading.restore import Restored
from pgpromote.postgres.model import Filters
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote.postgres.strategy import RESET_SCHEMA
from pgpromote_tests.func.command_line import Sample, contents, sample_of
from pgpromote_tests.servers import Server

VIEW = "CREATE VIEW shop.names AS SELECT name FROM public.users;"
SHOP = f"""
CREATE SCHEMA shop; CREATE SCHEMA "Old Stuff";
CREATE TABLE users (id serial PRIMARY KEY, name text); CREATE INDEX users_name ON users (name);
COMMENT ON TABLE users IS 'people';
CREATE TABLE orders (id integer PRIMARY KEY, user_id integer REFERENCES users);
CREATE TABLE shop.users (id integer PRIMARY KEY);
CREATE TABLE shop.things (id integer PRIMARY KEY);
CREATE TABLE "Old Stuff"."Größe" (id integer);
{VIEW}
"""
DEV = f"""{SHOP} INSERT INTO users VALUES (1, 'dev'); INSERT INTO orders VALUES (1, 1);
INSERT INTO shop.users VALUES (1)"""
PROD = f"{SHOP} INSERT INTO users VALUES (2, 'prod'), (3, 'prod'); INSERT INTO shop.things VALUES (9)"


@pytest.fixture
def sample(dev: Server, tmp_path: Path) -> Sample:
    return sample_of(dev, DEV, tmp_path / "shop.dump")


def restored(prod: Server, sample: Sample, target: Database, filters: Filters) -> Restored:
    report = preflight.examine(sample.path, Place(target), [prod.tools()], Choice(filters=filters))
    return restore.restore(report.cleared(), target, [prod.tools()], "test")


def rows(prod: Server, target: Database) -> dict[str, list[int]]:
    """Return the ids of every table that prod has."""
    tables = prod.rows(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text "
        "IN ('public', 'shop', '\"Old Stuff\"') ORDER BY 1",
        target.name,
    )
    return {
        str(table): [int(str(row[0])) for row in prod.rows(f"SELECT id FROM {table} ORDER BY 1", target.name)]
        for (table,) in tables
    }


EMPTY: dict[str, list[int]] = {
    '"Old Stuff"."Größe"': [],
    "orders": [],
    "shop.things": [],
    "shop.users": [],
    "users": [],
}
AS_ON_PROD = {**EMPTY, "users": [2, 3], "shop.things": [9]}


@pytest.mark.parametrize(
    ("filters", "changed"),
    [
        (Filters(tables=("shop.users",)), {"shop.users": [1]}),
        (Filters(tables=("shop.users",), data_only=True), {"shop.users": [1]}),
        (Filters(tables=("shop.users", "shop.things")), {"shop.users": [1], "shop.things": []}),
        (Filters(schemas=("shop",)), {"shop.users": [1], "shop.things": []}),
        (Filters(exclude_schemas=("shop",), exclude_tables=("public.users", "orders")), {}),
        (Filters(tables=("Größe",)), {}),
        (Filters(schemas=("Old Stuff",)), {}),
    ],
)  # fmt: skip
def test_only_what_was_named_is_replaced(
    prod: Server, sample: Sample, filters: Filters, changed: dict[str, list[int]]
) -> None:
    target = prod.new_database(PROD)
    restored(prod, sample, target, filters)
    assert rows(prod, target) == {**AS_ON_PROD, **changed}


def test_a_table_that_others_on_prod_refer_to_is_not_replaced_alone(prod: Server, sample: Sample) -> None:
    target = prod.new_database(PROD)
    before = contents(prod, target.name)
    with pytest.raises(Refused, match="orders_user_id_fkey") as refusal:
        restored(prod, sample, target, Filters(tables=("public.users",)))
    assert "view shop.names of prod" in str(refusal.value)
    assert len(refusal.value.findings) == 2
    assert contents(prod, target.name) == before


def test_a_table_is_restored_into_a_prod_that_has_nothing_else(prod: Server, sample: Sample) -> None:
    target = prod.new_database()
    restored(prod, sample, target, Filters(tables=("public.users",)))
    assert rows(prod, target) == {"users": [1]}
    assert prod.rows("SELECT obj_description('users'::regclass), nextval('users_id_seq')", target.name) == [
        ("people", 1)
    ]
    indexes = prod.rows(
        "SELECT indexname::text FROM pg_indexes WHERE tablename = 'users' ORDER BY 1", target.name
    )
    assert indexes == [("users_name",), ("users_pkey",)]


def test_a_sequence_comes_with_its_table_owned_by_the_column_and_where_dev_s_stood(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    tags = "CREATE TABLE tags (id serial PRIMARY KEY, name text);"
    script = f"{tags} COMMENT ON SEQUENCE tags_id_seq IS 'its own'; INSERT INTO tags VALUES (DEFAULT, 'a')"
    sample = sample_of(dev, script, tmp_path / "tags.dump")
    target = prod.new_database(tags)
    restored(prod, sample, target, Filters(tables=("tags",)))
    found = prod.rows(
        "SELECT pg_get_serial_sequence('tags', 'id'), obj_description('tags_id_seq'::regclass), "
        "nextval('tags_id_seq')",
        target.name,
    )
    assert found == [("public.tags_id_seq", "its own", 2)]


def test_a_partitioned_table_brings_its_partitions(dev: Server, prod: Server, tmp_path: Path) -> None:
    script = """CREATE TABLE days (id integer PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE monday PARTITION OF days FOR VALUES FROM (0) TO (10); CREATE TABLE other (id integer);"""
    sample = sample_of(dev, f"{script} INSERT INTO days VALUES (1), (2)", tmp_path / "days.dump")
    target = prod.new_database(f"{script} INSERT INTO days VALUES (9); INSERT INTO other VALUES (7)")
    restored(prod, sample, target, Filters(tables=("days",)))
    assert rows(prod, target) == {"monday": [1, 2], "other": [7]}


def test_a_schema_is_restored_into_a_prod_that_has_nothing_else(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    script = SHOP.replace(VIEW, "INSERT INTO shop.users VALUES (1)")
    sample = sample_of(dev, script, tmp_path / "shop.dump")
    target = prod.new_database()
    restored(prod, sample, target, Filters(schemas=("shop",)))
    assert rows(prod, target) == {"shop.things": [], "shop.users": [1]}


def test_an_excluded_schema_and_what_it_holds_stay_as_they_are(prod: Server, sample: Sample) -> None:
    target = prod.new_database(PROD.replace(VIEW, ""))
    restored(prod, sample, target, Filters(exclude_schemas=("shop",)))
    assert rows(prod, target) == {**AS_ON_PROD, "users": [1], "orders": [1]}


def test_a_table_keeps_its_foreign_key_to_an_excluded_one(prod: Server, sample: Sample) -> None:
    target = prod.new_database(SHOP + "INSERT INTO users VALUES (1, 'prod')")
    restored(prod, sample, target, Filters(tables=("orders",), exclude_tables=("public.users",)))
    assert rows(prod, target)["orders"] == [1]
    keys = prod.rows("SELECT conname::text FROM pg_constraint WHERE contype = 'f'", target.name)
    assert keys == [("orders_user_id_fkey",)]


def test_definitions_alone_leave_empty_tables(dev: Server, prod: Server, sample: Sample) -> None:
    target = prod.new_database(PROD)
    done = restored(prod, sample, target, Filters(schema_only=True))
    assert rows(prod, target) == EMPTY
    assert contents(prod, target.name, "-s") == contents(dev, sample.source.name, "-s")
    assert "TABLE DATA" not in done.counts


def test_rows_alone_are_added_to_what_is_there(prod: Server, sample: Sample) -> None:
    target = prod.new_database(SHOP + "INSERT INTO users VALUES (2, 'prod')")
    definitions = contents(prod, target.name, "-s")
    done = restored(prod, sample, target, Filters(data_only=True, exclude_tables=("orders",)))
    assert rows(prod, target) == {**EMPTY, "users": [1, 2], "shop.users": [1]}
    assert contents(prod, target.name, "-s") == definitions
    assert "TABLE" not in done.counts


@pytest.mark.parametrize(
    "filters",
    [
        Filters(tables=("nosuch",)),
        Filters(tables=("us*",)),
        Filters(tables=("größe",)),
        Filters(schemas=("nosuch",)),
        Filters(exclude_tables=("nosuch",)),
        Filters(exclude_schemas=("nosuch",)),
        Filters(schema_only=True, data_only=True),
    ],
)
def test_a_filter_that_names_nothing_changes_nothing(prod: Server, sample: Sample, filters: Filters) -> None:
    target = prod.new_database(PROD)
    before = contents(prod, target.name)
    with pytest.raises(ConfigError):
        restored(prod, sample, target, filters)
    assert contents(prod, target.name) == before


@pytest.mark.parametrize(
    "filters", [Filters(data_only=True), Filters(tables=("users",)), Filters(exclude_tables=("orders",))]
)
def test_a_reset_that_would_bring_back_less_than_it_drops_is_refused(
    prod: Server, sample: Sample, filters: Filters
) -> None:
    with pytest.raises(ConfigError, match="reset"):
        preflight.examine(
            sample.path,
            Place(prod.new_database(PROD)),
            [prod.tools()],
            Choice(filters=filters, strategy=RESET_SCHEMA),
        )


def test_checks_look_only_at_what_the_filters_leave(dev: Server, prod: Server, tmp_path: Path) -> None:
    role = f"filters_{next(dev.numbers)}_{dev.major}"
    dev.execute(f"CREATE ROLE {role}")
    sample = sample_of(dev, f"{SHOP} CREATE POLICY p ON shop.things TO {role}", tmp_path / "policy.dump")
    target = prod.new_database(PROD)
    with pytest.raises(Refused, match=role):
        restored(prod, sample, target, Filters())
    restored(prod, sample, target, Filters(tables=("shop.users",)))
