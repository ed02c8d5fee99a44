"""Restore an archive into prod, in parallel, and say honestly how it went."""

import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from pgpromote.postgres import views
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
from pgpromote.postgres.passes import FILLED, passes
from pgpromote.postgres.server import Database, connect, identify, redact
from pgpromote.postgres.tools import Completed, Tools, choose, run
from pgpromote.postgres.views import NOTHING, Filled

OnLine = Callable[[str], None]

ENTRY = re.compile(r"pg_restore: from TOC entry (\d+); \d+ \d+ (.*)")
PROBLEM = re.compile(r"pg_restore: error: (.*)")
IGNORED = re.compile(r"pg_restore: warning: errors ignored on restore: (\d+)")
PSQL_PROBLEM = re.compile(r"psql:(?:.*:(\d+): )?(?:error: )?(?:ERROR|FATAL|PANIC): +(.*)")
PARALLEL = "pg_restore: entering main parallel loop"
DEAD_WORKER = "a worker process died unexpectedly"
STATEMENT = "Command was: "
SHOWN_STATEMENT = 400
# The catalogs have grown. Without statistics of them the proof of 10,000 tables takes a minute, not a second.
ANALYZE_CATALOGS = (
    "ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_attrdef, pg_catalog.pg_constraint, "
    "pg_catalog.pg_depend, pg_catalog.pg_index, pg_catalog.pg_inherits, pg_catalog.pg_namespace, "
    "pg_catalog.pg_proc, pg_catalog.pg_trigger, pg_catalog.pg_type"
)
# Few enough for the server's lock table: a DROP locks each index and partition, too.
DROPS_AT_ONCE = 100
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

    `filled` says how materialized views were filled beside pg_restore.
    """

    path: Path
    sha256: str
    target: str
    jobs: int
    seconds: float
    counts: dict[str, int]
    warnings: tuple[str, ...]
    filled: Filled = NOTHING


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
) -> Filled:
    """Fill the materialized views, also those that the archive brings empty, as far as they can be filled.

    With definitions or rows alone there is nothing to fill them from. Raises RestoreFailed with every view
    that was filled on the source and cannot be filled here.
    """
    archive = clearance.archive
    if archive is None or clearance.filters.schema_only or clearance.filters.data_only:
        return NOTHING
    with connect(target, promotion, autocommit=True) as session:
        calling = views.calling(session)
        filled = [entry for entry in restorable(archive) if entry.kind == FILLED]
        alone = [entry for entry in filled if (entry.schema, entry.tag) not in calling]
        completed, errors = list[Completed](), list[RestoreError]()
        if alone:
            tools, jobs = choose(available, identify(session).version), jobs or target.connections()
            done = _run_pass(
                clearance, alone, target, tools, promotion, jobs=jobs, on_line=on_line, stop=False
            )
            completed, errors = [done], _counted(done, parse(done.streams))
        named = {(entry.schema, entry.tag): entry for entry in archive.of_kind("MATERIALIZED VIEW")}
        known = {(entry.schema, entry.tag) for entry in filled}
        empty = views.fill(session, [name for name in named if name not in known | calling])
        settled = views.settle(session, [name for name in named if name in calling])
    failures = {**empty.failures, **settled.failures}
    errors += [_unfilled(named[name], error) for name, error in failures.items() if name in known]
    _judge(completed, errors, target, _hint(clearance))
    return Filled(
        tuple(_refreshed(name, calling) for name in named if name in calling or name not in known),
        (
            *(views.empty(name, _reason(error, target)) for name, error in failures.items()),
            *(views.changing(name) for name in named if name in settled.changing - failures.keys()),
        ),
    )


def _unfilled(view: TocEntry, error: psycopg.Error) -> RestoreError:
    statement = views.refresh((view.schema, view.tag))
    entry = f"{view.dump_id} {view.kind} {view.name}"
    return RestoreError("statement", " ".join(str(error).split()), entry, statement)


def _refreshed(name: tuple[str, str], calling: frozenset[tuple[str, str]]) -> Statement:
    why = "calls a function, which may read other views" if name in calling else "was empty on dev"
    return Statement(views.refresh(name), f"{'.'.join(name)} {why}")


def _reason(error: psycopg.Error, target: Database) -> str:
    return redact(error.diag.message_primary or "the server did not say why", target)


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
        for start in range(0, len(clearance.make_room), DROPS_AT_ONCE):
            apply(session, clearance.make_room[start : start + DROPS_AT_ONCE])
    tools = choose(available, identity.version)
    if clearance.archive is None:
        jobs, counts = 1, {}
        completed = _run(sql_command(tools, target, clearance.path), target, promotion, on_line)
        _judge([completed], parse_psql(completed.lines), target, _hint(clearance))
        lines: Sequence[str] = completed.lines
    else:
        counts = clearance.archive.counts()
        lines = _restore_archive(
            clearance, clearance.archive, target, tools, promotion, jobs=jobs, on_line=on_line
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


def _restore_archive(
    clearance: Clearance,
    archive: Archive,
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
    for entries, connections in passes(archive, jobs):
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
    stop: bool = True,
) -> Completed:
    with tempfile.NamedTemporaryFile("w", prefix="pgpromote-", suffix=".list") as use_list:
        use_list.writelines(f"{entry.dump_id};\n" for entry in entries)
        use_list.flush()
        command = restore_command(tools, target, clearance, Path(use_list.name), jobs=jobs, stop=stop)
        return _run(command, target, promotion, on_line)


def restore_command(
    tools: Tools, target: Database, clearance: Clearance, use_list: Path, *, jobs: int, stop: bool = True
) -> list[str]:
    """Build the pg_restore command line. It holds no secret.

    Into an empty database the first error is one too many, unless it is not to `stop` there; in place, all of
    them are wanted at once. Owners and grants are restored only when the source's are wanted.
    """
    command = [tools.path("pg_restore"), f"--dbname={target.argument()}", "--no-password", "--verbose"]
    command += [] if clearance.rights is Policy.SOURCE else ["--no-owner", "--no-privileges"]
    command += [f"--jobs={jobs}", f"--use-list={use_list}"]
    if not clearance.in_place:
        return [*command, *(["--exit-on-error"] if stop else []), str(clearance.path)]
    command += ["--data-only"] if clearance.filters.data_only else ["--clean", "--if-exists"]
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
