"""What the version before left is taken, or refused with what to type; so is a promotion without a name."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.databases import mark
from pgpromote.postgres.databases.mark import Kind, Provenance
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.model import Severity
from pgpromote.postgres.server import connect
from pgpromote.postgres.strategy import CLEAN
from pgpromote.promotion import SOURCE, SOURCE_ID, TARGET
from pgpromote.run import rollback
from pgpromote.run.retention import retain
from pgpromote.run.run import start
from pgpromote.run.steps import promote
from pgpromote.settings import from_environment
from pgpromote_tests.func.command_line import CommandLine
from pgpromote_tests.func.origins import (
    OURS,
    Two,
    dump,
    named,
    of_the_version_before,
    promoted,
    refused,
    said,
    without_dev,
)
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.servers import Server

# Prod's own -------------------------------------------------------------------------------------------------


def changed_in_place(ours: Stage) -> Path:
    """Change prod in place; return the safety archive that was taken before."""
    dump(ours.promotion)
    with ours.walk(strategy=CLEAN) as run:
        promote(run)
        assert run.state.safety
        return Path(run.state.safety)


def test_a_safety_archive_of_prod_comes_back_without_being_allowed(ours: Stage, prod: Server) -> None:
    ours.in_prod("INSERT INTO orders VALUES (7)")
    taken = changed_in_place(ours)
    assert taken.parent == ours.promotion.dump_dir / "shop" / "safety"
    with ours.walk() as run:
        rollback.bring_back(run.promotion, run.run_id)
    rows = prod.rows("SELECT id FROM orders ORDER BY 1", ours.promotion.target().name)
    assert rows == [(1,), (7,)]
    for pinned in (ours, named(ours, "shop", **{SOURCE_ID: "1"}), without_dev(ours), named(ours, "till")):
        assert promoted(pinned, archive_path=taken, despite_hold=True) == []


# The version before -----------------------------------------------------------------------------------------


def test_a_safety_archive_where_the_version_before_kept_it_comes_back(ours: Stage, prod: Server) -> None:
    ours.in_prod("INSERT INTO orders VALUES (7)")
    taken = changed_in_place(ours)
    before = ours.promotion.dump_dir / "safety"
    taken.parent.rename(before)
    of_the_version_before(before / taken.name)

    with ours.walk() as run:
        _, (found,) = rollback.history(run.promotion, run.run_id)
        rollback.bring_back(run.promotion, run.run_id)

    assert (found.path, found.usable) == (before / taken.name, True)
    rows = prod.rows("SELECT id FROM orders ORDER BY 1", ours.promotion.target().name)
    assert rows == [(1,), (7,)]


@pytest.mark.parametrize("by_name", [True, False])
def test_a_safety_archive_of_the_version_before_comes_back_by_its_name_too(
    ours: Stage, prod: Server, by_name: bool
) -> None:
    ours.in_prod("INSERT INTO orders VALUES (7)")
    taken = changed_in_place(ours)
    before = ours.promotion.dump_dir / "safety"
    taken.parent.rename(before)
    of_the_version_before(before / taken.name)
    with ours.walk() as run:
        rollback.bring_back(
            run.promotion,
            run.run_id,
            taken.name if by_name else str(before / taken.name),
        )
    assert prod.rows("SELECT count(*) FROM orders", ours.promotion.target().name) == [(2,)]


def test_what_the_version_before_kept_counts_for_what_is_kept(ours: Stage) -> None:
    """Kept are the newest and one more: the oldest, as none of them is a day old."""
    oldest, older = changed_in_place(ours), changed_in_place(ours)
    before = ours.promotion.dump_dir / "safety"
    older.parent.rename(before)
    one = named(ours, "shop", PGPROMOTE_KEEP="1")
    newer = changed_in_place(one)
    with one.walk() as run:
        kept = retain(run.promotion, run.run_id, None)
        _, archives = rollback.history(run.promotion, run.run_id)
    assert older.name in kept.dropped
    assert [found.path for found in archives] == [newer, before / oldest.name]


def test_an_archive_of_the_version_before_is_taken_by_its_path(ours: Stage) -> None:
    dump(ours.promotion)
    path = Path(ours.promotion.archive_path)
    before = ours.promotion.dump_dir / path.name
    for file in (archive.manifest_path, lambda path: path):
        file(path).rename(file(before))
    of_the_version_before(before)
    with ours.untouched(), pytest.raises(PgpromoteError, match="the version before kept one at") as refusal:
        promoted(ours)
    assert f"pgpromote restore {before}" in refusal.value.hint
    assert promoted(ours, archive_path=before) == []


def test_an_archive_of_the_version_before_says_of_which_database_it_is(two: Two, tmp_path: Path) -> None:
    path = two.delivered(tmp_path / "new.dump")
    of_the_version_before(path)
    (found,) = refused(two.ours, archive_path=path)
    assert found.object == two.theirs.promotion.source().name


def test_a_previous_database_of_the_version_before_comes_back(ours: Stage) -> None:
    """Its mark does not say where what replaced it came from."""
    dump(ours.promotion)
    promoted(ours)
    target = ours.promotion.target()
    with connect(target.at("postgres"), autocommit=True) as session:
        (found,) = mark.find(session, target.name, Kind.PREVIOUS)
        assert found.mark.followed
        assert found.mark.followed.source
        old = mark.comment(found.name, replace(found.mark, followed=None).text(), "as before")
        session.execute(old.sql.encode())
    assert [found.severity for found in said(without_dev(ours))] == [Severity.INFO]
    with ours.walk() as run:
        assert rollback.bring_back(run.promotion, run.run_id).previous


@pytest.mark.parametrize("forged", ["", "7", "7/x/shop", "7/1/", "//"])
def test_a_mark_that_says_nothing_sensible_of_the_source_is_as_good_as_none(ours: Stage, forged: str) -> None:
    dump(ours.promotion)
    promoted(ours)
    target = ours.promotion.target()
    with connect(target.at("postgres"), autocommit=True) as session:
        (found,) = mark.find(session, target.name, Kind.PREVIOUS)
        text = replace(found.mark, followed=Provenance(source=forged)).text()
        session.execute(mark.comment(found.name, text, "forged").sql.encode())
    assert [found.severity for found in said(without_dev(ours))] == [Severity.INFO]


# A name is needed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [("check", "x.dump"), ("restore",), ("history",), ("rollback", "--yes"), ("inspect",)]
)
def test_without_a_name_and_a_source_the_command_line_says_what_to_set(
    ours: Stage, tmp_path: Path, command: tuple[str, ...]
) -> None:
    environment = {TARGET: ours.promotion.environment[TARGET]}
    ended = CommandLine(tmp_path, environment).run(*command)
    assert ended.returncode == 1
    assert "Traceback" not in ended.text
    assert "neither PGPROMOTE_NAME nor DEV_DATABASE_URL is set" in " ".join(ended.text.split())


def test_without_a_name_the_database_of_dev_gives_it_and_a_change_is_said(
    ours: Stage, tmp_path: Path
) -> None:
    name = f"my-shop.{next(ours.dev.numbers)}"
    environment = {**ours.promotion.environment, SOURCE: ours.dev.new_url(OURS, name), "PGPROMOTE_NAME": ""}
    fitted = name.replace("-", "_").replace(".", "_")
    ended = CommandLine(tmp_path, environment).run("dump")
    assert ended.returncode == 0, ended.stderr
    assert f"The promotion of {name} is called {fitted}; PGPROMOTE_NAME gives it another name." in " ".join(
        ended.stderr.split()
    )
    assert (ours.promotion.dump_dir / fitted / f"{fitted}_dev.dump").is_file()


def test_a_run_without_a_name_fails_and_says_what_to_set(ours: Stage) -> None:
    promotion = from_environment({TARGET: ours.promotion.environment[TARGET]})
    with (
        ours.untouched(),
        pytest.raises(PgpromoteError, match="The promotion has no name") as refusal,
        start(promotion, "test") as run,
    ):
        promote(run)
    assert "Set PGPROMOTE_NAME" in refusal.value.hint
