"""Ask the server how it writes a definition: restore it once more, and describe what is there."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from pgpromote.postgres import restore, shadow
from pgpromote.postgres.description import Description, describe
from pgpromote.postgres.model import Archive, Clearance, TocEntry
from pgpromote.postgres.objects import Rewrite
from pgpromote.postgres.server import Database
from pgpromote.postgres.tools import Tools


def rewriter(
    clearance: Clearance,
    target: Database,
    available: list[Tools],
    run_id: str,
    *,
    agreed: str,
    ready: Callable[[Database], Database],
) -> Rewrite:
    """Return what a proof calls to have definitions restored once more: `read_back` for this archive."""
    return partial(
        read_back,
        target=target,
        available=available,
        run_id=run_id,
        agreed=agreed,
        settings=dict(clearance.settings),
        ready=ready,
    )


def read_back(
    archive: Archive,
    entries: Sequence[TocEntry],
    *,
    target: Database,
    available: list[Tools],
    run_id: str,
    agreed: str,
    settings: Mapping[str, str],
    ready: Callable[[Database], Database] = lambda database: database,
) -> Description:
    """Restore definitions of an archive into an empty database beside prod, and return its description.

    The database is marked as a shadow, and dropped at the end. `ready` makes it ready for the login that
    restores, and returns how that reaches it. Raises PgpromoteError when it cannot be made.
    """
    with ExitStack() as stack:
        made = shadow.create(target, run_id, agreed=agreed)
        stack.callback(shadow.drop, target, made.name, run_id, agreed=agreed)
        database = ready(made.at(target))
        restore.define(archive, entries, database, available, run_id, settings=settings)
        return describe(database, available, archive.pg_dump_version, run_id, settings=settings)
