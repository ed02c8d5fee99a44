"""The steps inside `prod_schema`: each walks one step of the run, and shows what it did."""

from dataclasses import dataclass

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.defs.config import RestoreConfig
from pgpromote.defs.failures import readable
from pgpromote.defs.step import (
    AFTER,
    DONE,
    Events,
    Progress,
    check_output,
    check_result,
    lines_of,
    log_findings,
    log_statements,
    to_stdout,
    walk_of,
)
from pgpromote.postgres import checks, plan, prove
from pgpromote.recording import record_of

# A check that cannot look has no result.
MAYBE = dg.Out(dg.Nothing, is_required=False)
PREFLIGHT = (*checks.RULES, plan.RULE)


@dataclass(frozen=True)
class Steps:
    """The ops of one promotion, named with its prefix, in the order in which they run."""

    check_extensions: dg.OpDefinition
    create_shadow: dg.OpDefinition
    reset_schema: dg.OpDefinition
    parallel_restore: dg.OpDefinition
    repair_primary_key_identities: dg.OpDefinition
    prove: dg.OpDefinition
    cut_over: dg.OpDefinition

    def all(self) -> tuple[dg.OpDefinition, ...]:
        """Return every op, in the order in which they run."""
        return tuple(vars(self).values())


def build_steps(prefix: str) -> Steps:
    """Build the ops of one promotion. Op names are unique in a code location, hence the prefix."""
    return Steps(
        _check_extensions(prefix),
        _create_shadow(prefix),
        _reset_schema(prefix),
        _parallel_restore(prefix),
        _repair_primary_key_identities(prefix),
        _prove(prefix),
        _cut_over(prefix),
    )


def _check_extensions(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}check_extensions",
        description="Check everything before prod is touched, and show what prod would lose.",
        ins={"after": AFTER},
        out={"cleared": DONE, **{check_output(name): MAYBE for name in PREFLIGHT}},
        required_resource_keys={f"{prefix}run"},
    )
    def check_extensions(context: dg.OpExecutionContext, config: RestoreConfig) -> Events:
        run = walk_of(context, prefix, config).run
        with readable():
            report = run.examine()
            log_findings(context, report.findings)
            # Without a result Dagster shows a check as skipped, which is what it is.
            for name, why in report.skipped.items():
                context.log.info(f"[{name}] skipped: {why}.")
            for name in report.checks:
                if name not in report.skipped:
                    yield check_result(name, report.of(name))
            preview = run.preview(report.cleared())
        log_findings(context, preview.losses)
        yield check_result(plan.RULE, preview.losses)
        skipped = metadata.table(("check", "why"), list(report.skipped.items()))
        shown = {**metadata.preview(preview), **({"skipped checks": skipped} if report.skipped else {})}
        yield dg.Output(None, "cleared", metadata=shown)

    return check_extensions


def _create_shadow(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}create_shadow",
        description="Create an empty database beside prod; in place, dump prod for safety instead.",
        ins={"after": AFTER},
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def create_shadow(context: dg.OpExecutionContext, config: RestoreConfig) -> None:
        walk = walk_of(context, prefix, config)
        with readable():
            prepared = walk.run.create_shadow(lines_of(walk))
        for name in prepared.orphans:
            context.log.info(f"Dropped {name}, which a dead promotion had left.")
        if prepared.shadow:
            context.log.info(f"Created {prepared.shadow}; prod is untouched.")
        elif prepared.safety:
            context.log.info(f"Dumped prod into {prepared.safety}; a rollback brings it back.")
        else:
            context.log.warning("No safety archive of prod was taken: what this run replaces is gone.")
        log_findings(context, prepared.warnings)
        log_statements(context, prepared.extensions)
        context.add_output_metadata({"created": metadata.statements(prepared.extensions)})

    return create_shadow


def _reset_schema(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}reset_schema",
        description="Drop and recreate a schema of prod, only for the strategy reset-schema.",
        ins={"after": AFTER},
        out=DONE,
        required_resource_keys={f"{prefix}run"},
    )
    def reset_schema(context: dg.OpExecutionContext, config: RestoreConfig) -> None:
        with readable():
            done = walk_of(context, prefix, config).run.reset()
        if done is None:
            context.log.info(f"The strategy {config.strategy} resets no schema.")
            return
        log_findings(context, done.outside)
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
        walk = walk_of(context, prefix, config)
        run = walk.run
        if run.archive_path.suffix == ".sql":
            context.log.warning("Plain SQL: one connection and one transaction, slower and not parallel.")
        with readable():
            done = run.restore(lines_of(walk), Progress(context.log.info))
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
        walk = walk_of(context, prefix, config)
        with readable():
            repaired = walk.run.repair()
        log_statements(context, repaired.statements)
        log_findings(context, repaired.findings)
        walk.described |= metadata.repair(repaired)
        context.add_output_metadata(metadata.repair(repaired))

    return repair_primary_key_identities


def _prove(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}prove",
        description="Compare every object and row with what was dumped; beside prod, give the new database "
        "prod's owners and grants, and compare every right.",
        ins={"after": AFTER},
        out={"proven": DONE, **{check_output(name): DONE for name in prove.RULES}},
        required_resource_keys={f"{prefix}run"},
    )
    def prove_all(context: dg.OpExecutionContext, config: RestoreConfig) -> Events:
        walk = walk_of(context, prefix, config)
        run = walk.run
        with readable():
            proof = run.prove(lambda statement: to_stdout(statement.sql))
            log_statements(context, run.restored.filled.statements if run.restored else ())
            log_findings(context, proof.findings)
            for name in prove.RULES:
                yield check_result(name, proof.of(name))
            proof.proven()
        counted = run.after.rows if run.after else {}
        rows = {name: count for name, count in counted.items() if count is not None}
        walk.described |= {
            "dagster/row_count": dg.MetadataValue.int(sum(rows.values())),
            "target": dg.MetadataValue.text(run.target.label),
            "strategy": dg.MetadataValue.text(config.strategy),
            "archive": dg.MetadataValue.path(run.archive_path),
            "sha256": dg.MetadataValue.text(run.clearance.sha256 if run.clearance else ""),
            **metadata.proof(proof),
            **metadata.tables(proof),
            **metadata.scope(config.filters()),
            "rows by table": metadata.table(("table", "rows"), list(rows.items())),
        }
        yield dg.Output(None, "proven")

    return prove_all


def _cut_over(prefix: str) -> dg.OpDefinition:
    @dg.op(
        name=f"{prefix}cut_over",
        description="Swap the proven database in as prod, in one transaction; keep the old one.",
        ins={"after": AFTER},
        out={"result": DONE},
        required_resource_keys={f"{prefix}run"},
    )
    def cut_over(context: dg.OpExecutionContext, config: RestoreConfig) -> dg.Output[None]:
        walk = walk_of(context, prefix, config)
        with readable():
            done = walk.run.cut_over()
        with readable(walk.run):
            kept = walk.run.retain()
        if done:
            context.log.info(
                f"Prod is the new database; the gap was {done.downtime_ms} ms, {done.previous} is kept."
            )
        log_findings(context, kept.findings)
        dropped = dg.MetadataValue.text(", ".join(kept.dropped) or "nothing")
        record = record_of(walk.run)
        shown = {
            **metadata.summary(record),
            **metadata.cut_over(done),
            "dropped": dropped,
            **walk.described,
            **metadata.losses(record.lost),
            **metadata.numbers(record),
        }
        return dg.Output(None, "result", metadata=shown)

    return cut_over
