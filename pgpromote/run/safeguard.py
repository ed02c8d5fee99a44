"""Safeguards of prod: a check for losses of dev, and a safety archive of prod for a rollback."""

from collections.abc import Iterator
from dataclasses import replace

from pgpromote.postgres import dump
from pgpromote.postgres.archives import archive as archives
from pgpromote.postgres.archives import origin, safety, selection
from pgpromote.postgres.archives.archive import LARGE_OBJECT_KINDS
from pgpromote.postgres.archives.plain_sql import is_plain_sql
from pgpromote.postgres.checks.choice import Choice
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.databases import mark, previous
from pgpromote.postgres.databases import shadow as shadows
from pgpromote.postgres.databases.mark import Provenance
from pgpromote.postgres.errors import PgpromoteError, Refused
from pgpromote.postgres.loading import restore
from pgpromote.postgres.losses import baseline, plausible
from pgpromote.postgres.losses.plausible import Bounds
from pgpromote.postgres.model import Clearance, Dump, Finding, Ref, Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.rights import handover
from pgpromote.postgres.server import connect
from pgpromote.postgres.tools import OnLine, Tools
from pgpromote.promotion import Promotion
from pgpromote.run.options import Options
from pgpromote.run.run import Run

RULE = "safety_archive"
HINT = "Remove the cause in prod and start again; without the safety archive's way back a failure stays."


def bounds(promotion: Promotion, options: Options) -> Bounds | None:
    """Return the bounds on losses of dev; None for a way back, which may hold less on purpose."""
    accepted = (*promotion.bounds.accepted, *options.accept_loss)
    known = replace(promotion.bounds, accepted=accepted, named=options.accept_loss)
    return None if options.way_back else known


def choice(promotion: Promotion, options: Options) -> Choice:
    """Return the choices for the checks, from a run's options and the promotion's settings."""
    return Choice(
        strategy=options.strategy,
        allow_data_loss_outside=options.allow_data_loss_outside,
        filters=options.filters,
        rights=options.rights,
        bring=frozenset(options.bring),
        allow=frozenset(options.allow),
        safety_archive=options.safety_archive,
        despite_hold=options.despite_hold or options.way_back,
        restore_as_superuser=options.restore_as_superuser or promotion.restore_as_superuser,
        bounds=bounds(promotion, options),
        expected=promotion.expected(options.sha256),
    )


def implausible(promotion: Promotion, options: Options, run_id: str) -> tuple[Finding, ...]:
    """Return the losses of dev that nobody accepts, before all checks; empty when they cannot be read.

    The checks then report why.
    """
    path = options.archive_path or promotion.archive_path
    if is_plain_sql(path):
        return ()
    try:
        held, manifest = archives.read(promotion.store.local(path)), promotion.store.manifest(path)
        chosen = selection.choose(held, options.filters, frozenset(options.bring))
        with connect(promotion.target(), run_id) as session:
            found = plausible.find(
                session,
                archive=chosen.archive,
                manifest=manifest,
                filters=options.filters,
                bounds=bounds(promotion, options),
                strategy=options.strategy,
            )
    except PgpromoteError:
        return ()
    return tuple(each for each in found if each.severity is Severity.ERROR)


def settle(run: Run) -> None:
    """Check the losses of prod once more, now that rows are counted; note the provenance of the new prod.

    An archive without a manifest does not say before how many rows it brings. Raises Refused.
    """
    allowed, state = bounds(run.promotion, run.options), run.state
    if allowed and run.clearance and run.shadow and state.before and state.after and state.proof:
        place, held = run.place, state.after.rows
        with (
            connect(place.target, place.run_id, autocommit=True) as prod,
            connect(run.shadow.at(place.target), place.run_id, autocommit=True) as shadow,
        ):
            found = plausible.find_restored(prod, state.before.rows, shadow, held, allowed)
            noted = baseline.take(shadow, held, run.clearance.manifest, state.proof.compared)
        if any(each.severity is Severity.ERROR for each in found):
            raise Refused(found)
        baseline.keep(noted, place, run.shadow.name)


def take(
    promotion: Promotion, options: Options, tools: list[Tools], run_id: str, on_line: OnLine
) -> Ref | None:
    """Dump prod before it is overwritten, if wanted, and mark that it will be; return the archive."""
    place = promotion.place(run_id)
    target, taken, path = place.target, place.now(), None
    store, name = promotion.store, promotion.name
    if options.safety_archive:
        path = safety.path(promotion.safety_dir, target.name, taken, store=store)
        dump.dump(target, path, tools, run_id, store=store, name=name, of_prod=True, on_line=on_line)
    previous.mark_overwritten(place, taken)
    return path


def doubts(report: Report, place: Place, tools: list[Tools]) -> tuple[Finding, ...]:
    """Return the obstacles to a rollback to a safety archive, as warnings.

    `report` holds the checks of that archive. If they allow it, its definitions, owners and grants are tried
    in a database beside prod, which takes about a second; rows are not.
    """
    if report.clearance is None:
        return tuple(_doubts(report))
    try:
        _try(report.clearance, place, tools)
    except PgpromoteError as error:
        message = f"A rollback to what prod is now would fail. {error.message}"
        return (Finding(RULE, Severity.WARNING, place.target.name, message, HINT),)
    return ()


def _doubts(report: Report) -> Iterator[Finding]:
    for found in report.findings:
        if found.severity is Severity.ERROR:
            yield replace(found, rule=RULE, severity=Severity.WARNING)


def _try(clearance: Clearance, place: Place, tools: list[Tools]) -> None:
    made, run_id = shadows.create(place), place.run_id
    try:
        beside = made.at(place.target)
        trial = replace(clearance, archive=_definitions(clearance.archive)).into(beside.label, made.oid)
        restore.create_extensions(trial, beside, run_id)
        restore.restore(trial, beside, tools, run_id)
        handover.give(trial, beside, tools, run_id)
    finally:
        shadows.drop(place, made.name)


def _definitions(archive: Dump) -> Dump:
    """Return an archive without rows and large objects, and without entries about the latter."""
    if not archive.listed:
        return archive
    return replace(
        archive,
        entries=tuple(
            entry
            for entry in archive.entries
            if entry.section != "data"
            and entry.kind not in LARGE_OBJECT_KINDS
            and not entry.tag.startswith("LARGE OBJECT")
        ),
    )


def provenance(promotion: Promotion, run_id: str, path: Ref, clearance: Clearance) -> Provenance:
    """Return the provenance of the new prod's content, for the mark of the old one."""
    source = origin.text_of(clearance)
    return Provenance(promotion.name, run_id, mark.printable(path.name), clearance.sha256, source=source)
