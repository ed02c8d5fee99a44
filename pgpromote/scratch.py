"""Ask the server how it writes a definition: restore it once more, and describe what is there."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from pgpromote.postgres import restore, shadow
from pgpromote.postgres.description import Description, describe
from pgpromote.postgres.model import Archive, TocEntry
from pgpromote.postgres.server import Database
from pgpromote.postgres.tools import Tools


def read_back(
    archive: Archive,
    entries: Sequence[TocEntry],
    *,
    target: Database,
    available: list[Tools],
    promotion: str,
    agreed: str,
    settings: Mapping[str, str],
) -> Description:
    """Restore definitions of an archive into an empty database beside prod, and return its description.

    The database is marked as a shadow, and dropped at the end. Raises PgpromoteError when it cannot be made.
    """
    with ExitStack() as stack:
        made = shadow.create(target, promotion, agreed=agreed)
        stack.callback(shadow.drop, target, made.name, promotion, agreed=agreed)
        database = made.at(target)
        restore.define(archive, entries, database, available, promotion, settings=settings)
        return describe(database, available, archive.pg_dump_version, promotion, settings=settings)
