"""The origin of an archive: its promotion, its source database and that database's server."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pgpromote.postgres.databases import mark
from pgpromote.postgres.databases.mark import Kind
from pgpromote.postgres.model import Aim, Archive, Manifest, Ref, Severity
from pgpromote.postgres.naming import option, setting
from pgpromote.postgres.server import Database, Identity, Session

Said = Iterator[tuple[Severity, str, str, str]]


@dataclass(frozen=True)
class Origin:
    """A database that archives are dumped from.

    `alias` is the name by which it was connected to: a pooler may have its own. `promotion` is the one that
    dumped it, `label` locates the database as a URL does. "" and None: not known.
    """

    database: str
    alias: str = ""
    system_identifier: str = ""
    oid: int | None = None
    promotion: str = ""
    label: str = ""

    @property
    def id(self) -> str:
        """The server's system identifier and the database's OID: `7412345678901234567/16384`."""
        return f"{self.system_identifier}/{self.oid or ''}".rstrip("/")

    def text(self) -> str:
        """Return the origin in one line, for the mark of a database."""
        return f"{self.system_identifier}/{self.oid or ''}/{self.database}"

    def is_called_as(self, other: "Origin") -> bool:
        """Return whether both are called the same, by any of their names."""
        return not {self.database, self.alias}.isdisjoint({other.database, other.alias} - {""})

    def is_surely(self, other: "Origin") -> bool:
        """Return whether both are one database: on one server; where that is not known, at one place."""
        same = (
            self.system_identifier == other.system_identifier
            if self.system_identifier
            else self.label == other.label != ""
        )
        return same and self.is_called_as(other)

    def differs_from(self, other: "Origin") -> bool:
        """Return whether the known parts of both identify two databases."""
        known = [
            (mine, theirs)
            for mine, theirs in zip(_parts(self), _parts(other), strict=True)
            if mine is not None and theirs is not None
        ]
        return any(mine != theirs for mine, theirs in known)


@dataclass(frozen=True)
class Expected:
    """The archives that a promotion accepts: of its own name, of one source, and of one digest.

    `source_id` is a system identifier, or one with the database's OID: `7412345678901234567/16384`. "" is
    any, as for `sha256`, the digest of the file that one run asks for.
    """

    promotion: str
    source_id: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Known:
    """The origins known beside the archive's: the configured source, the one of the last promotion, prod.

    `configured` has the name of its URL alone when it does not answer.
    """

    configured: Origin | None = None
    last: Origin | None = None
    prod: Origin | None = None


NOTHING = Known()


def of_archive(archive: Archive, manifest: Manifest | None) -> Origin:
    """Return the origin of an archive; without a manifest only the database's name is known."""
    connected = archive.source_database
    if manifest is None:
        return Origin(connected, connected)
    return Origin(
        database=manifest.source_database or connected,
        alias=connected,
        system_identifier=manifest.system_identifier,
        oid=manifest.source_oid,
        promotion=manifest.promotion if manifest.run_id else "",
        label=manifest.source,
    )


def text_of(aim: Aim) -> str | None:
    """Return an archive's origin as text, for the mark of the database it replaces; None for plain SQL."""
    return of_archive(aim.archive, aim.manifest).text() if aim.archive.listed else None


def of_source(source: Database, identity: Identity | None = None) -> Origin:
    """Return the configured database as an origin; one that does not answer has a name only."""
    if identity is None:
        return Origin(source.name, source.name, label=source.label)
    return Origin(
        identity.database,
        source.name,
        identity.system_identifier,
        identity.database_oid,
        label=source.label,
    )


def last_promoted(session: Session, prod: str) -> Origin | None:
    """Return the origin of prod's content, as far as the marks of the databases before it record it."""
    marked = mark.find(session, prod, Kind.PREVIOUS)
    followed = (found.mark.followed for found in marked)
    origins = (read(each.source) for each in followed if each and each.source)
    return next((origin for origin in origins if origin), None)


def read(text: str) -> Origin | None:
    """Parse the text of `Origin.text`; return None for any other text."""
    system_identifier, _, rest = text.partition("/")
    oid, slash, database = rest.partition("/")
    if not (slash and database and (oid.isdecimal() or not oid)):
        return None
    return Origin(database, database, system_identifier, int(oid) if oid else None)


