"""The restore of an archive into prod, in parallel, with every error reported."""

import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from pgpromote.postgres import details, encodings, sql
from pgpromote.postgres.apply import apply
from pgpromote.postgres.archives import defaults
from pgpromote.postgres.archives.archive import restorable
from pgpromote.postgres.databases import room
from pgpromote.postgres.errors import Refused, RestoreFailed, ToolFailed
from pgpromote.postgres.loading import aftermath, views
from pgpromote.postgres.loading.passes import FILLED, is_trigger, passes
from pgpromote.postgres.loading.restore_messages import (
    DEAD_WORKER,
    HINT_KILLED,
    advice,
    counted,
    kept_aside,
    of_session,
    parse,
    parse_psql,
    shown_error,
    without_unknown_setting,
)
from pgpromote.postgres.loading.views import NOTHING, Filled
from pgpromote.postgres.model import (
    Archive,
    Clearance,
    Dump,
    Finding,
    RestoreError,
    ServerVersion,
    Severity,
    Statement,
    TocEntry,
)
from pgpromote.postgres.server import (
    LIMITS_TRANSACTIONS,
    Database,
    connect,
    disclosed,
    identify,
    redact,
    shown_to,
)
from pgpromote.postgres.tools import Completed, OnLine, Tools, choose, run_on

# The catalogs have grown. Without statistics of them the proof of 10,000 tables takes a minute, not a second.
USE_LIST = "--use-list=/dev/stdin"
ANALYZE_CATALOGS = (
    "ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_attrdef, pg_catalog.pg_constraint, "
    "pg_catalog.pg_depend, pg_catalog.pg_index, pg_catalog.pg_inherits, pg_catalog.pg_namespace, "
    "pg_catalog.pg_proc, pg_catalog.pg_trigger, pg_catalog.pg_type"
)


@dataclass(frozen=True)
class Restored:
    """A restore that reported no error. `seconds` is its duration, `counts` the entries per kind.

    `filled` is the result of filling materialized views beside pg_restore.
    """

    path: Path
    sha256: str
    target: str
    jobs: int
    seconds: float
    counts: dict[str, int]
    warnings: tuple[str, ...]
    filled: Filled = NOTHING


@dataclass(frozen=True)
class Client:
    """The client programs of a restore, and the version of the server that they speak to."""

    tools: Tools
    server: ServerVersion

    @property
    def forgiving(self) -> bool:
        """Whether one error of each connection is expected, so that the first cannot end the restore."""
        return self.tools.sends_unknown_setting(self.server)


def create_extensions(clearance: Clearance, target: Database, run_id: str) -> tuple[Statement, ...]:
    """Create the extensions that the clearance found missing. Returns the statements that were run."""
    if clearance.create_extensions:
        with connect(target, run_id) as session:
            apply(session, clearance.create_extensions)
    return clearance.create_extensions


def fill_materialized_views(
    clearance: Clearance,
    target: Database,
    available: list[Tools],
    run_id: str,
    *,
    jobs: int | None = None,
    demanded: bool = True,
    on_line: OnLine = lambda line: None,
) -> Filled:
    """Fill the materialized views, also those that the archive brings empty, as far as they can be filled.

    With definitions or rows alone there is nothing to fill them from. With `demanded`, raises RestoreFailed
    with every view that was filled on the source and cannot be filled here.
    """
    archive = clearance.archive
    if not archive.listed or clearance.filters.schema_only or clearance.filters.data_only:
        return NOTHING
    with connect(target, run_id, autocommit=True) as session:
        calling = views.calling(session)
        filled = [entry for entry in restorable(archive) if entry.kind == FILLED and demanded]
        alone = [entry for entry in filled if (entry.schema, entry.tag) not in calling]
        completed, errors = list[Completed](), list[RestoreError]()
        if alone:
            client = _choose(available, identify(session).version, archive)
            # No value of the archive is read, and a view computes under prod's own settings.
            own, jobs = replace(clearance, settings=()), jobs or target.connections()
            done = _run_pass(own, alone, target, client, run_id, jobs=jobs, on_line=on_line, stop=False)
            completed, errors = [done], counted(done, parse(done.streams))
        named = {(entry.schema, entry.tag): entry for entry in archive.of_kind("MATERIALIZED VIEW")}
        known = {(entry.schema, entry.tag) for entry in filled}
        empty = views.fill(session, [name for name in named if name not in known | calling])
        settled = views.settle(session, [name for name in named if name in calling])
    failures = {**empty.failures, **settled.failures}
    errors += [_unfilled(named[name], error) for name, error in failures.items() if name in known]
    _judge(completed, errors, target, aftermath.hint(clearance), archive)
    names = details.names_in(archive) if failures else frozenset[str]()
    return Filled(
        tuple(
            _refreshed(name, calling, demanded=demanded)
            for name in named
            if name in calling or name not in known
        ),
        (
            *(
                views.empty(name, disclosed(details.of_error(error, names, code=True), target))
                for name, error in failures.items()
            ),
            *(views.changing(name) for name in named if name in settled.changing - failures.keys()),
        ),
    )


