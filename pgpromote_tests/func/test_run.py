"""One run, step by step: whatever goes wrong between two steps, prod stays what it was."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from pgpromote.postgres.archives.archive import manifest_path
from pgpromote.postgres.databases import cutover
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.errors import (
    ConfigError,
    NotProven,
    PgpromoteError,
    ProdState,
    Refused,
    RestoreFailed,
)
from pgpromote.postgres.losses import plan
from pgpromote.postgres.model import Severity
from pgpromote.postgres.strategy import CLEAN, RESET_SCHEMA, STRATEGIES, Strategy
from pgpromote.promotion import TARGET
from pgpromote.run import rollback, states
from pgpromote.run.options import Options, rehearsing
from pgpromote.run.run import needed, start
from pgpromote.run.state import State
from pgpromote.run.steps import (
    CHECK,
    COMPARE,
    CUT_OVER,
    PREPARE,
    PROVE,
    REHEARSED,
    REPAIR,
    RESTORE,
    RETAIN,
    STEPS,
    Step,
    promote,
)
from pgpromote.settings import from_environment
from pgpromote_tests.func.walks import Stage, stage, until
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server

DEV = (
    SHOP
    + """
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER keeper BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION keep();
    CREATE INDEX order_notes ON orders (note);
    CREATE SEQUENCE loose; SELECT setval('loose', 40);
"""
)
PROD = """
    CREATE TABLE customers (id integer PRIMARY KEY, name text); INSERT INTO customers VALUES (7, 'old');
    GRANT SELECT ON customers TO reader_of_runs;
"""


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    prod.execute("DO $$ BEGIN CREATE ROLE reader_of_runs; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    return stage(dev, prod, tmp_path, DEV, PROD)


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
BROKEN_CHECK = """
    ALTER TABLE orders ADD CONSTRAINT low CHECK (id < 10) NOT VALID;
    UPDATE pg_constraint SET convalidated = true WHERE conname = 'low';
