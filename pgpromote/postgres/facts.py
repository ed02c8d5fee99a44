"""Gather what the checks look at: the file, prod, dev and the client programs."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pgpromote.postgres import access, dev_code, lock, mark, members, obstacles, selection, server, tools
from pgpromote.postgres import archive as archives
from pgpromote.postgres import catalog as catalogs
from pgpromote.postgres import reset as resets
from pgpromote.postgres.access import NO_LIMITS, Barred, Limits
from pgpromote.postgres.catalog import Catalog
from pgpromote.postgres.dev_code import Code
from pgpromote.postgres.errors import ArchiveError, ConfigError, ConnectionFailed, PgpromoteError
from pgpromote.postgres.model import (
    EVERYTHING,
    Archive,
    Filters,
    Finding,
    Foreign,
    Manifest,
    Policy,
    ServerVersion,
    TocEntry,
)
from pgpromote.postgres.obstacles import Writer
from pgpromote.postgres.plain_sql import Command
from pgpromote.postgres.reset import Reset
from pgpromote.postgres.selection import LeftOut
from pgpromote.postgres.server import Database, Session
from pgpromote.postgres.tools import Tools

# The warning of pg_restore --list for a compression that it was built without; its exit code is 0.
WITHOUT_DATA = "no data will be available"


@dataclass(frozen=True)
class Facts:
    """What the rules look at. None means: could not be read, and another rule says why.

    `undumpable` is what our role may not read of prod, which a safety archive would have to hold; `barred`
    are owners in the archive, `barred_in_prod` those in prod, where a rollback has to bring them back.
    `limits` are those of our role in prod, `commands` what plain SQL would make psql do by itself. `code` is
    what of the archive runs while it is restored, looked for where our role has `powers` over prod's server
    and no `build_login` restores in its stead.
    """

    path: Path
    archive: Archive | None
    archive_problem: PgpromoteError | None
    manifest: Manifest | None
    sha256: str
    target: Database
    catalog: Catalog | None
    target_problem: PgpromoteError | None
    has_source: bool
    source_problem: PgpromoteError | None
    source_client_problem: PgpromoteError | None
    same_database: bool | None
    client: Tools | None
    client_problem: PgpromoteError | None
    filters: Filters
    in_place: bool
    reset: Reset | None
    allow_data_loss_outside: bool
    rights: Policy
    bring: frozenset[Foreign]
    allow: frozenset[str]
    agreed: str
    left_out: tuple[LeftOut, ...]
    source_is_prod: bool
    obstacles: tuple[Finding, ...]
    writers: tuple[Writer, ...]
    safety_archive: bool = False
    undumpable: tuple[str, ...] = ()
    barred: tuple[Barred, ...] = ()
    barred_in_prod: tuple[Barred, ...] = ()
    lost_in_extensions: tuple[Finding, ...] = ()
    limits: Limits = NO_LIMITS
    commands: tuple[Command, ...] = ()
    code: tuple[Code, ...] = ()
    powers: tuple[str, ...] = ()
    restore_as_superuser: bool = False
    build_login: bool = False

    @property
    def money_as_stored(self) -> bool:
        """Whether the archive holds money as the server keeps it, and not as dev's lc_monetary writes it."""
        return self.manifest is not None and self.manifest.money_decimals is not None


def no_prod(facts: Facts) -> str:
    """Say why prod's catalog is missing, "" when it is there."""
    return "" if facts.catalog else "prod could not be reached"


def no_archive(facts: Facts) -> str:
    """Say why the archive's entries are missing, "" when they are there."""
    if facts.archive:
        return ""
    return "the archive could not be read" if facts.archive_problem else "plain SQL has no list of objects"


def no_manifest(facts: Facts) -> str:
    """Say why the manifest is missing, "" when it is there."""
    return (
        ""
        if facts.manifest
        else no_archive(facts) or "the archive has no manifest, so its rows cannot be proven"
    )


def no_client(facts: Facts) -> str:
    """Say why there is no client program to ask, "" when there is one."""
    return "" if facts.client else no_prod(facts) or "no client program fits prod"


def no_source(facts: Facts) -> str:
    """Say why dev could not be asked, "" when it was."""
    if not facts.has_source:
        return "DEV_DATABASE_URL is not set"
    return "dev could not be reached" if facts.source_problem else ""


def entries(facts: Facts, kind: str) -> Iterator[tuple[TocEntry, Catalog]]:
    """Yield the archive's entries of a kind, each with prod's catalog; none where one of both is missing."""
    if facts.archive and facts.catalog:
        for entry in facts.archive.of_kind(kind):
            yield entry, facts.catalog


