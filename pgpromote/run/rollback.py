"""Bring back an earlier prod: a previous database by its name, or a safety archive through a shadow.

The status of the current prod comes first: the archive it came from, and whether a rollback has put it on
hold.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pgpromote.postgres.archives import safety
from pgpromote.postgres.archives.safety import Safety
from pgpromote.postgres.databases import cutover, hold, mark, obstacles, previous
from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.databases.hold import Hold
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.databases.mark import Provenance
from pgpromote.postgres.databases.previous import Previous
from pgpromote.postgres.errors import Interrupted, Outcome, PgpromoteError, ProdState, Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import identify
from pgpromote.postgres.tools import OnLine
from pgpromote.promotion import Promotion
from pgpromote.run import died
from pgpromote.run.options import bringing_back
from pgpromote.run.run import Run, look_away, needed, start
from pgpromote.run.steps import promote

CHANGED = "{} was swapped meanwhile: it is no longer what was shown."
AGAIN = "Look again: pgpromote rollback"


@dataclass(frozen=True)
class Status:
    """The status of prod now: the database and the provenance of its content, None when that is not recorded.

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
    """A way back from the prod of `now`: a previous database, a safety archive, or neither of them."""

    now: Status
    database: Previous | None = None
    archive: Safety | None = None

    @property
    def name(self) -> str:
        """The name of the database or archive that is brought back, "" for none."""
        if self.archive:
            return str(self.archive.path)
        return self.database.name if self.database else ""

    @property
    def until(self) -> datetime | None:
        """The time until which that content was prod."""
        if self.archive:
            return self.archive.taken_at
        return self.database.swapped_at if self.database else None


def status(promotion: Promotion, run_id: str) -> Status:
    """Return the status of prod. Raises PgpromoteError when there is no prod."""
    place = promotion.place(run_id)
    target = place.target
    with place.session() as session:
        oid = obstacles.side(session, target.name).oid
        came = mark.provenance(mark.find_previous(session, target.name), oid)
        held = hold.find(session, target.name)
    databases = previous.history(place)
    return Status(target.label, oid, came, held, next((each for each in databases if each.usable), None))


def choose(promotion: Promotion, run_id: str, name: str = "") -> Way:
    """Return the way that `bring_back` would go. Raises as it does, but not when there is none."""
    now, system = status(promotion, run_id), _system_of_prod(promotion, run_id)
    databases, archives = history(promotion, run_id)
    own = [taken for taken in archives if taken.usable and taken.is_of(promotion.target().label, system)]
    taken = _named(name, databases, archives, own) if name else _last(promotion, databases, own)
    if taken:
        return Way(now, archive=taken)
    usable = (each for each in databases if each.usable and name in {"", each.name})
    return Way(now, database=next(usable, None))


def history(promotion: Promotion, run_id: str) -> tuple[list[Previous], list[Safety]]:
    """Return the previous databases and the safety archives, each newest first."""
    place = promotion.place(run_id)
    return previous.history(place), safety.history(
        promotion.safety_dir, place.target.name, store=promotion.store
    )


def bring_back(
    promotion: Promotion,
    run_id: str,
    name: str = "",
    allow: tuple[str, ...] = (),
    *,
    shown: Status | None = None,
    watch: Callable[[Run], OnLine] = lambda run: look_away,
) -> CutOver:
    """Bring back an earlier prod: the newest previous database or safety archive, or the one named.

    A safety archive comes back as any other archive does: through a shadow, proven, swapped in, with the
    owners and grants that it holds. The prod that it replaces puts a hold on the promotions that follow.
    `watch` is called with the run that restores it, and returns the callback for the lines of its tools.
    Raises Refused when there is nothing of that name, when it is not certain which prod was the last, or when
    prod is no longer the one `shown`; PgpromoteError when there is no prod.
    """
    place = promotion.place(run_id)
    target = place.target
    with _told(), promotion_lock(place) as lock:
        way = choose(promotion, run_id, name)
        if shown and shown.oid != way.now.oid:
            raise Refused([_error("rollback_shown", target.name, CHANGED.format(target.label), AGAIN)])
        if way.archive is None:
            done = cutover.rollback(place, name=name, allow=allow, lock=lock)
            with suppress(PgpromoteError):  # the history goes on to tell of them
                died.close(promotion, run_id)
            return done
        options = replace(bringing_back(way.archive.path, allow), repair=False)
        with start(promotion, run_id, options) as run:
            run.held, run.on_line = lock, watch(run)
            return needed(promote(run).cut_over)


def release(promotion: Promotion, run_id: str) -> Hold | None:
    """End the hold on prod, and return it; None when prod is not on hold. Raises Busy, Refused."""
    place = promotion.place(run_id)
    with promotion_lock(place):
        return hold.release(place)


@contextmanager
def _told() -> Iterator[None]:
    """Add the state of prod to an interruption where no run adds it."""
    try:
        yield
    except Interrupted as stop:
        raise stop if stop.outcome else stop.saying(Outcome(ProdState.WHOLE)) from None


def _system_of_prod(promotion: Promotion, run_id: str) -> str:
    place = promotion.place(run_id)
    with place.session() as session:
        obstacles.side(session, place.target.name)  # raises for a prod that is gone
        return identify(session).system_identifier


def _named(name: str, databases: list[Previous], archives: list[Safety], own: list[Safety]) -> Safety | None:
    """Return the safety archive of this name; None when a previous database has the name, or nothing."""
    for found in databases:
        if found.name == name and not found.trusted:
            raise Refused([previous.strange(found.name, found.owner, Severity.ERROR)])
    taken = next((each for each in archives if name in {each.path.name, str(each.path)}), None)
    if taken and taken not in own:
        what = f"was taken of {taken.source}, which is not this prod" if taken.usable else "is not whole"
        hint = "Restore it as any other archive." if taken.usable else ""
        raise Refused([_error("rollback_archive", name, f"The safety archive {name} {what}.", hint)])
    return taken


def _last(promotion: Promotion, databases: list[Previous], own: list[Safety]) -> Safety | None:
    """Return the safety archive of the last prod; None when the newest previous database holds that."""
    newest = next((found for found in databases if found.usable or not found.trusted), None)
    if newest is None:
        return next(iter(own), None)
    if newest.overwritten_at:
        at, store = newest.overwritten_at, promotion.store
        path = safety.path(promotion.safety_dir, promotion.target().name, at, store=store)
        found = next((taken for taken in own if taken.path == path), None)
        if found is None:
            raise Refused([_overwritten(promotion, newest)])
        return found
    newer = next((taken for taken in own if taken.taken_at > newest.swapped_at), None)
    if newer is None and not newest.trusted:
        raise Refused([previous.strange(newest.name, newest.owner, Severity.ERROR)])
    return newer


def _overwritten(promotion: Promotion, newest: Previous) -> Finding:
    target = promotion.target()
    return _error(
        "rollback_certain",
        target.name,
        f"{target.label} was changed in place at {newest.overwritten_at:%Y-%m-%d %H:%M:%S} UTC, after "
        f"{newest.name} was swapped out, and its safety archive is not in {promotion.safety_dir}.",
        "Point PGPROMOTE_DUMP_DIR to the directory where that archive lies; or, to go back further, name the "
        f"database: pgpromote rollback {newest.name}",
    )


def _error(rule: str, subject: str, message: str, hint: str = "") -> Finding:
    return Finding(rule, Severity.ERROR, subject, message, hint)
