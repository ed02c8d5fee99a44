"""Bring back what prod was: a previous database by its name, or a safety archive by way of a shadow.

What prod is now is told first: from which archive it came, and whether a rollback has put it on hold.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from pgpromote.options import bringing_back
from pgpromote.postgres import cutover, hold, mark, obstacles, previous, safety
from pgpromote.postgres.cutover import CutOver
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.hold import Hold
from pgpromote.postgres.mark import Provenance
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.previous import Previous
from pgpromote.postgres.safety import Safety
from pgpromote.postgres.server import connect, identify
from pgpromote.postgres.tools import OnLine
from pgpromote.run import Run

CHANGED = "{} was swapped meanwhile: it is no longer what was shown."
AGAIN = "Look again: pgpromote rollback"


@dataclass(frozen=True)
class Status:
    """What prod is now: the database and where its content comes from, None when nothing says it.

    `held` is the hold that a rollback has put on it, `newest` the previous database that a rollback without a
    name would consider first.
    """

    prod: str
    oid: int
    came: Provenance | None
    held: Hold | None
    newest: Previous | None


@dataclass(frozen=True)
class Way:
    """A way back from what is prod `now`: a previous database, a safety archive, or neither of them."""

    now: Status
    database: Previous | None = None
    archive: Safety | None = None

    @property
    def name(self) -> str:
        """The name that is brought back, "" for none."""
        if self.archive:
            return str(self.archive.path)
        return self.database.name if self.database else ""

    @property
    def until(self) -> datetime | None:
        """When what comes back was prod last."""
        if self.archive:
            return self.archive.taken_at
        return self.database.swapped_at if self.database else None


def status(run: Run) -> Status:
    """Tell what prod is now. Raises PgpromoteError when there is none."""
    name = run.target.name
    with connect(run.target.at(run.agreed), run.run_id, autocommit=True) as session:
        oid = obstacles.side(session, name).oid
        came, held = mark.provenance(mark.find_previous(session, name), oid), hold.find(session, name)
    databases = previous.history(run.target, run.run_id, agreed=run.agreed)
    return Status(run.target.label, oid, came, held, next((each for each in databases if each.usable), None))


def choose(run: Run, name: str = "") -> Way:
    """Choose what `bring_back` would bring back. Raises as it does, but not when there is nothing."""
    now, system = status(run), _system_of_prod(run)
    databases, archives = history(run)
    own = [taken for taken in archives if taken.usable and taken.is_of(run.target.label, system)]
    taken = _named(name, databases, archives, own) if name else _last(run, databases, own)
    if taken:
        return Way(now, archive=taken)
    usable = (each for each in databases if each.usable and name in {"", each.name})
    return Way(now, database=next(usable, None))


def history(run: Run) -> tuple[list[Previous], list[Safety]]:
    """List what can be brought back, each newest first."""
    databases = previous.history(run.target, run.run_id, agreed=run.agreed)
    return databases, safety.history(run.promotion.safety_dir, run.target.name, store=run.promotion.store)


def bring_back(
    run: Run, name: str = "", on_line: OnLine = lambda line: None, *, shown: Status | None = None
) -> CutOver:
    """Bring back what prod was: the newest previous database or safety archive, or the one named.

    A safety archive comes back as any other archive does: through a shadow, proven, swapped in, with the
    owners and grants that it holds. What is prod until now puts a hold on the promotions that follow.
    Raises Refused when there is nothing of that name, when it is not certain what prod was last, or when
    prod is no longer what was `shown`; PgpromoteError when there is no prod.
    """
    run.lock()
    way = choose(run, name)
    if shown and shown.oid != way.now.oid:
        raise Refused([_error("rollback_shown", run.target.name, CHANGED.format(run.target.label), AGAIN)])
    if way.archive is None:
        return cutover.rollback(
            run.target, run.run_id, name=name, agreed=run.agreed, allow=run.options.allow, lock=run.held
        )
    back = bringing_back(way.archive.path, run.options.allow)
    run.options = replace(back, repair=False, jobs=run.options.jobs)
    run.rehearse(on_line)
    return run.swap()


def _system_of_prod(run: Run) -> str:
    with connect(run.target.at(run.agreed), run.run_id, autocommit=True) as session:
        obstacles.side(session, run.target.name)  # raises for a prod that is gone
        return identify(session).system_identifier


def _named(name: str, databases: list[Previous], archives: list[Safety], own: list[Safety]) -> Safety | None:
    """Find the safety archive of this name; None when the name is a previous database's, or nothing's."""
    for found in databases:
        if found.name == name and not found.trusted:
            raise Refused([previous.strange(found.name, found.owner, Severity.ERROR)])
    taken = next((each for each in archives if name in {each.path.name, str(each.path)}), None)
    if taken and taken not in own:
        what = f"was taken of {taken.source}, which is not this prod" if taken.usable else "is not whole"
        hint = "Restore it as any other archive." if taken.usable else ""
        raise Refused([_error("rollback_archive", name, f"The safety archive {name} {what}.", hint)])
    return taken


def _last(run: Run, databases: list[Previous], own: list[Safety]) -> Safety | None:
    """Find the safety archive that holds what prod was last; None when the newest previous database does."""
    newest = next((found for found in databases if found.usable or not found.trusted), None)
    if newest is None:
        return next(iter(own), None)
    if newest.overwritten_at:
        at, store = newest.overwritten_at, run.promotion.store
        path = safety.path(run.promotion.safety_dir, run.target.name, at, store=store)
        found = next((taken for taken in own if taken.path == path), None)
        if found is None:
            raise Refused([_overwritten(run, newest)])
        return found
    newer = next((taken for taken in own if taken.taken_at > newest.swapped_at), None)
    if newer is None and not newest.trusted:
        raise Refused([previous.strange(newest.name, newest.owner, Severity.ERROR)])
    return newer


def _overwritten(run: Run, newest: Previous) -> Finding:
    return _error(
        "rollback_certain",
        run.target.name,
        f"{run.target.label} was changed in place at {newest.overwritten_at:%Y-%m-%d %H:%M:%S} UTC, after "
        f"{newest.name} was swapped out, and its safety archive is not in {run.promotion.safety_dir}.",
        "Point PGPROMOTE_DUMP_DIR to the directory where that archive lies; or, to go back further, name the "
        f"database: pgpromote rollback {newest.name}",
    )


def _error(rule: str, subject: str, message: str, hint: str = "") -> Finding:
    return Finding(rule, Severity.ERROR, subject, message, hint)
