"""The dump archive: its table of contents as values, its integrity, and the manifest beside it.

The custom format is read here directly instead of parsing `pg_restore --list`: names with spaces stay
whole, and each entry brings the SQL that recreates it. Layout: `pg_backup_archiver.c`, formats 1.12 to 1.16.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pgpromote.postgres import encodings, files, records
from pgpromote.postgres.errors import ArchiveError, ToolFailed
from pgpromote.postgres.model import Archive, Dump, Manifest, Ref, TocEntry
from pgpromote.postgres.naming import command
from pgpromote.postgres.tools import Completed, Tools, run

if TYPE_CHECKING:
    from pgpromote.postgres.archives import plain_sql

MAGIC = b"PGDMP"
OLDEST, NEWEST = (1, 12), (1, 16)
FORMATS = {1: "custom", 3: "tar", 5: "directory"}
SECTIONS = {1: "none", 2: "pre-data", 3: "data", 4: "post-data"}
COMPRESSIONS = {0: "none", 1: "gzip", 2: "lz4", 3: "zstd"}
# Settings of the dump session and of the database itself: pg_restore --list does not show them either.
SETTINGS = frozenset({"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE", "DATABASE PROPERTIES"})
FRAME = frozenset({"ENCODING", "STDSTRINGS", "SEARCHPATH"})
# pg_restore runs it in every session as it stands; every pg_dump since 11 writes this.
SEARCH_PATH = "SELECT pg_catalog.set_config('search_path', '', false);"
SQL_HEADER = b"-- PostgreSQL database dump"
# An identifier as pg_dump writes it.
NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
LONGEST_STRING = 1 << 30
HINT_MANIFEST = "Dump again, or copy the archive and its manifest again, both."
MOST_ENTRIES = 1_000_000  # three times what a server of 100,000 tables has
LARGEST_MANIFEST = 256 << 20
LARGE_OBJECT_KINDS = frozenset({"BLOB", "BLOB METADATA", "BLOBS"})
# ALTER names these by what their drop statement says: operands, an access method.
DECORATED = frozenset({"AGGREGATE", "FUNCTION", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE"})
# What the data of an entry begins with.
TABLE_DATA, LARGE_OBJECTS = 1, 3


def read(path: Path) -> Archive:
    """Read an archive's header and table of contents.

    Raises ArchiveError when the file is missing, empty, of another format, or cut within its contents.
    A file that is cut later still reads here; `verify` finds that.
    """
    with _opened(path) as file:
        return parse(file, path, os.fstat(file.fileno()).st_size)


def walk(path: Path) -> Archive:
    """Read an archive, and pass over its data block by block without decompressing it.

    Finds every cut, and a table without its rows. Takes a twentieth of the time of `verify`, but only for a
    compressed archive: one without compression has a block for each row. Raises ArchiveError.
    """
    with _opened(path) as file:
        archive = parse(file, path, os.fstat(file.fileno()).st_size)
        source = _Reader(file, path, *archive.sizes)
        found = set[int]()
        while kind := file.read(1):
            found.add(source.data(kind[0]))
    missing = [entry.name for entry in archive.of_kind("TABLE DATA", "BLOBS") if entry.dump_id not in found]
    if missing:
        raise ArchiveError(f"{path} is not a whole archive: {missing[0]} has no data.", _hint())
    return archive


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with files.opened(path, "archive", _hint()) as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise ArchiveError(f"{path} is empty.", _hint())
        yield file


def parse(file: BinaryIO, path: Path, size: int) -> Archive:
    """Parse an archive from an open file. `size` is the whole file's, in bytes."""
    source = _Reader(file, path)
    magic = file.read(len(MAGIC))
    if magic != MAGIC:
        kind = "plain SQL" if magic.startswith(b"--") else "not a PostgreSQL archive"
        raise ArchiveError(f"{path} is {kind}; a custom-format archive begins with PGDMP.", _hint())
    version = (source.byte(), source.byte())
    source.byte()  # the revision; it never changes the layout
    if not OLDEST <= version <= NEWEST:
        raise ArchiveError(
            f"{path} has archive format {version[0]}.{version[1]}; pgpromote reads 1.12 to 1.16.",
            "Dump with pg_dump 9.5 or newer, or update pgpromote.",
        )
    source.integer_size, source.offset_size = source.byte(), source.byte()
    archive_format = FORMATS.get(source.byte(), "unknown")
    if archive_format != "custom":
        raise ArchiveError(f"{path} is a {archive_format}-format archive, not a custom one.", _hint())
    compression = _compression(source, version)
    created_at = _created_at(source)
    database, server_version, pg_dump_version = source.text(), source.text(), source.text()
    if not re.match(r"\d+", server_version):
        raise source.broken()
    entries, encoding = _entries(source, version)
    return Archive(
        path=path,
        size=size,
        created_at=created_at,
        source_database=database,
        server_version=server_version,
        pg_dump_version=pg_dump_version,
        format_version=version,
        compression=compression,
        encoding=encoding,
        entries=tuple(entry for entry in entries if not _is_setting(entry)),
        properties=tuple(entry for entry in entries if entry.kind == "DATABASE PROPERTIES"),
        frame=tuple(entry for entry in entries if entry.kind in FRAME),
        sizes=(source.integer_size, source.offset_size),
    )


