"""Disk space: the need of an archive and of a new database, and the free space for them."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pgpromote.postgres import sql
from pgpromote.postgres.errors import ToolFailed
from pgpromote.postgres.loading import checkpoints
from pgpromote.postgres.model import Manifest
from pgpromote.postgres.naming import setting
from pgpromote.postgres.server import Database, Session, rows

# A swap needs room for the new content beside prod, and the log may grow to its limit (facts §4).
HEADROOM = 1.3
UNITS = ("bytes", "kB", "MB", "GB", "TB")
STEP = 1024


@dataclass(frozen=True)
class Disk:
    """The free space on prod's server for a new database, in bytes, None for not known, and its source.

    `log` is the largest size that its write-ahead log may reach there, 0 where it is on another disk; not
    `checkpoints`: our role may not ask for those that would keep it short.
    """

    free: int | None
    source: str
    log: int
    checkpoints: bool = True


@dataclass(frozen=True)
class _Directory:
    """Where the server keeps prod's tables; `inside` is how it calls that, `own` is its data directory."""

    path: str
    inside: str
    tablespace: str
    own: str


def look(session: Session, prod: Database) -> Disk:
    """Return the free space: the operator's number, or the disk's if prod's server runs on this machine."""
    allowed = prod.log_room is None or checkpoints.allowed(session)
    if prod.free is not None:
        return Disk(prod.free, setting("prod_free"), reserve(session), allowed)
    found = next(iter(rows(session, _Directory, "disk/directory", {})), None)
    if found is None:
        return Disk(None, "", reserve(session), allowed)
    kept = f"its tablespace {found.tablespace}" if found.tablespace else "its data directory"
    log = reserve(session) if _same_disk(found.path, found.own) else 0
    return Disk(_free_here(session, found), f"the disk of {kept}", log, allowed)


def reserve(session: Session) -> int:
    """Return the number of bytes that the server's write-ahead log may take."""
    row = session.execute(sql.read("disk/reserve")).fetchone()
    return int(str(row[0] if row else 0))


def _free_here(session: Session, found: _Directory) -> int | None:
    """Return the free space of a server's directory, None when it is not one of this machine.

    A directory of that name may be another's: the server of a container says the same. The time of its last
    change tells them apart.
    """
    try:
        row = session.execute(sql.read("disk/changed"), {"inside": found.inside}).fetchone()
        same = row is not None and int(os.stat(found.path).st_mtime) == row[0]
        return shutil.disk_usage(found.path).free if same else None
    except OSError:
        return None


def _same_disk(one: str, other: str) -> bool:
    """Return whether two directories share a disk; they do as far as is known."""
    try:
        return os.stat(one).st_dev == os.stat(other).st_dev
    except OSError:
        return True


def check_dump(directory: Path, last: Manifest | None, size: int) -> None:
    """Raise ToolFailed unless a directory has room for an archive as large as the last one.

    `size` is the source's, in bytes, by which the last archive's size is scaled down. The last one stays
    until the new one is whole. Without it nobody knows how far the rows can be compressed.
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
    """Return a number of bytes as PostgreSQL writes it: `12.3 GB`."""
    value, unit = float(size), UNITS[0]
    for unit in UNITS:
        if value < STEP or unit == UNITS[-1]:
            break
        value /= STEP
    return f"{value:.0f} {unit}" if unit == UNITS[0] else f"{value:.1f} {unit}"
