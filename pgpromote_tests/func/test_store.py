"""The store of archives: what is published is whole and private, and nothing else knows where it lies."""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.archives.archive import manifest_path
from pgpromote.postgres.archives.store import FILES, Snapshot, Store, Stored
from pgpromote.postgres.errors import ArchiveError, Busy, Interrupted, PgpromoteError, ToolFailed
from pgpromote.postgres.model import Manifest, Ref
from pgpromote.postgres.strategy import CLEAN
from pgpromote.run import rollback
from pgpromote.run.retention import retain
from pgpromote_tests import runs
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.func.watches import Watch
from pgpromote_tests.servers import Server
from pgpromote_tests.unit.plain import MANIFEST

OLD, NEW = b"PGDMP old", b"PGDMP new, and longer"
# Names that a person or a database may give.
NAMES = ["shop_dev.dump", 'it\'s "odd" 100%.dump', "東京" * 20 + ".dump", "no suffix", "full.sql"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "dumps" / "shop"


def lay(ref: Path, content: bytes = OLD, manifest: Manifest | None = MANIFEST) -> Path:
    """Publish an archive with its manifest."""
    with FILES.publish(ref) as partial:
        partial.write_bytes(content)
    if manifest:
        FILES.describe(ref, manifest)
    return ref


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# Publishing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_what_is_published_is_private_and_so_are_the_directories_made_for_it(folder: Path, name: str) -> None:
    ref = lay(folder / name)

    assert FILES.local(ref).read_bytes() == OLD
    assert FILES.manifest(ref) == MANIFEST
    assert (mode(ref), mode(manifest_path(ref)), mode(folder), mode(folder.parent)) == (
        0o600, 0o600, 0o700, 0o700,
    )  # fmt: skip


FAILURES = [ToolFailed("pg_dump failed", ""), OSError(errno.ENOSPC, "No space left"), Interrupted(15)]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
def test_a_failure_leaves_the_old_archive_with_its_manifest_and_nothing_of_the_new(
    folder: Path, failure: BaseException
) -> None:
    ref = lay(folder / "shop.dump")
    before = files(folder)

    def fail() -> None:
        with FILES.publish(ref) as partial:
            partial.write_bytes(NEW)
            raise failure

    with pytest.raises((PgpromoteError, Interrupted)):
        fail()

    assert files(folder) == before


def test_the_old_archive_stands_until_the_new_one_is_whole_and_is_never_described_by_the_other_s_manifest(
    folder: Path,
) -> None:
    ref = lay(folder / "shop.dump")

    with FILES.publish(ref) as partial:
        partial.write_bytes(NEW)
        assert (ref.read_bytes(), FILES.manifest(ref)) == (OLD, MANIFEST)
        assert FILES.written(ref) == len(NEW)

    assert (ref.read_bytes(), FILES.manifest(ref), FILES.written(ref)) == (NEW, None, 0)


@pytest.mark.parametrize("made", ["a directory", "a link", "a file in the place of the folder"])
def test_what_is_in_the_way_is_told_and_not_followed(folder: Path, made: str) -> None:
    partial, elsewhere = folder / "shop.dump.partial", folder.parent.parent / "elsewhere"
    if made == "a file in the place of the folder":
        folder.parent.mkdir()
        folder.touch()
    else:
        folder.mkdir(parents=True)
        partial.mkdir() if made == "a directory" else partial.symlink_to(elsewhere)

    with pytest.raises(ToolFailed, match="cannot be written"):
        lay(folder / "shop.dump")

    assert not elsewhere.exists()


def test_two_never_write_one_archive_at_once(folder: Path) -> None:
    with FILES.publish(folder / "shop.dump") as partial:
        partial.write_bytes(NEW)
        with pytest.raises(Busy, match="Another dump is writing"):
            lay(folder / "shop.dump")
    assert files(folder) == {"shop.dump": NEW}


def test_a_manifest_may_be_refused_at_the_last_moment_and_the_old_one_stays(folder: Path) -> None:
    ref = lay(folder / "shop.dump")

    def refuse() -> None:
        raise ArchiveError("It has a manifest by now.")

    with pytest.raises(ArchiveError, match="by now"):
        FILES.describe(ref, replace(MANIFEST, sha256="other"), refuse)

    assert FILES.manifest(ref) == MANIFEST
    assert set(files(folder)) == {"shop.dump", "shop.dump.manifest.json"}


# Looking ----------------------------------------------------------------------------------------------------


def test_a_list_has_each_archive_once_and_tells_what_is_not_whole(folder: Path) -> None:
    whole, bare = lay(folder / "b.dump"), lay(folder / "a.dump", manifest=None)
    (folder / "c.dump.partial").write_bytes(NEW)
    (folder / "d.dump").mkdir()

    found = {each.ref.name: dict(each.sizes) for each in FILES.list(folder)}

    size = manifest_path(whole).stat().st_size
    assert found == {
        bare.name: {"": len(OLD)},
        whole.name: {"": len(OLD), ".manifest.json": size},
        "c.dump": {".partial": len(NEW)},
        "d.dump": {},
    }
    assert [*found] == sorted(found)


def test_a_folder_that_is_not_there_yet_has_nothing(folder: Path) -> None:
    assert FILES.list(folder) == []
    assert FILES.state(folder / "shop.dump") is None


def linked(ref: Path) -> None:
    ref.rename(ref.with_name("other"))
    ref.symlink_to("other")


def rewritten(ref: Path) -> None:
    ref.write_bytes(OLD[::-1])
    os.utime(ref, (1, 1))


CHANGES: dict[str, Callable[[Path], object]] = {
    "more bytes": lambda ref: ref.write_bytes(NEW),
    "as many bytes": rewritten,
    "another file": lambda ref: ref.with_name("other").rename(ref),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_archive_that_is_written_anew_has_another_signature(folder: Path, change: str) -> None:
    ref, _ = lay(folder / "shop.dump"), lay(folder / "other")
    before = FILES.state(ref)

    CHANGES[change](ref)

    after = FILES.state(ref)
    assert before
    assert after
    assert before.signature != after.signature


SAME: dict[str, Callable[[Path], object]] = {
    "nothing": lambda ref: ref.read_bytes(),
    "other permissions": lambda ref: ref.chmod(0o400),
    "a link in its place": linked,
}


@pytest.mark.parametrize("what", SAME)
def test_what_leaves_the_content_leaves_the_signature(folder: Path, what: str) -> None:
    ref = lay(folder / "shop.dump")
    before = FILES.state(ref)

    SAME[what](ref)

    after = FILES.state(ref)
    assert before
    assert after
    assert before.signature == after.signature


def test_a_state_tells_whether_there_is_a_manifest_and_which_of_both_came_last(folder: Path) -> None:
    ref = lay(folder / "shop.dump", manifest=None)
    bare = FILES.state(ref)
    assert bare
    assert (bare.size, bare.described, bare.replaced) == (len(OLD), None, False)

    FILES.describe(ref, MANIFEST)
    described = FILES.state(ref)
    assert described
    assert not described.replaced

    shutil.copy(ref, folder / "delivered")
    (folder / "delivered").rename(ref)
    again = FILES.state(ref)
    assert again
    assert again.replaced


# Removing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["archive and manifest", "archive", "partial", "manifest of a dead dump"])
def test_removing_takes_all_that_belongs_to_an_archive_and_nothing_else(folder: Path, left: str) -> None:
    ref, other = folder / "shop.dump", lay(folder / "shop.dump2")
    before = files(folder)
    if left.startswith("archive"):
        lay(ref, manifest=MANIFEST if "manifest" in left else None)
    else:
        ref.with_name("shop.dump" + (".partial" if left == "partial" else ".manifest.json.partial")).touch()

    FILES.remove(ref)
    FILES.remove(ref)  # whoever comes second finds it done

    assert files(folder) == before
    assert FILES.manifest(other) == MANIFEST


@pytest.mark.parametrize("ending", ["", ".partial", ".manifest.json.partial"])
def test_an_archive_is_busy_while_somebody_holds_one_of_its_files(folder: Path, ending: str) -> None:
    file = lay(folder / "shop.dump").with_name("shop.dump" + ending)
    file.touch()
    (found,) = FILES.list(folder)
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as a dump does, until its process ends
        assert FILES.busy(found)
    assert not FILES.busy(found)
    file.rename(folder / "elsewhere")
    assert FILES.busy(found)  # it was there a moment ago: somebody has just finished


# Another kind of store --------------------------------------------------------------------------------------


class Bucket(Store):
    """Archives under flat keys in a place of its own, copied to this machine to be read."""

    def __init__(self, bucket: Path, cache: Path) -> None:
        self.bucket, self.cache = bucket, cache

    def key(self, ref: Ref) -> Path:
        return self.bucket / str(ref).replace("/", "|")

    def list(self, folder: Ref) -> Sequence[Stored]:
        found = (replace(each, ref=Ref(each.ref.name.replace("|", "/"))) for each in FILES.list(self.bucket))
        return [each for each in found if each.ref.parent == folder]

    def state(self, ref: Ref) -> Snapshot | None:
        return FILES.state(self.key(ref))

    def local(self, ref: Ref) -> Path:
        copy = self.cache / ref.name
        for path in (self.key(ref), manifest_path(self.key(ref))):
            if path.exists():
                shutil.copy(path, copy if path == self.key(ref) else manifest_path(copy))
        return copy

    def manifest(self, ref: Ref) -> Manifest | None:
        return FILES.manifest(self.key(ref))

    @contextmanager
    def publish(self, ref: Ref) -> Iterator[Path]:
        with FILES.publish(self.key(ref)) as partial:
            yield partial

    def reading(self, ref: Ref) -> AbstractContextManager[None]:
        return FILES.reading(self.key(ref))

    def written(self, ref: Ref) -> int:
        return FILES.written(self.key(ref))

    def describe(self, ref: Ref, manifest: Manifest, check: Callable[[], None] = lambda: None) -> None:
        FILES.describe(self.key(ref), manifest, check)

    def busy(self, found: Stored) -> bool:
        return FILES.busy(replace(found, ref=self.key(found.ref)))

    def remove(self, ref: Ref) -> None:
        FILES.remove(self.key(ref))


@pytest.fixture
def shop(dev: Server, prod: Server, tmp_path: Path) -> Iterator[Stage]:
    """Return a promotion whose archives lie in a bucket, and check that they lie nowhere else."""
    (tmp_path / "cache").mkdir()
    content = "CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1)"
    promotion = runs.promotion(dev.new_url(content), prod.new_url(content), tmp_path, dev)
    yield Stage(dev, prod, replace(promotion, store=Bucket(tmp_path / "bucket", tmp_path / "cache")))
    assert not promotion.dump_dir.exists()


def number(shop: Stage) -> object:
    ((found,),) = shop.prod.rows("SELECT n FROM t", shop.promotion.target().name)
    return found


def test_runs_and_the_way_back_ask_only_the_store_where_archives_lie(shop: Stage) -> None:
    shop.in_dev("UPDATE t SET n = 2")
    shop.promote()
    assert number(shop) == 2
    for wanted in (3, 4, 5):
        shop.in_dev(f"UPDATE t SET n = {wanted}")
        shop.promote(strategy=CLEAN)
        assert number(shop) == wanted
    with shop.walk() as run:
        taken = [each.path for each in rollback.history(run.promotion, run.run_id)[1]]
        assert len(taken) == 3
        rollback.bring_back(run.promotion, run.run_id)
    assert number(shop) == 4
    keeping = replace(shop.promotion, keep=1)
    with Stage(shop.dev, shop.prod, keeping).walk() as run:
        assert retain(run.promotion, run.run_id, None).dropped == (taken[1].name,)
        assert [each.path for each in rollback.history(run.promotion, run.run_id)[1]] == [taken[0], taken[2]]


def test_the_job_and_the_sensor_ask_only_the_store_where_archives_lie(shop: Stage) -> None:
    shop.in_dev("UPDATE t SET n = 2")
    promotion = shop.promotion
    with dg.DagsterInstance.ephemeral() as instance:
        watch = Watch(promotion, instance)
        watch.turn_on()
        ref = promotion.directory / "delivered.dump"
        dump.dump(
            promotion.source(), ref, promotion.tools(), "r1", store=promotion.store, name=promotion.name
        )
        (asked,) = watch.settle()
        config = asked.run_config["ops"]["prod_schema"]["config"]
        assert config["archive_path"] == str(ref)
        assert runs.run(promotion, "restore_prod", {"prod_schema": config}, instance).success
    assert number(shop) == 2
