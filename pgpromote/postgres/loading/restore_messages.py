"""Messages of pg_restore and psql: the errors in them, and their usual causes."""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import psycopg

from pgpromote.postgres import details
from pgpromote.postgres.details import records_of
from pgpromote.postgres.model import RestoreError
from pgpromote.postgres.naming import setting
from pgpromote.postgres.server import Database, redact
from pgpromote.postgres.tools import Completed

ENTRY = re.compile(r"pg_restore: from TOC entry (\d+); \d+ \d+ (.*)")
PROBLEM = re.compile(r"pg_restore: error: (.*)")
IGNORED = re.compile(r"pg_restore: warning: errors ignored on restore: (\d+)")
PSQL_PROBLEM = re.compile(r"psql:(?:.*?:(\d+): )?(?:error: )?(?:.*?: )?(?:ERROR|FATAL|PANIC): +(.*)")
# What stands before a server's message: which program, which file, that it failed.
BEFORE_SAID = re.compile(
    r"pg_restore: (?:error: )?(?:could not execute query: )?"
    r"|psql:(?:.*?:\d+: )?(?:error: )?(?:ERROR|FATAL|PANIC):  "
)
SHOWN_STATEMENT = 400
PARALLEL = "pg_restore: entering main parallel loop"
DEAD_WORKER = "a worker process died unexpectedly"
STATEMENT = "Command was: "
UNKNOWN_SETTING = f"{STATEMENT}SET transaction_timeout = 0;"
# How the server says that it does not find a name without a schema; one with its schema holds a dot.
NOT_FOUND = re.compile(
    r"\b(?:(?:function|procedure|aggregate) [^.(]+\([^()]*\)"
    r"|(?:relation|type|collation|text search \w+) \"[^\".]+\"(?: for encoding \"\w+\")?"
    r"|operator) does not exist"
)
NO_PARTITION = re.compile(r'no partition of relation "(.+)" found for row')
# How libpq and a server that stops say that a connection ended; an ERROR is about a statement instead.
GONE = re.compile(
    r"server closed the connection unexpectedly|connection to server .*(?:failed|was lost)"
    r"|no connection to the server|(?:SSL )?connection has been closed|SSL SYSCALL error"
    r"|could not (?:receive data from|send data to) server"
    r"|FATAL: +(?:terminating connection|the database system is )"
)
INSIDE = re.compile(r"PL/pgSQL function (?!inline_code_block)(.+?\)) line \d+")
HINT_UNQUALIFIED = (
    "A name without its schema is the usual cause: the search path is empty while an archive is restored. On "
    "dev, write the schema before the name, or give the function that uses it a path of its own: "
    "ALTER {function} SET search_path = …; then dump again."
)

HINT_NO_PARTITION = (
    "If {tree} is partitioned by the hash of an enum, its rows belong to other partitions after each "
    "restore, and some partitions are missing. On dev, attach them; then dump again."
)
HINT_GONE = (
    "The server ended the connection, so the object that was under way need not be the cause: the server was "
    "stopped, crashed or ran out of memory, or somebody ended the session. Its log says which. When that is "
    "mended, start again: the archive is as good as before."
)
HINT_KILLED = (
    "No object need be at fault: something outside ended the program, often for want of memory (the kernel's "
    "log says so: dmesg), or it crashed. Give it more memory or fewer jobs, and start again: the archive is "
    "as good as before."
)
# How a server says that its disk is full; an error of kind `other` is about a disk of this machine.
FULL = "No space left on device"


def advice(errors: Sequence[RestoreError], hint: str) -> str:
    """Return the hint for errors: first that of the first error that has a usual cause, if any."""
    for error in errors:
        if FULL in error.message and error.kind != "other":
            return _hint_full()
        if error.kind == "connection":
            return HINT_GONE
        if error.message == DEAD_WORKER:
            return HINT_KILLED
        if tree := NO_PARTITION.search(error.message):
            return f"{HINT_NO_PARTITION.format(tree=tree[1])} {hint}"
        if NOT_FOUND.search(error.message):
            inside = INSIDE.search(error.message)
            function = f"FUNCTION {inside[1]}" if inside else "FUNCTION …"
            return f"{HINT_UNQUALIFIED.format(function=function)} {hint}"
    return hint


def _hint_full() -> str:
    return (
        "A disk of prod's server is full, so no object need be at fault. Free space there, also where its "
        "tablespaces are, and start again: the archive is as good as before. A check compares what is needed "
        f"with what is free, if you say that: {setting('prod_free')}=200GB"
    )


def counted(completed: Completed, errors: list[RestoreError]) -> list[RestoreError]:
    """Return the errors, with a doubt added when pg_restore's own count of them does not agree."""
    ignored = _ignored(completed)
    if ignored is None or ignored == len(errors) + _counted_twice(completed):
        return errors
    doubt = f"pg_restore counted {ignored} errors; {len(errors)} could be read from its output"
    return [*errors, RestoreError("other", doubt)]