def _entries(source: "_Reader", version: tuple[int, int]) -> tuple[list[TocEntry], str]:
    """Read the entries; read them again where their encoding, itself an entry, is not UTF-8."""
    start = source.file.tell()
    if not 0 < (count := source.integer()) <= MOST_ENTRIES:
        message = f"{source.path} is cut or damaged: it says that it holds {count:,} entries."
        raise ArchiveError(message, _hint())
    encoding = _encoding(entries := [_entry(source, version) for _ in range(count)])
    if (codec := encodings.codec(encoding)) != source.codec:
        source.codec, source.encoding = codec, encoding
        source.file.seek(start)
        entries = [_entry(source, version) for _ in range(source.integer())]
    if len({entry.dump_id for entry in entries}) < count:
        raise ArchiveError(f"{source.path} is damaged: two of its entries have the same number.", _hint())
    paths = {entry.definition.strip() for entry in entries if entry.kind == "SEARCHPATH"}
    if not paths <= {"", SEARCH_PATH}:
        raise ArchiveError(f"{source.path} sets another search path than pg_dump does.", _hint())
    return entries, encoding


def _is_setting(entry: TocEntry) -> bool:
    about_database = entry.kind in {"ACL", "COMMENT", "SECURITY LABEL"} and entry.tag.startswith("DATABASE ")
    return entry.kind in SETTINGS or about_database


def _encoding(entries: list[TocEntry]) -> str:
    setting = next((entry.definition for entry in entries if entry.kind == "ENCODING"), "")
    return setting.partition("'")[2].partition("'")[0]


def _compression(source: "_Reader", version: tuple[int, int]) -> str:
    if version >= (1, 15):
        return COMPRESSIONS.get(source.byte(), "unknown")
    return "none" if source.integer() == 0 else "gzip"


def _created_at(source: "_Reader") -> datetime:
    second, minute, hour, day, month, year, _daylight = (source.integer() for _ in range(7))
    try:
        # The header holds the dump machine's local time without its zone.
        return datetime(1900 + year, 1 + month, day, hour, minute, min(second, 59)).astimezone()
    except (ValueError, OverflowError):
        raise source.broken() from None


