"""Restore an archive into prod, in parallel, and say honestly how it went."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

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
from pgpromote.postgres.restore_messages import DEAD_WORKER, advice, counted, parse, parse_psql
from pgpromote.postgres.server import Database, connect, identify, redact
from pgpromote.postgres.tools import Completed, Tools, choose, run

OnLine = Callable[[str], None]

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
        _judge([done], counted(done, parse(done.streams)), target, _hint(clearance))
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
                hint = advice([reason], _hint(clearance))
                raise RestoreFailed([_redacted(reason, target)], hint) from None
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
    for entries, connections in _passes(archive, jobs):
        done = _run_pass(clearance, entries, target, tools, promotion, jobs=connections, on_line=on_line)
        completed.append(done)
        errors += counted(done, parse(done.streams))
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


def _passes(archive: Archive, jobs: int) -> Iterator[tuple[list[TocEntry], int]]:
    """Yield all entries but triggers for the first pass, then the triggers, in order and one by one.

    Materialized views are filled later: that keeps one core busy at most, so rows are compared meanwhile.
    With parallel jobs pg_restore creates the trigger of a partitioned table as soon as that table is there,
    while rows still come into its partitions, and it fires (seen on 16.14 and 18.4). A trigger that is
    disabled on one partition has to come after the one that it was made from.
    """
    entries = [entry for entry in restorable(archive) if entry.kind != FILLED]
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

    Into an empty database the first error is one too many; in place, all of them are wanted at once. Owners
    and grants are restored only when the source's are wanted.
    """
    command = [tools.path("pg_restore"), f"--dbname={target.argument()}", "--no-password", "--verbose"]
    command += [] if clearance.rights is Policy.SOURCE else ["--no-owner", "--no-privileges"]
    command += [f"--jobs={jobs}", f"--use-list={use_list}"]
    if not clearance.in_place:
        return [*command, "--exit-on-error", str(clearance.path)]
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
        raise RestoreFailed([_redacted(error, target) for error in ranked], advice(ranked, hint))
    for done in completed:
        if done.returncode != 0:
            told = redact(" ".join(done.lines[-3:]), target)
            raise ToolFailed(f"The restore ended with {done.ending}: {told}", hint)
