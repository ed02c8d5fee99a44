"""Repair of primary keys, so that they fill themselves again: add identities, move sequences that lag behind.

A table whose integer primary key lost its default takes no insert without an id; one whose sequence lags
behind its ids fails with a duplicate key. Both are repaired without changing the meaning of the schema: a key
that might be meant otherwise (a foreign key, a trigger, a composite key …) is reported and left alone.

`plan` only reads. `repair` makes each change in a transaction of its own, or many in one where nobody waits:
it locks the tables and the sequence, reads their positions, composes the statements from that, runs them, and
reads once more: nothing may be left to do. So the values are right however much was written meanwhile, and no
second plan is needed: one change does not affect the facts by which another column is judged.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable

from pgpromote.postgres import details, sql
from pgpromote.postgres.apply import apply_together
from pgpromote.postgres.errors import RepairFailed
from pgpromote.postgres.keys.sequences import (
    Feed,
    Position,
    check_exclusions,
    composed,
    excluded_tables,
    next_free,
    read_feeds,
    read_positions,
    read_unfollowed,
    with_identities,
)
from pgpromote.postgres.keys.shared_keys import spare
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.naming import setting
from pgpromote.postgres.server import Database, Session, connect, disclosed

__all__ = ["Change", "Repair", "Skipped", "check_exclusions", "plan", "repair"]

ADD_IDENTITY = "add identity"
BUMP = "bump"
COMPOSITE = "composite"

# So many tables, with their partitions, are changed in one transaction when nobody waits for them: few enough
# for the lock table, which prod shares.
TABLES_AT_ONCE = 100
LOCK_ATTEMPTS = 5
# Long enough for ordinary statements to end, short enough for the readers that queue behind our lock.
LOCK_TIMEOUT = "2s"
NEARLY_USED_UP = 0.8

REASONS = {
    "by_name": "its default finds a sequence by a name at run time, which leads to none or to several here; "
    "use nextval('…'::regclass)",
    "code": "reading it would run functions of the database as the promoter, which {build_login} is to "
    "prevent; unset that to read it all the same",
    COMPOSITE: "one of several key columns; which of them should count is not in the schema",
    "computed": "its default computes with a sequence's values, so they cannot be compared with the ids",
    "domain": "its type is a domain, which cannot be an identity",
    "excluded": "excluded by configuration",
    "exhausted": "no number is left that both the column and its sequence can hold; use a wider type",
    "extension": "it belongs to an extension",
    "foreign_key": "its value comes from the table that its foreign key references",
    "inheritance": "it inherits or is inherited, and an identity would not reach the children",
    "no_create": "we may not create a sequence in its schema",
    "not_integer": "its sequence feeds a column that is not a number, which cannot be compared",
    "not_owner": "we own neither the table nor its sequence, or only one of them",
    "not_readable": "we may not read it, so the next free value is unknown",
    "owned_sequence": "it owns a sequence that is not its default; set the default to nextval() of it",
    "partition_default": "one of its partitions has a default of its own",
    "shared_key": "its values are the keys of {other}, to which no foreign key binds it; an identity would "
    "number rows that are not there",
    "row_security": "row security hides rows from us, so the next free value is unknown",
    "system_schema": "it lies in a system schema",
    "temporary": "it is temporary",
    "trigger": "a BEFORE INSERT trigger or a rule may fill it",
}


@dataclass(frozen=True)
class Change:
    """One repair: the column, the action, and the statements that perform it.

    `action` is ADD_IDENTITY or BUMP; `before` is the value that the next insert would have got (None where
    nothing feeds the column), `after` the one that it gets now.
    """

    table: str
    column: str
    action: str
    before: int | None
    after: int
    statements: tuple[Statement, ...]
    feed: Feed = field(repr=False)


@dataclass(frozen=True)
class Skipped:
    """A defect that is left alone: the machine name of the reason, and a sentence for people."""

    table: str
    column: str
    reason: str
    message: str


@dataclass(frozen=True)
class Repair:
    """The result of a repair: changes, defects left alone with their reasons, and findings for a person."""

    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, in the order in which they run."""
        return tuple(statement for change in self.changes for statement in change.statements)

    @property
    def identities(self) -> tuple[tuple[str, str], ...]:
        """The columns that got an identity: table and column, quoted."""
        return tuple((each.table, each.column) for each in self.changes if each.action == ADD_IDENTITY)


@dataclass(frozen=True)
class _Judged:
    """The verdict on a feed; `upcoming` is its next value, after the change (None: unreadable)."""

    feed: Feed
    upcoming: int | None = None
    change: Change | None = None
    skipped: Skipped | None = None


