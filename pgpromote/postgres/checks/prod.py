"""The facts about prod for the checks: read in one session, with every problem kept."""

from dataclasses import dataclass

from pgpromote.postgres import disk as disks
from pgpromote.postgres import reset as resets
from pgpromote.postgres import server
from pgpromote.postgres.archives import archive as archives
from pgpromote.postgres.archives import origin
from pgpromote.postgres.archives.origin import Origin
from pgpromote.postgres.checks import access, dev_code
from pgpromote.postgres.checks import catalog as catalogs
from pgpromote.postgres.checks.access import NO_LIMITS, Barred, Limits, NotOurs
from pgpromote.postgres.checks.catalog import Catalog
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.dev_code import Code
from pgpromote.postgres.databases import hold, obstacles, standbys
from pgpromote.postgres.databases.hold import Hold
from pgpromote.postgres.databases.obstacles import Writer
from pgpromote.postgres.databases.standbys import Standby
from pgpromote.postgres.disk import Disk
from pgpromote.postgres.errors import ConnectionFailed, DatabaseMissing, PgpromoteError
from pgpromote.postgres.losses import plausible
from pgpromote.postgres.model import EVERYTHING, Dump, Finding, Manifest, Policy, TocEntry
from pgpromote.postgres.place import Place
from pgpromote.postgres.reset import Reset
from pgpromote.postgres.rows import members
from pgpromote.postgres.server import Session


@dataclass(frozen=True)
class Prod:
    """The facts that are read in one session in prod."""

    catalog: Catalog | None = None
    reset: Reset | None = None
    obstacles: tuple[Finding, ...] = ()
    writers: tuple[Writer, ...] = ()
    undumpable: tuple[str, ...] = ()
    barred: tuple[Barred, ...] = ()
    not_ours: tuple[NotOurs, ...] = ()
    barred_in_prod: tuple[Barred, ...] = ()
    lost_in_extensions: tuple[Finding, ...] = ()
    limits: Limits = NO_LIMITS
    standbys: tuple[Standby, ...] = ()
    last: Origin | None = None
    implausible: tuple[Finding, ...] = ()
    powers: tuple[str, ...] = ()
    code: tuple[Code, ...] = ()
    problem: PgpromoteError | None = None
    held: Hold | None = None
    disk: Disk | None = None


def read(
    place: Place, archive: Dump | None, manifest: Manifest | None, choice: Choice, *, builds: bool
) -> Prod:
    """Read prod; one that cannot be reached is a problem, not an error.

    `builds`: a separate login builds beside it, and none of the archive's code runs as ours.
    """
    target, replaces = place.target, choice.replaces or choice.strategy.empty
    dropped = _dropped(archive, choice.strategy.reset) if archive and choice.replaces else []
    try:
        with server.connect(target, place.run_id) as session:
            powers = dev_code.powers(session)
            runs = powers and not builds
            return Prod(
                catalog=catalogs.read(session, dropped, choice.strategy.reset),
                reset=_reset(session, archive, choice.strategy.reset),
                obstacles=tuple(
                    obstacles.find(session, obstacles.side(session, session.info.dbname), allow=choice.allow)
                ),
                writers=obstacles.writers(session),
                undumpable=access.undumpable(session) if choice.saves_prod else (),
                barred=_barred(session, archive, choice) if archive and replaces else (),
                not_ours=_not_ours(session, archive, choice) if archive and replaces else (),
                barred_in_prod=access.barred_in(session) if choice.saves_prod else (),
                lost_in_extensions=_lost_in_extensions(session, manifest, choice),
                limits=access.limits(session, _only_filled(archive, replaces=replaces) if archive else []),
                standbys=standbys.read(session),
                last=origin.last_promoted(session, target.name),
                held=hold.find(session, session.info.dbname),
                implausible=_implausible(session, archive, manifest, choice) if archive else (),
                powers=powers,
                code=dev_code.find(archive, session) if runs and archive and archive.listed else (),
                disk=disks.look(session, target),
            )
    except DatabaseMissing as problem:
        return Prod(problem=obstacles.missing(place, problem))
    except ConnectionFailed as problem:
        return Prod(problem=problem)


def _reset(session: Session, archive: Dump | None, schema: str) -> Reset | None:
    return resets.plan(session, schema, catalogs.brought_by(archive)) if schema else None


def _implausible(
    session: Session, archive: Dump, manifest: Manifest | None, choice: Choice
) -> tuple[Finding, ...]:
    return plausible.find(
        session,
        archive=archive,
        manifest=manifest,
        filters=choice.filters,
        bounds=choice.bounds,
        strategy=choice.strategy,
    )


def _dropped(archive: Dump, reset: str) -> list[TocEntry]:
    """Return the entries dropped one by one: all but those that a schema reset has dropped before."""
    return [
        entry
        for entry in archives.restorable(archive)
        if not reset or reset not in {entry.schema, entry.tag if entry.kind == "SCHEMA" else ""}
    ]


def _only_filled(archive: Dump, *, replaces: bool) -> list[tuple[str, str]]:
    """Return the tables that get rows and are not made anew."""
    made = {(entry.schema, entry.tag) for entry in archive.of_kind("TABLE")} if replaces else set()
    filled = {(entry.schema, entry.tag) for entry in archive.of_kind("TABLE DATA")}
    return sorted(filled - made)


def _barred(session: Session, archive: Dump, choice: Choice) -> tuple[Barred, ...]:
    return access.barred(session, access.given(archive)) if choice.rights is Policy.SOURCE else ()


def _not_ours(session: Session, archive: Dump, choice: Choice) -> tuple[NotOurs, ...]:
    """Return the objects that keep their owner, and in place those that are replaced."""
    if choice.rights is not Policy.KEEP and not choice.replaces:
        return ()
    return access.not_ours(session, archive.entries, public=choice.strategy.empty)


def _lost_in_extensions(session: Session, manifest: Manifest | None, choice: Choice) -> tuple[Finding, ...]:
    if manifest is None or choice.filters != EVERYTHING:
        return ()
    same_encoding = server.identify(session).encoding == manifest.encoding
    return tuple(members.lost(manifest, session, restored=False, hashed=same_encoding))