def _entry(source: "_Reader", version: tuple[int, int]) -> TocEntry:
    dump_id = source.integer()
    has_data = source.integer() != 0
    source.text(), source.text()  # the object's identity in the source's catalogs
    tag, kind = source.name(), source.text()
    section = SECTIONS.get(source.integer(), "unknown")
    definition, drop, copy = source.text(), source.text(), source.text()
    schema, tablespace = source.name(), source.name()
    access_method = source.text() if version >= (1, 14) else ""
    if version >= (1, 16):
        source.integer()  # the relation's kind
    owner = source.name()
    source.text()  # a flag for row identifiers, gone since PostgreSQL 12
    dependencies = []
    while (dependency := source.optional_text()) is not None:
        if not dependency.isdecimal():
            raise source.broken()
        dependencies.append(int(dependency))
    source.skip(1 + source.offset_size)  # where the entry's data begins
    return TocEntry(
        dump_id=dump_id,
        # Few values, in tens of thousands of entries.
        kind=sys.intern(kind),
        schema=sys.intern(schema),
        tag=tag,
        owner=sys.intern(owner),
        section=section,
        definition=definition,
        drop=drop,
        tablespace=tablespace,
        access_method=sys.intern(access_method),
        dependencies=tuple(dependencies),
        copy=copy,
        has_data=has_data,
    )


@dataclass
class _Reader:
    """A reader of the archive's primitive values; any surprise means that the file is cut or damaged.

    `codec` is Python's for the archive's encoding, "" where it has none: then only ASCII can be read.
    """

    file: BinaryIO
    path: Path
    integer_size: int = 4
    offset_size: int = 8
    codec: str = encodings.codec(encodings.UTF8)
    encoding: str = encodings.UTF8

    def broken(self) -> ArchiveError:
        return ArchiveError(f"{self.path} is cut or damaged: its table of contents is broken.", _hint())

    def bytes(self, count: int) -> bytes:
        data = self.file.read(count)
        if len(data) != count:
            raise self.broken()
        return data

    def skip(self, count: int) -> None:
        self.bytes(count)

    def byte(self) -> int:
        return self.bytes(1)[0]

    def integer(self) -> int:
        data = self.bytes(1 + self.integer_size)
        value = int.from_bytes(data[1:], "little")
        return -value if data[0] else value

    def data(self, kind: int) -> int:
        """Pass over the data of one entry, which is in pieces, and return the entry's number."""
        if kind not in {TABLE_DATA, LARGE_OBJECTS}:
            raise self.broken()
        entry = self.integer()
        while kind == LARGE_OBJECTS and self.integer():
            self.pieces()
        if kind == TABLE_DATA:
            self.pieces()
        return entry

    def pieces(self) -> None:
        while size := self.integer():
            self.skip(size)

    def optional_text(self) -> str | None:
        length = self.integer()
        if length < 0:
            return None
        if length > LONGEST_STRING:
            raise self.broken()
        return self.bytes(length).decode(self.codec or "ascii", errors="backslashreplace")

    def text(self) -> str:
        return self.optional_text() or ""

    def name(self) -> str:
        text = self.text()
        if not self.codec and "\\x" in text:
            raise ArchiveError(
                f"{self.path} holds a name in {self.encoding}, which cannot be read here: {text}.",
                f"Dump again with the encoding {encodings.UTF8}: pg_dump --encoding={encodings.UTF8}.",
            )
        return text


def extension_schema(entry: TocEntry) -> str:
    """Return the schema in which the source has an extension, from its entry."""
    match = re.search(rf"\bWITH SCHEMA ({NAME})", entry.definition)
    return unquote(match[1]) if match else "public"


def restorable(archive: Dump) -> Iterator[TocEntry]:
    """Yield the entries that pg_restore gets: without extensions, and without schemas that hold one.

    Extensions and their schemas exist before the restore; pg_restore would drop both first, which takes the
    columns of an extension's types along or fails.
    """
    homes = {extension_schema(entry) for entry in archive.of_kind("EXTENSION")}
    for entry in archive.entries:
        comment = entry.kind == "COMMENT" and entry.tag.startswith("EXTENSION ")
        home = entry.kind == "SCHEMA" and entry.tag in homes
        if not (entry.kind == "EXTENSION" or comment or home):
            yield entry


