"""Write small custom-format archives in memory, in any format version from 1.12 to 1.16."""

import io
from dataclasses import dataclass
from pathlib import Path

from pgpromote.postgres.archives import archive
from pgpromote.postgres.model import Archive

AFTER_DATA = ("INDEX", "CONSTRAINT", "FK CONSTRAINT", "TRIGGER", "POLICY")
PATH = Path("/dumps/shop.dump")


@dataclass(frozen=True)
class Entry:
    """One TOC entry to write; `dependencies` as pg_dump stores them, decimal numbers in text."""

    dump_id: int
    kind: str
    tag: str
    schema: str = "public"
    definition: str = ""
    owner: str = "alice"
    tablespace: str = ""
    dependencies: tuple[int | str, ...] = ()

    @property
    def section(self) -> int:
        return 3 if self.kind.endswith(" DATA") else 4 if self.kind in AFTER_DATA else 2


ENCODING = Entry(1, "ENCODING", "ENCODING", "", "SET client_encoding = 'UTF8';\n")
SHOP = (
    ENCODING,
    Entry(2, "TABLE", "orders", definition="CREATE TABLE public.orders (id integer);\n"),
    Entry(3, "TABLE DATA", "orders", dependencies=(2,)),
    Entry(4, "INDEX", "orders_idx", dependencies=(2,)),
)


def written(
    entries: tuple[Entry, ...] = SHOP,
    version: tuple[int, int] = (1, 15),
    *,
    compression: int = 1,
    created: tuple[int, ...] = (5, 4, 3, 2, 0, 126, 0),
    integer_size: int = 4,
    offset_size: int = 8,
    archive_format: int = 1,
    server_version: str = "16.14",
    count: int | None = None,
    codec: str = "utf-8",
) -> bytes:
    """Return the bytes of an archive. `compression` is the method, or before 1.15 the gzip level."""

    def integer(value: int) -> bytes:
        return bytes([value < 0]) + abs(value).to_bytes(integer_size, "little")

    def text(value: str | None) -> bytes:
        if value is None:
            return integer(-1)
        data = value.encode(codec, errors="replace")
        return integer(len(data)) + data

    def toc(entry: Entry) -> bytes:
        parts = [integer(entry.dump_id), integer(0), text("1259"), text("16384")]
        parts += [text(entry.tag), text(entry.kind), integer(entry.section)]
        parts += [
            text(entry.definition),
            text("DROP …"),
            text(None),
            text(entry.schema),
            text(entry.tablespace),
        ]
        parts += [text("heap")] if version >= (1, 14) else []
        parts += [integer(ord("r"))] if version >= (1, 16) else []
        parts += [text(entry.owner), text("false")]
        parts += [text(str(number)) for number in entry.dependencies]
        return b"".join([*parts, text(None), bytes(1 + offset_size)])

    method = bytes([compression]) if version >= (1, 15) else integer(compression)
    head = b"PGDMP" + bytes([*version, 0, integer_size, offset_size, archive_format])
    head += method + b"".join(map(integer, created))
    head += text("shop") + text(server_version) + text("16.14 (Debian)")
    return head + integer(len(entries) if count is None else count) + b"".join(map(toc, entries))


def parsed(data: bytes) -> Archive:
    """Read an archive from bytes."""
    return archive.parse(io.BytesIO(data), PATH, len(data))


def archive_of(*entries: Entry, server_version: str = "16.14") -> Archive:
    """Write the entries and read them back."""
    return parsed(written((ENCODING, *entries), server_version=server_version))
