"""A wrong prod or source, another writer, and a swap that cannot be are refused at the start."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.databases import cutover, mark, shadow
from pgpromote.postgres.errors import PgpromoteError, Refused
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Filters, Finding, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, connect
from pgpromote.postgres.strategy import CLEAN, SWAP, Strategy
from pgpromote_tests.func.command_line import Sample, dumped, sample_of
from pgpromote_tests.func.shops import content, login, roles, shop, word
from pgpromote_tests.servers import Server

STORAGE = """CREATE SCHEMA dagster;
CREATE TABLE dagster.runs (); CREATE TABLE dagster.run_tags (); CREATE TABLE dagster.event_logs ()"""


@pytest.fixture(scope="module")
def sample(dev: Server, samples: Path) -> Sample:
    return sample_of(dev, content("new"), samples / f"shop{dev.major}.dump")


def examined(
    prod: Server,
    sample: Sample,
    place: Place,
    *,
    strategy: Strategy = CLEAN,
    allow: Collection[str] = (),
    source: Database | None = None,
) -> Report:
    choice = Choice(strategy=strategy, allow=frozenset(allow))
    return preflight.examine(sample.path, place, [prod.tools()], choice, source=source)


def refused(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity is Severity.ERROR]


def marked(database: Database) -> bool:
    with connect(database) as session:
        return mark.is_prod(session)


def mark_prod(database: Database) -> None:
    with connect(database) as session:
        mark.mark_prod(session)


# What is no prod ------------------------------------------------------------------------------------------


def test_the_server_s_own_databases_are_no_prod(prod: Server, sample: Sample) -> None:
    for name, told in {"postgres": "maintenance database", "template1": "a template"}.items():
        (found,) = refused(examined(prod, sample, Place(login(prod, name, "postgres"))))
        assert (found.rule, found.object) == ("target_allowed", name)
        assert told in found.message


def test_the_database_of_the_lock_is_no_prod(prod: Server, sample: Sample) -> None:
    target = prod.new_database()
    assert examined(prod, sample, Place(target)).clearance
    (found,) = refused(examined(prod, sample, Place(target, agreed=target.name)))
    assert found.rule == "target_allowed"
    assert "promotion lock" in found.message


def test_dagster_s_own_storage_is_no_prod_and_a_table_of_runs_alone_is_none(
    prod: Server, sample: Sample
) -> None:
    target = prod.new_database(STORAGE)
    assert examined(prod, sample, Place(target)).clearance
    prod.execute("CREATE TABLE secondary_indexes (id int)", target.name)
    assert examined(prod, sample, Place(target)).clearance
    prod.execute("CREATE TABLE dagster.secondary_indexes (id int)", target.name)
    (found,) = refused(examined(prod, sample, Place(target)))
    assert found.rule == "target_allowed"
    assert "in the schema dagster" in found.message


def test_an_archive_that_was_limited_is_refused_for_a_swap_alone(
    dev: Server, prod: Server, sample: Sample, tmp_path: Path
) -> None:
    part = dumped(dev, sample.source, tmp_path / "part.dump", filters=Filters(tables=("content",)))
    target = prod.new_database()
    assert examined(prod, part, Place(target)).clearance
    (found,) = refused(examined(prod, part, Place(target), strategy=SWAP))
    assert found.rule == "whole_archive"
    assert "tables content" in found.message


# The mark of prod -----------------------------------------------------------------------------------------


@pytest.mark.versions(15, 18)
def test_a_mark_is_made_and_taken_away_and_nobody_else_can_pretend_it(prod: Server) -> None:
    database = prod.new_database()
    assert not marked(database)
    (user,) = roles(prod, 1)
    prod.execute(
        f"ALTER ROLE postgres IN DATABASE {database.name} SET pgpromote.environment = 'prod';"
        f"ALTER DATABASE {database.name} SET pgpromote.environment = 'production'"
    )
    assert not marked(database)
    mark_prod(database)
    assert marked(database)
    assert marked(login(prod, database.name, user))
    hidden = {**database.parameters, "options": "-c pgpromote.environment=dev"}
    assert marked(replace(database, parameters=hidden))
    assert not marked(prod.new_database())
    with connect(database) as session:
        mark.unmark_prod(session)
    assert not marked(database)


def test_the_mark_stays_with_the_name_through_swaps_and_rollbacks(prod: Server) -> None:
    database, made = shop(prod)
    mark_prod(database)
    cutover.swap(Place(database, "p"), made.name)
    assert (word(prod, database), marked(database)) == ("new", True)
    cutover.rollback(Place(database, "p"))
    assert (word(prod, database), marked(database)) == ("old", True)


def test_a_mark_made_after_a_swap_stays_through_the_rollback(prod: Server) -> None:
    database, made = shop(prod)
    cutover.swap(Place(database, "p"), made.name)
    mark_prod(database)
    cutover.rollback(Place(database, "p"))
    assert (word(prod, database), marked(database)) == ("old", True)


def test_a_marked_source_is_neither_dumped_nor_promoted(
    dev: Server, prod: Server, sample: Sample, tmp_path: Path
) -> None:
    source = dev.new_database(content("new"), variable="DEV_DATABASE_URL")
    mark_prod(source)
    for make in (dump.dump, dump.dump_sql):
        with pytest.raises(Refused, match="marked as prod") as refusal:
            make(source, tmp_path / "new" / "dev.dump", [dev.tools()], "test")
        assert [finding.rule for finding in refusal.value.findings] == ["right_direction"]
    assert list(tmp_path.iterdir()) == []
    for strategy in (CLEAN, SWAP):
        report = examined(prod, sample, Place(prod.new_database()), source=source, strategy=strategy)
        assert [finding.rule for finding in refused(report)] == ["right_direction"]


def test_an_archive_of_prod_made_on_purpose_marks_nothing_that_it_is_restored_into(
    prod: Server, tmp_path: Path
) -> None:
    database = prod.new_database(content("old"))
    mark_prod(database)
    safety = dumped(prod, database, tmp_path / "safety.dump", of_prod=True)
    assert dump.dump_sql(database, tmp_path / "safety.sql", [prod.tools()], "test", of_prod=True) > 0
    made = shadow.create(Place(database, "p"))
    clearance = examined(prod, safety, Place(database), strategy=SWAP).cleared()
    into = clearance.into(made.at(database).label, made.oid)
    restore.restore(into, made.at(database), [prod.tools()], "p")
    assert prod.rows("SELECT word FROM content", made.name) == [("old",)]
    assert not marked(made.at(database))


def owned(prod: Server, options: str = "") -> Database:
    """Return an empty database with its owner's login."""
    (owner,) = roles(prod, 1, options)
    database = prod.new_database()
    prod.execute(f"ALTER DATABASE {database.name} OWNER TO {owner}")
    return login(prod, database.name, owner)


