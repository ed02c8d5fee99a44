"""Plausibility of the rows that the archive lacks: the rows of each table before and now, compared.

Before is the content of the archive that prod came from, so that only dev's losses count: prod's own caches
and sessions, always empty on dev, were empty there, too. Where it is not known, at a first promotion for one,
before is prod's content. A tree of partitions counts as one table: its old partitions go and new ones come.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from pgpromote.postgres import sql
from pgpromote.postgres.losses import baseline, counts
from pgpromote.postgres.model import Archive, Dump, Filters, Finding, Manifest, Severity, TocEntry
from pgpromote.postgres.naming import option, setting
from pgpromote.postgres.rows import contents
from pgpromote.postgres.server import Session
from pgpromote.postgres.strategy import Strategy

RULE = "plausible"
ALL = "all"
HALF = 0.5
ACCEPTED = "That is accepted by name."
# So many names are told twice, as an option and as a setting.
SHOWN = 10
HINT_READ = "Grant our role SELECT on it, and BYPASSRLS where row security hides rows."
LAST, PROD = "the archive that prod came from", "prod"
# In a list of patterns they would mean something else, or be lost.
SPECIAL = re.compile(r"[*?\[,\x00-\x1f\x7f]|^\s|\s$")

Held = Mapping[str, int | None]


@dataclass(frozen=True)
class Bounds:
    """The bounds of a loss without consent: less than this share of all rows, and tables accepted by name.

    `accepted` are patterns of `table` or `schema.table`, with * for any characters; `all` accepts everything.
    `named` are those of them that were given for this run alone.
    """

    accepted: tuple[str, ...] = ()
    share: float = HALF
    named: tuple[str, ...] = ()

    def accept(self, table: str) -> bool:
        """Return whether the loss of rows of a table, `schema.table`, is accepted."""
        return any(_matches(pattern, table) for pattern in self.accepted)

    def idle(self, tables: Iterable[str]) -> list[str]:
        """Return the patterns that are the name of none of these tables."""
        known = [*tables]
        return [each for each in self.accepted if not any(_matches(each, table) for table in known)]


def _matches(pattern: str, table: str) -> bool:
    return pattern == ALL or any(fnmatchcase(name, pattern) for name in (table, table.partition(".")[2]))


@dataclass(frozen=True)
class Loss:
    """A table, or a tree of partitions, that holds fewer rows than before; not `there`: it is gone."""

    table: str
    before: int
    after: int
    there: bool

    @property
    def rows(self) -> int:
        """The number of rows that it lost."""
        return self.before - self.after


@dataclass(frozen=True)
class Comparison:
    """Rows of tables and of trees of partitions before and now, by `schema.name`; None: not known.

    `where` names the place of the rows before.
    """

    before: Held
    after: Held
    where: str

    def judge(self, bounds: Bounds) -> Iterator[Finding]:
        """Yield the losses above the bounds: errors, and warnings for accepted ones."""
        lost = self._losses()
        emptied = [loss for loss in lost if not loss.after]
        shrunk = [loss for loss in lost if loss.after]
        found = [*emptied, *self._too_many(shrunk, bounds)]
        yield from self._unseen(bounds)
        hint = _hint([loss.table for loss in found if not bounds.accept(loss.table)])
        for loss in found:
            if bounds.accept(loss.table):
                message = f"{self._told(loss, shrunk)} {ACCEPTED}"
                yield Finding(RULE, Severity.WARNING, loss.table, message)
            else:
                yield Finding(RULE, Severity.ERROR, loss.table, self._told(loss, shrunk), hint)

    def _unseen(self, bounds: Bounds) -> Iterator[Finding]:
        """Yield the tables of prod that go and that our role may not read; their rows are not known."""
        gone = [name for name, rows in self.before.items() if rows is None and self.after.get(name, 0) == 0]
        hint = f"{HINT_READ} {_hint([name for name in gone if not bounds.accept(name)])}"
        for name in gone if self.where == PROD else ():
            brings = "brings none" if name in self.after else "does not have it"
            message = f"{name} may hold rows in prod that our role may not count; this archive {brings}."
            if bounds.accept(name):
                yield Finding(RULE, Severity.WARNING, name, f"{message} {ACCEPTED}")
            else:
                yield Finding(RULE, Severity.ERROR, name, message, hint)

    def _losses(self) -> list[Loss]:
        """Return the tables that hold fewer rows than before, the largest loss first."""
        found = [
            Loss(name, rows, after, name in self.after)
            for name, rows in self.before.items()
            if rows and (after := self.after.get(name, 0)) is not None and after < rows
        ]
        return sorted(found, key=lambda loss: (-loss.rows, loss.table))

    @property
    def _all_rows(self) -> int:
        """The number of rows before in the tables that still have some."""
        return sum(rows or 0 for name, rows in self.before.items() if self.after.get(name))

    def _too_many(self, shrunk: list[Loss], bounds: Bounds) -> list[Loss]:
        """Return the losses that must be accepted, or already are, so that the rest is below the bound."""
        lost, limit = sum(loss.rows for loss in shrunk), bounds.share * self._all_rows
        chosen = list[Loss]()
        if shrunk and lost >= limit:
            # Sorted stably: what is accepted first, then the largest loss.
            for loss in sorted(shrunk, key=lambda each: not bounds.accept(each.table)):
                if lost < limit and not bounds.accept(loss.table):
                    break
                chosen.append(loss)
                lost -= loss.rows
        return chosen

    def _told(self, loss: Loss, shrunk: list[Loss]) -> str:
        held = f"{loss.table} held {loss.before:,} row(s) in {self.where}"
        if not loss.there:
            return f"{held}; this archive does not have it."
        if not loss.after:
            return f"{held}; this archive brings none."
        part = sum(each.rows for each in shrunk) / self._all_rows
        return f"{held}; this archive brings {loss.after:,}. Of all rows, {part:.0%} are gone."


def find(
    session: Session,
    *,
    archive: Dump,
    manifest: Manifest | None,
    filters: Filters,
    bounds: Bounds | None,
    strategy: Strategy,
) -> tuple[Finding, ...]:
    """Compare an archive with prod's origin; `session` is in prod. Only tables that it replaces count.

    Nothing is found without bounds, without a list of objects, and where no row is to go or to come on
    purpose. Raises psycopg.Error.
    """
    if not archive.listed or bounds is None or filters.data_only or filters.schema_only:
        return ()
    roots, defined = _roots(session), {entry.name for entry in archive.of_kind("TABLE")}

    def replaced(schema: str, name: str) -> bool:
        label = f"{schema}.{name}"
        return strategy.empty or schema == strategy.reset or bool({label, roots.get(label)} & defined)

    there = counts.tables(session)
    tables = [f"{schema}.{name}" for schema, name in there if replaced(schema, name)]
    before, where = _before(session, [*tables, contents.LARGE_OBJECTS] if strategy.empty else tables)
    after = _at_roots(_brought(archive, manifest), _attached(archive))
    found = Comparison(_at_roots(before, roots), after, where).judge(bounds)
    known = {f"{schema}.{name}" for schema, name in there} - roots.keys() | {*roots.values()} | after.keys()
    return tuple(_with_idle(found, bounds.idle(known), bounds.named))


def _with_idle(found: Iterable[Finding], idle: Sequence[str], named: Sequence[str]) -> Iterator[Finding]:
    """Yield findings, and tell of the patterns that are no table's name: in a refusal all of them."""
    told = f"Nothing is called {', '.join(idle)}: that accepts nothing. " if idle else ""
    for each in found:
        yield replace(each, hint=f"{told}{each.hint}") if each.severity is Severity.ERROR else each
    for pattern in idle:
        if pattern in named:
            what = f"{option('accept-loss', pattern)} accepts nothing"
            message = f"{what}: no table of prod or of the archive is called so."
            yield Finding(RULE, Severity.WARNING, pattern, message, "Name it as table or schema.table.")