def plan(session: Session, exclude: Sequence[str] = ()) -> Repair:
    """Return the primary keys to repair, with the composed statements. Changes nothing.

    `exclude` holds patterns such as `lookup_*` or `sales.region` (fnmatch, `table` or `schema.table`). Raises
    ConfigError for a pattern that matches no table.
    """
    return _plan(session, excluded_tables(session, exclude))


def repair(
    database: Database,
    run_id: str,
    *,
    exclude: Sequence[str] = (),
    really: bool = True,
    alone: bool = False,
    on_statement: Callable[[Statement], None] = lambda s: None,
) -> Repair:
    """Repair the primary keys of a database, and return the result; only plan it unless `really`.

    `alone` says that nobody else uses the database: many tables are then locked and changed together. Raises
    ConfigError as `plan` does, and RepairFailed for the first table that cannot be repaired.
    """
    with connect(database, run_id, autocommit=True) as session:
        session.read_only = False  # said aloud, because a database may have the other default
        excluded = excluded_tables(session, exclude)
        if not really:
            return _plan(session, excluded)
        feeds = spare(session, read_feeds(session, excluded))
        # Where nobody waits, a key that nothing feeds is read only once: under the lock.
        unread = [feed for feed in feeds if alone and _is_unfed(feed)]
        judged = _judge(session, [feed for feed in feeds if not (alone and _is_unfed(feed))])
        due = [*unread, *(each.feed for each in judged if each.change)]
        groups = _groups(session, due) if alone else [[feed] for feed in due]
        made = [each for group in groups for each in _make(session, group, on_statement, database)]
        untracked = _untracked(session, excluded)
    return _told([*made, *(each for each in judged if not each.change)], untracked)


