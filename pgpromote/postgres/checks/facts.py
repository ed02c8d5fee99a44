"""The facts that the checks examine: the file, prod, dev and the client programs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pgpromote.postgres.archives import archive as archives
from pgpromote.postgres.archives import origin, selection
from pgpromote.postgres.archives.encryption import Link, links
from pgpromote.postgres.archives.origin import NOTHING, Known, Origin
from pgpromote.postgres.archives.plain_sql import Command, is_plain_sql
from pgpromote.postgres.archives.selection import LeftOut
from pgpromote.postgres.checks import clients, dev_code
from pgpromote.postgres.checks import dev as devs
from pgpromote.postgres.checks import prod as prods
from pgpromote.postgres.checks.bare_login import Looked, look
from pgpromote.postgres.checks.catalog import Catalog
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.dev import Dev
from pgpromote.postgres.checks.dev_code import Code
from pgpromote.postgres.checks.prod import Prod
from pgpromote.postgres.errors import ConfigError, PgpromoteError
from pgpromote.postgres.model import (
    EVERYTHING,
    Dump,
    Manifest,
    PlainSql,
    TocEntry,
)
from pgpromote.postgres.naming import setting
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database
from pgpromote.postgres.tools import Tools


@dataclass(frozen=True)
class Facts:
    """The facts for the rules. None means: could not be read, and another rule says why.

    `dumped`: the archive is there; before that, no rule says that it is missing. `dev` is None without a
    source.
    `commands` are the commands that plain SQL would make psql run by itself. `links` are the connections to
    prod and dev that lead off this machine; `known` holds the origins by which the archive's is judged.
    `code` is the code of the archive that runs while it is restored, looked for where our role has powers
    over prod's server and no build login restores in its stead; `builder` is that login, None where there is
    none.
    """

    path: Path
    dumped: bool
    place: Place
    choice: Choice
    archive: Dump | None
    archive_problem: PgpromoteError | None
    manifest: Manifest | None
    sha256: str
    left_out: tuple[LeftOut, ...]
    prod: Prod
    client: Tools | None
    client_problem: PgpromoteError | None
    dev: Dev | None
    source_client_problem: PgpromoteError | None
    commands: tuple[Command, ...] = ()
    links: tuple[Link, ...] = ()
    known: Known = NOTHING
    code: tuple[Code, ...] = ()
    builder: Looked | None = None

    @property
    def target(self) -> Database:
        """Prod."""
        return self.place.target

    @property
    def catalog(self) -> Catalog | None:
        """Prod's catalog, None where prod could not be read."""
        return self.prod.catalog

    @property
    def money_as_stored(self) -> bool:
        """Whether the archive holds money as the server keeps it, and not as dev's lc_monetary writes it."""
        return self.manifest is not None and self.manifest.money_decimals is not None


def no_prod(facts: Facts) -> str:
    """Return the reason why prod's catalog is missing, "" when it is there."""
    return "" if facts.catalog else "prod could not be reached"


def no_archive(facts: Facts) -> str:
    """Return the reason why the archive's entries are missing, "" when they are there."""
    if facts.archive and facts.archive.listed:
        return ""
    if not facts.dumped:
        return "there is no archive yet"
    return "the archive could not be read" if facts.archive_problem else "plain SQL has no list of objects"


def no_manifest(facts: Facts) -> str:
    """Return the reason why no manifest records dev's content, "" when one does."""
    if facts.manifest and not facts.manifest.adopted:
        return ""
    known = "was adopted" if facts.manifest else "has no manifest"
    return no_archive(facts) or f"the archive {known}, so its rows cannot be proven"


def no_client(facts: Facts) -> str:
    """Return the reason why there is no client program to ask, "" when there is one."""
    return "" if facts.client else no_prod(facts) or "no client program fits prod"


def no_source(facts: Facts) -> str:
    """Return the reason why dev could not be asked, "" when it was."""
    if not facts.dev:
        return f"{setting('dev_database_url')} is not set"
    return "dev could not be reached" if facts.dev.problem else ""


