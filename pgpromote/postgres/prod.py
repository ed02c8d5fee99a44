"""What prod is, as the checks need it: read in one session, with every problem kept."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from pgpromote.postgres import (
    access,
    dev_code,
    hold,
    members,
    obstacles,
    origin,
    server,
    standbys,
)
from pgpromote.postgres import archive as archives
from pgpromote.postgres import catalog as catalogs
from pgpromote.postgres import disk as disks
from pgpromote.postgres import reset as resets
from pgpromote.postgres.access import NO_LIMITS, Barred, Limits
from pgpromote.postgres.catalog import Catalog
from pgpromote.postgres.dev_code import Code
from pgpromote.postgres.disk import Disk
from pgpromote.postgres.errors import ConnectionFailed, PgpromoteError
from pgpromote.postgres.hold import Hold
from pgpromote.postgres.model import Archive, Finding, Manifest, Policy, TocEntry
from pgpromote.postgres.obstacles import Writer
from pgpromote.postgres.origin import Origin
from pgpromote.postgres.reset import Reset
from pgpromote.postgres.server import Database, Session
from pgpromote.postgres.standbys import Standby


@dataclass(frozen=True)
class Prod:
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
    standbys: tuple[Standby, ...] = ()
    last: Origin | None = None
    implausible: tuple[Finding, ...] = ()
    powers: tuple[str, ...] = ()
    code: tuple[Code, ...] = ()
    problem: PgpromoteError | None = None
    held: Hold | None = None
    disk: Disk | None = None


def read(
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
    implausible: Callable[[Session], tuple[Finding, ...]],
    build_login: bool,
) -> Prod:
    """Read prod; one that cannot be reached is a problem, not an error."""
    try:
        with server.connect(target, promotion) as session:
            powers = dev_code.powers(session)
            return Prod(
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
                standbys=standbys.read(session),
                last=origin.last_promoted(session, target.name),
                held=hold.find(session, session.info.dbname),
                implausible=implausible(session),
                powers=powers,
                code=dev_code.find(archive, session) if archive and powers and not build_login else (),
                disk=disks.look(session, target),
            )
    except ConnectionFailed as problem:
        return Prod(problem=problem)


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
