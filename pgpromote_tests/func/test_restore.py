"""A restore: everything arrives, a second one on top too, and no error goes by unseen."""

import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.errors import PgpromoteError, RestoreFailed, SessionFailed
from pgpromote.postgres.loading import restore
from pgpromote.postgres.loading.restore import Restored
from pgpromote.postgres.model import Filters, Foreign, RestoreError
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.func.command_line import (
    Sample,
    adopted,
    auction_sample,
    contents,
    moved,
    sample_of,
    sessions,
    wait_until,
)
from pgpromote_tests.servers import Server

NO_FILTERS = Filters()


def restored(
    prod: Server,
    sample: Sample,
    target: Database,
    *,
    jobs: int = 4,
    filters: Filters = NO_FILTERS,
    bring: tuple[Foreign, ...] = (),
    on_line: Callable[[str], None] = lambda line: None,
) -> Restored:
    clearance = preflight.examine(
        sample.path,
        Place(target),
        [prod.tools()],
        Choice(filters=filters, bring=frozenset(bring), restore_as_superuser=True),
    ).cleared()
    restore.create_extensions(clearance, target, "test")
    done = restore.restore(clearance, target, [prod.tools()], "test", jobs=jobs, on_line=on_line)
    restore.fill_materialized_views(clearance, target, [prod.tools()], "test", jobs=jobs)
    return done


@pytest.fixture
def auction(dev: Server, samples: Path) -> Sample:
    return auction_sample(dev, samples)


def comparable(server: Server, database: str) -> str:
    """Dump without what a promotion leaves to prod on purpose: owners and privileges."""
    return contents(server, database, "--no-owner", "--no-privileges")


# What arrives -----------------------------------------------------------------------------------------------


@pytest.mark.versions(16, 18)
def test_the_auction_arrives_whole_and_again_on_top_with_partitioned_keys(
    dev: Server, prod: Server, auction: Sample
) -> None:
    target = prod.new_database()
    wanted = comparable(dev, auction.source.name)
    for _ in range(2):
        done = restored(prod, auction, target)
        assert comparable(prod, target.name) == wanted
    assert (done.sha256, done.counts) == (auction.manifest.sha256, auction.manifest.counts)
    assert (done.target, done.jobs, done.path) == (target.label, 4, auction.path)


def test_a_restore_takes_back_what_was_changed_on_prod(dev: Server, prod: Server, auction: Sample) -> None:
    target = prod.new_database()
    restored(prod, auction, target)
    prod.execute(
        "DELETE FROM bids; UPDATE users SET full_name = 'x'; DROP VIEW ending_soon; DROP TABLE page_cache;"
        "ALTER TABLE users ADD extra text; SELECT lo_unlink(min(oid)) FROM pg_largeobject_metadata;"
        "SELECT setval('lot_numbers', 99999)",
        target.name,
    )
    restored(prod, auction, target, jobs=1)
    assert comparable(prod, target.name) == comparable(dev, auction.source.name)


@pytest.mark.parametrize("jobs", [1, 16])
def test_any_number_of_jobs_gives_the_same(dev: Server, prod: Server, auction: Sample, jobs: int) -> None:
    target = prod.new_database()
    assert restored(prod, auction, target, jobs=jobs).jobs == jobs
    assert comparable(prod, target.name) == comparable(dev, auction.source.name)


def test_what_only_prod_has_stays(dev: Server, prod: Server, tmp_path: Path) -> None:
    sample = sample_of(dev, "CREATE TABLE t (id int)", tmp_path / "t.dump")
    target = prod.new_database("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7); CREATE SCHEMA mine")
    restored(prod, sample, target)
    assert prod.rows("SELECT id FROM kept", target.name) == [(7,)]
    assert prod.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'mine'", target.name)


ODD = 'it\'s "odd"; -- \\ %s\nBücher 💶'


