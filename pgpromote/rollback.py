"""Bring back what prod was: a previous database by its name, or a safety archive by way of a shadow."""

from pgpromote.options import Options
from pgpromote.postgres import cutover, previous, safety
from pgpromote.postgres.cutover import CutOver
from pgpromote.postgres.model import Foreign, Policy
from pgpromote.postgres.previous import Previous
from pgpromote.postgres.safety import Safety
from pgpromote.run import OnLine, Run


def history(run: Run) -> tuple[list[Previous], list[Safety]]:
    """List what can be brought back, each newest first."""
    databases = previous.history(run.target, run.run_id, agreed=run.agreed)
    return databases, safety.history(run.promotion.safety_dir, run.target.name)


def bring_back(run: Run, name: str = "", on_line: OnLine = lambda line: None) -> CutOver:
    """Bring back what prod was: the newest previous database or safety archive, or the one named.

    A safety archive comes back as any other archive does: through a shadow, proven, swapped in, with the
    owners and grants that it holds. Raises Refused when there is nothing of that name.
    """
    run.lock()
    taken = _safety_archive(run, name)
    if taken is None:
        return cutover.rollback(run.target, run.run_id, name=name, agreed=run.agreed)
    run.options = Options(
        archive_path=taken.path,
        rights=Policy.SOURCE,
        bring=tuple(Foreign),
        repair=False,
        jobs=run.options.jobs,
    )
    run.rehearse(on_line)
    return run.swap()


def _safety_archive(run: Run, name: str) -> Safety | None:
    databases, archives = history(run)
    archives = [taken for taken in archives if taken.usable and taken.source == run.target.label]
    if name:
        return next((taken for taken in archives if name in {taken.path.name, str(taken.path)}), None)
    newest = max((found.swapped_at for found in databases if found.usable), default=None)
    return next((taken for taken in archives if newest is None or taken.taken_at > newest), None)