def accepted(found: Finding) -> bool:
    """Return whether a finding is a loss that was accepted."""
    return found.rule == RULE and found.message.endswith(ACCEPTED)


def find_restored(
    prod: Session, held: Held, shadow: Session, restored: Held, bounds: Bounds
) -> tuple[Finding, ...]:
    """Compare the content of a shadow with prod's origin, whatever was known of the archive.

    `held` is prod's content, for the case that its origin is not known.
    """
    before, where = _before(prod, [*held], held)
    after = _at_roots(restored, _roots(shadow))
    return tuple(Comparison(_at_roots(before, _roots(prod)), after, where).judge(bounds))


def _before(session: Session, tables: list[str], held: Held | None = None) -> tuple[Held, str]:
    """Return the rows of tables in the archive that prod came from, or else in prod; and which of both."""
    if came_from := baseline.find(session):
        known = ((table, came_from.of(table)) for table in tables)
        return {table: found.rows for table, found in known if found}, LAST
    found = held if held is not None else counts.count(session, wanted=set(tables))
    unread = [table for table, rows in found.items() if rows is None]
    return {**found, **_empty(session, unread)}, PROD


def _empty(session: Session, tables: list[str]) -> Held:
    """Return 0 for the tables that hold no row, whoever may read them."""
    found = session.execute(sql.read("plausible/empty"), {"tables": tables}) if tables else ()
    return {str(name): 0 for (name,) in found}