@pytest.mark.versions(15, 16, 17, 18)
def test_odd_names_of_every_kind_arrive_and_again(dev: Server, prod: Server, tmp_path: Path) -> None:
    name = '"' + ODD.replace('"', '""') + '"'
    short = name.replace("Bücher 💶", "")
    script = f"""
        CREATE SCHEMA {name}; SET search_path = {name}; CREATE TYPE {name} AS ENUM ('a');
        CREATE FUNCTION {short}({name} int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE TABLE {short} ({name} int PRIMARY KEY, t {name}, CONSTRAINT {name} CHECK ({short}(1) = 1));
        CREATE INDEX ON {short} (t); INSERT INTO {short} VALUES (1, 'a');
        CREATE VIEW {name}.v AS SELECT * FROM {short}; COMMENT ON TABLE {short} IS E'a\\nb'"""
    sample = sample_of(dev, script, tmp_path / "odd.dump")
    target = prod.new_database(name=f"{ODD} {prod.major}")
    for _ in range(2):
        restored(prod, sample, target)
    assert contents(prod, target.name) == contents(dev, sample.source.name)


def test_the_archive_and_its_manifest_are_only_read(prod: Server, auction: Sample) -> None:
    before = {file: file.read_bytes() for file in auction.path.parent.iterdir() if file.is_file()}
    restored(prod, auction, prod.new_database())
    assert {file: file.read_bytes() for file in before} == before


