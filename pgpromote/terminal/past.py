"""Prod and its earlier contents in words: status, history, and the way back."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len

from pgpromote.postgres.archives.safety import Safety
from pgpromote.postgres.databases.hold import Hold
from pgpromote.postgres.databases.mark import End, Provenance
from pgpromote.postgres.databases.previous import Previous
from pgpromote.run.last import Last
from pgpromote.run.rollback import Status, Way

ENDED = {
    End.PROMOTION: "swapped out by a promotion",
    End.ROLLBACK: "put aside by a rollback",
    End.RETURN: "put aside when a rollback was taken back",
    None: "nothing says why it ended",
}
RESUME = "pgpromote resume"
ROLLBACK = "pgpromote rollback "
DIGITS = 12
UNKNOWN = "nothing says from which archive"


@dataclass(frozen=True)
class Kept:
    """An earlier prod: its kind, its end, its size, its content, and the command that brings it back."""

    kind: str
    until: datetime
    size: str
    what: str
    back: str


def kept(databases: Sequence[Previous], archives: Sequence[Safety]) -> list[Kept]:
    """Return previous databases and safety archives in one list, newest first."""
    found = [*map(_database, databases), *map(_archive, archives)]
    return sorted(found, key=lambda each: each.until, reverse=True)


def came_from(came: Provenance | None) -> str:
    """Return the provenance of a content: `promotion shop, archive shop_dev.dump, SHA-256 1f2e3d4c5b6a…`."""
    if came is None:
        return UNKNOWN
    parts = [f"promotion {came.promotion}" if came.promotion else ""]
    parts += [f"archive {came.archive}" if came.archive else UNKNOWN]
    parts += [f"SHA-256 {came.sha256[:DIGITS]}…" if came.sha256 else ""]
    parts += [f"changed in place at {moment(came.changed_at)}" if came.changed_at else ""]
    return ", ".join(part for part in parts if part)


def moment(at: datetime) -> str:
    """Return a time of prod's server as text, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def of_status(status: Status, promoted: Last) -> dict[str, str]:
    """Return the status of prod, and the last promotion, as facts."""
    came, newest = status.came, status.newest
    return {
        "prod": status.prod,
        "since": moment(came.since) if came and came.since else "nothing says since when",
        "came from": came_from(came),
        "last promotion": promoted.told,
        "on hold": on_hold(status.held),
        "previous": f"{newest.name}, which was prod until {moment(newest.swapped_at)}"
        if newest
        else "none is kept",
    }


def on_hold(held: Hold | None) -> str:
    """Return a sentence that prod is on hold and how to end that; "" when it is not."""
    return f"{held.told} {RESUME} ends that." if held else ""


def resumed(prod: str, held: Hold | None) -> str:
    """Return a sentence that the hold is over, and what becomes of the database that carried it."""
    if held is None:
        return f"{prod} is not on hold."
    goes = held.ended is End.ROLLBACK
    then = f"{held.database} {'is dropped after' if goes else 'counts as any other from'}"
    return f"{prod} is no longer on hold; {then} the next good promotion."


def of_way(way: Way) -> Iterator[str]:
    """Yield the current prod, and the one that would replace it, in words."""
    came = way.now.came
    since = f" since {moment(came.since)}" if came and came.since else ""
    yield f"{way.now.prod} is now: {came_from(came)}{since}."
    if way.until:
        what = _was(way.database) if way.database else "a safety archive"
        yield f"It becomes: {way.name}, prod until {moment(way.until)}; {what}."
    if way.database and way.database.ended is End.ROLLBACK:
        yield "This takes that rollback back."
    yield "What was written since then stays in the database that is put aside. Nothing is promoted until: "
    yield f"  {RESUME}"


def folded(back: str, width: int) -> list[str]:
    """Return the command that brings an earlier prod back, in two lines of one command where it is wider."""
    begin, name = back[: len(ROLLBACK)], back[len(ROLLBACK) :]
    if begin != ROLLBACK or cell_len(back) <= width:
        return [back]
    return [f"{begin}\\", f"  {name}"]


def _database(previous: Previous) -> Kept:
    size = "unknown size" if previous.size is None else f"{previous.size:,} bytes"
    what = f"{_was(previous)}; {ENDED[previous.ended]}"
    if previous.held_at:
        what += f", on hold until {RESUME}"
    why = "" if previous.trusted else f"belongs to {previous.owner}"
    return Kept(
        "database", previous.swapped_at, size, what, _back(previous.name, why, usable=previous.usable)
    )


def _was(previous: Previous) -> str:
    since = f", prod since {moment(previous.was.since)}" if previous.was and previous.was.since else ""
    return came_from(previous.was) + since


def _archive(taken: Safety) -> Kept:
    what = "prod as it was before it was changed in place"
    back = _back(taken.path.name, usable=taken.usable)
    return Kept("archive", taken.taken_at, f"{taken.size:,} bytes", what, back)


def _back(name: str, why: str = "", *, usable: bool) -> str:
    if usable:
        return f"{ROLLBACK}{shlex.quote(name)}"
    return f"{why or 'not whole'}, cannot come back: {name}"
