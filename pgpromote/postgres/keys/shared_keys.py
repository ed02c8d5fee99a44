"""Detection of primary keys that are another table's keys without a foreign key, and must not be numbered.

Of two tables whose rows belong together one by one, only one numbers them. An identity on the other would
turn an INSERT that forgets the key from an error into a row without its partner. Many unrelated tables hold
the keys 1 to n, so it takes more than that all keys are the other's, too: the column is named for the other
table, or the keys that both hold cannot be the same by chance.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from pgpromote.postgres.keys.sequences import Feed, composed, read_together
from pgpromote.postgres.server import Session, rows

REASON = "shared_key"
# What a column that holds another table's key says beside that table's name.
MARKS = ("id", "ptrid", "fk", "ref", "key", "pk", "code", "no", "nr", "num", "number")
# What stands between the words of a name.
SIGNS = str.maketrans("", "", "_ -")
IRREGULAR = {"people": "person", "children": "child", "men": "man"}
# So improbable must it be that unrelated keys are all among the other's.
CHANCE = 0.001
# So many pairs are compared only because their values might fit, and one for each key at least: 10,000 tables
# would make a hundred million. The nearest come first.
PAIRS = 2000


@dataclass(frozen=True)
class Table:
    """A table and the integer column that alone makes its key; names are plain, `target` and `key` quoted.

    `owns`: the column alone is the key, refers to no other table, and we may read it, so that other tables'
    keys can be its keys. `estimate` is the planner's count of rows, -1 for unknown.
    """

    oid: int
    schema: str
    name: str
    column: str
    target: str
    key: str
    estimate: int
    owns: bool


@dataclass(frozen=True)
class _Pair:
    """A key and the table whose key it may be; not `sure`: its name may also mean its own table."""

    table: Table
    other: Table
    sure: bool = False


@dataclass(frozen=True)
class _Spread:
    """The distribution of keys: the number that a table holds in its range, and that another holds there."""

    rows: int
    others: int
    low: int
    high: int

    @property
    def counted(self) -> bool:
        """Whether the keys are 1 to n, as if the table had numbered its rows itself."""
        return self.rows == 0 or (self.low >= 1 and self.rows == self.high)

    @property
    def by_chance(self) -> bool:
        """Whether unrelated keys could be all among the other's, which fill a part of the range only."""
        return self.rows == 0 or (self.others / (self.high - self.low + 1)) ** self.rows >= CHANCE


def spare(session: Session, feeds: Sequence[Feed]) -> list[Feed]:
    """Return the feeds; those whose key is another table's get the reason `shared_key` and that table's name.

    Only keys that nothing feeds and that nothing else keeps from being repaired are examined.
    """
    unfed = [feed for feed in feeds if not (feed.sequence or feed.reason)]
    tables = {table.oid: table for table in rows(session, Table, "repair/keyed")} if unfed else {}
    found = _by_name(session, unfed, tables)
    found |= _by_value(session, [feed for feed in unfed if feed.table not in found], tables)
    return [
        replace(feed, reason=REASON, readable=False, other=found[feed.table].target)
        if feed.table in found and not (feed.sequence or feed.reason)
        else feed
        for feed in feeds
    ]


def _by_name(session: Session, feeds: Sequence[Feed], tables: Mapping[int, Table]) -> dict[int, Table]:
    """Return the keys that are named for another table and are all among its keys, with that table.

    An empty table's are, too: its INSERTs, which go on failing without a key, show the defect at once, and a
    number that nobody gave does not.
    """
    named: dict[str, list[Table]] = {}
    for table in tables.values():
        for form in _forms(table.name) if table.owns else ():
            named.setdefault(form, []).append(table)
    pairs = [pair for feed in feeds for pair in _named(tables[feed.table], named)]
    within = _within(session, pairs)
    spreads = _spreads(session, [pair for pair in within if not pair.sure])
    return {
        pair.table.oid: pair.other
        for pair in reversed(within)
        # Keys from 1 to n look like numbers of the table's own.
        if pair.sure or not spreads[pair].counted
    }


