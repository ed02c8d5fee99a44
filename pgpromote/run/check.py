"""Check everything before prod is touched, and predict the losses of prod."""

from contextlib import suppress
from dataclasses import replace

from pgpromote.postgres.checks import adopt as taking
from pgpromote.postgres.checks import preflight
from pgpromote.postgres.checks.preflight import Report
from pgpromote.postgres.errors import ConnectionFailed, PgpromoteError
from pgpromote.postgres.keys import repair
from pgpromote.postgres.losses import fingerprint, plan
from pgpromote.postgres.losses.plan import Plan
from pgpromote.postgres.model import Aim
from pgpromote.promotion import Promotion
from pgpromote.run import died, safeguard
from pgpromote.run.options import Options
from pgpromote.run.run import Run, needed
from pgpromote.run.state import Checked, State


def check(run: Run) -> State:
    """Take the promotion lock, run every check for the archive, and predict the losses of prod.

    A prod that cannot be reached fails its check by name; without the lock nothing else is allowed. A refusal
    has its losses, too, as far as they can be told: whoever overrides a check has to know them. Raises
    Refused when a check forbids the promotion, or when prod is not as the expected plan has shown it.
    """
    try:
        run.lock()
    except ConnectionFailed:
        report = look(run.promotion, run.options, run.run_id)
        if report.clearance:
            raise
    else:
        run.stack.enter_context(run.promotion.store.reading(run.archive_path))
        run.keep(replace(run.state, died=died.found(run.promotion, run.run_id)))
        if run.options.adopt:
            taking.take(run.archive_path, run.tools, run.promotion.name, store=run.promotion.store)
        report = look(run.promotion, run.options, run.run_id)
    run.keep(_checked(run.state, report))
    if report.aim and not report.clearance:
        with suppress(PgpromoteError):  # the reasons of the refusal are what counts
            run.keep(replace(run.state, plan=preview(report.aim, run)))
    run.clearance = report.cleared()
    if run.clearance.archive.listed:
        tables = run.clearance.archive.of_kind("TABLE")
        repair.check_exclusions(run.options.repair_exclude, ((t.schema, t.tag) for t in tables))
    check_plan(run)
    return replace(run.state, plan=preview(run.clearance, run))


def look_ahead(run: Run) -> None:
    """Run the checks that need no archive, before one is made. Raises Refused."""
    report = look(run.promotion, run.options, run.run_id, dumped=False)
    if report.errors:
        run.keep(_checked(run.state, report))
        raise report.refusal()


def look(promotion: Promotion, options: Options, run_id: str, *, dumped: bool = True) -> Report:
    """Run every check without the lock, and keep nothing; before the dump, those that need no archive."""
    path = options.archive_path or (promotion.own_archive() if dumped else promotion.archive_path)
    return preflight.examine(
        promotion.store.local(path),
        promotion.place(run_id),
        promotion.tools(),
        safeguard.choice(promotion, options),
        source=promotion.optional_source(),
        build_login=promotion.build_login(),
        dumped=dumped,
    )


def preview(aim: Aim, run: Run) -> Plan:
    """Return the predicted losses of prod."""
    return plan.preview(aim, aim.manifest, run.target, run.run_id)


def check_plan(run: Run) -> None:
    """Compare prod and the archive with the plan that a person expects. Raises Refused."""
    if run.options.expect_plan:
        fingerprint.check(run.options.expect_plan, needed(run.clearance), run.target, run.tools, run.run_id)


def _checked(state: State, report: Report) -> State:
    checked = Checked(report.checks, report.findings, dict(report.skipped), report.answers)
    sha256 = report.clearance.sha256 if report.clearance else ""
    failure = "" if report.clearance else str(report.refusal())
    manifest = report.aim.manifest if report.aim else None
    return replace(state, checked=checked, sha256=sha256, manifest=manifest, failure=failure)