def restore_entries(
    clearance: Clearance,
    entries: Sequence[TocEntry],
    target: Database,
    available: list[Tools],
    run_id: str,
    *,
    jobs: int = 1,
    on_line: OnLine = lambda line: None,
) -> None:
    """Restore some entries of the cleared archive, grants among them. Raises RestoreFailed, ToolFailed."""
    if entries:
        client = _client(clearance.archive, target, available, run_id)
        # No value of the archive is read, and a view computes under prod's own settings.
        own = replace(clearance, settings=())
        done = _run_pass(own, entries, target, client, run_id, jobs=jobs, on_line=on_line)
        _judge(
            [done], counted(done, parse(done.streams)), target, aftermath.hint(clearance), clearance.archive
        )


def _client(archive: Dump, target: Database, available: list[Tools], run_id: str) -> Client:
    with connect(target, run_id) as session:
        return _choose(available, identify(session).version, archive)


def _choose(available: list[Tools], server: ServerVersion, archive: Dump) -> Client:
    return Client(choose(available, server, archive.format_version), server)


def _unfilled(view: TocEntry, error: psycopg.Error) -> RestoreError:
    entry = f"{view.dump_id} {view.kind} {view.name}"
    return of_session(error, entry, views.refresh((view.schema, view.tag)))


def _refreshed(name: tuple[str, str], calling: frozenset[tuple[str, str]], *, demanded: bool) -> Statement:
    why = "was empty on dev" if demanded else "comes back if it can be filled"
    why = "calls a function, which may read other views" if name in calling else why
    return Statement(views.refresh(name), f"{'.'.join(name)} {why}")


def restore(
    clearance: Clearance,
    target: Database,
    available: list[Tools],
    run_id: str,
    *,
    jobs: int | None = None,
    keeper: Database | None = None,
    on_line: OnLine = lambda line: None,
) -> Restored:
    """Restore the cleared file into prod, replacing its content.

    An archive is restored with `jobs` connections, `target.connections()` when None. A plain SQL dump runs in
    one connection and one transaction: slower, not parallel. `keeper` reaches the same database as a role
    that may analyze its catalogs, where another restores. Raises RestoreFailed with every error, ToolFailed.
    """
    started = time.monotonic()
    jobs = jobs or target.connections()
    with connect(target, run_id, autocommit=True) as session:
        identity = identify(session)
        if identity.database_oid != clearance.target_oid:
            raise Refused([_replaced(target)])
        room.make(session, clearance.make_room, target)
        standing = frozenset(str(row[0]) for row in session.execute(sql.read("catalog/schemas")))
    client = _choose(available, identity.version, clearance.archive)
    if not clearance.archive.listed:
        jobs, counts = 1, {}
        command = sql_command(client, target, clearance.path)
        completed = run_on(target, run_id, command, shown_to(on_line, target))
        with aftermath.told(clearance):
            _judge([completed], parse_psql(completed.lines), target, "", clearance.archive)
        lines: Sequence[str] = completed.lines
    else:
        counts = clearance.archive.counts()
        lines = _restore_archive(
            clearance,
            clearance.archive,
            target,
            client,
            run_id,
            standing=standing,
            jobs=jobs,
            on_line=on_line,
        )
    with connect(keeper or target, run_id, autocommit=True) as session:
        session.execute(ANALYZE_CATALOGS)
    return Restored(
        path=clearance.path,
        sha256=clearance.sha256,
        target=target.label,
        jobs=jobs,
        seconds=round(time.monotonic() - started, 3),
        counts=counts,
        warnings=tuple(redact(details.of_line(line), target) for line in lines if ": warning:" in line),
    )


def _restore_archive(
    clearance: Clearance,
    archive: Archive,
    target: Database,
    client: Client,
    run_id: str,
    *,
    standing: Collection[str],
    jobs: int,
    on_line: OnLine,
) -> Sequence[str]:
    """Restore in passes. In place, errors of the first do not keep the second from reporting its own."""
    completed: list[Completed] = []
    errors: list[RestoreError] = []
    for entries, connections in passes(archive, standing, jobs):
        done = _run_pass(clearance, entries, target, client, run_id, jobs=connections, on_line=on_line)
        completed.append(done)
        errors += counted(done, parse(done.streams))
        if done.returncode and not (errors and not clearance.strategy.empty):
            break
    _judge(completed, errors, target, aftermath.hint(clearance), archive)
    with connect(target, run_id, autocommit=True) as session:
        defaults.drop_superfluous(session, archive)
    return [line for done in completed for line in done.lines]


