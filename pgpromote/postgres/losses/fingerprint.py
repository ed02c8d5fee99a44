"""The fingerprint of a plan: prod as it was when somebody looked, and the archive that was meant."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg import sql as compose

from pgpromote.postgres import encodings, sql
from pgpromote.postgres.archives import archive as archives
from pgpromote.postgres.errors import Refused, ToolFailed
from pgpromote.postgres.losses.scope import Table
from pgpromote.postgres.model import Aim, Content, Finding, Severity
from pgpromote.postgres.naming import command
from pgpromote.postgres.rows import contents
from pgpromote.postgres.rows.reading import CHUNK
from pgpromote.postgres.server import Database, Identity, Session, identify, rows
from pgpromote.postgres.tools import Tools, choose, failure, patient, run_on

RULE = "expect_plan"
ARCHIVE_LETTERS = 16  # of the archive's SHA-256, in a fingerprint


@dataclass(frozen=True)
class Sight:
    """Prod at one moment: its digest, and the content of each table, by `schema.name`."""

    digest: str
    held: Mapping[str, Content] = field(repr=False)

    def fingerprint(self, sha256: str) -> str:
        """Return the fingerprint of a plan: prod's digest, and the beginning of the archive's."""
        return f"{self.digest}-{sha256[:ARCHIVE_LETTERS]}"


def look(target: Database, available: list[Tools], run_id: str) -> Sight:
    """Digest prod under one snapshot: definitions, grants, settings, rows, sequences, large objects.

    The digest is equal for as long as nobody changes anything; another version of pg_dump may give another
    one. Raises ConnectionFailed, SessionFailed, ToolMissing, ToolFailed.
    """
    with contents.snapshot(target, run_id) as (session, snapshot):
        identity = identify(session)
        tools = choose(available, identity.version)
        definitions = _definitions(target, tools, identity, snapshot, run_id)
        tables = [(table.schema, table.name) for table in rows(session, Table, "plan/tables")]
        held = contents.measure(session, tables)
        held[contents.LARGE_OBJECTS] = contents.measure_large_objects(session)
        state = (
            session.execute(sql.read("plan/database")).fetchone(),
            definitions,
            [(name, content.rows, content.hash) for name, content in held.items()],
            _positions(session),
        )
    return Sight(hashlib.sha256(json.dumps(state, default=str).encode()).hexdigest()[:32], held)


def check(expected: str, aim: Aim, target: Database, available: list[Tools], run_id: str) -> None:
    """Raise Refused unless prod and the archive are those of the plan with the expected fingerprint."""
    digest, _, archive = expected.partition("-")
    found = look(target, available, run_id).digest
    changed = []
    if found != digest:
        message = f"{target.label} has changed since the plan: its digest is {found}, not {digest}."
        changed.append((target.label, message))
    if (sha256 := aim.sha256[:ARCHIVE_LETTERS]) != archive:
        message = (
            f"{aim.path} is not the archive of the plan: its SHA-256 begins with {sha256}, the plan's with "
            f"{archive or '(none is given)'}."
        )
        changed.append((str(aim.path), message))
    if changed:
        hint = f"Run {command('plan')} again and look."
        raise Refused([Finding(RULE, Severity.ERROR, subject, text, hint) for subject, text in changed])


def _definitions(
    target: Database, tools: Tools, identity: Identity, snapshot: str, run_id: str
) -> list[tuple[str, ...]]:
    """Return prod's definitions from pg_dump; its file may hold secrets and is removed at once."""
    with TemporaryDirectory(prefix="pgpromote-") as directory:
        path = Path(directory) / "prod.dump"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        dump = [tools.path("pg_dump"), f"--dbname={target.argument()}", f"--file={path}", "--no-password"]
        dump += ["--schema-only", "--format=custom", patient(identity), f"--snapshot={snapshot}"]
        dump += [f"--encoding={encodings.for_dump(identity.encoding)}"]
        completed = run_on(target, run_id, dump)
        if completed.returncode != 0:
            reason = failure(completed, target)
            hint = "Plan as a role that may read all of prod."
            raise ToolFailed(f"pg_dump of the definitions of {target.label} failed: {reason}", hint)
        entries = archives.read(path).entries
    return sorted((e.kind, e.schema, e.tag, e.owner, e.tablespace, e.definition) for e in entries)


def _positions(session: Session) -> list[tuple[object, ...]]:
    sequences = [(str(schema), str(name)) for schema, name in session.execute(sql.read("plan/sequences"))]
    query = compose.SQL(sql.read("plan/position"))
    queries = [
        query.format(name=f"{schema}.{name}", sequence=compose.Identifier(schema, name))
        for schema, name in sequences
    ]
    found: list[tuple[object, ...]] = []
    for first in range(0, len(queries), CHUNK):
        chunk = compose.SQL("\nUNION ALL\n").join(queries[first : first + CHUNK])
        with session.transaction(force_rollback=True):  # gives up the locks, as contents does
            found += session.execute(chunk).fetchall()
    return sorted(found, key=str)
