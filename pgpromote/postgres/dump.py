"""The dump of the source: write an archive, prove it readable, hash it, and only then give it its name."""

import glob
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from pgpromote.postgres import disk, encodings, server, sql, stall
from pgpromote.postgres.archives import archive, dependencies
from pgpromote.postgres.archives.store import FILES, Store
from pgpromote.postgres.databases import mark
from pgpromote.postgres.errors import ArchiveError, ConfigError, Refused, ToolFailed
from pgpromote.postgres.model import (
    EVERYTHING,
    MOMENTS_IN_UTC,
    MONEY_AS_STORED,
    Archive,
    Content,
    Filters,
    Manifest,
    Ref,
)
from pgpromote.postgres.rows import contents, members
from pgpromote.postgres.server import Database, Identity, Session, beside, connect, identify, size_of
from pgpromote.postgres.tools import OnLine, Tools, ask, choose, failure, patient, run_on

# Fast and small enough; gzip 6, the default of pg_dump, is most of a dump's time (facts §0). Of 323 MB gzip:1
# made 91 in 2.7 s of computing and unpacked them in 1.0; zstd:1 74 in 0.9 and 0.2, zstd:3 84 in 1.9 and 0.3,
# lz4:1 136 in 0.8 and 0.1 (17.10).
PREFERRED = ("zstd:1", "lz4:1", "gzip:1")
HINT_KILLED = (
    "Something outside ended the program, often for want of memory (the kernel's log says so: dmesg). The "
    "source is unchanged, and the archive before it is still there. Start again."
)
HINT_UNKNOWN = (
    "The source is unchanged, and the archive before it is still there. Remove the cause; start again."
)
UNCOMPRESSED = {"0", "none", "gzip:0"}
COMPRESSED_BY_METHOD = 16  # the first release whose --compress takes a method


def compression_for(tools: Tools, wanted: str = "") -> str:
    """Return the best compression that this pg_dump is built with, or the wanted one, checked.

    The value is one for `--compress`. Raises ConfigError when the wanted one is not possible.
    """
    if tools.version.major < COMPRESSED_BY_METHOD:
        level = wanted.removeprefix("gzip:") if wanted else "1"
        if not level.isdigit():
            raise ConfigError(
                f"pg_dump {tools.version} cannot compress with {wanted}.",
                "Use gzip:1 to gzip:9, or 0 for none.",
            )
        return level
    candidates = (wanted,) if wanted else PREFERRED
    for candidate in candidates:
        # Compression is checked before pg_dump connects, so an impossible port tells the two apart.
        command = [
            tools.path("pg_dump"),
            "--format=custom",
            f"--compress={candidate}",
            "--port=1",
            "--host=/",
        ]
        if "compression" not in " ".join(ask(command).lines):
            return candidate
    raise ConfigError(
        f"pg_dump {tools.version} in {tools.directory} cannot compress with {wanted}.",
        "Use gzip:1 to gzip:9 or none, or install client programs built with zstd and lz4.",
    )


def dump_command(
    tools: Tools,
    source: Database,
    path: Path,
    identity: Identity,
    *,
    plain: bool,
    compression: str,
    encoding: str,
    filters: Filters,
    snapshot: str = "",
) -> list[str]:
    """Return the pg_dump command line. It holds no secret.

    `encoding` is the one of the dump, whatever the database's or the environment's is.
    """
    # Plain SQL is for whoever reads it, and run by psql under prod's own settings.
    reach = source.argument({} if plain else {**MONEY_AS_STORED, **MOMENTS_IN_UTC})
    command = [tools.path("pg_dump"), f"--dbname={reach}", f"--file={path}", "--no-password"]
    command += ["--verbose", patient(identity), f"--encoding={encoding}"]
    if plain:
        command += ["--format=plain", "--clean", "--if-exists", "--no-owner", "--no-privileges"]
        command += ["--no-subscriptions"]
    else:
        command += ["--format=custom", f"--compress={compression}"]
    command += [f"--snapshot={snapshot}"] if snapshot else []
    return command + _in_bytes(_filter_options(filters), encoding)


def _in_bytes(options: list[str], encoding: str) -> list[str]:
    """Return options that reach pg_dump in the encoding in which it compares names.

    A name that the encoding cannot hold stays as it is: it matches nothing, which pg_dump reports.
    """
    codec = encodings.codec(encoding) or "ascii"
    return [os.fsdecode(option.encode(codec, errors="surrogateescape")) for option in options]


