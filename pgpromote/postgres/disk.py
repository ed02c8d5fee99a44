"""Disks: what an archive and a new database need, and what is free for them."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pgpromote.postgres import sql
from pgpromote.postgres.errors import ToolFailed
from pgpromote.postgres.loading import checkpoints
from pgpromote.postgres.model import Manifest
from pgpromote.postgres.naming import setting
from pgpromote.postgres.server import Database, Session

# A swap needs room for the new content beside prod, and the log may grow to its limit (facts §4).
HEADROOM = 1.3
UNITS = ("bytes", "kB", "MB", "GB", "TB")
STEP = 1024


@dataclass(frozen=True)
class Disk:
    """What is free on prod's server for a new database, in bytes, None where nobody can say, and who says so.

    `log` is how far its write-ahead log may grow; not `checkpoints`: our role may not ask for those that
    would keep it short.
    """

    free: int | None
    source: str
    log: int
    checkpoints: bool = True


def look(session: Session, prod: Database) -> Disk:
    """Ask the operator's number, else the disk itself where prod's server runs on this machine."""
    allowed = prod.log_room is None or checkpoints.allowed(session)
    if prod.free is not None:
        return Disk(prod.free, setting("prod_free"), reserve(session), allowed)
    return Disk(_free_here(session), "the disk of its data directory", reserve(session), allowed)


def reserve(session: Session) -> int:
    """Return how many bytes the server's write-ahead log may take."""
    return int(str(_one(session, "disk/reserve") or 0))


def _free_here(session: Session) -> int | None:
    """Return what is free in the server's data directory, None when it is not one of this machine.

    A directory of that name may be another's: the server of a container says the same. When it last changed
    tells them apart.
    """
    path = _one(session, "disk/directory")
    if path is None:
        return None
    try:
        same = int(os.stat(str(path)).st_mtime) == _one(session, "disk/changed")
        return shutil.disk_usage(str(path)).free if same else None
    except OSError:
        return None


def _one(session: Session, query: str) -> object:
    row = session.execute(sql.read(query)).fetchone()
    return row[0] if row else None


def check_dump(directory: Path, last: Manifest | None, size: int) -> None:
    """Check that a directory has room for an archive as large as the last one, for a source of so many bytes.

    The last one stays until the new one is whole. Without it nobody knows how far the rows can be compressed.
    Raises ToolFailed.
    """
    if last is None or not last.size:
        return
    shrunk = min(1.0, size / last.database_size) if last.database_size else 1.0
    needed, free = int(last.size * shrunk), shutil.disk_usage(directory).free
    if needed > free:
        raise ToolFailed(
            f"{directory} has {shown(free)} free; the archive needs about {shown(needed)}, as the last one "
            "did, which stays until the new one is whole.",
            f"Free space, choose another {setting('dump_dir')}, or remove the last archive with its "
            "manifest.",
        )


def shown(size: int) -> str:
    """Write a number of bytes as PostgreSQL does: `12.3 GB`."""
    value, unit = float(size), UNITS[0]
    for unit in UNITS:
        if value < STEP or unit == UNITS[-1]:
            break
        value /= STEP
    return f"{value:.0f} {unit}" if unit == UNITS[0] else f"{value:.1f} {unit}"
