"""Changes by prod's users since the last promotion: exact by hashes, approximate by the server's statistics.

The statistics count rows of transactions that were rolled back, do not count TRUNCATE, and begin anew after a
crash. Hashes are certain, and cost reading every table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pgpromote.postgres.losses import baseline
from pgpromote.postgres.losses.baseline import Written
from pgpromote.postgres.model import Content, Manifest
from pgpromote.postgres.rows import contents
from pgpromote.postgres.server import Session

NOTHING = Written(0, 0, 0)


@dataclass(frozen=True)
class Change:
    """A table that prod's users wrote to, with approximate counts.

    `certain` says that its hash proves it, not only statistics; `anew` says that the statistics began anew
    since.
    """

    table: str
    written: Written
    certain: bool
    anew: bool

    def told(self, since: str = "the last promotion") -> str:
        """Return the change as a sentence; `since` names the promotion that brought the table."""
        what = "changed it" if self.certain else "wrote to it"
        said = f"{self.table}: prod's users {what} since {since}"
        said += ", its hash is another" if self.certain else ""
        said += (
            f": about {_counts(self.written)}"
            if self.written.total
            else ": no write was counted, as of TRUNCATE"
        )
        return (
            f"{said}; statistics began anew in between, after a crash for one." if self.anew else f"{said}."
        )


def find(session: Session, held: Mapping[str, Content] | None = None) -> list[Change] | None:
    """Return the changes since the session's database became prod; None when its baseline is not known.

    `held` is the present content of tables, with hashes; without it only the statistics are used.
    """
    came_from = baseline.find(session)
    return None if came_from is None else list(_changes(session, came_from, held or {}))


def differing(manifest: Manifest | None, held: Mapping[str, Content], encoding: str) -> list[str]:
    """Return the tables that hold other rows than the archive, as far as both hashes can be compared.

    `held` is their present content, in a database of this encoding.
    """
    if manifest is None or manifest.encoding != encoding:
        return []
    return [
        name
        for name, content in held.items()
        if (brought := manifest.contents.get(name))
        and contents.comparable(brought, content)
        and brought.hash != content.hash
    ]


def _changes(session: Session, came_from: baseline.Baseline, held: Mapping[str, Content]) -> Iterator[Change]:
    now = baseline.written(session)
    for table in dict.fromkeys([*now, contents.LARGE_OBJECTS]):
        known = came_from.of(table)
        if known is None:
            continue
        counted = now.get(table, NOTHING)
        since = counted.since(known.written)
        anew = since.least < 0
        written = counted if anew else since
        unchanged = came_from.unchanged(table, held.get(table))
        if unchanged is False or (unchanged is None and written.total):
            yield Change(table, written, unchanged is False, anew)


def _counts(written: Written) -> str:
    named = {"insert": written.inserted, "update": written.updated, "delete": written.deleted}
    return ", ".join(f"{number:,} {what}{'s' * (number != 1)}" for what, number in named.items() if number)