def _filter_options(filters: Filters) -> list[str]:
    options = ["--strict-names"] if filters.tables or filters.schemas else []
    options += ["--schema-only"] if filters.schema_only else []
    options += ["--data-only"] if filters.data_only else []
    options += [f"--table={name}" for name in filters.tables]
    options += [f"--schema={name}" for name in filters.schemas]
    options += [f"--exclude-table={name}" for name in filters.exclude_tables]
    return options + [f"--exclude-schema={name}" for name in filters.exclude_schemas]


def dump(
    source: Database,
    ref: Ref,
    available: list[Tools],
    run_id: str,
    *,
    store: Store = FILES,
    name: str = "",
    compression: str = "",
    encoding: str = "",
    filters: Filters = EVERYTHING,
    of_prod: bool = False,
    on_line: OnLine = lambda line: None,
) -> tuple[Archive, Manifest]:
    """Dump the source into a custom-format archive of a store, with its manifest.

    `name` is the promotion's, which the manifest keeps; `run_id` is in the names of our sessions.

    An older archive there stays whole until the new one is complete. `encoding` is the archive's, the
    source's own when "". `of_prod` says that prod is meant to be dumped. Raises ConnectionFailed,
    ToolMissing, ToolFailed, ArchiveError, Busy, ConfigError, and Refused for a source that is marked as prod
    otherwise.
    """
    started = time.monotonic()
    identity, extensions, size = _look_at(source, run_id, filters, of_prod=of_prod)
    tools = choose(available, identity.version)
    compression = compression_for(tools, compression)
    encoding = encoding or encodings.for_dump(identity.encoding)
    with store.publish(ref) as partial:
        disk.check_dump(partial.parent, _last(store, ref), size)
        with (
            contents.snapshot(source, run_id) as (session, snapshot),
            # pg_dump leaves half of the second core idle
            beside(session, lambda session: _measure_all(session, filters)) as measured,
        ):
            command = dump_command(
                tools,
                source,
                partial,
                identity,
                plain=False,
                compression=compression,
                encoding=encoding,
                filters=filters,
                snapshot=snapshot,
            )
            _run_pg_dump(command, source, ref, run_id, encoding=encoding, on_line=on_line)
            sha256, written = _verify(partial, tools, thoroughly=of_prod or compression in UNCOMPRESSED)
            held = _select(measured.result(), session, written)
            rests_on = dependencies.read(session)
            range_rights = _range_rights(session)
            # With filters pg_dump takes no extension along.
            belonging = members.read(session) if filters == EVERYTHING else None
        manifest = Manifest(
            promotion=name,
            sha256=sha256,
            size=written.size,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 3),
            source=source.label,
            server_version=str(identity.version),
            pg_dump_version=written.pg_dump_version,
            compression=written.compression,
            encoding=identity.encoding,
            locale=f"{identity.provider} {identity.locale or identity.collate}",
            extensions=extensions,
            counts=written.counts(),
            contents=held,
            filters=str(filters),
            database_size=size,
            system_identifier=identity.system_identifier,
            rests_on=rests_on,
            money_decimals=identity.money_decimals,
            range_rights=range_rights,
            members=belonging,
            run_id=run_id,
            source_database=identity.database,
            source_oid=identity.database_oid,
        )
    store.describe(ref, manifest)
    return replace(written, path=store.local(ref)), manifest


def _last(store: Store, ref: Ref) -> Manifest | None:
    try:
        return store.manifest(ref)
    except ArchiveError:  # a damaged one tells no size
        return None


def _verify(path: Path, tools: Tools, *, thoroughly: bool) -> tuple[str, Archive]:
    """Read the whole archive, and hash it at the same time; return the SHA-256 and the archive.

    Dev's archive is decompressed and proven by every restore, while prod is still the old one. A safety
    archive may be needed when there is nothing else, so it is decompressed at once.
    """
    with ThreadPoolExecutor(1) as thread:
        sha256 = thread.submit(archive.digest, path)
        if thoroughly:
            archive.verify(path, tools)
            return sha256.result(), archive.read(path)
        written = archive.walk(path)
        return sha256.result(), written


def _range_rights(session: Session) -> dict[str, list[str]]:
    """Return the statements that give the constructors of each range type the rights that they have here."""
    found: dict[str, list[str]] = {}
    for name, statement in session.execute(sql.read("rights/ranges")):
        found.setdefault(str(name), []).append(str(statement))
    return found


def _measure_all(session: Session, filters: Filters) -> dict[str, Content]:
    """Measure every table that pg_dump will read, as far as that is known before it has begun."""
    if filters != EVERYTHING:
        return {}
    tables = session.execute(sql.read("plan/tables"))
    return contents.measure(
        session,
        [
            (str(schema), str(name))
            for schema, name, readable, of_extension in tables
            if readable and not of_extension
        ],
    )


