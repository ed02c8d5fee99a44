"""The tags by which people find a run in the list of runs."""

from pgpromote.defs.deliveries import ARCHIVE
from pgpromote.defs.running import PROMOTION
from pgpromote.postgres.databases.mark import Provenance
from pgpromote.postgres.errors import ProdState
from pgpromote.promotion import Promotion
from pgpromote.run.run import Run

PROD, STRATEGY, DIGEST, OUTCOME = (f"pgpromote/{name}" for name in ("prod", "strategy", "digest", "outcome"))
UNDER_WAY, ROLLED_BACK = "under way", {OUTCOME: "rolled back"}
OF_PROD = {
    ProdState.UNTOUCHED: "prod untouched",
    ProdState.DROPPED: "prod untouched",
    ProdState.WHOLE: "prod old or new",
    ProdState.MIXED: "prod may be mixed",
    ProdState.RENEWED: "prod replaced",
}


def of_run(run: Run) -> dict[str, str]:
    """Return the tags of a run that has begun; its outcome replaces that of a run it repeats."""
    known = {
        PROMOTION: run.promotion.name,
        PROD: run.target.label,
        STRATEGY: run.options.strategy.name,
        ARCHIVE: run.state.archive.name,
        DIGEST: run.state.sha256[:12],
        OUTCOME: UNDER_WAY,
    }
    return {name: value for name, value in known.items() if value}


def of_end(run: Run, *, refused: bool = False) -> dict[str, str]:
    """Return the tags of a run that has ended: its outcome is the state of prod."""
    return {**of_run(run), **of_outcome(run.state.prod, refused=refused)}


def of_outcome(prod: ProdState, *, refused: bool = False) -> dict[str, str]:
    """Return the tag of the outcome of a run that has ended: short, as the list of runs cuts it."""
    ended = OF_PROD[prod]
    if refused:
        ended = "refused" if ended == OF_PROD[ProdState.UNTOUCHED] else f"refused, {ended}"
    return {OUTCOME: ended}


def of_rollback(promotion: Promotion) -> dict[str, str]:
    """Return the tags of a rollback that has begun."""
    return {
        PROMOTION: promotion.name,
        PROD: promotion.target().label,
        STRATEGY: "rollback",
        OUTCOME: UNDER_WAY,
    }


def of_content(came: Provenance | None) -> dict[str, str]:
    """Return the tags of the archive that the content of prod came from, where that is known."""
    known = {ARCHIVE: came.archive, DIGEST: (came.sha256 or "")[:12]} if came else {}
    return {name: value for name, value in known.items() if value}
