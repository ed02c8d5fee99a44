"""Adoption of an archive that came without a manifest: read it in full, hash it, and write its manifest.

From then on the file is known, and every later change of it is found. Dev's content stays unknown: every
report on such an archive says that its rows are not proven.
"""

import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pgpromote.postgres.archives import archive
from pgpromote.postgres.archives.archive import HINT_MANIFEST
from pgpromote.postgres.archives.store import FILES, Store
from pgpromote.postgres.checks import clients, trust
from pgpromote.postgres.checks.trust import HINT_COPY
from pgpromote.postgres.errors import ArchiveError
from pgpromote.postgres.model import Archive, Manifest, Ref
from pgpromote.postgres.naming import command
from pgpromote.postgres.tools import Tools, newest


class NotAdopted(ArchiveError):
    """An archive has no manifest, and nobody has said that it is to be adopted."""


def adopt(
    ref: Ref, available: Sequence[Tools], promotion: str, *, anew: bool = False, store: Store = FILES
) -> tuple[Archive, Manifest]:
    """Read an archive in full, hash it, and write its manifest, which says nothing of its source.

    `anew` lets the manifest of an earlier adoption be replaced, never one that a dump wrote. Raises
    ArchiveError for a file that is broken, of another format, changed meanwhile, or has a manifest;
    ToolMissing, ToolFailed, Busy.
    """
    started = time.monotonic()
    before, path = _signature(store, ref), store.local(ref)
    found = archive.read(path)
    sha256 = archive.digest(path)
    _allow(store, ref, sha256, anew=anew)
    if problem := clients.unreadable(path, found, _reader(path, found, available), thoroughly=True):
        raise problem
    if _signature(store, ref) != before:
        raise ArchiveError(
            f"{ref} was changed while it was read.", "Start again when whoever writes it is done."
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
    # Its own manifest may have arrived meanwhile.
    store.describe(ref, manifest, lambda: _allow(store, ref, sha256, anew=anew))
    return found, manifest


def take(ref: Ref, available: Sequence[Tools], promotion: str, *, store: Store = FILES) -> None:
    """Adopt an archive if it waits for that. Raises as `adopt` does."""
    if waiting(ref, archive.digest(store.local(ref)), store=store):
        adopt(ref, available, promotion, anew=True, store=store)


def waiting(ref: Ref, sha256: str, *, store: Store = FILES) -> bool:
    """Return whether an archive of these bytes is to be adopted: it has no manifest, or was replaced since.

    A file that changed without having been written, as on a failing disk, is not. Raises ArchiveError for a
    manifest that cannot be read.
    """
    manifest, state = store.manifest(ref), store.state(ref)
    if manifest is None:
        return True
    return manifest.adopted and manifest.sha256 != sha256 and state is not None and state.replaced


def not_adopted(ref: Ref, otherwise: str) -> NotAdopted:
    """Return the error for an archive without a manifest, with the remedy by hand and `otherwise`."""
    message, hint = trust.without_manifest(ref)
    return NotAdopted(message, f"{hint} {otherwise}")


def _allow(store: Store, ref: Ref, sha256: str, *, anew: bool) -> None:
    """Raise ArchiveError for an archive that has a manifest, unless it is to be adopted anew."""
    manifest = store.manifest(ref)
    if manifest is None or (manifest.adopted and anew):
        return
    name = shlex.quote(str(ref))
    if manifest.sha256 == sha256:
        known, hint = (
            "was adopted already" if manifest.adopted else "has a manifest",
            command(f"restore {name}"),
        )
        raise ArchiveError(f"{ref} {known}: there is nothing to adopt.", f"Go on with: {hint}")
    again = f"{HINT_COPY} If it was replaced on purpose: {command(f'adopt --anew {name}')}"
    raise ArchiveError(
        f"{ref} is not the file that its manifest describes.", again if manifest.adopted else HINT_MANIFEST
    )


def _reader(path: Path, found: Archive, available: Sequence[Tools]) -> Tools:
    """Return the newest programs that were built with the archive's compression. Raises ToolMissing."""
    ranked = sorted(available, key=lambda tools: tools.version.number, reverse=True)
    able = (each for each in ranked if clients.unreadable(path, found, each, thoroughly=False) is None)
    return next(able, None) or newest(available)


def _signature(store: Store, ref: Ref) -> tuple[int, ...]:
    """Return the signature of an archive's state; () for a missing one, which reading it reports."""
    state = store.state(ref)
    return state.signature if state else ()
