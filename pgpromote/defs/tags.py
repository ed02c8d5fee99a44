"""The tags by which people find a run in the list of runs."""

from pgpromote.defs.deliveries import ARCHIVE
from pgpromote.defs.running import PROMOTION
from pgpromote.postgres.errors import ProdState
from pgpromote.run.run import Run

STRATEGY, DIGEST, OUTCOME = (f"pgpromote/{name}" for name in ("strategy", "digest", "outcome"))
UNDER_WAY = "under way"
OF_PROD = {
    ProdState.UNTOUCHED: "prod untouched",
    ProdState.DROPPED: "prod untouched",
    ProdState.WHOLE: "prod old or new",
    ProdState.MIXED: "prod may be mixed",
    ProdState.RENEWED: "prod replaced",
}

UNTOUCHED = {OUTCOME: OF_PROD[ProdState.UNTOUCHED]}


def of_run(run: Run) -> dict[str, str]:
    """Return the tags of a run that has begun; its outcome replaces that of a run it repeats."""
    known = {
        PROMOTION: run.promotion.name,
        STRATEGY: run.options.strategy.name,
        ARCHIVE: run.state.archive.name,
        DIGEST: run.state.sha256[:12],
        OUTCOME: UNDER_WAY,
    }
    return {name: value for name, value in known.items() if value}


def of_end(run: Run, *, refused: bool = False) -> dict[str, str]:
    """Return the tags of a run that has ended: its outcome is the state of prod."""
    told = OF_PROD[run.state.prod]
    return {**of_run(run), OUTCOME: f"refused, {told}" if refused else told}