def large_objects(entries: Iterable[TocEntry]) -> list[int]:
    """Return the numbers of the large objects that these entries create and fill; [] for definitions alone.

    Up to pg_dump 16 each has an entry of its own; since then one names up to a thousand.
    """
    held = [entry for entry in entries if entry.kind in LARGE_OBJECT_KINDS]
    if all(entry.kind != "BLOBS" for entry in held):
        return []
    numbers = (entry.tag if entry.kind == "BLOB" else entry.definition for entry in held)
    return [int(number) for text in numbers for number in text.split()]


def unquote(name: str) -> str:
    """Return the plain name of an identifier as SQL writes it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def unquoted(name: str) -> str:
    """Return the plain `schema.name` of a qualified name as SQL writes it."""
    return ".".join(map(unquote, re.findall(NAME, name)))


def verify(path: Path, tools: Tools, on_line: Callable[[str], None] = lambda line: None) -> None:
    """Read the whole archive once, decompressing everything.

    Finds every truncation of a custom archive (54 of 54 tried, facts §3); changed bits inside are found by
    the digest. Raises ArchiveError, and ToolFailed when the reading itself was interrupted.
    """
    completed = run([tools.path("pg_restore"), f"--file={os.devnull}", str(path)], {}, on_line)
    if completed.interrupted:
        raise not_read(path, completed)
    if completed.returncode != 0:
        reason = " ".join(completed.lines[-2:]) or f"pg_restore ended with {completed.returncode}"
        raise ArchiveError(f"{path} is not a whole archive: {reason}", _hint())


def not_read(path: Path, completed: Completed) -> ToolFailed:
    """Return the error for a client program that was ended before it could report on a file."""
    told = f": {completed.lines[-1]}" if completed.lines else "."
    return ToolFailed(f"The reading of {path} was interrupted by {completed.ending}{told}", "Start again.")


def verify_sql(path: Path) -> None:
    """Check that a plain SQL dump has pg_dump's first and last lines. Raises ArchiveError."""
    with _opened(path) as file:
        head = file.read(200)
        file.seek(max(0, os.fstat(file.fileno()).st_size - 200))
        tail = file.read()
    hint = f"Make one with: {command('dump --sql')}."
    if SQL_HEADER not in head:
        raise ArchiveError(f"{path} is not a plain SQL dump of pg_dump.", hint)
    if SQL_HEADER + b" complete" not in tail:
        raise ArchiveError(f"{path} is cut: its last line is missing.", hint)


def commands_in(path: Path) -> "tuple[plain_sql.Command, ...]":
    """Find the psql commands in a plain SQL dump. Raises ArchiveError."""
    from pgpromote.postgres.archives import plain_sql  # noqa: PLC0415 - its patterns take long to compile

    with _opened(path) as file:
        return tuple(plain_sql.commands(line.decode(errors="surrogateescape") for line in file))


def _hint() -> str:
    return f"Make a new one with: {command('dump')}, or pg_dump --format=custom."


def digest(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal. Raises ArchiveError."""
    with files.opened(path, "archive", _hint()) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_path(ref: Ref) -> Path:
    """Return the path of an archive's manifest: a file beside the archive."""
    return Path(ref.with_name(ref.name + ".manifest.json"))


def read_manifest(path: Path) -> Manifest | None:
    """Read the manifest of an archive; return None when it has none.

    Raises ArchiveError when the manifest itself is damaged, or is no file that can be a manifest.
    """
    if not os.path.lexists(manifest_path(path)):
        return None
    content = files.read(manifest_path(path), LARGEST_MANIFEST)
    try:
        return records.read(Manifest, content)
    except ValueError:
        raise ArchiveError(f"{manifest_path(path)} is damaged.", HINT_MANIFEST) from None


def manifest_text(manifest: Manifest) -> str:
    """Return a manifest as JSON, keys in the order of the class."""
    return "".join(records.written(manifest, json.JSONEncoder(default=vars).encode))
