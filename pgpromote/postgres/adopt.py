"""Take in an archive that came without a manifest: read it in full, hash it, and write down what it is.

From then on the file is known, and every later change of it is found. What dev held stays unknown: whatever
is made of such an archive says that its rows are not proven.
"""

import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pgpromote.postgres import archive, clients, files, trust
from pgpromote.postgres.archive import HINT_MANIFEST, manifest_path
from pgpromote.postgres.errors import ArchiveError
from pgpromote.postgres.model import Archive, Manifest
from pgpromote.postgres.naming import command
from pgpromote.postgres.tools import Tools, newest
from pgpromote.postgres.trust import HINT_COPY


class NotAdopted(ArchiveError):
    """An archive has no manifest, and nobody has said that it is to be adopted."""


def adopt(
    path: Path, available: Sequence[Tools], promotion: str, *, anew: bool = False
) -> tuple[Archive, Manifest]:
    """Read an archive in full, hash it, and write its manifest, which says nothing of its source.

    `anew` lets the manifest of an earlier adoption be replaced, never one that a dump wrote. Raises
    ArchiveError for a file that is broken, of another format, changed meanwhile, or has a manifest;
    ToolMissing, ToolFailed, Busy.
    """
    started = time.monotonic()
    before = _state(path)
    found = archive.read(path)
    sha256 = archive.digest(path)
    _allow(path, sha256, anew=anew)
    if problem := clients.unreadable(path, found, _reader(path, found, available), thoroughly=True):
        raise problem
    if _state(path) != before:
        raise ArchiveError(
            f"{path} was changed while it was read.", "Start again when whoever writes it is done."
        )
    manifest = Manifest(
        promotion=promotion,
        sha256=sha256,
        size=found.size,
        created_at=found.created_at.astimezone(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 3),
        source=found.source_database,
        server_version=found.server_version,
        pg_dump_version=found.pg_dump_version,
        compression=found.compression,
        encoding=found.encoding,
        locale="",
        extensions={},
        counts=found.counts(),
        contents={},
        adopted_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with files.landing(manifest_path(path)) as partial:
        _allow(path, sha256, anew=anew)  # its own manifest may have arrived meanwhile
        partial.write_text(archive.manifest_text(manifest), encoding="utf-8")
    return found, manifest


def take(path: Path, available: Sequence[Tools], promotion: str) -> None:
    """Adopt an archive if it waits for that. Raises as `adopt` does."""
    if waiting(path, archive.digest(path)):
        adopt(path, available, promotion, anew=True)


def waiting(path: Path, sha256: str) -> bool:
    """Say whether an archive of these bytes is to be adopted: it has no manifest, or was replaced since.

    What changed without having been written, as on a failing disk, is not. Raises ArchiveError for a manifest
    that cannot be read.
    """
    manifest = archive.read_manifest(path)
    if manifest is None:
        return True
    return manifest.adopted and manifest.sha256 != sha256 and _written(path) > _written(manifest_path(path))


def not_adopted(path: Path, otherwise: str) -> NotAdopted:
    """Return the error that says what to do with an archive without a manifest, by hand or `otherwise`."""
    message, hint = trust.without_manifest(path)
    return NotAdopted(message, f"{hint} {otherwise}")


def _written(path: Path) -> int:
    return path.stat().st_ctime_ns


def _allow(path: Path, sha256: str, *, anew: bool) -> None:
    """Raise ArchiveError for an archive that has a manifest, unless it is to be adopted anew."""
    manifest = archive.read_manifest(path)
    if manifest is None or (manifest.adopted and anew):
        return
    name = shlex.quote(str(path))
    if manifest.sha256 == sha256:
        known, hint = (
            "was adopted already" if manifest.adopted else "has a manifest",
            command(f"restore {name}"),
        )
        raise ArchiveError(f"{path} {known}: there is nothing to adopt.", f"Go on with: {hint}")
    again = f"{HINT_COPY} If it was replaced on purpose: {command(f'adopt --anew {name}')}"
    raise ArchiveError(
        f"{path} is not the file that its manifest describes.", again if manifest.adopted else HINT_MANIFEST
    )


def _reader(path: Path, found: Archive, available: Sequence[Tools]) -> Tools:
    """Choose the newest programs that were built with the archive's compression. Raises ToolMissing."""
    ranked = sorted(available, key=lambda tools: tools.version.number, reverse=True)
    able = (each for each in ranked if clients.unreadable(path, found, each, thoroughly=False) is None)
    return next(able, None) or newest(available)


def _state(path: Path) -> tuple[int, ...]:
    """Tell one state of a file from another; () for none that can be looked at, which reading it tells."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino
