"""Repair of a database that nobody else uses: many tables at once."""

import psycopg
import pytest

from pgpromote.postgres.errors import RepairFailed
from pgpromote.postgres.keys import repair
from pgpromote.postgres.model import Statement
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.servers import Server

COUNT = 4
TABLES = [f"{kind}_{n}" for kind in ("broken", "behind") for n in range(1, COUNT + 1)]
SCRIPT = "".join(
    f"CREATE TABLE broken_{n} (id integer PRIMARY KEY); INSERT INTO broken_{n} VALUES ({n});"
    f"CREATE TABLE behind_{n} (id serial PRIMARY KEY); INSERT INTO behind_{n} VALUES ({n});"
    for n in range(1, COUNT + 1)
)
# At the end of the command, so that the identity was there for a moment.
FROZEN = """
    CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.broken_3') THEN
            RAISE 'it is frozen';
        END IF;
    END $$;
    CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION refuse();
"""
LOCKED = """
    SELECT DISTINCT c.relname::text FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
       AND l.mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock')
"""


def repaired(prod: Server, shop: Database, *, alone: bool) -> tuple[repair.Repair, list[list[str]]]:
    """Repair, and tell which tables were locked together, whenever that changed."""
    locked: list[list[str]] = []

    def watch(_: Statement) -> None:
        names = sorted(str(name) for (name,) in prod.rows(LOCKED, shop.name))
        if names not in locked:
            locked.append(names)

    return repair.repair(shop, "test", alone=alone, on_statement=watch), locked


@pytest.mark.parametrize(
    ("alone", "groups"), [(True, [TABLES[:3], TABLES[3:6], TABLES[6:]]), (False, TABLES)]
)
def test_many_tables_are_locked_together_only_when_nobody_else_is_there(
    alone: bool, groups: list[list[str]] | list[str], prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "TABLES_AT_ONCE", 3)
    shop = prod.new_database(SCRIPT)
    done, locked = repaired(prod, shop, alone=alone)
    assert locked == [sorted(group) if alone else [group] for group in groups]
    assert {change.table: change.after for change in done.changes} == {
        f"public.{name}": int(name[-1]) + 1 for name in TABLES
    }
    for name in TABLES:
        row = prod.rows(f"INSERT INTO {name} DEFAULT VALUES RETURNING id", shop.name)
        assert row == [(int(name[-1]) + 1,)]


def test_one_and_many_at_once_tell_the_same(prod: Server) -> None:
    one, many = prod.new_database(SCRIPT), prod.new_database(SCRIPT)
    done = repair.repair(one, "test").statements
    assert len(done) == 3 * COUNT
    assert repair.repair(many, "test", alone=True).statements == done


def test_the_one_of_many_that_cannot_be_repaired_is_named_and_untouched(prod: Server) -> None:
    shop = prod.new_database(SCRIPT + FROZEN)
    with pytest.raises(
        RepairFailed, match=r"public\.broken_3\.id could not be repaired: .*function public\.refuse"
    ):
        repair.repair(shop, "test", alone=True)
    with connect(shop) as session:
        left = {change.table for change in repair.plan(session).changes}
    # Those before it were repaired, as they are one at a time.
    assert left == {f"public.{name}" for name in TABLES[2:]}


def test_a_table_in_use_does_not_keep_the_others_from_being_repaired(
    prod: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "LOCK_TIMEOUT", "20ms")
    shop = prod.new_database(SCRIPT)
    with psycopg.connect(prod.url(shop.name)) as reader:
        reader.execute("SELECT count(*) FROM broken_4")
        with pytest.raises(RepairFailed, match=r"public\.broken_4 is in use"):
            repair.repair(shop, "test", alone=True)
    with connect(shop) as session:
        left = {change.table for change in repair.plan(session).changes}
    assert left == {f"public.{name}" for name in TABLES[3:]}


def test_partitions_count_as_the_tables_that_they_are(prod: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "TABLES_AT_ONCE", 3)
    parts = "; ".join(
        f"CREATE TABLE {name} (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
        f"CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES FROM (0) TO (10);"
        f"CREATE TABLE {name}_2 PARTITION OF {name} DEFAULT"
        for name in ("a", "b", "c")
    )
    shop = prod.new_database(parts)
    _, locked = repaired(prod, shop, alone=True)
    assert locked == [["a_1", "a_2"], ["b_1", "b_2"], ["c_1", "c_2"]]
