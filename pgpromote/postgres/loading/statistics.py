"""Planner statistics for a new database, so that its first queries are as fast as the old one's."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
from psycopg.errors import Diagnostic
from psycopg.sql import SQL, Identifier

from pgpromote.postgres import details
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import Database, Session, connect, disclosed, rows
from pgpromote.postgres.stall import leave

RULE = "statistics"
HINT = (
    "Queries on it may be slow until it is analyzed. Remove the cause, such as a right that its owner lacks, "
    "or a name without its schema in a function of an index; then run: {};"
)


@dataclass(frozen=True)
class _Table:
    """A table to analyze, and its partitions that hold rows, as (schema, name): ANALYZE goes on to them.

    Those of the server itself are `pinned`; a superuser may analyze them all, others are not missed.
    """

    schema: str
    name: str
    pinned: bool = False
    leaves: Sequence[Sequence[str]] = ()

    def is_among(self, names: Collection[tuple[str, str]]) -> bool:
        """Return whether the table, or one of its partitions, has one of these names."""
        return (self.schema, self.name) in names or any(
            (schema, leaf) in names for schema, leaf in self.leaves
        )

    @property
    def target(self) -> Identifier:
        return Identifier(self.schema, self.name)


def gather(
    target: Database,
    run_id: str,
    *,
    jobs: int | None = None,
    of: str | None = None,
    but: str | None = None,
    among: Collection[tuple[str, str]] | None = None,
) -> tuple[Finding, ...]:
    """Analyze every table with `jobs` connections, the largest first, partitions with their parent.

    `jobs` is `target.connections()` when None; the tables are those `of` a role, or of all roles `but` one,
    and only those `among` names, (schema, name), if it is not None.
    Returns a warning for each table that cannot be analyzed: it is as right as the others, only slow. Raises
    ConnectionFailed, and SessionFailed for a lost connection.
    """
    jobs = jobs or target.connections()
    with connect(target, run_id, autocommit=True) as session:
        tables = rows(session, _Table, "catalog/analyzed", {"of": of, "but": but})
    waiting = deque(each for each in tables if among is None or each.is_among(among))
    opened: list[Session] = []
    with ThreadPoolExecutor(jobs) as threads:
        try:
            working = [threads.submit(_work, target, run_id, waiting, opened) for _ in range(jobs)]
            found = [finding for done in working for finding in done.result()]
        except BaseException:
            waiting.clear()
            for session in opened:
                leave(session)
            raise
    return tuple(sorted(found, key=lambda finding: finding.object))


def _work(target: Database, run_id: str, waiting: deque[_Table], opened: list[Session]) -> list[Finding]:
    found: list[Finding] = []
    with connect(target, run_id, autocommit=True) as session:
        opened.append(session)
        while waiting:
            try:
                table = waiting.popleft()
            except IndexError:  # another connection took the last one
                break
            found += _analyze(session, table, target)
    return found


def _analyze(session: Session, table: _Table, target: Database) -> Iterator[Finding]:
    """Analyze a table. Where that fails, each of its partitions still gets statistics if it can."""
    statement = SQL("ANALYZE {}").format(table.target)
    reasons: list[str] = []

    def listen(said: Diagnostic) -> None:
        # Such as that a table is not ours, and skipped.
        if said.severity_nonlocalized == "WARNING" and not table.pinned:
            reasons.append(_reason(said, target))

    session.add_notice_handler(listen)
    leaves: Sequence[Sequence[str]] = ()
    try:
        session.execute(statement)
    except psycopg.Error as error:
        if session.broken:
            raise
        if not table.pinned:
            reasons.append(_reason(error.diag, target))
        leaves = table.leaves
    finally:
        session.remove_notice_handler(listen)
    name = f"{table.schema}.{table.name}"
    for reason in reasons:
        message = f"{name} cannot be analyzed: {reason}."
        yield Finding(RULE, Severity.WARNING, name, message, HINT.format(statement.as_string()))
    for schema, leaf in leaves:
        yield from _analyze(session, _Table(schema, leaf), target)


def _reason(said: Diagnostic, target: Database) -> str:
    """Return the reason of a failure, without values of rows."""
    return disclosed(details.of_message(said, code=True), target)