def gather(
    path: Path,
    target: Database,
    available: list[Tools],
    *,
    source: Database | None,
    in_place: bool,
    reset_schema: str,
    allow_data_loss_outside: bool,
    filters: Filters,
    rights: Policy,
    bring: Collection[Foreign],
    allow: Collection[str],
    agreed: str,
    safety_archive: bool,
    promotion: str,
    restore_as_superuser: bool = False,
    build_login: bool = False,
) -> Facts:
    """Read the file, prod and the client programs; keep every problem as a fact instead of raising it.

    Raises ConfigError only: for filters that name nothing or do not fit the rest, for a schema to reset
    that does not exist.
    """
    _check_scope(path, filters, reset_schema, in_place=in_place)
    archive, manifest, sha256, archive_problem = _read_file(path)
    chosen = selection.choose(archive, filters, frozenset(bring)) if archive else None
    archive = chosen.archive if chosen else None
    replaces = in_place and not filters.data_only
    dropped = _dropped(archive, reset_schema) if archive and replaces else []
    safety_archive = in_place and safety_archive
    build_login = build_login and not in_place  # prod itself is changed by our own role
    prod = _read_target(
        target,
        promotion,
        dropped,
        archive,
        rights,
        manifest=manifest if filters == EVERYTHING else None,
        replaces=replaces or not in_place,
        in_place=in_place,
        reset_schema=reset_schema,
        allow=allow,
        safety_archive=safety_archive,
        build_login=build_login,
    )
    version = prod.catalog.identity.version if prod.catalog else None
    client, client_problem = _choose_client(available, version, archive)
    if client and archive and not archive_problem:
        archive_problem = _unreadable(path, archive, client, manifest)
    source_version, source_is_prod, same_database, source_problem = _probe(source, target, prod.catalog)
    _, source_client_problem = _choose_client(available, source_version)
    return Facts(
        path=path,
        archive=archive,
        archive_problem=archive_problem,
        manifest=manifest,
        sha256=sha256,
        target=target,
        catalog=prod.catalog,
        target_problem=prod.problem,
        has_source=source is not None,
        source_problem=source_problem,
        source_client_problem=source_client_problem,
        same_database=same_database,
        client=client,
        client_problem=client_problem,
        filters=filters,
        in_place=in_place,
        reset=prod.reset,
        allow_data_loss_outside=allow_data_loss_outside,
        rights=rights,
        bring=frozenset(bring),
        allow=frozenset(allow),
        agreed=agreed,
        left_out=chosen.left_out if chosen else (),
        source_is_prod=source_is_prod,
        obstacles=prod.obstacles,
        writers=prod.writers,
        safety_archive=safety_archive,
        undumpable=prod.undumpable,
        barred=prod.barred,
        barred_in_prod=prod.barred_in_prod,
        lost_in_extensions=prod.lost_in_extensions,
        limits=prod.limits,
        commands=archives.commands_in(path) if path.suffix == ".sql" and not archive_problem else (),
        code=(*prod.code, *dev_code.in_manifest(manifest)) if prod.powers else (),
        powers=prod.powers,
        restore_as_superuser=restore_as_superuser,
        build_login=build_login,
    )


def _check_scope(path: Path, filters: Filters, reset_schema: str, *, in_place: bool) -> None:
    if not in_place and (path.suffix == ".sql" or reset_schema or filters != EVERYTHING):
        raise ConfigError(
            "A swap replaces the whole database by a whole archive.",
            "Choose the strategy clean for plain SQL, a schema reset or filters.",
        )
    if path.suffix == ".sql" and filters != EVERYTHING:
        raise ConfigError(f"Filters cannot limit the plain SQL dump {path}.", "Use an archive, or no filter.")
    if reset_schema and replace(filters, schema_only=False) != EVERYTHING:
        raise ConfigError(
            f"A reset drops the whole schema {reset_schema}, but the filters ({filters}) bring back less.",
            "Reset without filters, or filter without a reset.",
        )


def _read_file(path: Path) -> tuple[Archive | None, Manifest | None, str, PgpromoteError | None]:
    try:
        if path.suffix == ".sql":
            archives.verify_sql(path)
            return None, None, archives.digest(path), None
        return archives.read(path), archives.read_manifest(path), archives.digest(path), None
    except PgpromoteError as problem:
        return None, None, "", problem


