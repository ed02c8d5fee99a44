"""The baseline of prod: the rows that the last promoted archive brought, and the writes counted by then.

It is kept in the mark of the database that prod was before. So any machine finds it on prod's server, no
user's database gets a table for it, and a plain owner may write it. It names its database by OID, and so
stays with a content that a rollback brings back. Everybody on the server can read a comment, so the names and
hashes of tables are kept as digests: only who knows a table can ask for it. Where there is none (every
previous database is gone, prod was changed in place, or came from a safety archive), prod itself is all there
is to compare with.
"""

import base64
import os
import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from pgpromote.postgres.apply import apply
from pgpromote.postgres.databases import mark
from pgpromote.postgres.databases.mark import Kind
from pgpromote.postgres.model import Content, Manifest
from pgpromote.postgres.place import Place
from pgpromote.postgres.rows.compare import Compared
from pgpromote.postgres.server import Session, identify, rows

HEAD = struct.Struct(">BQ8s")
ENTRY = struct.Struct(">8s8sqqqq")
VERSION = 1
UNKNOWN = -1
NO_HASH = bytes(8)
# More than a million tables; what is longer is not ours.
LIMIT_BYTES = 1 << 26


@dataclass(frozen=True)
class Written:
    """Numbers of rows that the statistics of a table have counted, of transactions rolled back, too."""

    inserted: int
    updated: int
    deleted: int

    def since(self, before: "Written") -> "Written":
        """Return the difference to an earlier count."""
        return Written(
            self.inserted - before.inserted, self.updated - before.updated, self.deleted - before.deleted
        )

    @property
    def least(self) -> int:
        """The smallest number; below 0 when the statistics began anew in between."""
        return min(self.inserted, self.updated, self.deleted)

    @property
    def total(self) -> int:
        """All of them together."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True)
class Table:
    """A table when it became prod's: rows (None: not known), its hash's digest, its statistics."""

    rows: int | None
    hash: bytes
    written: Written


@dataclass(frozen=True)
class Baseline:
    """The content of the database with this OID when it became prod, by the digests of its tables' names."""

    oid: int
    salt: bytes
    tables: Mapping[bytes, Table] = field(repr=False)

    def of(self, table: str) -> Table | None:
        """Return the content of a table, `schema.name`; None for one that was not there."""
        return self.tables.get(_digest(self.salt, table))

    def unchanged(self, table: str, content: Content | None) -> bool | None:
        """Return whether a table still holds the proven content; None when that is not known."""
        known = self.of(table)
        if known is None or known.hash == NO_HASH or content is None or content.hash is None:
            return None
        return known.hash == _digest(self.salt, content.hash)

    def text(self) -> str:
        """Return the baseline as text for a mark: 27 to 50 letters for each table."""
        parts = [HEAD.pack(VERSION, self.oid, self.salt)]
        for name, table in self.tables.items():
            counted, written = UNKNOWN if table.rows is None else table.rows, table.written
            numbers = (counted, written.inserted, written.updated, written.deleted)
            parts.append(ENTRY.pack(name, table.hash, *numbers))
        return base64.b64encode(zlib.compress(b"".join(parts), 9)).decode()


@dataclass(frozen=True)
class _Counted:
    schema: str
    name: str
    inserted: int
    updated: int
    deleted: int


def read(text: str) -> Baseline | None:
    """Parse the text of `Baseline.text`; return None for any other text."""
    try:
        packed = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), LIMIT_BYTES)
        version, oid, salt = HEAD.unpack_from(packed)
        tables = {
            name: Table(None if counted == UNKNOWN else counted, hashed, Written(*written))
            for name, hashed, counted, *written in ENTRY.iter_unpack(packed[HEAD.size :])
        }
    except (ValueError, zlib.error, struct.error):
        return None
    return Baseline(oid, salt, tables) if version == VERSION else None


def find(session: Session) -> Baseline | None:
    """Return the baseline of the session's database; None where there is none, or it was changed in place."""
    oid = identify(session).database_oid
    for found in mark.find(session, session.info.dbname, Kind.PREVIOUS):
        if found.mark.promoted and not found.mark.overwritten_at:
            known = read(found.mark.promoted)
            if known and known.oid == oid:
                return known
    return None


def written(session: Session) -> dict[str, Written]:
    """Return the counts of the statistics for each table: `schema.name` → rows."""
    return {
        f"{each.schema}.{each.name}": Written(each.inserted, each.updated, each.deleted)
        for each in rows(session, _Counted, "baseline/written")
    }


def take(
    session: Session,
    held: Mapping[str, int | None],
    manifest: Manifest | None,
    compared: Collection[Compared],
) -> Baseline:
    """Return the baseline of the session's database from its rows `held` and the proofs in `compared`.

    Hashes are those of the manifest, where they were proven in the database's own encoding.
    """
    identity, salt = identify(session), os.urandom(8)
    proven = dict[str, str | None]()
    if manifest and manifest.encoding == identity.encoding:
        exact = {each.table for each in compared if each.hashed}
        proven = {name: each.hash for name, each in manifest.contents.items() if name in exact}
    counted, nothing = written(session), Written(0, 0, 0)
    tables = {
        _digest(salt, name): Table(number, _hashed(salt, proven.get(name)), counted.get(name, nothing))
        for name, number in held.items()
    }
    return Baseline(identity.database_oid, salt, tables)


def keep(baseline: Baseline, place: Place, shadow: str) -> None:
    """Write the baseline into the mark of a shadow; the swap moves it to the previous database."""
    with place.session() as session:
        for found in mark.find(session, place.target.name, Kind.SHADOW):
            if found.name == shadow:
                text = replace(found.mark, promoted=baseline.text()).text()
                apply(session, [mark.comment(shadow, text, "the next promotion compares with it")])


def _hashed(salt: bytes, text: str | None) -> bytes:
    return NO_HASH if text is None else _digest(salt, text)


def _digest(salt: bytes, text: str) -> bytes:
    return blake2b(text.encode(errors="surrogateescape"), key=salt, digest_size=8).digest()