def _select(measured: dict[str, Content], session: Session, written: Archive) -> dict[str, Content]:
    """Return the content of the archive's tables; measure missing ones under pg_dump's own snapshot."""
    tables = contents.loaded_tables(written.entries)
    held = measured | contents.measure(session, [t for t in tables if ".".join(t) not in measured])
    held = {name: held[name] for name in map(".".join, tables)}
    if written.of_kind("BLOBS"):
        held[contents.LARGE_OBJECTS] = contents.measure_large_objects(session)
    return held


def dump_sql(
    source: Database,
    ref: Ref,
    available: list[Tools],
    run_id: str,
    *,
    store: Store = FILES,
    encoding: str = "",
    filters: Filters = EVERYTHING,
    of_prod: bool = False,
    on_line: OnLine = lambda line: None,
) -> int:
    """Dump the source as plain SQL for reading and review, and return its size in bytes.

    Raises as `dump` does.
    """
    identity, _, _ = _look_at(source, run_id, filters, of_prod=of_prod)
    tools = choose(available, identity.version)
    encoding = encoding or encodings.for_dump(identity.encoding)
    with store.publish(ref) as partial:
        command = dump_command(
            tools, source, partial, identity, plain=True, compression="", encoding=encoding, filters=filters
        )
        _run_pg_dump(command, source, ref, run_id, encoding=encoding, on_line=on_line)
        archive.verify_sql(partial)
        return partial.stat().st_size


def _look_at(
    source: Database, run_id: str, filters: Filters, *, of_prod: bool
) -> tuple[Identity, dict[str, str], int]:
    with connect(source, run_id) as session:
        if mark.is_prod(session) and not of_prod:
            raise Refused([mark.marked_source(source.label)])
        _check_exclusions(session.execute(sql.read("catalog/relation_names")).fetchall(), filters)
        rows = session.execute(sql.read("catalog/extension_versions")).fetchall()
        extensions = {str(name): str(version) for name, version in rows}
        return identify(session), extensions, size_of(session)


def _check_exclusions(relations: list[tuple[object, ...]], filters: Filters) -> None:
    """Raise ConfigError for an exclusion that excludes nothing; pg_dump itself checks only inclusions."""
    if filters.schema_only and filters.data_only:
        raise ConfigError("schema_only and data_only exclude each other.", "Choose one of them.")
    schemas = {str(schema) for schema, _ in relations}
    names = {text for schema, name in relations for text in (str(name), f"{schema}.{name}")}
    for kind, patterns, known in (
        ("table", filters.exclude_tables, names),
        ("schema", filters.exclude_schemas, schemas),
    ):
        for pattern in patterns:
            if not any(_matches(pattern, name) for name in known):
                raise ConfigError(
                    f"The exclusion {pattern!r} matches no {kind} of the source.", "Correct it."
                )


def _matches(pattern: str, name: str) -> bool:
    """Return whether a psql pattern matches a name, in plain cases.

    * and ? are wildcards, upper case counts as lower case; within quotes all is literal.
    """

    def part(match: re.Match[str]) -> str:
        return match[2].lower() if match[1] is None else glob.escape(match[1])

    return fnmatchcase(name, re.sub(r'"([^"]*)"|([^"]+)', part, pattern))


def _run_pg_dump(
    command: list[str], source: Database, ref: Ref, run_id: str, *, encoding: str, on_line: OnLine
) -> None:
    codec = encodings.codec(encoding) or "ascii"  # the server answers in the encoding of the dump, too
    completed = run_on(source, run_id, command, server.shown_to(on_line, source), codec)
    if completed.returncode != 0:
        reason = failure(completed, source)
        hint = _hint(reason, HINT_KILLED if completed.interrupted else HINT_UNKNOWN)
        raise ToolFailed(f"pg_dump of {source.label} into {ref} failed: {reason}", hint)


def _hint(reason: str, otherwise: str) -> str:
    hints = {
        "No space left": "Free space in the dump directory, or choose another one.",
        "SIGXFSZ": "The file grew beyond the limit: free space, or raise ulimit -f.",
        "permission denied": "Grant the role SELECT on everything it dumps, for example pg_read_all_data.",
        "row-level security": "Dump as the tables' owner or as a role with BYPASSRLS.",
        "statement timeout": "Let what held the lock end, or end it; then start again.",
        "invalid byte sequence": "Correct that text of dev, or dump in dev's own encoding.",
        "has no equivalent in encoding": "Dump in dev's own encoding, or in UTF8.",
        "invalid client encoding": "Name an encoding as PostgreSQL does, such as UTF8.",
        "no matching": "Correct the pattern, or remove the filter.",
        "terminating connection": stall.HINT_ENDED,
        "server closed the connection": stall.HINT_ENDED,
    }
    return next((hint for sign, hint in hints.items() if sign in reason), otherwise)