"""
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


# Steps, plans, rehearsals -----------------------------------------------------------------------------------


def test_a_rehearsal_proves_everything_and_leaves_nothing(staged: Stage) -> None:
    staged.dump()
    with staged.untouched(), staged.walk() as run:
        promote(run, REHEARSED)
        done = run.state
    assert done.succeeded
    assert done.proof
    assert done.proof.rows == 100
    assert done.repair
    assert len(done.repair.changes) > 0
    steps = [each.name for each in done.walked]
    assert steps == ["check", "prepare", "restore", "repair", "compare", "carry", "analyze", "prove"]


def test_a_strategy_in_place_cannot_be_rehearsed(staged: Stage) -> None:
    staged.dump()
    with (
        staged.untouched(),
        pytest.raises(ConfigError, match="cannot be rehearsed"),
        staged.walk(strategy=CLEAN) as run,
    ):
        rehearsing(run.options)


def test_a_prod_that_changed_since_its_plan_is_refused_at_the_start(staged: Stage) -> None:
    expected = plan.fingerprint(staged.promotion.target(), staged.promotion.tools(), "test")
    staged.in_prod("UPDATE customers SET name = 'newer'")
    staged.dump()
    with (
        staged.untouched(),
        pytest.raises(Refused, match="pgpromote plan"),
        staged.walk(expect_plan=expected) as run,
    ):
        promote(run)


def test_a_prod_that_changes_during_the_run_is_refused_at_the_cut_over(staged: Stage) -> None:
    expected = plan.fingerprint(staged.promotion.target(), staged.promotion.tools(), "test")
    staged.dump()
    with staged.walk(expect_plan=expected) as run:
        until(run, PROVE)
        staged.in_prod("UPDATE customers SET name = 'newer'")
        with pytest.raises(Refused, match="pgpromote plan"):
            until(run, CUT_OVER)
    assert staged.beside() == []


def test_a_prod_that_is_as_its_plan_has_shown_it_is_promoted(staged: Stage) -> None:
    expected = plan.fingerprint(staged.promotion.target(), staged.promotion.tools(), "test")
    staged.promote(expect_plan=expected)
    assert len(staged.beside()) == 1


# What prod is, at each moment -------------------------------------------------------------------------------


def test_prod_is_called_wholly_one_or_the_other_while_it_is_swapped(
    staged: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[State | None] = []
    swap, directory, name = cutover.swap, staged.promotion.report_dir, staged.promotion.name

    def look(*given: Any, **options: Any) -> CutOver:
        told.append(states.read(directory, name, "test"))
        return swap(*given, **options)

    monkeypatch.setattr(cutover, "swap", look)
    staged.promote()

    (during,) = told
    assert during
    assert (during.current, during.prod) == ("swap", ProdState.WHOLE)
    done = states.read(directory, name, "test")
    assert done
    assert (done.current, done.prod, done.ended) == ("swap", ProdState.RENEWED, True)


def test_a_difference_in_place_is_told_when_owners_and_grants_are_back(staged: Stage) -> None:
    staged.dump()
    with staged.walk(strategy=CLEAN) as run:
        until(run, REPAIR)
        staged.in_prod("UPDATE public.customers SET name = 'changed' WHERE id = 1")
        with pytest.raises(NotProven, match="customers") as raised:
            until(run, PROVE)

    assert "Prod may be a mix of old and new" in str(raised.value)
    granted = "SELECT has_table_privilege('reader_of_runs', 'public.customers', 'SELECT')"
    assert staged.prod.rows(granted, staged.promotion.target().name) == [(True,)]


def test_a_state_that_can_no_longer_be_written_is_not_left_as_it_was(staged: Stage) -> None:
    staged.dump()
    kept = staged.promotion.report_dir / "runs"
    with staged.walk() as run:
        until(run, PREPARE)
        (partial,) = kept.glob("*.running.json")
        (kept / f"{partial.name}.partial").mkdir()  # in the way of the next one
        promote(run, STEPS[STEPS.index(RESTORE) : STEPS.index(RETAIN)])
        assert "is not kept" in run.problems[0]
        assert states.read(staged.promotion.report_dir, staged.promotion.name, "test") is None
    assert len(staged.beside()) == 1


@pytest.mark.parametrize("step", [each for each in STEPS if each is not CHECK], ids=lambda step: step.name)
def test_a_step_alone_begins_nothing(staged: Stage, step: Step) -> None:
    strategy = next(each for each in STRATEGIES.values() if step.runs(each))
    with (
        staged.untouched(),
        staged.walk(strategy=strategy) as run,
        pytest.raises(PgpromoteError, match="Start the whole run again"),
    ):
        step.walk(run)
    assert not run.state.current


# In place: a safety archive first ---------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [CLEAN, RESET_SCHEMA])
@pytest.mark.versions(15, 16, 17, 18)
def test_what_was_changed_in_place_comes_back_from_the_safety_archive(
    staged: Stage, strategy: Strategy
) -> None:
    staged.in_prod(
        "ALTER TABLE customers OWNER TO reader_of_runs; CREATE PUBLICATION feed FOR TABLE customers"
    )
    before = staged.contents()
    staged.promote(strategy=strategy)
    assert staged.contents() != before
    assert staged.beside() == []

    with staged.walk() as run:
        rollback.bring_back(run.promotion, run.run_id)

    assert staged.contents() == before
    assert len(staged.beside()) == 1


def test_a_failed_restore_in_place_is_rolled_back_to_what_prod_was(staged: Stage) -> None:
    script, _, cause = FAILURES["a constraint that the rows break"]
    before = staged.contents()
    staged.in_dev(script)
    staged.dump()
    with pytest.raises(RestoreFailed, match=cause) as raised, staged.walk(strategy=CLEAN) as run:
        promote(run)
    assert "holds prod as it was; pgpromote rollback brings it back" in str(raised.value)
    assert staged.contents() != before

    with staged.walk() as run:
        rollback.bring_back(run.promotion, run.run_id)

    assert staged.contents() == before


def test_a_rollback_takes_the_newest_and_can_be_rolled_back(staged: Stage) -> None:
    first = staged.contents()
    staged.promote()
    second = staged.contents()
    staged.in_dev("DELETE FROM tags")
    staged.promote(strategy=CLEAN, accept_loss=("tags",))
    third = staged.contents()
    for expected in (second, third):
        with staged.walk() as run:
            rollback.bring_back(run.promotion, run.run_id)
        assert staged.contents() == expected
    with staged.walk() as run:
        databases, archives = rollback.history(run.promotion, run.run_id)
        assert len(archives) == 1
        rollback.bring_back(run.promotion, run.run_id, databases[-1].name)
    assert staged.contents() == first


def test_a_safety_archive_that_could_not_come_back_is_told_before_prod_changes(staged: Stage) -> None:
    role = f"owner_{staged.promotion.target().name}"
    password = psycopg.sql.Literal(staged.prod.cluster.password).as_string()
    staged.prod.execute(f"CREATE ROLE {role} LOGIN PASSWORD {password}; GRANT reader_of_runs TO {role}")
    staged.in_prod(f"ALTER DATABASE {staged.promotion.target().name} OWNER TO {role}; DROP TABLE customers")
    staged.in_prod(f"GRANT ALL ON SCHEMA public TO {role}; ALTER SCHEMA public OWNER TO {role}")
    staged.dump()
    ours = staged.prod.url(staged.promotion.target().name, role)
    environment = {**staged.promotion.environment, TARGET: ours}
    with start(from_environment(environment), "test", Options(strategy=CLEAN)) as run:
        warnings = needed(until(run, PREPARE).prepared).warnings
    assert any("right to create databases" in finding.message for finding in warnings), warnings
    assert {(finding.rule, finding.severity) for finding in warnings} == {
        ("safety_archive", Severity.WARNING)
    }


def test_no_safety_archive_is_taken_when_it_was_not_wanted(staged: Stage) -> None:
    staged.promote(strategy=CLEAN, safety_archive=False)
    assert not Path(staged.promotion.safety_dir).exists()


def test_a_safety_archive_that_cannot_be_taken_leaves_prod(staged: Stage) -> None:
    staged.dump()
    Path(staged.promotion.safety_dir).write_text("in the way")
    with (
        staged.untouched(),
        pytest.raises(PgpromoteError, match="safety"),
        staged.walk(strategy=CLEAN) as run,
    ):
        promote(run)