def _run_pass(
    clearance: Clearance,
    entries: Sequence[TocEntry],
    target: Database,
    client: Client,
    run_id: str,
    *,
    jobs: int,
    on_line: OnLine,
    stop: bool = True,
) -> Completed:
    with _use_list(entries) as use_list:
        command = restore_command(client, target, clearance, jobs=jobs, stop=stop)
        # The server answers in the encoding of the archive, which the session has taken.
        codec = encodings.codec(clearance.archive.encoding) or "ascii"
        done = run_on(target, run_id, command, shown_to(on_line, target), codec, stdin=use_list)
    return without_unknown_setting(done) if client.forgiving else done


@contextmanager
def _use_list(entries: Sequence[TocEntry]) -> Iterator[int]:
    """Give a file of entries; it has no name, so nothing of it stays behind."""
    with tempfile.TemporaryFile("w+") as use_list:
        use_list.writelines(f"{entry.dump_id};\n" for entry in entries)
        use_list.seek(0)
        yield use_list.fileno()


def define(
    archive: Archive,
    entries: Sequence[TocEntry],
    database: Database,
    available: list[Tools],
    run_id: str,
    *,
    settings: Mapping[str, str],
) -> None:
    """Restore definitions of an archive into an empty database of ours, without owners, grants and rows.

    Entries that cannot be restored are left out: the caller examines the result.
    """
    tools = _client(archive, database, available, run_id).tools
    first, late = [e for e in entries if not is_trigger(e)], [e for e in entries if is_trigger(e)]
    for part, connections in ((first, database.connections()), (late, 1)):
        with _use_list(part) as use_list:
            command = [tools.path("pg_restore"), f"--dbname={database.argument(settings)}", "--no-password"]
            command += ["--schema-only", "--no-owner", "--no-privileges"]
            command += [f"--jobs={connections}", USE_LIST, str(archive.path)]
            run_on(database, run_id, command, stdin=use_list)
    with connect(database, run_id, autocommit=True) as session:
        defaults.drop_superfluous(session, archive)


def restore_command(
    client: Client, target: Database, clearance: Clearance, *, jobs: int, stop: bool = True
) -> list[str]:
    """Return the pg_restore command line. It holds no secret.

    Into an empty database the first error is one too many, except where one is expected, or where it is not
    to `stop`; in place, all of them are wanted at once. Objects that the archive replaces have been dropped
    before. Owners are given when all is restored: see `handover`.
    """
    command = [client.tools.path("pg_restore"), f"--dbname={target.argument(dict(clearance.settings))}"]
    command += ["--no-password", "--verbose", "--no-owner", f"--jobs={jobs}", USE_LIST]
    if clearance.strategy.empty:
        command += ["--exit-on-error"] if stop and not client.forgiving else []
        return [*command, str(clearance.path)]
    command += ["--data-only"] if clearance.filters.data_only else []
    command += ["--schema-only"] if clearance.filters.schema_only else []
    return [*command, str(clearance.path)]


def sql_command(client: Client, target: Database, path: Path) -> list[str]:
    """Return the psql command line for a plain SQL dump: stop at the first error, all or nothing."""
    limit = {"transaction_timeout": "0"} if client.server.major >= LIMITS_TRANSACTIONS else {}
    command = [client.tools.path("psql"), f"--dbname={target.argument(limit)}", "--no-password"]
    command += ["--no-psqlrc", "--quiet"]
    command += ["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose", "--single-transaction"]
    return [*command, "--output=/dev/null", f"--file={path}"]


def _replaced(target: Database) -> Finding:
    message = f"{target.label} was replaced by another database of that name since the checks."
    return Finding("target_unchanged", Severity.ERROR, target.label, message, "Start again.")


def _judge(
    completed: Sequence[Completed],
    errors: Sequence[RestoreError],
    target: Database,
    hint: str,
    archive: Dump,
) -> None:
    """Raise unless every program ended well and reported nothing; a signal is told before all else."""
    if killed := next((done for done in completed if done.returncode < 0), None):
        program = "pg_restore" if archive.listed else "psql"
        raise ToolFailed(
            f"{program} was ended by {killed.ending} while it restored into {target.label}.",
            f"{HINT_KILLED} {kept_aside(errors, target) if errors else ''}".strip(),
        )
    if errors:
        # What names an entry comes first; that a worker died is only what followed from it.
        causes = [error for error in errors if error.message != DEAD_WORKER] or errors
        ranked = sorted(causes, key=lambda error: not error.entry)
        names = details.names_in(archive)
        shown = [shown_error(error, target, names, code=archive.listed) for error in ranked]
        raise RestoreFailed(shown, f"{advice(ranked, hint)} {kept_aside(ranked, target)}".strip())
    for done in completed:
        if done.returncode != 0:
            told = disclosed(details.of_program(done.lines), target)
            raise ToolFailed(f"The restore ended with {done.ending}: {told}", hint)
