"""Make the place for the new content: a database beside prod, or prod itself after a safety archive."""

from dataclasses import replace

from pgpromote.postgres import reset
from pgpromote.postgres.checks import catalog
from pgpromote.postgres.databases import shadow as shadows
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.losses import counts
from pgpromote.postgres.model import Finding, Ref
from pgpromote.postgres.rights import carry
from pgpromote.postgres.server import connect
from pgpromote.run import building, died, safeguard
from pgpromote.run.check import look
from pgpromote.run.options import bringing_back
from pgpromote.run.run import Run, needed
from pgpromote.run.state import Prepared, State


def prepare(run: Run) -> State:
    """Drop the remains of dead promotions, make the place for the new content, and create its extensions."""
    clearance, beside = needed(run.clearance), run.options.strategy.beside
    _close_dead(run)
    before = counts.read(run.target, run.run_id, run.state.plan.rows if run.state.plan else {})
    swept = shadows.drop_orphans(run.place)
    warnings, taken, login = swept.findings, None, run.promotion.build_login()
    if beside:
        clearance = clearance.into(run.make_shadow().at(run.target).label, needed(run.shadow).oid)
    else:
        run.rights, login = carry.read(run.target, run.run_id), None
        taken = safeguard.take(run.promotion, run.options, run.tools, run.run_id, run.on_line)
        warnings += _doubts(run, taken) if taken else ()
    name = run.shadow.name if run.shadow else ""
    prepared = Prepared(swept.dropped, name, taken, (), warnings)
    run.keep(replace(run.state, before=before, prepared=prepared))
    run.build = building.begin(clearance, run.database, login, run.place)
    run.clearance = run.build.clearance
    return replace(run.state, prepared=replace(prepared, extensions=run.clearance.create_extensions))


def _close_dead(run: Run) -> None:
    try:
        died.close(run.promotion, run.run_id)
    except PgpromoteError as problem:  # their states cannot be written
        run.problems.append(str(problem))


def reset_schema(run: Run) -> State:
    """Drop and recreate the schema of prod that the strategy names."""
    cleared, strategy = needed(run.clearance), run.options.strategy
    with connect(run.target, run.run_id) as session:
        brought = catalog.brought_by(cleared.archive)
        planned = reset.plan(session, strategy.reset, brought)
        allowed = run.options.allow_data_loss_outside
        done = reset.reset(session, planned, brought, allow_data_loss_outside=allowed)
    return replace(run.state, reset=done)


def _doubts(run: Run, taken: Ref) -> tuple[Finding, ...]:
    """Return the obstacles to a rollback to the safety archive; its definitions are tried."""
    report = look(run.promotion, bringing_back(taken, run.options.allow), run.run_id)
    return safeguard.doubts(report, run.place, run.tools)
