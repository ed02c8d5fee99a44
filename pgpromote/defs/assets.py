"""The lineage graph up to the audits: dev database → archive (and SQL dump) → prod schema."""

from contextlib import suppress

import dagster as dg

from pgpromote.defs import freshness, metadata
from pgpromote.defs.config import DumpConfig, RestoreConfig, SqlDumpConfig
from pgpromote.defs.failures import readable
from pgpromote.defs.ops import WITH_OPS, build_ops
from pgpromote.defs.resources import to_stdout
from pgpromote.defs.step import check_output
from pgpromote.postgres import dump, prove
from pgpromote.postgres.checks import rules
from pgpromote.postgres.errors import InvalidUrl
from pgpromote.postgres.losses import plan
from pgpromote.promotion import Promotion

OPTIONAL = {"pgpromote/optional": "true"}
OWNERS = ["team:database"]

# The checks of prod, in the order in which a run makes them; those that may fail it are blocking.
CHECKS = {**{rule: rules.describe(rule) for rule in rules.RULES}, plan.RULE: plan.DESCRIPTION, **prove.RULES}
BLOCKING = CHECKS.keys() - {plan.RULE}


def build_assets(promotion: Promotion, prefix: str) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Return the assets of one promotion from dev to prod; their names begin with the prefix."""
    source = dg.AssetSpec(
        f"{prefix}dev_database",
        description="The source. Developers write it; pgpromote only reads it.",
        group_name=f"{prefix}promotion",
        kinds={"postgres"},
        owners=OWNERS,
    )
    made = (build(promotion, prefix) for build in (_archive, _sql_dump, _prod_schema))
    return [source, *made]


def _archive(promotion: Promotion, prefix: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{prefix}dev_dump_archive",
        description="Materialize dumps dev; prod is not touched. The archive is of custom format, read back "
        f"and hashed: `{promotion.archive_name}`.",
        deps=[f"{prefix}dev_database"],
        group_name=f"{prefix}promotion",
        kinds={"postgres", "file"},
        owners=OWNERS,
        freshness_policy=freshness.policy(promotion.cron),
    )
    def dev_dump_archive(context: dg.AssetExecutionContext, config: DumpConfig) -> dg.MaterializeResult[None]:
        with readable():
            contents, manifest = dump.dump(
                promotion.source(),
                promotion.archive_path,
                promotion.tools(),
                context.run.run_id,
                store=promotion.store,
                name=promotion.name,
                compression=config.compression,
                encoding=config.encoding,
                filters=config.filters(),
                on_line=to_stdout,
            )
        if promotion.renamed:
            context.log.info(promotion.renamed)
        if manifest.filters:
            context.log.warning(f"Limited on purpose to {manifest.filters}.")
        context.log.info(f"Dumped {manifest.source}: {manifest.size} bytes in {manifest.seconds} s.")
        return dg.MaterializeResult(
            metadata={**metadata.archive(contents.path, manifest), **metadata.scope(config.filters())},
            data_version=dg.DataVersion(manifest.sha256),
        )

    return dev_dump_archive


def _sql_dump(promotion: Promotion, prefix: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"{prefix}sql_dump",
        description="Plain SQL of dev, for reading and review. In no job; click it when you want it.",
        deps=[f"{prefix}dev_database"],
        group_name=f"{prefix}promotion",
        kinds={"postgres", "sql"},
        owners=OWNERS,
        tags=OPTIONAL,
    )
    def sql_dump(context: dg.AssetExecutionContext, config: SqlDumpConfig) -> dg.MaterializeResult[None]:
        with readable():
            size = dump.dump_sql(
                promotion.source(),
                promotion.sql_path,
                promotion.tools(),
                context.run.run_id,
                store=promotion.store,
                filters=config.filters(),
                on_line=to_stdout,
            )
        path = dg.MetadataValue.path(promotion.sql_path)
        return dg.MaterializeResult(
            metadata={"path": path, "size (bytes)": size, **metadata.scope(config.filters())}
        )

    return sql_dump


def _prod(promotion: Promotion) -> str:
    """Return prod by its name where that is set, else the word."""
    with suppress(InvalidUrl):
        return f"prod, the database `{promotion.target().name}`,"
    return "prod"


def _prod_schema(promotion: Promotion, prefix: str) -> dg.AssetsDefinition:
    name = f"{prefix}prod_schema"
    ops = build_ops(prefix)

    @dg.config_mapping
    def spread(val: RestoreConfig) -> dict[str, object]:
        return {op.name: {"config": val.model_dump()} for op in ops}

    @dg.graph_asset(
        name=name,
        description=f"**Materialize replaces {_prod(promotion)} by the archive, at once and without another "
        "question.** Everything is checked first and proven before the swap; what prod was is kept, and the "
        "job `rollback_prod` brings it back; `resume_prod` then lets promotions go on. A run that would lose "
        "a table's rows, or half of all, is refused unless `accept_loss` names them. To look first: "
        "`rehearse_prod`, `pgpromote plan`.",
        ins={"archive": dg.AssetIn(f"{prefix}dev_dump_archive", dagster_type=dg.Nothing)},
        config=spread,
        group_name=f"{prefix}promotion",
        kinds={"postgres"},
        owners=OWNERS,
        check_specs=[
            dg.AssetCheckSpec(check, asset=name, description=text, blocking=check in BLOCKING)
            for check, text in CHECKS.items()
        ],
    )
    def prod_schema(archive: object) -> dict[str, object]:
        done, checked = archive, dict[str, object]()
        for step, op in zip(WITH_OPS, ops, strict=True):
            walked = op(done)
            done = walked.result if step.rules else walked
            checked |= {f"{name}_{rule}": getattr(walked, check_output(rule)) for rule in step.rules}
        return {"result": done, **checked}

    # A graph asset takes no freshness policy of its own.
    fresh = freshness.policy(promotion.cron)
    return prod_schema.map_asset_specs(lambda spec: dg.apply_freshness_policy(spec, fresh))
