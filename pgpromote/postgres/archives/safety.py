"""Safety archives of prod, taken before it is changed in place: their names, their list, their removal.

They lie in one directory, `<prod>__safety_<time>.dump`, each with its manifest. The time is in UTC, to the
millisecond; the name of prod is percent-encoded, so that any name is a file name and none is another's. The
version before kept those of every promotion in one directory of that name, a level higher; they count, too.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from pgpromote.postgres.archives.store import FILES, Store, Stored
from pgpromote.postgres.databases import keeping
from pgpromote.postgres.errors import ArchiveError
from pgpromote.postgres.model import Manifest, Ref

TIME = "%Y%m%d_%H%M%S_%f"
NEVER = datetime.min.replace(tzinfo=UTC)
NAME_AFTER_PROD = r"(?P<time>[0-9]{8}_[0-9]{6}_[0-9]{3})\.dump"


@dataclass(frozen=True)
class Safety:
    """A safety archive of prod.

    `taken_at` is the time in its name, `size` its size on disk in bytes. `promotion` is the one that it was
    taken for, `source` the database that it holds and `system` the identifier of its server ("" in older
    ones), all from its manifest. `usable` is false for one that is not whole: still being written, left by a
    dump that died, or different from its manifest.
    """

    path: Ref
    taken_at: datetime
    size: int
    promotion: str
    source: str
    system: str
    usable: bool

    @property
    def server(self) -> str:
        """The identity of its server: the system identifier, in older archives the label of the source."""
        return self.system or self.source

    def is_of(self, label: str, system: str) -> bool:
        """Return whether it was taken on this server, however a URL spells it.

        An older one knows the label only.
        """
        return self.system == system if self.system else self.source == label


def path(directory: Ref, prod_name: str, now: datetime, *, store: Store = FILES) -> Ref:
    """Return the path of the safety archive of a moment, in the older directory if it lies there.

    >>> path(Ref("safety"), "a/b", datetime(2026, 3, 1, 4, 5, 6, 78000, UTC)).name
    'a%2Fb__safety_20260301_040506_078.dump'
    """
    name = f"{_prefix(prod_name)}{now.astimezone(UTC).strftime(TIME)[:-3]}.dump"
    earlier = _earlier(directory) / name
    return earlier if store.state(earlier) else directory / name


def history(directory: Ref, prod_name: str, *, store: Store = FILES) -> list[Safety]:
    """Return the safety archives of prod, newest first.

    Raises ArchiveError when the directory cannot be read. The digest is not compared: that reads a whole
    archive, and a restore does it anyway.
    """
    with _readable(directory):
        return [found for found, _ in _find(store, directory, prod_name)]


def retain(
    directory: Ref,
    prod_name: str,
    keep: int,
    max_age: timedelta | None,
    now: datetime,
    *,
    min_age: timedelta = keeping.DAY,
    taken: Ref | None = None,
    store: Store = FILES,
) -> tuple[str, ...]:
    """Remove the archives beyond those to be kept of each server.

    Kept are the `keep` newest, and one more: the newest of the rest that was taken `min_age` ago or earlier,
    else the oldest of the rest. `max_age` drops older ones, but never the newest, and never the one more.
    Never the one just `taken`: without it the run could not be undone. An archive that is not whole does not
    count. It is removed once a newer archive is whole, unless a dump is writing it.

    Returns the names of the removed archives, newest first. Raises ArchiveError.
    """
    removed = []
    with _readable(directory):
        for each, stored in _beyond(_find(store, directory, prod_name), keep, max_age, now, min_age):
            if each.path != taken and (each.usable or not store.busy(stored)):
                store.remove(each.path)
                removed.append(each.path.name)
    return tuple(removed)


def _earlier(directory: Ref) -> Ref:
    """Return the older version's directory of safety archives, beside the promotion's, not in it."""
    return directory.parent.parent / directory.name


def beyond(
    directory: Ref,
    prod_name: str,
    keep: int,
    max_age: timedelta | None,
    now: datetime,
    *,
    min_age: timedelta = keeping.DAY,
    entering: bool = False,
    store: Store = FILES,
) -> tuple[str, ...]:
    """Return the names of the whole archives that `retain` would remove.

    With `entering`, a newer archive is counted as present.
    """
    with _readable(directory):
        there = _find(store, directory, prod_name)
        found = _beyond(there, keep, max_age, now, min_age, entering=int(entering))
        return tuple(each.path.name for each, _ in found if each.usable)


def _beyond(
    found: list[tuple[Safety, Stored]],
    keep: int,
    max_age: timedelta | None,
    now: datetime,
    min_age: timedelta,
    *,
    entering: int = 0,
) -> list[tuple[Safety, Stored]]:
    """Return the archives that are to be removed, newest first."""
    usable = [each for each, _ in found if each.usable]
    newest = max((each.taken_at for each in usable), default=NEVER)
    staying = set[Ref]()
    for server in {each.server for each in usable}:
        taken = [each for each in usable if each.server == server]
        times = [*[now] * entering, *(each.taken_at for each in taken)]
        places = keeping.kept(times, keep, now - min_age)
        if max_age is not None:
            places -= {place for place in range(1, min(keep, len(times))) if now - times[place] > max_age}
        staying |= {each.path for place, each in enumerate(taken, entering) if place in places}
    return [
        (each, stored)
        for each, stored in found
        if each.path not in staying and (each.usable or each.taken_at < newest)
    ]


def _prefix(prod_name: str) -> str:
    # A name of 63 bytes becomes 189 at most, and the whole 244 of the 255 that a file name may have.
    return quote(prod_name, safe="").replace(".", "%2E") + "__safety_"


def _find(store: Store, directory: Ref, prod_name: str) -> list[tuple[Safety, Stored]]:
    """Return the safety archives of prod, newest first, each with its entry in the store."""
    name = re.compile(re.escape(_prefix(prod_name)) + NAME_AFTER_PROD)
    found = [
        (_read(store, stored, taken_at), stored)
        for folder in (directory, _earlier(directory))
        for stored in store.list(folder)
        if stored.sizes and (matched := name.fullmatch(stored.ref.name))
        if (taken_at := _time(matched["time"]))
    ]
    return sorted(found, key=lambda each: each[0].taken_at, reverse=True)


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, TIME).replace(tzinfo=UTC)
    except ValueError:  # digits, but no time: not a name that we gave
        return None


def _read(store: Store, stored: Stored, taken_at: datetime) -> Safety:
    manifest = _manifest(store, stored.ref)
    return Safety(
        path=stored.ref,
        taken_at=taken_at,
        size=sum(stored.sizes.values()),
        promotion=manifest.promotion if manifest else "",
        source=manifest.source if manifest else "",
        system=manifest.system_identifier if manifest else "",
        usable=manifest is not None and manifest.size == stored.sizes.get(""),
    )


def _manifest(store: Store, ref: Ref) -> Manifest | None:
    try:
        return store.manifest(ref)
    except ArchiveError:  # a damaged one says as little as none
        return None


@contextmanager
def _readable(directory: Ref) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ArchiveError(
            f"The safety archives in {directory} cannot be read or removed: {reason}.",
            "Check that the directory belongs to this user.",
        ) from None