def test_an_owner_who_may_not_mark_prod_is_told_the_grant_that_helps(prod: Server) -> None:
    database = owned(prod)
    with pytest.raises(PgpromoteError, match="permission denied") as told:
        mark_prod(database)
    prod.execute(told.value.hint.partition("once: ")[2])
    mark_prod(database)
    assert marked(database)


# What forbids a swap --------------------------------------------------------------------------------------


def test_an_owner_who_may_create_databases_is_cleared_for_a_swap(prod: Server, sample: Sample) -> None:
    assert examined(prod, sample, Place(owned(prod, "CREATEDB")), strategy=SWAP).findings == ()


@pytest.mark.versions(15, 18)
def test_a_missing_right_is_an_error_before_the_restore_of_a_swap_alone(prod: Server, sample: Sample) -> None:
    database = owned(prod)
    assert examined(prod, sample, Place(database)).clearance
    (found,) = refused(examined(prod, sample, Place(database), strategy=SWAP))
    assert found.rule == "swap_possible"
    assert "choose the strategy" not in found.hint  # nothing that destroys is advised at night
    granting = found.hint[found.hint.index("ALTER ROLE") :]

    (stranger,) = roles(prod, 1, "CREATEDB")
    report = examined(prod, sample, Place(login(prod, database.name, stranger)), strategy=SWAP)
    assert ["Only the owner" in finding.message for finding in refused(report)] == [True]

    prod.execute(granting)
    assert examined(prod, sample, Place(database), strategy=SWAP).clearance
    hint = refused(report)[0].hint
    prod.execute(hint[hint.index("GRANT") :])
    assert examined(prod, sample, Place(login(prod, database.name, stranger)), strategy=SWAP).clearance