def test_a_restore_leaves_no_session_and_no_file_behind(
    prod: Server, auction: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    restored(prod, auction, prod.new_database())
    wait_until(lambda: not sessions(prod), "no session")
    assert list(tmp_path.iterdir()) == []


# Errors -----------------------------------------------------------------------------------------------------


def failed(
    prod: Server, sample: Sample, target: Database, **options: int | Filters | tuple[Foreign, ...]
) -> tuple[RestoreError, ...]:
    """Let a restore fail; return its errors, of which there must be as many as pg_restore itself counts."""
    lines: list[str] = []
    with pytest.raises(RestoreFailed) as failure:
        restored(prod, sample, target, on_line=lines.append, **options)  # type: ignore[arg-type]
    assert "The first error usually explains the others" in failure.value.hint
    errors = failure.value.errors
    assert "could be read from its output" not in str(failure.value)
    assert [line for line in lines if "errors ignored on restore" in line], "pg_restore went on to its end"
    return errors


# A function that was fine on dev when its rows came, and is not any more.
BROKEN_LATER = """
CREATE FUNCTION public.fine(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
CREATE TABLE good (id int); INSERT INTO good VALUES (1);
CREATE TABLE bad (id int CONSTRAINT positive CHECK (public.fine(id))); INSERT INTO bad VALUES (1);
CREATE OR REPLACE FUNCTION public.fine(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN false; END $$;
"""


@pytest.mark.parametrize("jobs", [1, 4])
def test_rows_that_break_a_check_fail_the_restore_by_name(
    dev: Server, prod: Server, tmp_path: Path, jobs: int
) -> None:
    sample = sample_of(dev, BROKEN_LATER, tmp_path / "bad.dump")
    target = prod.new_database()
    (error,) = failed(prod, sample, target, jobs=jobs)
    assert error.kind == "data"
    assert re.fullmatch(r"\d+ TABLE DATA bad postgres", error.entry)
    assert "positive" in error.message
    assert prod.rows("SELECT count(*) FROM good", target.name) == [(1,)]


@pytest.mark.versions(15, 18)
def test_a_function_that_is_missing_fails_with_its_statement(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    script = """
        CREATE FUNCTION inner_one(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n';
        CREATE FUNCTION outer_one(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN RETURN public.inner_one(n); END';
        CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE INDEX broken ON t (outer_one(id));
        CREATE MATERIALIZED VIEW m AS SELECT outer_one(id) FROM t; DROP FUNCTION inner_one"""
    errors = failed(prod, sample_of(dev, script, tmp_path / "f.dump"), prod.new_database())
    assert {error.kind for error in errors} == {"statement"}
    assert all("function public.inner_one(integer) does not exist" in error.message for error in errors)
    assert {error.entry.split(" ", 1)[1]: error.statement for error in errors} == {
        "INDEX broken postgres": "CREATE INDEX broken ON public.t USING btree (public.outer_one(id));",
    }


def test_rows_that_are_there_already_fail_a_restore_of_rows_alone(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    script = "CREATE TABLE {0} (id int PRIMARY KEY); INSERT INTO {0} VALUES (1);"
    script = script.format("a") + script.format("b")
    sample = sample_of(dev, script, tmp_path / "rows.dump")
    target = prod.new_database(script)
    errors = failed(prod, sample, target, filters=Filters(data_only=True))
    assert sorted(error.entry.split()[-2] for error in errors) == ["a", "b"]
    assert {error.kind for error in errors} == {"data"}
    assert all("violates unique constraint" in error.message for error in errors)
    assert not any("Key (id)" in error.message for error in errors)
    assert prod.rows("SELECT count(*) FROM a", target.name) == [(1,)]


def test_many_errors_of_leader_and_workers_are_all_found(dev: Server, prod: Server, tmp_path: Path) -> None:
    tables = "".join(
        f"CREATE TABLE t{n} (id int CHECK (public.fine(id))); INSERT INTO t{n} VALUES (1);" for n in range(12)
    )
    views = "".join(f"CREATE VIEW v{n} AS SELECT * FROM t{n};" for n in range(3))
    script = BROKEN_LATER.replace("CREATE TABLE good", tables + views + "CREATE TABLE good")
    sample = sample_of(dev, script, tmp_path / "many.dump")
    for jobs in (1, 4):
        assert len(failed(prod, sample, prod.new_database(), jobs=jobs)) == 13


@pytest.mark.versions(15, 18)
def test_an_event_trigger_on_prod_that_forbids_a_statement_fails_the_restore(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    sample = sample_of(dev, "CREATE TABLE t (id int)", tmp_path / "t.dump")
    target = prod.new_database(
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$;"
        "CREATE EVENT TRIGGER guard ON ddl_command_start EXECUTE FUNCTION no()"
    )
    errors = failed(prod, sample, target)
    assert any(
        "public.no() line 1" in error.message and "CREATE TABLE" in error.statement for error in errors
    )


def test_an_error_of_a_worker_is_counted_and_named_and_nothing_is_dropped_that_prod_does_not_have(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    sample = sample_of(
        dev, "CREATE TABLE t (id int); CREATE PUBLICATION news FOR TABLE t", tmp_path / "p.dump"
    )
    target = prod.new_database(
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$;"
        "CREATE EVENT TRIGGER guard ON ddl_command_start"
        "    WHEN tag IN ('DROP PUBLICATION', 'CREATE PUBLICATION') EXECUTE FUNCTION no()"
    )
    errors = failed(prod, sample, target, bring=(Foreign.PUBLICATIONS,))
    named = {error.statement.partition(" news")[0]: error.entry.partition(" ")[2] for error in errors}
    assert named["CREATE PUBLICATION"] == "PUBLICATION news postgres"
    assert not any(statement.startswith("DROP ") for statement in named)


def test_a_subscription_of_dev_does_not_come_to_prod(dev: Server, prod: Server, tmp_path: Path) -> None:
    sample = sample_of(
        dev,
        "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere.invalid' PUBLICATION p WITH (connect = false);"
        "CREATE TABLE t (id int)",
        tmp_path / "s.dump",
    )
    dev.execute("ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s", sample.source.name)
    target = prod.new_database()
    # The catalog of subscriptions is the whole server's.
    own = (
        "SELECT subname::text FROM pg_subscription JOIN pg_database d ON d.oid = subdbid "
        "WHERE d.datname = current_database()"
    )
    try:
        for _ in range(2):
            restored(prod, sample, target)
        assert prod.rows(own, target.name) == []
    finally:
        for (name,) in prod.rows(own, target.name):
            prod.execute(
                f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}", target.name
            )


# Sessions and processes that die ----------------------------------------------------------------------------


SLOW = """
CREATE FUNCTION public.slow(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
CREATE TABLE slow (id int CHECK (public.slow(id))); INSERT INTO slow VALUES (1);
CREATE TABLE slow_too (id int CHECK (public.slow(id))); INSERT INTO slow_too VALUES (1);
CREATE OR REPLACE FUNCTION public.slow(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM pg_sleep(3600); RETURN true; END $$;
"""


@pytest.fixture
def slow(dev: Server, tmp_path: Path) -> Sample:
    return sample_of(dev, SLOW, tmp_path / "slow.dump")


def failing(prod: Server, sample: Sample, action: Callable[[], object]) -> PgpromoteError:
    """Start a restore that never ends by itself, act on it, and return the error that ends it."""
    target, errors = prod.new_database(), list[PgpromoteError]()

    def run() -> None:
        try:
            restored(prod, sample, target)
        except PgpromoteError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: len(sleeping(prod)) == 2, "two workers at work")
        action()
        thread.join(60)
        assert not thread.is_alive()
        wait_until(lambda: not sleeping(prod), "the other session has ended too")
    finally:
        end_all(prod, "pg_terminate_backend")
        thread.join()
    (error,) = errors
    return error


def sleeping(prod: Server) -> list[object]:
    return [row[0] for row in sessions(prod) if row[3] == "PgSleep"]


def end_all(prod: Server, function: str) -> None:
    for pid in sleeping(prod):
        prod.rows(f"SELECT {function}({pid})")


def children(parent: int) -> Iterator[int]:
    """List all processes below one, from /proc."""
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, task.read_text().split()):
                yield child
                yield from children(child)


def workers() -> list[int]:
    """List the worker processes of pg_restore below this test."""
    found = []
    for pid in children(os.getpid()):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
            if all(b"pg_restore" in Path(f"/proc/{p}/cmdline").read_bytes() for p in (pid, parent)):
                found.append(pid)
    return found


def test_a_killed_worker_fails_the_restore(prod: Server, slow: Sample) -> None:
    error = failing(prod, slow, lambda: os.kill(workers()[0], signal.SIGKILL))
    assert "worker process died" in str(error)
    assert "something outside ended the program" in error.hint


def test_terminated_sessions_fail_the_restore(prod: Server, slow: Sample) -> None:
    error = failing(prod, slow, lambda: end_all(prod, "pg_terminate_backend"))
    assert isinstance(error, RestoreFailed)
    assert "terminating connection" in str(error)
    assert {(each.kind, each.entry) for each in error.errors} == {("connection", "")}
    assert "Its log says which" in error.hint


def test_cancelled_statements_fail_the_restore(prod: Server, slow: Sample) -> None:
    error = failing(prod, slow, lambda: end_all(prod, "pg_cancel_backend"))
    assert isinstance(error, RestoreFailed)
    assert [(e.kind, "canceling statement" in e.message) for e in error.errors] == [("data", True)] * 2


def drop_and_fail(target: Database) -> None:
    with connect(target) as session:
        session.execute("DROP TABLE public.t")
        session.execute("SELECT 1/0")


def test_a_failed_statement_of_ours_says_which_database_and_changes_nothing(prod: Server) -> None:
    target = prod.new_database("CREATE TABLE t (id int)")
    with pytest.raises(SessionFailed, match=rf"{target.name} on .*SQLSTATE 22012"):
        drop_and_fail(target)
    assert prod.rows("SELECT count(*) FROM t", target.name) == [(0,)]


def test_a_copy_of_an_archive_without_its_manifest_is_restored_too_once_it_is_adopted(
    dev: Server, prod: Server, auction: Sample, tmp_path: Path
) -> None:
    path = adopted(moved(auction, tmp_path / "copy.dump"), dev)
    copy = Sample(auction.source, path, auction.archive, auction.manifest)
    target = prod.new_database()
    restored(prod, copy, target)
    assert comparable(prod, target.name) == comparable(dev, auction.source.name)