def _ignored(completed: Completed) -> int | None:
    return next((int(match[1]) for match in map(IGNORED.match, completed.lines) if match), None)


def without_unknown_setting(completed: Completed) -> Completed:
    """Return the output without a server's error (before 17) about the first setting of a newer pg_restore.

    Each connection sends it, and nothing follows from the error. pg_restore counts its leader's alone (17.10
    and 18.4, into 15 and 16); if that is all it counted, it has done its work.
    """
    leader = completed.streams[0]
    rest = (_ignored(completed) or 0) - sum(_is_unknown_setting(record) for record in records_of(leader))
    kept = (_without_unknown_setting(stream, rest) for stream in completed.streams)
    done = rest == 0 and completed.returncode == 1
    return Completed(0 if done else completed.returncode, tuple(kept))


def _without_unknown_setting(stream: Iterable[str], rest: int) -> tuple[str, ...]:
    lines = (line for record in records_of(stream) if not _is_unknown_setting(record) for line in record)
    told = f"pg_restore: warning: errors ignored on restore: {rest}"
    return tuple(told if IGNORED.match(line) else line for line in lines if rest or not IGNORED.match(line))


def _is_unknown_setting(record: Sequence[str]) -> bool:
    return PROBLEM.match(record[0]) is not None and UNKNOWN_SETTING in record


def _counted_twice(completed: Completed) -> int:
    """Return the number of entries that failed in a worker.

    pg_restore adds one for each to its workers' own counts. Seen on 16.14 and 18.4: 3 errors of the leader
    and 2 of workers are reported as 7.
    """
    return sum(len({error.entry for error in _parse(stream, "")}) for stream in completed.streams[1:])


def parse(streams: Sequence[Sequence[str]]) -> list[RestoreError]:
    """Parse the errors in pg_restore's output, each with its entry and statement.

    The lines come process by process, the leader's first, so that a message stays whole. pg_restore gives no
    SQLSTATE, only the server's message. It names an entry only when it is another one than before, and a
    worker inherits the last one that the leader named before it was forked.
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
    for record in records_of(lines):
        if ENTRY.match(record[0]):
            entry = _entry(record[0])
        elif match := PROBLEM.match(record[0]):
            errors.append(_error(entry, match[1], record))
    return errors


def _error(entry: str, message: str, record: Sequence[str]) -> RestoreError:
    before, _, statement = "\n".join(record[1:]).partition(STATEMENT)
    detail = [message, *(line.strip() for line in before.splitlines() if line.strip())]
    cleaned = " ".join(detail).removeprefix("could not execute query: ")
    whole = "\n".join(record).partition(f"\n{STATEMENT}")[0]
    return RestoreError(_kind(message, before), cleaned, entry, statement.strip(), whole)


def _kind(message: str, detail: str) -> str:
    """Return the kind of an error; that of a connection which ended is told whatever was under way."""
    if "ERROR: " not in message and GONE.search(f"{message}\n{detail}"):
        return "connection"
    kinds = {"COPY failed": "data", "could not execute query": "statement"}
    return next((kind for sign, kind in kinds.items() if sign in message), "other")


def parse_psql(lines: Iterable[str]) -> list[RestoreError]:
    """Parse the errors in psql's output; each message begins with its SQLSTATE."""
    matches = ((PSQL_PROBLEM.match(record[0]), record) for record in records_of(lines))
    return [
        RestoreError("statement", match[2], f"line {match[1]}" if match[1] else "", whole="\n".join(record))
        for match, record in matches
        if match
    ]


def of_session(error: psycopg.Error, entry: str, statement: str) -> RestoreError:
    """Return an error of a session of ours as one of the restore."""
    whole, state = details.of_error(error).whole, f"{error.sqlstate}: " if error.sqlstate else ""
    return RestoreError("statement", " ".join(whole.split()), entry, statement, f"ERROR:  {state}{whole}")


def shown_error(
    error: RestoreError, target: Database, names: AbstractSet[str] = frozenset(), *, code: bool = True
) -> RestoreError:
    """Return an error without secrets and values, with names as `details.of_error` takes them.

    It is shortened last: half a password would no longer be found.
    """
    statement = details.without_literals(redact(error.statement, target))
    said = details.of_record((error.whole or f"pg_restore: {error.message}").split("\n"), names, code=code)
    message = redact(BEFORE_SAID.sub("", said, count=1), target)
    if error.kind == "connection":  # what was under way when it ended need not be the cause
        seen = f" (last seen: {error.entry})" if error.entry else ""
        return RestoreError(error.kind, f"{message}{seen}")
    return replace(error, message=message, statement=" ".join(statement.split())[:SHOWN_STATEMENT], whole="")


def kept_aside(errors: Iterable[RestoreError], target: Database) -> str:
    """Write the full text of the errors to the file of details; return a sentence with its place."""
    wholes = (f"{error.entry}\n{error.whole}\n{error.statement}\n" for error in errors)
    where = target.details.keep(target.label, redact("\n".join(wholes), target))
    return f"{where[0].upper()}{where[1:]}." if where else ""
