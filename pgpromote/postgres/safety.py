"""The archives of prod that are taken before it is changed in place: name them, list them, remove old ones.

They lie in one directory, `<prod>__safety_<time>.dump`, each with its manifest. The time is in UTC, to the
millisecond; the name of prod is percent-encoded, so that any name is a file name and none is another's.
The version before kept those of every promotion in one directory of that name, a level higher; they count,
too.
"""

import fcntl
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from pgpromote.postgres import archive, keeping
from pgpromote.postgres.errors import ArchiveError
from pgpromote.postgres.model import Manifest

TIME = "%Y%m%d_%H%M%S_%f"
NEVER = datetime.min.replace(tzinfo=UTC)
NAME_AFTER_PROD = r"(?P<time>[0-9]{8}_[0-9]{6}_[0-9]{3})\.dump(\.manifest\.json)?(\.partial)?"


@dataclass(frozen=True)
class Safety:
    """A safety archive of prod.

    `taken_at` is the time in its name, `size` what it takes on disk in bytes. `promotion` is the one that it
    was taken for, `source` the database that it holds and `system` the identifier of its server ("" in older
    ones), all from its manifest. `usable` is false for one that is not whole: still being written, left by a
    dump that died, or no longer what its manifest says.
    """

    path: Path
    taken_at: datetime
    size: int
    promotion: str
    source: str
    system: str
    usable: bool

    @property
    def server(self) -> str:
        """What tells its server from others: the identifier, in older archives the label of the source."""
        return self.system or self.source

    def is_of(self, label: str, system: str) -> bool:
        """Tell whether it was taken on this server, however a URL spells it; an older one knows the label."""
        return self.system == system if self.system else self.source == label


def path(directory: Path, prod_name: str, now: datetime) -> Path:
    """Name the safety archive of a moment: it may lie where the version before has put it.

    >>> path(Path("safety"), "a/b", datetime(2026, 3, 1, 4, 5, 6, 78000, UTC)).name
    'a%2Fb__safety_20260301_040506_078.dump'
    """
    name = f"{_prefix(prod_name)}{now.astimezone(UTC).strftime(TIME)[:-3]}.dump"
    earlier = _earlier(directory) / name
    return earlier if os.path.lexists(earlier) else directory / name


def history(directory: Path, prod_name: str) -> list[Safety]:
    """List the safety archives of prod, newest first. Raises ArchiveError when the directory cannot be read.

    The digest is not compared: that reads a whole archive, and a restore does it anyway.
    """
    with _readable(directory):
        return [found for found, _ in _find(directory, prod_name)]


def retain(
    directory: Path,
    prod_name: str,
    keep: int,
    max_age: timedelta | None,
    now: datetime,
    *,
    min_age: timedelta = keeping.DAY,
    taken: Path | None = None,
) -> tuple[str, ...]:
    """Remove the archives beyond what is to be kept of each server.

    Kept are the `keep` newest, and one more: the newest of the rest that was taken `min_age` ago or earlier,
    else the oldest of the rest. `max_age` drops older ones, but never the newest, and never the one more.
    Never the one just `taken`: without it the run could not be undone. What is not whole does not count. It
    goes once a newer archive is whole, unless a dump is writing it.
    Returns the names of the archives that are gone, newest first. Raises ArchiveError.
    """
    removed = []
    with _readable(directory):
        for each, files in _beyond(_find(directory, prod_name), keep, max_age, now, min_age):
            if each.path != taken and (each.usable or not any(map(_is_written, files))):
                _remove(files)
                removed.append(each.path.name)
    return tuple(removed)


def _earlier(directory: Path) -> Path:
    """Say where the version before kept safety archives: beside the directory of the promotion, not in it."""
    return directory.parent.parent / directory.name


