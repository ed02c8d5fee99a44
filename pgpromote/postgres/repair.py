"""Make primary keys fill themselves again: add missing identities, move sequences that lag behind.

A table whose integer primary key lost its default takes no insert without an id; one whose sequence lags
behind its ids fails with a duplicate key. Both are repaired without changing what the schema means: what
might be meant otherwise (a foreign key, a trigger, a composite key …) is reported and left alone.

`plan` only reads. `repair` makes each change in a transaction of its own: it locks the tables and the
sequence, reads again where they stand, composes the statements from that, runs them, and reads once more:
nothing may be left to do. So the values are right however much was written since the plan.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg.rows import class_row
from psycopg.sql import SQL, Composable, Literal

from pgpromote.postgres import sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.errors import RepairFailed
from pgpromote.postgres.model import Finding, Severity, Statement
from pgpromote.postgres.sequences import (
    Feed,
    Position,
    check_exclusions,
    composed,
    excluded_tables,
    next_free,
    quoted,
    read_feeds,
    read_positions,
    with_identity,
)
from pgpromote.postgres.server import Database, Session, connect, redact

__all__ = ["Change", "Repair", "Skipped", "check_exclusions", "plan", "repair"]

ADD_IDENTITY = "add identity"
BUMP = "bump"

LOCK_ATTEMPTS = 5
# Long enough for ordinary statements to end, short enough for the readers that queue behind our lock.
LOCK_TIMEOUT = "2s"
NEARLY_USED_UP = 0.8

REASONS = {
    "by_name": "its default finds the sequence by name at run time; use nextval('…'::regclass)",
    "composite": "one of several key columns; which of them should count is not in the schema",
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
    "row_security": "row security hides rows from us, so the next free value is unknown",
    "system_schema": "it lies in a system schema",
    "temporary": "it is temporary",
    "trigger": "a BEFORE INSERT trigger or a rule may fill it",
}


@dataclass(frozen=True)
class Change:
    """One repair: the column, what is done, and the statements that do it.

    `action` is ADD_IDENTITY or BUMP; `before` is the value that the next insert would have got (None
    where nothing feeds the column), `after` the one that it gets now.
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
    """What is repaired, what is left alone and why, and what a person should look at."""

    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, in the order in which they run."""
        return tuple(statement for change in self.changes for statement in change.statements)


@dataclass(frozen=True)
class _UntrackedDefault:
    table: str
    column: str
    reason: str
    oid: int


def plan(session: Session, exclude: Sequence[str] = ()) -> Repair:
    """Find the primary keys to repair, and compose the statements. Changes nothing.

    `exclude` holds patterns such as `lookup_*` or `sales.region` (fnmatch, `table` or `schema.table`).
    Raises ConfigError for a pattern that matches no table.
    """
    return _plan(session, excluded_tables(session, exclude))


def repair(
    database: Database,
    promotion: str,
    *,
    exclude: Sequence[str] = (),
    really: bool = True,
    on_statement: Callable[[Statement], None] = lambda s: None,
) -> Repair:
    """Repair the primary keys of a database, and return what was done; only plan it unless `really`.

    Raises ConfigError as `plan` does, and RepairFailed for the first table that cannot be repaired.
    """
    with connect(database, promotion, autocommit=True) as session:
        session.read_only = False  # said aloud, because a database may have the other default
        excluded = excluded_tables(session, exclude)
        planned = _plan(session, excluded)
        if not really or not planned.changes:
            return planned
        made = [_make(session, change, on_statement, database) for change in planned.changes]
        left = _plan(session, excluded)
    return Repair(
        changes=tuple(change for change in made if change),
        skipped=left.skipped,
        findings=tuple(dict.fromkeys((*planned.findings, *left.findings))),
    )


def _make(
    session: Session, planned: Change, on_statement: Callable[[Statement], None], database: Database
) -> Change | None:
    for _ in range(LOCK_ATTEMPTS):
        try:
            return _change(session, planned.feed, on_statement)
        except (LockNotAvailable, DeadlockDetected):
            continue  # our own wait let the queue behind us pass
        except psycopg.Error as error:
            reason = redact(error.diag.message_primary or str(error), database)
            raise RepairFailed(
                f"{planned.table}.{planned.column} could not be repaired: {reason}",
                "Nothing was changed in this table. Remove the cause or exclude the table, then start again.",
            ) from None
    raise RepairFailed(
        f"{planned.table} is in use: its lock was not free in {LOCK_ATTEMPTS} attempts of {LOCK_TIMEOUT}.",
        "Nothing was changed in this table. Find the long transaction in pg_stat_activity, then start again.",
    )


def _change(session: Session, feed: Feed, on_statement: Callable[[Statement], None]) -> Change | None:
    with session.transaction():
        # The locks come before the first query, so that in every isolation level it sees all they waited for.
        session.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(LOCK_TIMEOUT)))
        _lock(session, feed)
        change = _judge_again(session, feed)
        if not isinstance(change, Change):
            return None
        apply(session, change.statements, on_statement)
        if _judge_again(session, feed if feed.sequence else with_identity(session, feed)):
            raise RepairFailed(
                f"{change.table}.{change.column} is not right after its repair, which was rolled back.",
                "Please report this as a bug, with the table's definition.",
            )
        return change


def _judge_again(session: Session, feed: Feed) -> Change | Skipped | None:
    (position,) = read_positions(session, [feed])
    return _judge(feed, position)


def _lock(session: Session, feed: Feed) -> None:
    mode = SQL("ACCESS EXCLUSIVE") if feed.sequence is None else SQL("SHARE ROW EXCLUSIVE")
    tables = SQL(", ").join(map(quoted, dict.fromkeys(feed.users)))
    session.execute(composed("lock_tables", tables=tables, mode=mode))
    if feed.sequence is not None:
        increment = Literal(feed.increment)
        session.execute(composed("lock_sequence", sequence=quoted(feed.sequence), increment=increment))


def _plan(session: Session, excluded: frozenset[int]) -> Repair:
    changes: list[Change] = []
    skipped: list[Skipped] = []
    findings: list[Finding] = []
    feeds = read_feeds(session, excluded)
    for feed, position in zip(feeds, read_positions(session, feeds), strict=True):
        outcome = _judge(feed, position)
        if isinstance(outcome, Change):
            changes.append(outcome)
        elif outcome:
            skipped.append(outcome)
        if position and not feed.reason:
            upcoming = outcome.after if isinstance(outcome, Change) else position.upcoming
            findings += _findings(feed, upcoming)
    skipped += _untracked(session, excluded)
    return Repair(tuple(changes), tuple(skipped), tuple(findings))


def _untracked(session: Session, excluded: frozenset[int]) -> list[Skipped]:
    with session.cursor(row_factory=class_row(_UntrackedDefault)) as cursor:
        defaults = cursor.execute(sql.read("repair/untracked_defaults")).fetchall()
    return [_skipped(d.table, d.column, d.reason) for d in defaults if d.oid not in excluded]


def _judge(feed: Feed, position: Position | None) -> Change | Skipped | None:
    """Decide about one feed: change it, skip it for a reason, or find nothing wrong."""
    if position is None:
        return _skipped(feed.name, feed.column, feed.reason)
    after = next_free(feed, position)
    if feed.sequence and after == position.upcoming:
        return None
    if feed.reason or after is None:
        return _skipped(feed.name, feed.column, feed.reason or "exhausted")
    action = BUMP if feed.sequence else ADD_IDENTITY
    before = position.upcoming if feed.sequence else None
    return Change(
        feed.name, feed.column, action, before, after, tuple(_statements(feed, position, after)), feed
    )


def _statements(feed: Feed, position: Position, after: int) -> Iterator[Statement]:
    names = {"table": quoted(feed.name), "column": quoted(feed.column), "value": Literal(after)}
    users = " or ".join(f"{table}.{column}" for table, column in zip(feed.users, feed.columns, strict=True))
    why = f"The next value would be {position.upcoming}, but {users} already holds {position.furthest}."
    if feed.sequence:
        yield _statement("restart_sequence", why, sequence=quoted(feed.sequence), **names)
        return
    missing = f"Nothing fills the primary key {feed.name}.{feed.column}: an insert without it fails."
    yield _statement("add_identity", missing, **names)
    if after != position.upcoming:
        yield _statement("restart_identity", why, **names)


def _findings(feed: Feed, upcoming: int) -> Iterator[Finding]:
    """Say what a person should look at, though nothing is wrong with the next insert."""
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


def _skipped(table: str, column: str, reason: str) -> Skipped:
    return Skipped(table, column, reason, f"{table}.{column} is left alone: {REASONS[reason]}.")


def _statement(query: str, why: str, **parts: Composable) -> Statement:
    return Statement(composed(query, **parts).as_string().strip(), why)
