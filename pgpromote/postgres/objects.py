"""Whether everything that an archive brings is there, and works as it did on dev."""

from collections.abc import Iterator

from psycopg import sql as compose

from pgpromote.postgres import sql
from pgpromote.postgres.model import Archive, Finding, Severity, TocEntry
from pgpromote.postgres.server import Session

RULE = "objects"
HINT = "Look for errors in the restore's log, then restore again."
# Words in a trigger's definition that say in which state dev has it; without one it is enabled.
TRIGGER_STATES = {
    " DISABLE TRIGGER ": "disabled",
    " ENABLE REPLICA TRIGGER ": "replica",
    " ENABLE ALWAYS TRIGGER ": "always",
}


def incomplete(session: Session, archive: Archive) -> list[Finding]:
    """Find entries whose object is missing, and objects that are not in the state that dev had them in.

    Indexes must be valid, constraints validated, triggers enabled, materialized views populated, unless
    the archive says otherwise.
    """
    return [*_missing(session, archive), *_wrong_states(session, archive)]


def _missing(session: Session, archive: Archive) -> Iterator[Finding]:
    query = compose.SQL(sql.read("objects/missing")).format(named=compose.SQL(sql.read("catalog/named")))
    parameters = {
        "kinds": [entry.kind for entry in archive.entries],
        "schemas": [entry.schema for entry in archive.entries],
        "names": [entry.tag for entry in archive.entries],
    }
    for kind, schema, name in session.execute(query, parameters).fetchall():
        named = f"{schema}.{name}" if schema else str(name)
        yield Finding(RULE, Severity.ERROR, named, f"{kind} {named} of the archive is not there.", HINT)


def _wrong_states(session: Session, archive: Archive) -> Iterator[Finding]:
    rows = session.execute(sql.read("objects/states")).fetchall()
    present = {(str(kind), str(schema), str(name)): str(state) for kind, schema, name, state in rows}
    for entry in archive.entries:
        state = present.get((entry.kind, entry.schema, entry.tag))
        expected = _expected(entry)
        if state and expected and state != expected:
            message = f"{entry.kind} {entry.name} is {state}; on dev it was {expected}."
            yield Finding(RULE, Severity.ERROR, entry.name, message, HINT)


def _expected(entry: TocEntry) -> str:
    if entry.kind == "INDEX":
        return "" if " ON ONLY " in entry.definition else "valid"
    if entry.kind in {"FK CONSTRAINT", "CHECK CONSTRAINT"}:
        return "not validated" if " NOT VALID" in entry.definition else "valid"
    if entry.kind == "TRIGGER":
        states = (state for words, state in TRIGGER_STATES.items() if words in entry.definition)
        return next(states, "enabled")
    return "populated" if entry.kind == "MATERIALIZED VIEW DATA" else ""
