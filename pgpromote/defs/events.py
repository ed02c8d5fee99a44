"""Events of `prod_schema` beside its own runs: a promotion by the command line, and each rollback."""

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from sqlalchemy.exc import SQLAlchemyError

from pgpromote.defs import metadata
from pgpromote.defs.instance import open_instance
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.promotion import Promotion
from pgpromote.run import rollback
from pgpromote.run.run import Run
from pgpromote.terminal.past import RESUME

PROD = "prod_schema"
HELD = f"Prod is on hold: nothing is promoted into it until {RESUME}."


def version(sha256: str | None) -> dict[str, str]:
    """Return the tag that makes the digest of an archive the data version; none where it is not known."""
    return {DATA_VERSION_TAG: sha256} if sha256 else {}


def promoted(run: Run) -> dg.AssetMaterialization:
    """Return the event of a promotion."""
    return dg.AssetMaterialization(
        PROD,
        description=f"Promoted by the command line, run {run.run_id}.",
        metadata=metadata.prod(run.state, run.options.filters),
        tags=version(run.state.sha256),
    )


def rolled_back(
    promotion: Promotion, run_id: str, done: CutOver, prefix: str = ""
) -> dg.AssetMaterialization:
    """Return the event of a rollback, with the archive that prod came from, where that is known."""
    came = rollback.status(promotion, run_id).came
    archive, sha256 = (came.archive, came.sha256) if came else (None, None)
    known = f"archive `{archive}`, SHA-256 `{(sha256 or '')[:12]}…`" if archive else "origin not recorded"
    lines = (
        f"**Rolled back**: {done.target} is what it was before, {known}",
        "",
        f"- Swapped back in with a gap of {done.downtime_ms} ms",
        f"- Kept: `{done.previous}`, which was prod until now",
        f"- {HELD}",
    )
    return dg.AssetMaterialization(
        f"{prefix}{PROD}",
        description=f"Rolled back, run {run_id}.",
        metadata={
            "summary": dg.MetadataValue.md("\n".join(lines)),
            **metadata.cut_over(done),
            "on hold": dg.MetadataValue.text(HELD),
            "sha256": dg.MetadataValue.text(sha256 or "not recorded"),
        },
        tags=version(sha256),
    )


def report(event: dg.AssetMaterialization) -> str:
    """Report an event to the instance of DAGSTER_HOME; return why that failed, "" when it did not."""
    try:
        with open_instance() as instance:
            instance.report_runless_asset_event(event)
    except (PgpromoteError, dg.DagsterError, SQLAlchemyError, OSError) as error:
        reason = error.message if isinstance(error, PgpromoteError) else type(error).__name__
        return f"Dagster does not show what prod is now: its instance took no event. {reason}"
    return ""