def beyond(
    directory: Path,
    prod_name: str,
    keep: int,
    max_age: timedelta | None,
    now: datetime,
    *,
    min_age: timedelta = keeping.DAY,
    entering: bool = False,
) -> tuple[str, ...]:
    """Name the whole archives that `retain` would remove; `entering`: a newer one will be there by then."""
    with _readable(directory):
        found = _beyond(_find(directory, prod_name), keep, max_age, now, min_age, entering=int(entering))
        return tuple(each.path.name for each, _ in found if each.usable)


def _beyond(
    found: list[tuple[Safety, list[Path]]],
    keep: int,
    max_age: timedelta | None,
    now: datetime,
    min_age: timedelta,
    *,
    entering: int = 0,
) -> list[tuple[Safety, list[Path]]]:
    """Choose those that are to be removed, newest first."""
    usable = [each for each, _ in found if each.usable]
    newest = max((each.taken_at for each in usable), default=NEVER)
    staying = set[Path]()
    for server in {each.server for each in usable}:
        taken = [each for each in usable if each.server == server]
        times = [*[now] * entering, *(each.taken_at for each in taken)]
        places = keeping.kept(times, keep, now - min_age)
        if max_age is not None:
            places -= {place for place in range(1, min(keep, len(times))) if now - times[place] > max_age}
        staying |= {each.path for place, each in enumerate(taken, entering) if place in places}
    return [
        (each, files)
        for each, files in found
        if each.path not in staying and (each.usable or each.taken_at < newest)
    ]


def _prefix(prod_name: str) -> str:
    # A name of 63 bytes becomes 189 at most, and the whole 244 of the 255 that a file name may have.
    return quote(prod_name, safe="").replace(".", "%2E") + "__safety_"


def _find(directory: Path, prod_name: str) -> list[tuple[Safety, list[Path]]]:
    """Find the safety archives of prod, newest first, each with the files that belong to it."""
    name = re.compile(re.escape(_prefix(prod_name)) + NAME_AFTER_PROD)
    files: defaultdict[datetime, dict[Path, int]] = defaultdict(dict)
    for file in _listed(directory):
        matched = name.fullmatch(file.name)
        taken_at, size = _time(matched["time"]) if matched else None, _size(file)
        if taken_at and size is not None:
            files[taken_at][file] = size
    found = [(_read(path(directory, prod_name, at), at, sizes), list(sizes)) for at, sizes in files.items()]
    return sorted(found, key=lambda each: each[0].taken_at, reverse=True)


def _listed(directory: Path) -> Iterator[Path]:
    for place in (directory, _earlier(directory)):
        if place.exists():
            yield from place.iterdir()


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, TIME).replace(tzinfo=UTC)
    except ValueError:  # digits, but no time: not a name that we gave
        return None


def _size(file: Path) -> int | None:
    """Return a file's size; None when it is no regular file, or has just gone or got its final name."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _read(path: Path, taken_at: datetime, sizes: dict[Path, int]) -> Safety:
    manifest = _manifest(path)
    return Safety(
        path=path,
        taken_at=taken_at,
        size=sum(sizes.values()),
        promotion=manifest.promotion if manifest else "",
        source=manifest.source if manifest else "",
        system=manifest.system_identifier if manifest else "",
        usable=manifest is not None and manifest.size == sizes.get(path),
    )


def _manifest(path: Path) -> Manifest | None:
    try:
        return archive.read_manifest(path)
    except ArchiveError:  # a damaged one says as little as none
        return None


def _is_written(file: Path) -> bool:
    """Say whether a dump holds its lock on a file, or has just renamed it; the lock ends with its process."""
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return True
    return False


def _remove(files: list[Path]) -> None:
    """Remove an archive's files, the manifest first: without it nothing takes what is left for whole."""
    for file in sorted(files, key=lambda file: len(file.name), reverse=True):
        file.unlink(missing_ok=True)


@contextmanager
def _readable(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArchiveError(
            f"The safety archives in {directory} cannot be read or removed: {reason}.",
            "Check that the directory belongs to this user.",
        ) from None