def entries(facts: Facts, kind: str) -> Iterator[tuple[TocEntry, Catalog]]:
    """Yield the archive's entries of a kind, each with prod's catalog; none where one of both is missing."""
    if facts.archive and facts.catalog:
        for entry in facts.archive.of_kind(kind):
            yield entry, facts.catalog


def gather(
    path: Path,
    place: Place,
    available: list[Tools],
    choice: Choice,
    *,
    source: Database | None,
    build_login: Database | None,
    dumped: bool,
) -> Facts:
    """Read the file, prod and the client programs; keep every problem as a fact instead of raising it.

    Raises ConfigError only: for filters that name nothing or do not fit the rest, for a schema to reset
    that does not exist.
    """
    _check_scope(path, choice)
    target = place.target
    archive, manifest, sha256, archive_problem = _read_file(path) if dumped else (None, None, "", None)
    chosen = selection.choose(archive, choice.filters, choice.bring) if archive and archive.listed else None
    archive = chosen.archive if chosen else archive
    builds = build_login is not None and choice.strategy.beside
    prod = prods.read(place, archive, manifest, choice, builds=builds)
    version = prod.catalog.identity.version if prod.catalog else None
    client, client_problem = clients.choose(available, version, archive)
    if client and archive and archive.listed and not archive_problem:
        archive_problem = clients.unreadable(path, archive, client, thoroughly=manifest is None)
    dev = devs.read(source, target, prod_answers=prod.catalog is not None) if source else None
    source_version = dev.version if dev else None
    source_client, source_client_problem = clients.choose(available, source_version)
    ends = ((target if prod.catalog else None, client), (source if source_version else None, source_client))
    return Facts(
        path=path,
        dumped=dumped,
        place=place,
        choice=choice,
        archive=archive,
        archive_problem=archive_problem,
        manifest=manifest,
        sha256=sha256,
        left_out=chosen.left_out if chosen else (),
        prod=prod,
        client=client,
        client_problem=client_problem,
        dev=dev,
        source_client_problem=source_client_problem,
        commands=archives.commands_in(path) if archive and not archive.listed and not archive_problem else (),
        links=tuple(links(ends, place.run_id)),
        known=Known(dev.origin if dev else None, prod.last, _origin(target, prod.catalog)),
        code=(*prod.code, *dev_code.in_manifest(manifest)) if prod.powers else (),
        builder=_builder(build_login, place, prod.catalog),
    )


def _builder(login: Database | None, place: Place, catalog: Catalog | None) -> Looked | None:
    return look(login, place, catalog.identity.user) if login and catalog else None


def _check_scope(path: Path, choice: Choice) -> None:
    filters, reset = choice.filters, choice.strategy.reset
    if choice.strategy.empty and (is_plain_sql(path) or filters != EVERYTHING):
        raise ConfigError(
            "A swap replaces the whole database by a whole archive.",
            "Choose the strategy clean for plain SQL, a schema reset or filters.",
        )
    if is_plain_sql(path) and filters != EVERYTHING:
        raise ConfigError(f"Filters cannot limit the plain SQL dump {path}.", "Use an archive, or no filter.")
    if reset and replace(filters, schema_only=False) != EVERYTHING:
        raise ConfigError(
            f"A reset drops the whole schema {reset}, but the filters ({filters}) bring back less.",
            "Reset without filters, or filter without a reset.",
        )


def _read_file(path: Path) -> tuple[Dump | None, Manifest | None, str, PgpromoteError | None]:
    plain = PlainSql(path) if is_plain_sql(path) else None
    try:
        if plain:
            archives.verify_sql(path)
            return plain, None, archives.digest(path), None
        return archives.read(path), archives.read_manifest(path), archives.digest(path), None
    except PgpromoteError as problem:
        return plain, None, "", problem


def _origin(target: Database, catalog: Catalog | None) -> Origin | None:
    return origin.of_source(target, catalog.identity) if catalog else None
