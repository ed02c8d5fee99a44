"""Put down what a run has been, as a value that outlives it."""

from pgpromote.record import Record
from pgpromote.run import Run


def record_of(run: Run) -> Record:
    """Put down what a run has been so far."""
    source = run.promotion.optional_source()
    return Record(
        promotion=run.promotion.name,
        run_id=run.run_id,
        source=source.label if source else "",
        target=run.target.label,
        strategy=run.options.strategy,
        archive=run.archive_path,
        sha256=run.clearance.sha256 if run.clearance else "",
        manifest=run.checked.aim.manifest if run.checked and run.checked.aim else None,
        phases=tuple(run.phases),
        checks=(
            *(run.checked.findings if run.checked else ()),
            *(run.prepared.warnings if run.prepared else ()),
        ),
        plan=run.planned,
        restored=run.restored,
        repair=run.repaired,
        proof=run.proof,
        cut_over=run.swapped,
        safety=run.taken,
        dropped=run.kept.dropped if run.kept else (),
        failure=run.failure,
        before=run.before,
        after=run.after,
        repaired=run.options.repair,
        rights=tuple(run.carried),
        filters=str(run.options.filters),
    )
