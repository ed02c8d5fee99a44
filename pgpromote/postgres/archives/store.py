"""The store of archives, each with its manifest: today, files of this machine.

To list, write, describe or remove an archive, a caller asks a `Store`; to read one, it opens the file that
`local` returns. A store of another kind is a class with these methods.
"""

import fcntl
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pgpromote.postgres import files
from pgpromote.postgres.archives import archive
from pgpromote.postgres.model import Manifest, Ref

MANIFEST, PARTIAL = ".manifest.json", ".partial"
# What the files of an archive end with after its name; what makes it whole stands last.
ENDINGS = (MANIFEST + PARTIAL, MANIFEST, PARTIAL, "")


@dataclass(frozen=True)
class Stored:
    """The files of one archive in a folder: sizes of its regular files in bytes, by suffix of the name.

    One without "" is not there (yet): a dump is writing it, or has died.
    """

    ref: Ref
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Snapshot:
    """The state of an archive now: two snapshots of one `signature` are the same file with the same content.

    `signature` has the size in bytes, the time of the last change in ns, and the file's number. `landed` is
    the time when it got its name, `described` when its manifest did (None: it has none), in ns since 1970.
    """

    signature: tuple[int, int, int]
    landed: int
    described: int | None

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.signature[0]

    @property
    def replaced(self) -> bool:
        """Whether it got its name after its manifest did."""
        return self.described is not None and self.landed > self.described

    @property
    def modified(self) -> int:
        """The time of the last change of its content, in ns since 1970."""
        return self.signature[1]


class Store:
    """A store of archives as files of this machine, 0600 in directories of 0700, each with its manifest."""

    def list(self, folder: Ref) -> Sequence[Stored]:
        """Return the archives of a folder by name, including files of unfinished ones. Raises OSError."""
        found: defaultdict[str, dict[str, int]] = defaultdict(dict)
        directory = Path(folder)
        for file in directory.iterdir() if directory.exists() else ():
            ending = next(each for each in ENDINGS if file.name.endswith(each))
            sizes = found[file.name.removesuffix(ending)]
            if (size := _size(file)) is not None:
                sizes[ending] = size
        return [Stored(directory / name, sizes) for name, sizes in sorted(found.items()) if name]

    def state(self, ref: Ref) -> Snapshot | None:
        """Return an archive's state; None when it does not exist or cannot be read."""
        try:
            status = Path(ref).stat()
        except OSError:
            return None
        signature = status.st_size, status.st_mtime_ns, status.st_ino
        return Snapshot(signature, status.st_ctime_ns, _landed(archive.manifest_path(ref)))

    def local(self, ref: Ref) -> Path:
        """Return the path to read an archive from, its manifest beside it. The file may not exist."""
        return Path(ref)

    def manifest(self, ref: Ref) -> Manifest | None:
        """Read an archive's manifest; return None when it has none. Raises ArchiveError for a damaged one."""
        return archive.read_manifest(Path(ref))

    @contextmanager
    def publish(self, ref: Ref) -> Iterator[Path]:
        """Let the block write an archive into a partial file, then rename it; an error keeps the old one.

        The old manifest goes first: between the two an archive is unknown, never wrongly known. Raises Busy
        while another writes it or a run reads it, ToolFailed.
        """
        files.check_unread(Path(ref))
        with files.landing(Path(ref)) as partial:
            yield partial
            files.check_unread(Path(ref))
            archive.manifest_path(ref).unlink(missing_ok=True)

    def reading(self, ref: Ref) -> AbstractContextManager[None]:
        """Keep an archive as it is while the block reads it: no other is published under its name."""
        return files.kept(Path(ref))

    def written(self, ref: Ref) -> int:
        """Return the bytes written so far of an archive that is being written; 0 when none is."""
        partial = self.state(_file(ref, PARTIAL))
        return partial.size if partial else 0

    def describe(self, ref: Ref, manifest: Manifest, check: Callable[[], None] = lambda: None) -> None:
        """Write an archive's manifest. `check` may still raise, while nobody else can write one.

        Raises Busy and ToolFailed, as `publish` does.
        """
        with files.landing(archive.manifest_path(ref)) as partial:
            check()
            partial.write_text(archive.manifest_text(manifest), encoding="utf-8")

    def busy(self, found: Stored) -> bool:
        """Return whether an archive is being written, or has just been; a dead dump holds no lock."""
        return any(_is_written(_file(found.ref, ending)) for ending in found.sizes)

    def remove(self, ref: Ref) -> None:
        """Remove an archive and its files, the manifest first: the rest then counts for nothing.

        Raises OSError.
        """
        for ending in ENDINGS:
            _file(ref, ending).unlink(missing_ok=True)


FILES = Store()


def _file(ref: Ref, ending: str) -> Path:
    return Path(ref.with_name(ref.name + ending))


def _size(file: Path) -> int | None:
    """Return a file's size; None when it is no regular file, has just gone or has got its final name."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _landed(file: Path) -> int | None:
    try:
        return file.stat().st_ctime_ns
    except OSError:
        return None


def _is_written(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):  # locked, or just given its final name
        return True
    return False