def _dropped(archive: Archive, reset_schema: str) -> list[TocEntry]:
    """List what is dropped object by object: all but what a schema reset has dropped before."""
    return [
        entry
        for entry in archives.restorable(archive)
        if not reset_schema or reset_schema not in {entry.schema, entry.tag if entry.kind == "SCHEMA" else ""}
    ]


@dataclass(frozen=True)
class _Prod:
    """What is read in one session in prod."""

    catalog: Catalog | None = None
    reset: Reset | None = None
    obstacles: tuple[Finding, ...] = ()
    writers: tuple[Writer, ...] = ()
    undumpable: tuple[str, ...] = ()
    barred: tuple[Barred, ...] = ()
    barred_in_prod: tuple[Barred, ...] = ()
    lost_in_extensions: tuple[Finding, ...] = ()
    limits: Limits = NO_LIMITS
    powers: tuple[str, ...] = ()
    code: tuple[Code, ...] = ()
    problem: PgpromoteError | None = None


def _read_target(
    target: Database,
    promotion: str,
    dropped: list[TocEntry],
    archive: Archive | None,
    rights: Policy,
    *,
    manifest: Manifest | None,
    replaces: bool,
    in_place: bool,
    reset_schema: str,
    allow: Collection[str],
    safety_archive: bool,
    build_login: bool,
) -> _Prod:
    try:
        with server.connect(target, promotion) as session:
            powers = dev_code.powers(session)
            return _Prod(
                catalog=catalogs.read(session, dropped, reset_schema),
                reset=(
                    resets.plan(session, reset_schema, catalogs.brought_by(archive)) if reset_schema else None
                ),
                obstacles=tuple(
                    obstacles.find(session, obstacles.side(session, session.info.dbname), allow=allow)
                ),
                writers=obstacles.writers(session),
                undumpable=access.undumpable(session) if safety_archive else (),
                barred=_barred(session, archive, rights, in_place=in_place) if archive and replaces else (),
                barred_in_prod=access.barred_in(session) if safety_archive else (),
                lost_in_extensions=_lost_in_extensions(session, manifest),
                limits=access.limits(session, _only_filled(archive, replaces=replaces) if archive else []),
                powers=powers,
                code=dev_code.find(archive, session) if archive and powers and not build_login else (),
            )
    except ConnectionFailed as problem:
        return _Prod(problem=problem)


def _only_filled(archive: Archive, *, replaces: bool) -> list[tuple[str, str]]:
    """List the tables that get rows and are not made anew."""
    made = {(entry.schema, entry.tag) for entry in archive.of_kind("TABLE")} if replaces else set()
    filled = {(entry.schema, entry.tag) for entry in archive.of_kind("TABLE DATA")}
    return sorted(filled - made)


def _barred(session: Session, archive: Archive, policy: Policy, *, in_place: bool) -> tuple[Barred, ...]:
    if policy is Policy.SOURCE:
        return access.barred(session, access.given(archive))
    if policy is Policy.KEEP:
        return access.unkept(session, archives.restorable(archive), in_place=in_place)
    return ()


def _lost_in_extensions(session: Session, manifest: Manifest | None) -> tuple[Finding, ...]:
    if manifest is None:
        return ()
    same_encoding = server.identify(session).encoding == manifest.encoding
    return tuple(members.lost(manifest, session, restored=False, hashed=same_encoding))


def _choose_client(
    available: list[Tools], version: ServerVersion | None, archive: Archive | None = None
) -> tuple[Tools | None, PgpromoteError | None]:
    if version is None:
        return None, None
    try:
        if archive is None:
            return tools.choose(available, version), None
        return tools.choose(available, version, archive.format_version), None
    except PgpromoteError as problem:
        return None, problem


def _unreadable(
    path: Path, archive: Archive, client: Tools, manifest: Manifest | None
) -> PgpromoteError | None:
    """Let the client itself say whether it can read the archive; read all of a stranger's archive.

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
            "directory in PGPROMOTE_PG_BIN, or dump again with: pgpromote dump --compression gzip:6",
        )
    if manifest is not None:
        return None
    try:
        archives.verify(path, client)
    except ArchiveError as problem:
        return problem
    return None


def _probe(
    source: Database | None, target: Database, catalog: Catalog | None
) -> tuple[ServerVersion | None, bool, bool | None, PgpromoteError | None]:
    if source is None or catalog is None:
        return None, False, None, None
    try:
        with server.connect(source) as session:
            version, is_prod = server.identify(session).version, mark.is_prod(session)
        return version, is_prod, lock.same_database(source, target), None
    except ConnectionFailed as problem:
        return None, False, None, problem
