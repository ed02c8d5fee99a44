"""Restore an archive into prod, in parallel, and say honestly how it went."""

import re
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from pgpromote.postgres import sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.archive import restorable
from pgpromote.postgres.errors import Refused, RestoreFailed, ToolFailed
from pgpromote.postgres.model import (
    Archive,
    Clearance,
    Finding,
    Policy,
    RestoreError,
    Severity,
    Statement,
    TocEntry,
)
from pgpromote.postgres.server import Database, Session, connect, identify, redact
from pgpromote.postgres.tools import Completed, Tools, choose, run

OnLine = Callable[[str], None]

ENTRY = re.compile(r"pg_restore: from TOC entry (\d+); \d+ \d+ (.*)")
PROBLEM = re.compile(r"pg_restore: error: (.*)")
IGNORED = re.compile(r"pg_restore: warning: errors ignored on restore: (\d+)")
PSQL_PROBLEM = re.compile(r"psql:(?:.*:(\d+): )?(?:error: )?(?:ERROR|FATAL|PANIC): +(.*)")
PARALLEL = "pg_restore: entering main parallel loop"
DEAD_WORKER = "a worker process died unexpectedly"
STATEMENT = "Command was: "
SHOWN_STATEMENT = 400
FILLED = "MATERIALIZED VIEW DATA"
# The catalogs have grown. Without statistics of them the proof of 10,000 tables takes a minute, not a second.
ANALYZE_CATALOGS = (
    "ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_attrdef, pg_catalog.pg_constraint, "
    "pg_catalog.pg_depend, pg_catalog.pg_index, pg_catalog.pg_inherits, pg_catalog.pg_namespace, "
    "pg_catalog.pg_proc, pg_catalog.pg_trigger, pg_catalog.pg_type"
)
# Few enough for the server's lock table: a DROP locks each index and partition, too.
DROPS_AT_ONCE = 100
SHOWN_DROPS = 10
HINT_ROLLED_BACK = (
    "It ran in one transaction, which was rolled back: prod is as before. A dump without --clean needs an "
    "empty schema: reset it, or dump with --clean --if-exists."
)
HINT_BESIDE = "The first error usually explains the others: remove its cause, dump again, and start again."
HINT_IN_PLACE = (
    "Prod may now be a mix of old and new. The first error usually explains the others: remove its cause and "
    "run the restore again."
)


@dataclass(frozen=True)
class Restored:
    """A restore that reported no error. `seconds` is its duration, `counts` the entries per kind.

    `refreshed` are the statements that filled materialized views which the archive had left empty.
    """

    path: Path
    sha256: str
    target: str
    jobs: int
    seconds: float
    counts: dict[str, int]
    warnings: tuple[str, ...]
    refreshed: tuple[Statement, ...] = ()


def create_extensions(clearance: Clearance, target: Database, promotion: str) -> tuple[Statement, ...]:
    """Create the extensions that the clearance found missing. Returns what was run."""
    if clearance.create_extensions:
        with connect(target, promotion) as session:
            apply(session, clearance.create_extensions)
    return clearance.create_extensions


def fill_materialized_views(
    clearance: Clearance,
    target: Database,
    available: list[Tools],
    promotion: str,
    *,
    jobs: int | None = None,
    on_line: OnLine = lambda line: None,
) -> tuple[Statement, ...]:
    """Fill the materialized views, also those that the archive brings empty. Returns what was run for these.

    With definitions or rows alone there is nothing to fill them from. Raises RestoreFailed for the first
    view that cannot be filled; those before it stay.
    """
    if clearance.archive is None or clearance.filters.schema_only or clearance.filters.data_only:
        return ()
    entries = [entry for entry in restorable(clearance.archive) if entry.kind == FILLED]
    if entries:
        tools = _tools_for(target, available, promotion)
        done = _run_pass(
            clearance, entries, target, tools, promotion, jobs=jobs or target.connections(), on_line=on_line
        )
        _judge([done], _counted(done, parse(done.streams)), target, _hint(clearance))
    return tuple(_refresh_empty(clearance, clearance.archive, target, promotion))


def _tools_for(target: Database, available: list[Tools], promotion: str) -> Tools:
    with connect(target, promotion) as session:
        return choose(available, identify(session).version)


