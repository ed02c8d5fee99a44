"""One run, step by step: whatever goes wrong between two steps, prod stays what it was."""

from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres.archives.archive import manifest_path
from pgpromote.postgres.errors import (
    NotProven,
    PgpromoteError,
    Refused,
    RestoreFailed,
)
from pgpromote.postgres.model import Severity
from pgpromote.run.run import needed
from pgpromote.run.steps import (
    COMPARE,
    CUT_OVER,
    PROVE,
    REPAIR,
    promote,
)
from pgpromote_tests.func.walks import BROKEN_CHECK, Stage, shop, until
from pgpromote_tests.servers import Server


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    return shop(dev, prod, tmp_path)


# A proof that has to fail -----------------------------------------------------------------------------------

CHANGES = {
    "one row changed": ("UPDATE public.tags SET tag = 'old' WHERE order_id = 3", "contents"),
    "one row lost": ("DELETE FROM public.tags WHERE order_id = 3", "contents"),
    "one row more": ("INSERT INTO public.tags VALUES (3, 'more')", "contents"),
    "one index dropped": ("DROP INDEX public.order_notes", "objects"),
    "one index invalid": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.order_notes'::regclass", "objects",
    ),
    "one view dropped": ("DROP VIEW public.order_names", "objects"),
    "one foreign key dropped": ("ALTER TABLE public.tags DROP CONSTRAINT tags_order_id_fkey", "objects"),
    "one trigger disabled": ("ALTER TABLE public.orders DISABLE TRIGGER keeper", "objects"),
    "one grant removed": ("REVOKE SELECT ON public.customers FROM reader_of_runs", "rights_kept"),
    "one grant added": ("GRANT DELETE ON public.customers TO reader_of_runs", "rights_kept"),
    "one sequence moved back": ("SELECT setval('public.orders_id_seq', 3)", "sequences"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_new_database_is_found_and_prod_stays(staged: Stage, change: str) -> None:
    statement, rule = CHANGES[change]
    staged.dump()
    with staged.untouched(), staged.walk() as run:
        until(run, REPAIR)
        if rule == "rights_kept":
            until(run, PROVE)
        staged.prod.execute(statement, run.database.name)
        with pytest.raises(NotProven, match="Prod is untouched") as refused:
            until(run, CUT_OVER)
        assert rule in {f.rule for f in refused.value.findings if f.severity is Severity.ERROR}
        assert not run.state.succeeded


@pytest.mark.versions(15, 16, 17, 18)
def test_without_any_change_the_same_steps_make_a_new_prod(staged: Stage) -> None:
    staged.promote()
    assert len(staged.beside()) == 1
    names = staged.prod.rows("SELECT count(*) FROM public.customers", staged.promotion.target().name)
    assert names == [(30,)]


# A restore that has to fail ---------------------------------------------------------------------------------

# Each is fine on dev and cannot be restored: the functions find their table only with dev's search path.
UNQUALIFIED = """
    CREATE TABLE rates (rate integer); INSERT INTO rates VALUES (2);
    CREATE FUNCTION doubled(n integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT n * 2';
"""
BREAK = """
    CREATE OR REPLACE FUNCTION doubled(n integer) RETURNS integer IMMUTABLE LANGUAGE sql AS
        'SELECT n * rate FROM rates';
"""
NO_RATES = 'relation "rates" does not exist'
FAILURES: dict[str, tuple[str, type[PgpromoteError], str]] = {
    "a policy for a role that prod lacks": (
        "ALTER TABLE tags ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON tags TO only_on_dev USING (true);",
        Refused,
        "only_on_dev",
    ),
    "an unqualified function behind an index": (
        UNQUALIFIED + "CREATE INDEX twice ON orders (doubled(id));" + BREAK,
        RestoreFailed,
        NO_RATES,
    ),
    "an unqualified function behind a materialized view": (
        UNQUALIFIED + "CREATE MATERIALIZED VIEW twice AS SELECT doubled(id) FROM orders;" + BREAK,
        RestoreFailed,
        NO_RATES,
    ),
    "a constraint that the rows break": (BROKEN_CHECK, RestoreFailed, "low"),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.versions(15, 18)
def test_a_restore_that_fails_leaves_prod_and_names_the_cause(staged: Stage, failure: str) -> None:
    script, error, cause = FAILURES[failure]
    staged.dev.execute(
        "DO $$ BEGIN CREATE ROLE only_on_dev; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    staged.in_dev(script)
    staged.dump()
    with staged.untouched(), pytest.raises(error, match=cause) as raised, staged.walk() as run:
        promote(run)
    assert "untouched" in str(raised.value) or "not touched" in str(raised.value)
    assert "worker process died" not in str(raised.value)


def test_a_tablespace_that_prod_lacks_leaves_prod_and_is_named(staged: Stage) -> None:
    name = f"only_on_dev_{next(staged.dev.numbers)}"
    with psycopg.connect(staged.dev.url(), autocommit=True) as session:
        session.execute("SET allow_in_place_tablespaces = on")
        session.execute(f"CREATE TABLESPACE {name} LOCATION ''".encode())
    staged.in_dev(f"ALTER TABLE tags SET TABLESPACE {name}")
    staged.dump()
    with staged.untouched(), pytest.raises(Refused, match=name), staged.walk() as run:
        promote(run)


def test_an_archive_that_is_cut_leaves_prod_and_is_named(staged: Stage) -> None:
    staged.dump()
    path = Path(staged.promotion.archive_path)
    path.write_bytes(path.read_bytes()[:-200])
    with staged.untouched(), pytest.raises(Refused, match="archive_readable"), staged.walk() as run:
        promote(run)


def test_an_extension_that_prod_lacks_is_named_before_anything_begins(staged: Stage) -> None:
    staged.in_dev("CREATE EXTENSION vector")
    staged.dump()
    control = Path(str(staged.prod.tools().directory)).parent / "share" / "postgresql" / "extension"
    assert control.exists()
    # What an archive names, but no server has: its entry in the table of contents says so.
    path = Path(staged.promotion.archive_path)
    path.write_bytes(path.read_bytes().replace(b"vector", b"vectro"))
    manifest_path(path).unlink()
    with staged.untouched(), pytest.raises(Refused, match="needs the extension vectro"), staged.walk() as run:
        promote(run)


# What fires while rows come ---------------------------------------------------------------------------------

NOISY = """
    CREATE TABLE heard (id integer);
    CREATE TABLE events (id integer, at date) PARTITION BY RANGE (at);
    CREATE TABLE a_events PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE z_events PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    INSERT INTO events SELECT n, date '2024-01-01' + n FROM generate_series(1, 600) AS n;
    CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO public.heard VALUES (NEW.id); RETURN NEW; END';
    CREATE TRIGGER ear AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION hear();
    COMMENT ON TRIGGER ear ON events IS 'hears everything';
    ALTER TABLE a_events DISABLE TRIGGER ear;
"""


def test_triggers_of_a_partitioned_table_do_not_fire_while_its_rows_are_restored(staged: Stage) -> None:
    staged.in_dev(NOISY)
    staged.promote()
    asked = """SELECT (SELECT count(*) FROM public.events), (SELECT count(*) FROM public.heard),
        (SELECT string_agg(tgrelid::regclass || ' ' || tgenabled::text, ', ' ORDER BY tgrelid::regclass::text)
           FROM pg_trigger WHERE tgname = 'ear'),
        (SELECT obj_description(oid) FROM pg_trigger WHERE tgname = 'ear' AND tgparentid = 0)"""
    assert staged.prod.rows(asked, staged.promotion.target().name) == [
        (600, 0, "a_events D, events O, z_events O", "hears everything")
    ]


def test_time_limits_of_applications_do_not_end_a_promotion(staged: Stage) -> None:
    for server, name in (
        (staged.dev, staged.promotion.source().name),
        (staged.prod, staged.promotion.target().name),
    ):
        server.execute(f"ALTER DATABASE {name} SET statement_timeout = '1ms'")
        server.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1ms'")
    staged.promote()
    assert len(staged.beside()) == 1


def test_a_large_object_of_many_pieces_is_compared_piece_by_piece(staged: Stage) -> None:
    staged.in_dev("SELECT lo_from_bytea(0, decode(repeat('ab', 9000000), 'hex'))")
    staged.dump()
    with staged.untouched(), staged.walk() as run:
        until(run, REPAIR)
        assert needed(until(run, COMPARE).proof).of("contents") == ()
        change = "SELECT lo_put(oid, 8999999, 'x') FROM pg_largeobject_metadata"
        staged.prod.execute(change, run.database.name)
        COMPARE.walk(run)
        assert [each.object for each in needed(run.state.proof).of("contents")] == ["large objects"]
