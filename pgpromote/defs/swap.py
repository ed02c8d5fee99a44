"""The steps that make a promotion atomic: a shadow database beside prod, rights, the cut-over."""

from dataclasses import replace

import dagster as dg

from pgpromote.defs.config import RestoreConfig, RollbackConfig
from pgpromote.defs.failures import readable
from pgpromote.defs.resources import Run
from pgpromote.defs.step import AFTER, DONE, examine, log_findings, log_statements, run_of, to_stdout
from pgpromote.postgres import cutover, previous, restore, rights, shadow
from pgpromote.postgres.errors import CutOverFailed, Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import connect, identify


def build_create_shadow(prefix: str) -> dg.OpDefinition:
    """Build the step that creates the shadow database, only for the strategy swap."""

    @dg.op(
        name=f"{prefix}create_shadow",
        description="Create an empty database beside prod, with prod's locale and the archive's extensions.",
        ins={"after": AFTER},
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def create_shadow(context: dg.OpExecutionContext, config: RestoreConfig) -> None:
        if config.strategy == "clean":
            context.log.info("The strategy is clean: prod's objects are replaced in place.")
            return
        run = run_of(context, prefix)
        target, agreed = run.promotion.target(), run.promotion.lock_database
        with readable():
            clearance = examine(run, config).cleared()
            with connect(target.at(agreed), run.run_id, autocommit=True) as session:
                orphans = shadow.orphans(session, target.name)
            for name in orphans:
                shadow.drop(target, name, run.run_id, agreed=agreed)
                context.log.info(f"Dropped {name}, which a dead promotion had left.")
            run.keep(shadow.create(target, run.run_id, agreed=agreed))
            log_statements(context, restore.create_extensions(clearance, run.database(), run.run_id))
        context.log.info(f"Created {run.database().name}; prod is untouched.")

    return create_shadow


def take_over_rights(context: dg.OpExecutionContext, run: Run) -> tuple[Finding, ...]:
    """Give the shadow prod's ownership and grants, and return what differs afterwards."""
    with connect(run.promotion.target(), run.run_id) as session:
        before = rights.capture(session)
    with connect(run.database(), run.run_id, autocommit=True) as session:
        problems = rights.problems(session, before)
        if any(problem.severity is Severity.ERROR for problem in problems):
            raise Refused(problems)
        rights.carry_over(session, before, lambda statement: to_stdout(statement.sql))
        findings = rights.compare(before, rights.capture(session))
    context.log.info("Gave the new database prod's owners and grants.")
    return tuple(replace(finding, rule="rights_kept") for finding in (*problems, *findings))


def build_cut_over(prefix: str) -> dg.OpDefinition:
    """Build the last step: swap the shadow in as prod, or for the strategy clean only describe prod."""

    @dg.op(
        name=f"{prefix}cut_over",
        description="Swap the proven database in as prod, in one transaction; keep the old one.",
        ins={"after": AFTER},
        out={"result": DONE},
        required_resource_keys={f"{prefix}run"},
    )
    def cut_over(context: dg.OpExecutionContext) -> dg.Output[None]:
        run = run_of(context, prefix)
        with readable():
            swapped = _swap(context, run)
        return dg.Output(None, "result", metadata={**run.described, **swapped})

    return cut_over


def build_rollback(prefix: str) -> dg.OpDefinition:
    """Build the step that swaps a previous database back in."""

    @dg.op(
        name=f"{prefix}rollback",
        description="Swap the previous database back in as prod; what is prod now becomes a previous one.",
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def rollback(context: dg.OpExecutionContext, config: RollbackConfig) -> None:
        run = run_of(context, prefix)
        target, agreed = run.promotion.target(), run.promotion.lock_database
        with readable():
            run.lock()
            done = cutover.rollback(target, run.run_id, name=config.name, agreed=agreed)
        context.log.info(f"Swapped back; the gap was {done.downtime_ms} ms, {done.previous} is kept.")
        context.add_output_metadata({"gap (ms)": float(done.downtime_ms), "previous database": done.previous})

    return rollback


def _swap(context: dg.OpExecutionContext, run: Run) -> dict[str, dg.MetadataValue]:
    if run.shadow is None:
        return {}
    target, agreed = run.promotion.target(), run.promotion.lock_database
    done = cutover.swap(target, run.shadow.name, run.run_id, agreed=agreed)
    with connect(target, run.run_id) as session:
        arrived = identify(session).database_oid == run.shadow.oid
    if not arrived:
        cutover.rollback(target, run.run_id, name=done.previous, agreed=agreed)
        message = f"{target.label} was not the new database after the cut-over, so it was swapped back."
        raise CutOverFailed(message, "Look for another tool that renames databases; then start again.")
    context.log.info(f"Prod is the new database; the gap was {done.downtime_ms} ms, {done.previous} is kept.")
    retained = previous.retain(target, run.run_id, agreed=agreed)
    log_findings(context, retained.findings)
    return {
        "gap (ms)": dg.MetadataValue.float(float(done.downtime_ms)),
        "previous database": dg.MetadataValue.text(done.previous),
        "dropped": dg.MetadataValue.text(", ".join(retained.dropped) or "nothing"),
    }