def _refresh_empty(
    clearance: Clearance, archive: Archive, target: Database, promotion: str
) -> list[Statement]:
    filled = {(entry.schema, entry.tag) for entry in archive.of_kind(FILLED)}
    views = [e for e in archive.of_kind("MATERIALIZED VIEW") if (e.schema, e.tag) not in filled]
    statements = [_refresh(view) for view in views]
    with connect(target, promotion, autocommit=True) as session:
        for view, statement in zip(views, statements, strict=True):
            try:
                apply(session, [statement])
            except psycopg.Error as error:
                entry = f"{view.dump_id} {view.kind} {view.name}"
                reason = RestoreError("statement", " ".join(str(error).split()), entry, statement.sql)
                raise RestoreFailed([_redacted(reason, target)], _hint(clearance)) from None
    return statements


def _refresh(view: TocEntry) -> Statement:
    query = SQL("REFRESH MATERIALIZED VIEW {}").format(Identifier(view.schema, view.tag))
    return Statement(query.as_string(), f"{view.name} was empty on dev")


def restore(
    clearance: Clearance,
    target: Database,
    available: list[Tools],
    promotion: str,
    *,
    jobs: int | None = None,
    on_line: OnLine = lambda line: None,
) -> Restored:
    """Restore the cleared file into prod, replacing what is there.

    An archive is restored with `jobs` connections, `target.connections()` when None. A plain SQL dump runs in
    one connection and one transaction: slower, not parallel. Raises RestoreFailed with every error,
    ToolFailed.
    """
    started = time.monotonic()
    jobs = jobs or target.connections()
    with connect(target, promotion, autocommit=True) as session:
        identity = identify(session)
        if identity.database_oid != clearance.target_oid:
            raise Refused([_replaced(target)])
        _make_room(session, clearance, target)
        standing = frozenset(str(row[0]) for row in session.execute(sql.read("catalog/schemas")))
    tools = choose(available, identity.version)
    if clearance.archive is None:
        jobs, counts = 1, {}
        completed = _run(sql_command(tools, target, clearance.path), target, promotion, on_line)
        _judge([completed], parse_psql(completed.lines), target, _hint(clearance))
        lines: Sequence[str] = completed.lines
    else:
        counts = clearance.archive.counts()
        lines = _restore_archive(
            clearance, clearance.archive, standing, target, tools, promotion, jobs=jobs, on_line=on_line
        )
    with connect(target, promotion, autocommit=True) as session:
        session.execute(ANALYZE_CATALOGS)
    return Restored(
        path=clearance.path,
        sha256=clearance.sha256,
        target=target.label,
        jobs=jobs,
        seconds=round(time.monotonic() - started, 3),
        counts=counts,
        warnings=tuple(redact(line, target) for line in lines if "warning:" in line),
    )


def _make_room(session: Session, clearance: Clearance, target: Database) -> None:
    """Drop what the archive replaces. Raises RestoreFailed for what cannot be dropped, with what is gone."""
    statements = clearance.make_room
    for start in range(0, len(statements), DROPS_AT_ONCE):
        try:
            apply(session, statements[start : start + DROPS_AT_ONCE])
        except psycopg.Error as error:
            reason = RestoreError("statement", " ".join(str(error).split()))
            raise RestoreFailed([_redacted(reason, target)], _gone(statements[:start])) from None


def _gone(dropped: Sequence[Statement]) -> str:
    if not dropped:
        return "Nothing was dropped: prod is as before. Remove the cause and start again."
    shown = "; ".join(statement.sql for statement in dropped[:SHOWN_DROPS])
    more = f" and {len(dropped) - SHOWN_DROPS} more" if len(dropped) > SHOWN_DROPS else ""
    return f"What the archive replaces was being dropped, and this is gone: {shown}{more}. {HINT_IN_PLACE}"


def _restore_archive(
    clearance: Clearance,
    archive: Archive,
    standing: Collection[str],
    target: Database,
    tools: Tools,
    promotion: str,
    *,
    jobs: int,
    on_line: OnLine,
) -> Sequence[str]:
    """Restore in passes. In place, errors of the first do not keep the second from telling its own."""
    completed: list[Completed] = []
    errors: list[RestoreError] = []
    for entries, connections in _passes(archive, standing, jobs):
        done = _run_pass(clearance, entries, target, tools, promotion, jobs=connections, on_line=on_line)
        completed.append(done)
        errors += _counted(done, parse(done.streams))
        if done.returncode and not (clearance.in_place and errors):
            break
    _judge(completed, errors, target, _hint(clearance))
    return [line for done in completed for line in done.lines]