def test_a_subscription_of_prod_is_an_error_unless_it_is_allowed(prod: Server, sample: Sample) -> None:
    database = prod.new_database()
    name = f"sub_{next(prod.numbers)}"
    prod.execute(
        f"CREATE SUBSCRIPTION {name} CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)",
        database.name,
    )
    (found,) = refused(examined(prod, sample, Place(database), strategy=SWAP))
    assert (found.rule, found.object) == ("swap_possible", name)
    assert examined(prod, sample, Place(database), strategy=SWAP, allow=[name]).clearance
    prod.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}", database.name)


def test_what_may_be_gone_by_the_time_of_the_cut_over_is_a_warning(prod: Server, sample: Sample) -> None:
    database = owned(prod, "CREATEDB")
    gid = f"gid_{next(prod.numbers)}"
    prod.execute(f"BEGIN; CREATE TABLE x (); PREPARE TRANSACTION '{gid}'", database.name)
    with psycopg.connect(prod.url(database.name)):
        report = examined(prod, sample, Place(database), strategy=SWAP)
    prod.execute(f"ROLLBACK PREPARED '{gid}'", database.name)
    assert report.clearance
    assert [finding.severity for finding in report.of("swap_possible")] == [Severity.WARNING] * 2
    assert gid in report.of("swap_possible")[0].message


def test_settings_that_cannot_be_carried_over_are_an_error_with_the_grant_that_helps(
    prod: Server, sample: Sample
) -> None:
    database = owned(prod, "CREATEDB")
    user, (other,) = database.parameters["user"], roles(prod, 1)
    prod.execute(f'ALTER ROLE {other} RENAME TO "{other}-x"')
    other = f"{other}-x"
    custom = f"app{next(prod.numbers)}.mode"
    prod.execute(
        f"ALTER DATABASE {database.name} SET {custom} = 'x';"
        f"ALTER DATABASE {database.name} SET work_mem = '9MB';"
        f"ALTER DATABASE {database.name} SET log_min_duration_statement = '1s';"
        f"ALTER ROLE {user} IN DATABASE {database.name} SET work_mem = '7MB';"
        f"ALTER ROLE \"{other}\" IN DATABASE {database.name} SET work_mem = '7MB'"
    )
    found = refused(examined(prod, sample, Place(database), strategy=SWAP))
    assert [each.object for each in found] == [other, custom, "log_min_duration_statement"]
    made = shadow.create(Place(database, "p"))
    with pytest.raises(Refused, match=custom):
        cutover.swap(Place(database, "p"), made.name)

    for each in found:
        prod.execute(each.hint.removeprefix("As a superuser, run: ").partition(" or reset it")[0])

    assert examined(prod, sample, Place(database), strategy=SWAP).clearance
    cutover.swap(Place(database, "p"), made.name)
    settings = f"SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = {made.oid}"
    assert len(prod.rows(settings)) == 5


# Who else writes ------------------------------------------------------------------------------------------


@contextmanager
def writing(prod: Server, database: Database, name: str) -> Iterator[int]:
    """Write in an open transaction, as a child of a promotion does."""
    with psycopg.connect(prod.url(database.name), application_name=name) as session:
        session.execute("INSERT INTO content VALUES ('x')")
        yield session.info.backend_pid


def test_a_writer_of_another_promotion_is_refused_in_place_alone(prod: Server, sample: Sample) -> None:
    database = prod.new_database(content("old"))
    long_id = "one" * 30  # the server cuts a session's name
    with writing(prod, database, "pgpromote:dead") as pid:
        (found,) = refused(examined(prod, sample, Place(database, long_id)))
        assert (found.rule, found.object) == ("no_other_writer", "pgpromote:dead")
        assert f"pg_terminate_backend({pid})" in found.hint
        assert examined(prod, sample, Place(database, "dead")).clearance
        assert examined(prod, sample, Place(database, long_id), strategy=SWAP).clearance
    with writing(prod, database, f"pgpromote:{long_id}"), writing(prod, database, "an application"):
        assert examined(prod, sample, Place(database, long_id)).clearance


def test_a_promotion_that_only_reads_is_no_writer(prod: Server, sample: Sample) -> None:
    database = prod.new_database(content("old"))
    with psycopg.connect(prod.url(database.name), application_name="pgpromote:audit") as session:
        session.execute("SELECT * FROM content")
        assert examined(prod, sample, Place(database, "one")).clearance