def _named(table: Table, named: Mapping[str, list[Table]]) -> Iterator[_Pair]:
    """Yield a key with the tables that its column is named for: those in its own schema, if any."""
    stems = {form for stem in _stems(table.column) for form in _forms(stem)}
    own = _forms(table.name)
    if stems & own:
        return
    sure = not any(form.endswith(tuple(stems)) for form in own)
    prefixes = [_plain(table.name[:n]) for n, letter in enumerate(table.name) if letter == "_"]
    wanted = {prefix + stem for prefix in ("", *prefixes) for stem in stems}
    others = {other.oid: other for name in wanted for other in named.get(name, ()) if other.oid != table.oid}
    near = [other for other in others.values() if other.schema == table.schema]
    for other in near or others.values():
        yield _Pair(table, other, sure)


def _stems(column: str) -> set[str]:
    """Return the names that a column may refer to: `build_id`, `buildId` and `id_build` for `build`."""
    plain = _plain(column)
    marked = {plain.removesuffix(mark) for mark in MARKS} | {plain.removeprefix("id")}
    return marked - {""}


def _forms(name: str) -> set[str]:
    """Return a name without case and between-word signs, as it is and in the singular.

    >>> sorted(_forms("Order_Entries"))
    ['orderentri', 'orderentrie', 'orderentries', 'orderentry']
    """
    plain = _plain(name)
    found = {plain, plain.removesuffix("s"), plain.removesuffix("es")}
    if plain.endswith("ies"):
        found.add(plain[:-3] + "y")
    for plural, singular in IRREGULAR.items():
        if plain.endswith(plural):
            found.add(plain.removesuffix(plural) + singular)
    return found - {""}


def _plain(name: str) -> str:
    return name.casefold().translate(SIGNS)


def _by_value(session: Session, feeds: Sequence[Feed], tables: Mapping[int, Table]) -> dict[int, Table]:
    """Return the keys that are all among another table's, whose gaps are too many for that to be chance."""
    highest = _highest(session, [tables[feed.table] for feed in feeds if tables[feed.table].estimate])
    # As far as the planner knows their rows; keys without gaps are 1 to n.
    gapped = [table for oid, high in highest.items() if (table := tables[oid]).estimate < high]
    if not gapped:
        return {}
    owners = [table for table in tables.values() if table.owns]
    highest |= _highest(session, [table for table in owners if table.oid not in highest])
    ranked = sorted((highest[table.oid], table.oid) for table in owners if table.oid in highest)
    pairs = [
        _Pair(table, other)
        for table in gapped
        for other in islice(_nearest(table, tables, highest, ranked), max(1, PAIRS // len(gapped)))
    ]
    within = _within(session, pairs)
    spreads = _spreads(session, within)
    return {pair.table.oid: pair.other for pair in reversed(within) if not spreads[pair].by_chance}


def _nearest(
    table: Table, tables: Mapping[int, Table], highest: Mapping[int, int], ranked: Sequence[tuple[int, int]]
) -> Iterator[Table]:
    """Yield the tables whose keys reach as far as this one's, the nearest first, without its dependents."""
    for place in range(bisect_left(ranked, (highest[table.oid], 0)), len(ranked)):
        other = tables[ranked[place][1]]
        if other.oid != table.oid and not _hangs_on(other, table):
            yield other


def _hangs_on(other: Table, table: Table) -> bool:
    """Return whether, by its names, a table depends on this one, as a copy or by a key named for it."""
    forms = _forms(table.name)
    if {form for stem in _stems(other.column) for form in _forms(stem)} & forms:
        return True
    words = f"_{other.name.casefold()}_"
    return _plain(other.name).startswith(tuple(forms)) or any(f"_{form}_" in words for form in forms)


def _highest(session: Session, tables: Sequence[Table]) -> dict[int, int]:
    """Read the highest key of each table that has rows."""
    queries = [
        composed("highest", number=number, table=table.target, key=table.key)
        for number, table in enumerate(tables)
    ]
    found = read_together(session, queries)
    return {tables[number].oid: highest for number, highest in found if highest is not None}


def _within(session: Session, pairs: Sequence[_Pair]) -> list[_Pair]:
    """Return the pairs of which every key of the one table is among the other's."""
    return [pairs[number] for number, within in read_together(session, _composed("within", pairs)) if within]


def _spreads(session: Session, pairs: Sequence[_Pair]) -> dict[_Pair, _Spread]:
    found = read_together(session, _composed("spread", pairs))
    return {pairs[number]: _Spread(*spread) for number, *spread in found}


def _composed(query: str, pairs: Sequence[_Pair]) -> list[str]:
    return [
        composed(query, number=n, table=one.target, column=one.key, other=other.target, key=other.key)
        for n, (one, other) in enumerate((pair.table, pair.other) for pair in pairs)
    ]