def _run_pass(
    clearance: Clearance,
    entries: Sequence[TocEntry],
    target: Database,
    tools: Tools,
    promotion: str,
    *,
    jobs: int,
    on_line: OnLine,
) -> Completed:
    with tempfile.NamedTemporaryFile("w", prefix="pgpromote-", suffix=".list") as use_list:
        use_list.writelines(f"{entry.dump_id};\n" for entry in entries)
        use_list.flush()
        command = restore_command(tools, target, clearance, Path(use_list.name), jobs=jobs)
        return _run(command, target, promotion, on_line)


def _passes(
    archive: Archive, standing: Collection[str], jobs: int
) -> Iterator[tuple[list[TocEntry], int]]:
    """Yield all entries but triggers for the first pass, then the triggers, in order and one by one.

    A schema that stands is not created: a reset has made it.

    Materialized views are filled later: that keeps one core busy at most, so rows are compared meanwhile.
    With parallel jobs pg_restore creates the trigger of a partitioned table as soon as that table is there,
    while rows still come into its partitions, and it fires (seen on 16.14 and 18.4). A trigger that is
    disabled on one partition has to come after the one that it was made from.
    """
    entries = [
        entry
        for entry in restorable(archive)
        if entry.kind != FILLED and not (entry.kind == "SCHEMA" and entry.tag in standing)
    ]
    late = [entry for entry in entries if _is_trigger(entry)]
    yield [entry for entry in entries if not _is_trigger(entry)], jobs
    if late:
        yield sorted(late, key=lambda entry: "CREATE " not in entry.definition), 1


def _is_trigger(entry: TocEntry) -> bool:
    return entry.kind == "TRIGGER" or (entry.kind == "COMMENT" and entry.tag.startswith("TRIGGER "))


def restore_command(
    tools: Tools, target: Database, clearance: Clearance, use_list: Path, *, jobs: int
) -> list[str]:
    """Build the pg_restore command line. It holds no secret.

    Into an empty database the first error is one too many; in place, all of them are wanted at once. What
    the archive replaces has been dropped before. Owners and grants are restored only when the source's are
    wanted.
    """
    command = [tools.path("pg_restore"), f"--dbname={target.argument()}", "--no-password", "--verbose"]
    command += [] if clearance.rights is Policy.SOURCE else ["--no-owner", "--no-privileges"]
    command += [f"--jobs={jobs}", f"--use-list={use_list}"]
    if not clearance.in_place:
        return [*command, "--exit-on-error", str(clearance.path)]
    command += ["--data-only"] if clearance.filters.data_only else []
    command += ["--schema-only"] if clearance.filters.schema_only else []
    return [*command, str(clearance.path)]


def sql_command(tools: Tools, target: Database, path: Path) -> list[str]:
    """Build the psql command line for a plain SQL dump: stop at the first error, all or nothing."""
    command = [tools.path("psql"), f"--dbname={target.argument()}", "--no-password", "--no-psqlrc", "--quiet"]
    command += ["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose", "--single-transaction"]
    return [*command, "--output=/dev/null", f"--file={path}"]


def _run(command: list[str], target: Database, promotion: str, on_line: OnLine) -> Completed:
    def show(line: str) -> None:
        # The other lines belong to a failing statement, whose secrets are found only in the whole of it.
        if line.startswith(("pg_restore: ", "psql:")):
            on_line(redact(line, target))

    return run(command, target.environment(promotion), show)


def _replaced(target: Database) -> Finding:
    message = f"{target.label} was replaced by another database of that name since the checks."
    return Finding("target_unchanged", Severity.ERROR, target.label, message, "Start again.")


def _redacted(error: RestoreError, target: Database) -> RestoreError:
    """Hide secrets first and shorten afterwards: half a password would no longer be found."""
    statement = " ".join(redact(error.statement, target).split())[:SHOWN_STATEMENT]
    return replace(error, message=redact(error.message, target), statement=statement)