def _groups(session: Session, feeds: Sequence[Feed]) -> list[list[Feed]]:
    """Group feeds so that a group's locks take about TABLES_AT_ONCE relations; one alone may take more."""
    families = {int(str(table)): int(str(n)) for table, n in session.execute(sql.read("repair/families"))}
    locked = accumulate(sum(families.get(table, 1) for table in feed.tables) for feed in feeds)
    numbered = groupby(zip(locked, feeds, strict=True), lambda pair: (pair[0] - 1) // TABLES_AT_ONCE)
    return [[feed for _, feed in group] for _, group in numbered]


def _is_unfed(feed: Feed) -> bool:
    return not (feed.sequence or feed.reason)


def _make(
    session: Session, feeds: Sequence[Feed], on_statement: Callable[[Statement], None], database: Database
) -> list[_Judged]:
    """Change feeds in one transaction. If that fails, try its halves: in the end this names the table."""
    if len(feeds) > 1:
        try:
            return _change(session, feeds, on_statement)
        except psycopg.Error:
            middle = len(feeds) // 2
            halves = feeds[:middle], feeds[middle:]
            return [each for half in halves for each in _make(session, half, on_statement, database)]
    (feed,) = feeds
    for _ in range(LOCK_ATTEMPTS):
        try:
            return _change(session, feeds, on_statement)
        except (LockNotAvailable, DeadlockDetected):
            continue  # our own wait let the queue behind us pass
        except psycopg.Error as error:
            reason = disclosed(details.of_error(error, code=True), database)
            raise RepairFailed(
                f"{feed.name}.{feed.column} could not be repaired: {reason}",
                "Nothing was changed in this table. Remove the cause or exclude the table, then start again.",
            ) from None
    raise RepairFailed(
        f"{feed.name} is in use: its lock was not free in {LOCK_ATTEMPTS} attempts of {LOCK_TIMEOUT}.",
        "Nothing was changed in this table. Find the long transaction in pg_stat_activity, then start again.",
    )


def _change(
    session: Session, feeds: Sequence[Feed], on_statement: Callable[[Statement], None]
) -> list[_Judged]:
    with session.transaction():
        # The locks come before the first query, so that in every isolation level it sees all they waited for;
        # where many are taken together, nobody else writes.
        session.execute(";\n".join(_locks(feeds)).encode())
        judged = _judge(session, feeds)
        changes = [each.change for each in judged if each.change]
        apply_together(session, [s for change in changes for s in change.statements], on_statement)
        for left in _judge(session, with_identities(session, [change.feed for change in changes])):
            if left.change or left.skipped:
                column = f"{left.feed.name}.{left.feed.column}"
                raise RepairFailed(
                    f"{column} is not right after its repair, which was rolled back with its group.",
                    "Please report this as a bug, with the table's definition.",
                )
        return judged


def _locks(feeds: Sequence[Feed]) -> Iterator[str]:
    yield composed("lock_timeout", timeout=LOCK_TIMEOUT)
    for feed in feeds:
        mode = "SHARE ROW EXCLUSIVE" if feed.sequence else "ACCESS EXCLUSIVE"
        yield composed("lock_tables", tables=", ".join(dict.fromkeys(feed.users)), mode=mode)
        if feed.sequence:
            yield composed("lock_sequence", sequence=feed.sequence, increment=feed.increment)


def _plan(session: Session, excluded: frozenset[int]) -> Repair:
    judged = _judge(session, spare(session, read_feeds(session, excluded)))
    return _told(judged, _untracked(session, excluded))


def _told(judged: Sequence[_Judged], untracked: Sequence[Skipped]) -> Repair:
    return Repair(
        changes=tuple(each.change for each in judged if each.change),
        skipped=(*(each.skipped for each in judged if each.skipped), *untracked),
        findings=tuple(finding for each in judged for finding in _findings(each)),
    )


def _untracked(session: Session, excluded: frozenset[int]) -> list[Skipped]:
    """Return the defaults that cannot be followed.

    A key that a function fills is complete, whatever the function does.
    """
    defaults = [d for d in read_unfollowed(session) if d.oid not in excluded and d.reason in REASONS]
    return [_skipped(d.table, d.column, d.reason) for d in defaults]


def _judge(session: Session, feeds: Sequence[Feed]) -> list[_Judged]:
    """Return the verdict on each feed: change it, skip it for a reason, or find nothing wrong."""
    return list(map(_judge_one, feeds, read_positions(session, feeds)))


def _judge_one(feed: Feed, position: Position | None) -> _Judged:
    if position is None:
        return _Judged(feed, skipped=_skipped(feed.name, feed.column, feed.reason, feed.other))
    after = next_free(feed, position)
    if feed.sequence and after == position.upcoming:
        return _Judged(feed, position.upcoming)
    if feed.reason or after is None:
        skipped = _skipped(feed.name, feed.column, feed.reason or "exhausted")
        return _Judged(feed, position.upcoming, skipped=skipped)
    action = BUMP if feed.sequence else ADD_IDENTITY
    before = position.upcoming if feed.sequence else None
    statements = tuple(_statements(feed, position, after))
    return _Judged(feed, after, Change(feed.name, feed.column, action, before, after, statements, feed))


def _statements(feed: Feed, position: Position, after: int) -> Iterator[Statement]:
    names: dict[str, str | int] = {"table": feed.name, "column": feed.column, "value": after}
    users = " or ".join(f"{table}.{column}" for table, column in zip(feed.users, feed.columns, strict=True))
    why = f"The next value would be {position.upcoming}, but {users} already holds {position.furthest}."
    if feed.sequence:
        yield _statement("restart_sequence", why, sequence=feed.sequence, **names)
        return
    missing = f"Nothing fills the primary key {feed.name}.{feed.column}: an insert without it fails."
    yield _statement("add_identity", missing, **names)
    if after != position.upcoming:
        yield _statement("restart_identity", why, **names)


def _findings(judged: _Judged) -> Iterator[Finding]:
    """Yield findings for a person, though nothing is wrong with the next insert."""
    feed, upcoming = judged.feed, judged.upcoming
    if upcoming is None or feed.reason:
        return
    target = f"{feed.name}.{feed.column}"
    used = abs(upcoming - (feed.low if feed.increment > 0 else feed.high)) / max(feed.high - feed.low, 1)
    if len(feed.users) > 1:
        others = ", ".join(f"{t}.{c}" for t, c in zip(feed.users[1:], feed.columns[1:], strict=True))
        message = f"Its sequence {feed.sequence} also feeds {others}."
        yield _finding("shared_sequence", target, message, "Dropping the sequence's owner breaks the others.")
    if feed.cycle:
        message = f"Its sequence {feed.sequence} starts again at its end, at ids that exist."
        yield _finding("cycling_sequence", target, message, "ALTER SEQUENCE … NO CYCLE makes it an error.")
    if used > NEARLY_USED_UP:
        message = f"{used:.0%} of its numbers are used: {upcoming} of {feed.low} to {feed.high}."
        yield _finding("nearly_used_up", target, message, "Change it to a wider type in time.")
    if feed.parent_only:
        message = "Before PostgreSQL 17 an identity does not reach the partitions."
        yield _finding("partition_inserts", target, message, "Insert through the parent table.")


def _finding(rule: str, target: str, message: str, hint: str) -> Finding:
    return Finding(rule, Severity.WARNING, target, message, hint)


def _skipped(table: str, column: str, reason: str, other: str = "") -> Skipped:
    why = REASONS[reason].format(other=other, build_login=setting("build_database_url"))
    return Skipped(table, column, reason, f"{table}.{column} is left alone: {why}.")


def _statement(query: str, why: str, **parts: str | int) -> Statement:
    return Statement(composed(query, **parts).strip(), why)