def judge(path: Ref, archive: Origin, expected: Expected, known: Known, allow: Collection[str]) -> Said:
    """Yield the reasons to refuse an archive for its origin.

    An archive of prod itself is always accepted. A reason that a person allows by name is a warning.
    """
    if known.prod and archive.is_surely(known.prod):
        return
    if other := other_promotion(path, archive, expected):
        yield _severity(archive.promotion, allow), archive.promotion, *other
    source = known.configured or known.last
    if source and not archive.is_called_as(source):
        message = f"{path} was dumped from the database {archive.database}; {_told(source, known)}."
        hint = (
            f"Take an archive of {source.database}; or, if it is meant: {option('allow', archive.database)}"
        )
        yield _severity(archive.database, allow), archive.database, message, hint
    elif expected.source_id:
        yield from _pinned(path, archive, expected.source_id, allow)
    elif source:
        yield from _rebuilt(path, archive, known)
    else:
        message = (
            f"Nothing tells whether prod comes from {archive.database}, as {path} does: "
            f"{setting('dev_database_url')} is not set, and no database beside prod says where prod came "
            "from."
        )
        yield Severity.INFO, archive.database, message, ""


def exchanged(came_from: Origin, known: Known, allow: Collection[str]) -> Said:
    """Yield the reason to refuse a source that was promoted from prod itself: the wrong way round.

    It is a warning where a person allows it, and where prod was promoted from this source, too.
    """
    dev, prod = known.configured, known.prod
    if not dev or not prod or not came_from.is_surely(prod):
        return
    both_ways = known.last is not None and known.last.is_surely(dev)
    message = (
        f"{dev.database} was itself promoted from {prod.database}, which this promotion would replace: it "
        "would go the wrong way."
    )
    hint = (
        f"Exchange {setting('dev_database_url')} and {setting('prod_database_url')}; or, if it is meant: "
        f"{option('allow', dev.database)}"
    )
    severity = Severity.WARNING if both_ways else _severity(dev.database, allow)
    yield severity, dev.database, message, hint


def other_promotion(path: Ref, archive: Origin, expected: Expected) -> tuple[str, str] | None:
    """Return message and hint for an archive of another promotion; None when it names no other."""
    if archive.promotion in {"", expected.promotion}:
        return None
    message = f"{path} is an archive of the promotion {archive.promotion}, not of {expected.promotion}."
    hint = (
        f"Take one of {expected.promotion}; where both are one, set {setting('name')}={expected.promotion} "
        f"for the dump, too; or, if it is meant: {option('allow', archive.promotion)}"
    )
    return message, hint


def _pinned(path: Ref, archive: Origin, wanted: str, allow: Collection[str]) -> Said:
    """Yield a reason unless the archive is of the source that a setting names.

    An archive that records no origin does not match.
    """
    if wanted in {archive.system_identifier, archive.id}:
        return
    present, demand = archive.id or "no identifier", setting("source_id")
    message = f"{path} was dumped from {archive.database} of {present}; {demand} demands {wanted}."
    correct = f"If dev was rebuilt, set {demand}={archive.id}" if archive.id else "Dump it again"
    hint = f"{correct}; or, if it is meant: {option('allow', archive.database)}"
    yield _severity(archive.database, allow), archive.database, message, hint


def _rebuilt(path: Ref, archive: Origin, known: Known) -> Said:
    """Compare with the source as it is now; with the one of the last promotion when it does not answer."""
    now, last = known.configured, known.last
    other = now if now and now.system_identifier else last
    if other and archive.is_called_as(other) and archive.differs_from(other):
        where = "dev is" if other is now else "prod was last promoted from"
        message = (
            f"{path} was dumped from {archive.database} of {archive.id}, and {where} {other.database} of "
            f"{other.id}: dev was rebuilt or moved, or it is another one of that name."
        )
        demand = setting("source_id")
        hint = f"To refuse any but one, set {demand}, such as {demand}={other.id}"
        yield Severity.WARNING, archive.database, message, hint


def _parts(origin: Origin) -> tuple[str | None, int | None]:
    return origin.system_identifier or None, origin.oid


def _told(source: Origin, known: Known) -> str:
    if known.configured:
        return f"{setting('dev_database_url')} names {source.alias or source.database}"
    return f"prod was last promoted from {source.database}"


def _severity(name: str, allow: Collection[str]) -> Severity:
    return Severity.WARNING if name in allow else Severity.ERROR