def _hint(clearance: Clearance) -> str:
    if clearance.archive is None:
        return HINT_ROLLED_BACK
    return HINT_IN_PLACE if clearance.in_place else HINT_BESIDE


def _judge(
    completed: Sequence[Completed], errors: Sequence[RestoreError], target: Database, hint: str
) -> None:
    """Raise unless every program ended well and reported nothing."""
    if errors:
        # What names an entry comes first; that a worker died is only what followed from it.
        causes = [error for error in errors if error.message != DEAD_WORKER] or errors
        ranked = sorted(causes, key=lambda error: not error.entry)
        raise RestoreFailed([_redacted(error, target) for error in ranked], hint)
    for done in completed:
        if done.returncode != 0:
            told = redact(" ".join(done.lines[-3:]), target)
            raise ToolFailed(f"The restore ended with {done.ending}: {told}", hint)


def _counted(completed: Completed, errors: list[RestoreError]) -> list[RestoreError]:
    """Add a doubt to the errors when pg_restore's own count of them does not agree."""
    counted = next((int(match[1]) for match in map(IGNORED.match, completed.lines) if match), None)
    if counted is None or counted == len(errors) + _counted_twice(completed):
        return errors
    doubt = f"pg_restore counted {counted} errors; {len(errors)} could be read from its output"
    return [*errors, RestoreError("other", doubt)]


def _counted_twice(completed: Completed) -> int:
    """Count the entries that failed in a worker: pg_restore adds one for each to its workers' own counts.

    Seen on 16.14 and 18.4: 3 errors of the leader and 2 of workers are reported as 7.
    """
    return sum(len({error.entry for error in _parse(stream, "")}) for stream in completed.streams[1:])


def parse(streams: Sequence[Sequence[str]]) -> list[RestoreError]:
    """Take the errors out of pg_restore's output, each with its entry and statement.

    The lines come process by process, the leader's first, so that a message stays whole. pg_restore gives
    no SQLSTATE, only the server's message. It names an entry only when it is another one than before, and
    a worker inherits the last one that the leader named before it was forked.
    """
    leader, *workers = streams or [[]]
    inherited = next((_entry(line) for line in reversed(_before_workers(leader)) if ENTRY.match(line)), "")
    found = _parse(leader, "")
    for worker in workers:
        found += _parse(worker, inherited)
    return found


def _before_workers(leader: Sequence[str]) -> Sequence[str]:
    return leader[: leader.index(PARALLEL)] if PARALLEL in leader else leader


def _entry(line: str) -> str:
    match = ENTRY.match(line)
    return f"{match[1]} {match[2]}" if match else ""


def _parse(lines: Iterable[str], entry: str) -> list[RestoreError]:
    errors: list[RestoreError] = []
    for record in _records(lines):
        if ENTRY.match(record[0]):
            entry = _entry(record[0])
        elif match := PROBLEM.match(record[0]):
            errors.append(_error(entry, match[1], record[1:]))
    return errors


def _records(lines: Iterable[str]) -> Iterator[list[str]]:
    """Group the lines: a message begins with the program's name, its other lines follow."""
    record: list[str] = []
    for line in lines:
        if line.startswith("pg_restore: ") and record:
            yield record
            record = []
        record.append(line)
    if record:
        yield record


def _error(entry: str, message: str, rest: list[str]) -> RestoreError:
    kinds = {"COPY failed": "data", "could not execute query": "statement", "connection": "connection"}
    kind = next((kind for sign, kind in kinds.items() if sign in message), "other")
    text = "\n".join(rest)
    before, _, statement = text.partition(STATEMENT)
    detail = [message, *(line.strip() for line in before.splitlines() if line.strip())]
    cleaned = " ".join(detail).removeprefix("could not execute query: ")
    return RestoreError(kind, cleaned, entry, statement.strip())


def parse_psql(lines: Iterable[str]) -> list[RestoreError]:
    """Take the errors out of psql's output; each message begins with its SQLSTATE."""
    matches = (PSQL_PROBLEM.match(line) for line in lines)
    return [
        RestoreError("statement", match[2], f"line {match[1]}" if match[1] else "")
        for match in matches
        if match
    ]
