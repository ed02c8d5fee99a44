"""Restore a definition once more, and describe it as the server writes it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from pgpromote.postgres.archives.description import Description, describe
from pgpromote.postgres.archives.objects import Rewrite
from pgpromote.postgres.databases import shadow
from pgpromote.postgres.loading import restore
from pgpromote.postgres.model import Archive, Clearance, TocEntry
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote.postgres.tools import Tools


def rewriter(
    clearance: Clearance,
    place: Place,
    available: list[Tools],
    *,
    ready: Callable[[Database], Database],
) -> Rewrite:
    """Return a callback for proofs that restores definitions once more: `read_back` for this archive."""
    return partial(
        read_back,
        place=place,
        available=available,
        settings=dict(clearance.settings),
        ready=ready,
    )


def read_back(
    archive: Archive,
    entries: Sequence[TocEntry],
    *,
    place: Place,
    available: list[Tools],
    settings: Mapping[str, str],
    ready: Callable[[Database], Database] = lambda database: database,
) -> Description:
    """Restore definitions of an archive into an empty database beside prod, and return its description.

    The database is marked as a shadow, and dropped at the end. `ready` prepares it for the login that
    restores, and returns it as reached by that login. Raises PgpromoteError when it cannot be made.
    """
    with ExitStack() as stack:
        made = shadow.create(place)
        stack.callback(shadow.drop, place, made.name)
        database = ready(made.at(place.target))
        restore.define(archive, entries, database, available, place.run_id, settings=settings)
        return describe(database, available, archive.pg_dump_version, place.run_id, settings=settings)
