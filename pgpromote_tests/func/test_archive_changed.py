"""What was checked is what is restored: a file that is replaced or changed meanwhile never becomes prod."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pgpromote.postgres.archives import archive
from pgpromote.postgres.errors import Busy, NotProven
from pgpromote.run.run import Run
from pgpromote.run.steps import CHECK, PROVE, REPAIR, RESET, RESTORE, STEPS, promote
from pgpromote_tests.func.walks import Stage, stage, until
from pgpromote_tests.servers import Server

SHOP = "CREATE TABLE users (id integer PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada');"
OTHER = "UPDATE users SET name = 'Eve';"
Replace = Callable[[Path, Path], object]


def renamed(new: Path, old: Path) -> None:
    """Replace archive and manifest as a dump does: by two renames."""
    archive.manifest_path(new).rename(archive.manifest_path(old))
    new.rename(old)


def renamed_alone(new: Path, old: Path) -> None:
    new.rename(old)


def overwritten(new: Path, old: Path) -> None:
    """Write into the same inode, with its manifest."""
    old.write_bytes(new.read_bytes())
    archive.manifest_path(old).write_bytes(archive.manifest_path(new).read_bytes())


def lengthened(_new: Path, old: Path) -> None:
    with old.open("ab") as file:
        file.write(b"\0")


def removed(_new: Path, old: Path) -> None:
    old.unlink()


# Before which step it happens; in the middle of the restore is "lines".
MOMENTS = [
    *((renamed, moment) for moment in ("prepare", "restore", "lines", "repair", "prove")),
    *((overwritten, moment) for moment in ("restore", "lines", "prove")),
    (renamed_alone, "lines"),
    (lengthened, "repair"),
    (removed, "repair"),  # before the restore it is an error of its own
]


@pytest.fixture
def staged(dev: Server, prod: Server, tmp_path: Path) -> Stage:
    """Give a promotion that has dumped, and an archive of other rows beside its own."""
    staged = stage(dev, prod, tmp_path, SHOP, "CREATE TABLE users (id integer PRIMARY KEY, name text);")
    other = stage(dev, prod, tmp_path / "other", SHOP + OTHER, "")
    other.dump()
    staged.dump()
    for path in (Path(other.promotion.archive_path), archive.manifest_path(other.promotion.archive_path)):
        shutil.copy(path, tmp_path / path.name)
    return staged


def walk(run: Run, moment: str, change: Callable[[], object]) -> None:
    """Walk the steps of a run, with a change before one of them or at pg_restore's first line."""
    due = [change]

    def reached(here: str) -> None:
        if here == moment and due:
            due.pop()()

    until(run, CHECK)
    reached("prepare")
    until(run, RESET)
    reached("restore")
    run.on_line = lambda _line: reached("lines")
    until(run, RESTORE)
    reached("repair")
    until(run, REPAIR)
    reached("prove")
    assert not due
    until(run, PROVE)


@pytest.mark.parametrize(("way", "moment"), MOMENTS)
def test_an_archive_that_changes_after_the_checks_never_becomes_prod(
    staged: Stage, tmp_path: Path, way: Replace, moment: str
) -> None:
    path = Path(staged.promotion.archive_path)
    with (
        staged.untouched(),
        pytest.raises(NotProven, match="was replaced or changed while"),
        staged.walk() as run,
    ):
        walk(run, moment, lambda: way(tmp_path / path.name, path))


@pytest.mark.parametrize("moment", ["prepare", "restore", "lines", "repair", "prove"])
def test_a_dump_by_hand_waits_its_turn_and_harms_no_run_that_reads_the_archive(
    staged: Stage, moment: str
) -> None:
    def dump() -> None:
        staged.in_dev(OTHER)
        with pytest.raises(Busy, match="is being restored"):
            staged.dump()

    with staged.walk() as run:
        walk(run, moment, dump)
        promote(run, STEPS[STEPS.index(PROVE) + 1 :])
    name = "SELECT name FROM users"
    assert staged.prod.rows(name, staged.promotion.target().name) == [("Ada",)]
    staged.dump()  # its turn has come


def test_a_dump_that_ends_while_a_run_reads_the_archive_before_it_is_given_up_not_the_run(
    staged: Stage,
) -> None:
    promotion = staged.promotion

    def publish(run: Run) -> None:
        with promotion.store.publish(promotion.archive_path) as partial:
            partial.write_bytes(b"the next night's")
            until(run, CHECK)

    with staged.walk() as run:
        with pytest.raises(Busy, match="is being restored"):
            publish(run)
        until(run, PROVE)
    assert not Path(f"{promotion.archive_path}.partial").exists()