def _brought(archive: Archive, manifest: Manifest | None) -> Held:
    """Return the number of rows that the archive brings into each of its tables."""
    filled = {entry.name for entry in archive.of_kind("TABLE DATA")}
    filled |= {contents.LARGE_OBJECTS} if archive.of_kind("BLOBS") else set()
    known = manifest.contents if manifest else {}
    tables = [*(entry.name for entry in archive.of_kind("TABLE")), contents.LARGE_OBJECTS]
    return {
        table: 0 if table not in filled else known[table].rows if table in known else None for table in tables
    }


def _roots(session: Session) -> dict[str, str]:
    """Return the root of each partition: `schema.partition` → `schema.root`."""
    found = session.execute(sql.read("plausible/roots"))
    return {f"{schema}.{name}": f"{above}.{root}" for schema, name, above, root in found}


def _attached(archive: Archive) -> dict[str, str]:
    """Return the root of each partition of an archive, by the entries that attach it to its parent."""
    numbers = {entry.dump_id: entry for entry in archive.of_kind("TABLE")}
    above = {
        entry.name: parent.name
        for entry in archive.of_kind("TABLE ATTACH")
        if (parent := _parent(entry, numbers))
    }

    def root(name: str) -> str:
        return root(above[name]) if name in above else name

    return {name: root(name) for name in above}


def _parent(attaching: TocEntry, tables: Mapping[int, TocEntry]) -> TocEntry | None:
    needed = (tables[number] for number in attaching.dependencies if number in tables)
    return next((table for table in needed if table.name != attaching.name), None)


def _at_roots(held: Held, roots: Mapping[str, str]) -> Held:
    """Add up the rows of each tree; one part that is not known makes the sum unknown."""
    added: dict[str, int | None] = {}
    for name, rows in held.items():
        root = roots.get(name, name)
        so_far = added.get(root, 0)
        added[root] = None if rows is None or so_far is None else so_far + rows
    return added


def pattern(table: str) -> str:
    """Return the pattern that accepts the loss of a table's rows."""
    return SPECIAL.sub("?", table)


def _hint(tables: list[str]) -> str:
    names = [*map(pattern, tables)]
    value = f"={shlex.quote(','.join(names))}" if len(names) <= SHOWN else " with the same list"
    return (
        f"Look at dev first. If it is right, accept the loss: {option('accept-loss', *names)} or, for "
        f"every run to come, {setting('accept_loss')}{value}"
    )
