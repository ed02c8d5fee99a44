"""What leads back from a change of prod in place: its archive, and whether that could be brought back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pgpromote.options import Options
from pgpromote.postgres import dump, handover, previous, restore, safety
from pgpromote.postgres import shadow as shadows
from pgpromote.postgres.archive import LARGE_OBJECT_KINDS
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.model import Archive, Clearance, Finding, Severity
from pgpromote.postgres.preflight import Report
from pgpromote.postgres.restore import OnLine
from pgpromote.postgres.server import Database, now
from pgpromote.postgres.tools import Tools
from pgpromote.promotion import Promotion

RULE = "safety_archive"
HINT = "Remove the cause in prod and start again; without the safety archive's way back a failure stays."


def take(
    promotion: Promotion, options: Options, tools: list[Tools], run_id: str, on_line: OnLine
) -> Path | None:
    """Dump prod before it is overwritten, if wanted, and mark that it will be; return the archive."""
    target, agreed = promotion.target(), promotion.lock_database
    taken, path = now(target.at(agreed), run_id), None
    if options.safety_archive:
        path = safety.path(promotion.safety_dir, target.name, taken)
        dump.dump(target, path, tools, run_id, name=promotion.name, of_prod=True, on_line=on_line)
    previous.mark_overwritten(target, taken, run_id, agreed=agreed)
    return path


def doubts(
    report: Report, target: Database, tools: list[Tools], run_id: str, *, agreed: str
) -> tuple[Finding, ...]:
    """Say what would keep a rollback from bringing a safety archive back, as warnings.

    `report` holds what the checks say of it. Where they allow it, its definitions, owners and grants are
    tried in a database beside prod, which takes about a second; rows are not.
    """
    if report.clearance is None:
        return tuple(_doubts(report))
    try:
        _try(report.clearance, target, tools, run_id, agreed)
    except PgpromoteError as error:
        message = f"A rollback to what prod is now would fail. {error.message}"
        return (Finding(RULE, Severity.WARNING, target.name, message, HINT),)
    return ()


def _doubts(report: Report) -> Iterator[Finding]:
    for found in report.findings:
        if found.severity is Severity.ERROR:
            yield replace(found, rule=RULE, severity=Severity.WARNING)


def _try(clearance: Clearance, target: Database, tools: list[Tools], run_id: str, agreed: str) -> None:
    made = shadows.create(target, run_id, agreed=agreed)
    try:
        beside = made.at(target)
        trial = replace(clearance, archive=_definitions(clearance.archive)).into(beside.label, made.oid)
        restore.create_extensions(trial, beside, run_id)
        restore.restore(trial, beside, tools, run_id)
        handover.give(trial, beside, tools, run_id)
    finally:
        shadows.drop(target, made.name, run_id, agreed=agreed)


def _definitions(archive: Archive | None) -> Archive | None:
    """Leave out rows and large objects, with what is said of these."""
    return archive and replace(
        archive,
        entries=tuple(
            entry
            for entry in archive.entries
            if entry.section != "data"
            and entry.kind not in LARGE_OBJECT_KINDS
            and not entry.tag.startswith("LARGE OBJECT")
        ),
    )
