"""The steps inside `prod_schema`. Each reads its state from the servers and the archive again."""

from dataclasses import dataclass

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.defs.config import RestoreConfig
from pgpromote.defs.failures import readable
from pgpromote.defs.step import (
    AFTER,
    DONE,
    Events,
    check_output,
    check_result,
    examine,
    log_findings,
    log_statements,
    run_of,
    to_stdout,
)
from pgpromote.defs.swap import build_create_shadow, build_cut_over, take_over_rights
from pgpromote.postgres import archive, catalog, checks, prove, repair, reset, restore
from pgpromote.postgres.server import connect

PROOFS = {
    "objects": "Everything that the archive brings is there, and works as it did on dev.",
    "contents": "Every table holds the rows that were dumped.",
    "rights_kept": "Every role can do what it could before, and nobody gains anything (strategy swap).",
}


@dataclass(frozen=True)
class Steps:
    """The ops of one promotion, named with its prefix."""

    check_extensions: dg.OpDefinition
    create_shadow: dg.OpDefinition
    reset_schema: dg.OpDefinition
    parallel_restore: dg.OpDefinition
    repair_primary_key_identities: dg.OpDefinition
    prove: dg.OpDefinition
    cut_over: dg.OpDefinition

    def all(self) -> tuple[dg.OpDefinition, ...]:
        """Return every op, in the order in which they run."""
        return (
            self.check_extensions,
            self.create_shadow,
            self.reset_schema,
            self.parallel_restore,
            self.repair_primary_key_identities,
            self.prove,
            self.cut_over,
        )


def build_steps(prefix: str) -> Steps:
    """Build the ops of one promotion. Op names are unique in a code location, hence the prefix."""
    return Steps(
        _check_extensions(prefix),
        build_create_shadow(prefix),
        _reset_schema(prefix),
        _parallel_restore(prefix),
        _repair_primary_key_identities(prefix),
        _prove(prefix),
        build_cut_over(prefix),
    )


def _check_extensions(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}check_extensions",
        description="Check everything before prod is touched, then create the extensions it lacks.",
        ins={"after": AFTER},
        out={"cleared": DONE, **{check_output(name): DONE for name in checks.RULES}},
        required_resource_keys={f"{prefix}run"},
    )
    def check_extensions(context: dg.OpExecutionContext, config: RestoreConfig) -> Events:
        run = run_of(context, prefix)
        with readable():
            report = examine(run, config)
            log_findings(context, report.findings)
            for name in report.checks:
                yield check_result(name, report.of(name))
            clearance = report.cleared()
            if clearance.archive:
                tables = clearance.archive.of_kind("TABLE")
                repair.check_exclusions(config.repair_exclude, ((t.schema, t.tag) for t in tables))
            created = (
                restore.create_extensions(clearance, run.promotion.target(), run.run_id)
                if clearance.in_place
                else ()
            )
            log_statements(context, created)
        yield dg.Output(None, "cleared", metadata={"created": metadata.statements(created)})

    return check_extensions


def _reset_schema(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}reset_schema",
        description="Drop and recreate a schema, only when asked to.",
        ins={"after": AFTER},
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def reset_schema(context: dg.OpExecutionContext, config: RestoreConfig) -> None:
        if not config.reset_schema:
            context.log.info("No reset was asked for: the restore replaces object by object.")
            return
        run = run_of(context, prefix)
        with readable():
            examine(run, config).cleared()
            with connect(run.promotion.target(), run.run_id) as session:
                plan = reset.plan(session, config.reset_schema)
                log_findings(context, plan.outside)
                done = reset.reset(session, plan, allow_data_loss_outside=config.allow_data_loss_outside)
        log_statements(context, done.statements)
        context.add_output_metadata(
            {
                "outside the schema": metadata.findings(done.outside),
                "statements": metadata.statements(done.statements),
            }
        )

    return reset_schema


def _parallel_restore(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}parallel_restore",
        description="Run pg_restore with parallel jobs; any error it reports fails the step.",
        ins={"after": AFTER},
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def parallel_restore(context: dg.OpExecutionContext, config: RestoreConfig) -> None:
        run = run_of(context, prefix)
        with readable():
            clearance = run.into(examine(run, config).cleared())
            if clearance.archive is None:
                context.log.warning("Plain SQL: one connection and one transaction, slower and not parallel.")
            done = restore.restore(
                clearance,
                run.database(),
                run.promotion.tools(),
                run.run_id,
                jobs=config.jobs,
                on_line=to_stdout,
            )
        context.log.info(
            f"Restored {done.path} into {done.target} in {done.seconds} s with {done.jobs} jobs."
        )
        context.add_output_metadata(
            {
                "seconds": done.seconds,
                "jobs": done.jobs,
                "sha256": done.sha256,
                "objects by kind": metadata.counts(done.counts),
                "warnings": metadata.table(("warning",), [(line,) for line in done.warnings]),
            }
        )

    return parallel_restore


def _repair_primary_key_identities(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}repair_primary_key_identities",
        description="Give integer primary keys their identity and move sequences past the highest key.",
        ins={"after": AFTER},
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def repair_primary_key_identities(context: dg.OpExecutionContext, config: RestoreConfig) -> None:
        run = run_of(context, prefix)
        target = run.database()
        with readable():
            run.lock()
            repaired = repair.repair(target, run.run_id, exclude=config.repair_exclude, really=False)
            log_statements(context, repaired.statements)
            if config.repair == "fix":
                repaired = repair.repair(target, run.run_id, exclude=config.repair_exclude)
        run.repaired = repaired
        context.add_output_metadata(metadata.repair(repaired))

    return repair_primary_key_identities


def _prove(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}prove",
        description="Compare the rows of every restored table with what was dumped.",
        ins={"after": AFTER},
        out={"proven": DONE, **{check_output(name): DONE for name in PROOFS}},
        required_resource_keys={f"{prefix}run"},
    )
    def prove_contents(context: dg.OpExecutionContext, config: RestoreConfig) -> Events:
        run = run_of(context, prefix)
        target, path = run.database(), run.archive_path(config.archive_path)
        with readable():
            clearance = examine(run, config).cleared()
            manifest = archive.read_manifest(path)
            proof = prove.prove(clearance, manifest, target, run.run_id, config.proof)
            if run.shadow:
                restore.analyze(target, run.run_id)
                proof = proof.with_findings(take_over_rights(context, run))
            log_findings(context, proof.findings)
            for name in PROOFS:
                yield check_result(name, proof.of(name))
            proof.proven()
            with connect(target, run.run_id) as session:
                rows = catalog.count_rows(session)
        run.described = {
            "dagster/row_count": dg.MetadataValue.int(sum(rows.values())),
            "target": dg.MetadataValue.text(run.promotion.target().label),
            "archive": dg.MetadataValue.path(path),
            "sha256": dg.MetadataValue.text(clearance.sha256),
            **_durations(context, prefix),
            **metadata.proof(proof),
            **metadata.scope(config.filters()),
            **(metadata.repair(run.repaired) if run.repaired else {}),
            "rows by table": metadata.table(("table", "rows"), list(rows.items())),
        }
        yield dg.Output(None, "proven")

    return prove_contents


def _durations(context: dg.OpExecutionContext, prefix: str) -> metadata.Metadata:
    """Read how long the restore step took from the run's own record: steps share nothing else."""
    for step in context.instance.get_run_step_stats(context.run.run_id):
        if step.step_key.endswith(f"{prefix}parallel_restore") and step.start_time and step.end_time:
            return {"restore (seconds)": dg.MetadataValue.float(round(step.end_time - step.start_time, 3))}
    return {}
