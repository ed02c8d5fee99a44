"""The choice of the client programs that restore an archive into a server and can read that archive."""

import os
from pathlib import Path

from pgpromote.postgres import tools
from pgpromote.postgres.archives import archive as archives
from pgpromote.postgres.errors import ArchiveError, PgpromoteError
from pgpromote.postgres.model import Archive, Dump, ServerVersion
from pgpromote.postgres.naming import command, setting
from pgpromote.postgres.tools import Tools

# The warning of pg_restore --list for a compression that it was built without; its exit code is 0.
WITHOUT_DATA = "no data will be available"


def choose(
    available: list[Tools], version: ServerVersion | None, archive: Dump | None = None
) -> tuple[Tools | None, PgpromoteError | None]:
    """Return the programs for a server of this version, or the problem when there are none."""
    if version is None:
        return None, None
    try:
        if archive is None:
            return tools.choose(available, version), None
        return tools.choose(available, version, archive.format_version), None
    except PgpromoteError as problem:
        return None, problem


def unreadable(path: Path, archive: Archive, client: Tools, *, thoroughly: bool) -> PgpromoteError | None:
    """Return the client's problem with reading the archive, None for none; read all of it when `thoroughly`.

    Raises ToolFailed when the reading was interrupted: that says nothing of the archive.
    """
    completed = tools.run([client.path("pg_restore"), "--list", f"--file={os.devnull}", str(path)], {})
    if completed.interrupted:
        raise archives.not_read(path, completed)
    if completed.returncode != 0:
        return PgpromoteError(
            f"{path} has archive format {archive.format_version[0]}.{archive.format_version[1]}, written by "
            f"pg_dump {archive.pg_dump_version}; pg_restore {client.version} cannot read it: "
            f"{' '.join(completed.lines[-1:])}",
            f"Dump with pg_dump {client.version.major}, or promote into a server of a newer version.",
        )
    if any(WITHOUT_DATA in line for line in completed.lines):
        return PgpromoteError(
            f"{path} is compressed with {archive.compression}; pg_restore {client.version} in "
            f"{client.directory} was built without it.",
            f"Install postgresql-client-{client.version.major} with {archive.compression} and name its "
            f"directory in {setting('pg_bin')}, or dump again with: {command('dump --compression gzip:6')}",
        )
    if not thoroughly:
        return None
    try:
        archives.verify(path, client)
    except ArchiveError as problem:
        return problem
    return None
