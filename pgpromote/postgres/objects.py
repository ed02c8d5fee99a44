"""Whether everything that an archive brings is there, and works as it did on dev.

Compared is what an archive's table of contents says and the server says back in the same words: that each
object is there; columns with type, NOT NULL and whether there is a default; indexes and constraints that
hold; triggers and rules in their state, also a partition's, and the server's own behind foreign keys; what is
attached to what; row security, and for whom policies are; how sequences count and how far they have come;
materialized views that are populated.

Not seen: the text of an expression, a view, a function, an index or a policy's condition; the bounds of a
partition (the rows in it are compared); options such as fillfactor or REPLICA IDENTITY; comments; large
objects' owners; and whatever is there besides. For those, compare two schema dumps by eye.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg import sql as compose
from psycopg.rows import class_row

from pgpromote.postgres import sql
from pgpromote.postgres.definition import Described, describe, position
from pgpromote.postgres.model import Archive, Finding, Severity
from pgpromote.postgres.server import Session

RULE = "objects"
HINT = "Look for errors in the restore's log, then restore again."
HINT_SEQUENCE = "Find who has moved it since the restore, then restore again."
# So many sequences are read in one statement.
CHUNK = 100
Name = tuple[str, str]


@dataclass(frozen=True)
class _PartitionTrigger:
    schema: str
    name: str
    root_schema: str
    root: str


@dataclass(frozen=True)
class _Position:
    schema: str
    name: str
    upcoming: int


def incomplete(session: Session, archive: Archive, *, populated: bool = True) -> list[Finding]:
    """Find entries whose object is missing, and objects that are not in the state that dev had them in.

    Indexes must be valid, constraints validated, triggers enabled, unless the archive says otherwise.
    `populated` demands that every materialized view is, whatever it was on dev.
    """
    return [
        *_missing(session, archive),
        *_wrong_states(session, archive, populated=populated),
        *_wrong_partition_triggers(session, archive),
    ]


def _missing(session: Session, archive: Archive) -> Iterator[Finding]:
    query = compose.SQL(sql.read("objects/missing")).format(named=compose.SQL(sql.read("catalog/named")))
    parameters = {
        "kinds": [entry.kind for entry in archive.entries],
        "schemas": [entry.schema for entry in archive.entries],
        "names": [entry.tag for entry in archive.entries],
    }
    for kind, schema, name in session.execute(query, parameters).fetchall():
        yield _not_there(str(kind), f"{schema}.{name}" if schema else str(name))


def _wrong_states(session: Session, archive: Archive, *, populated: bool) -> Iterator[Finding]:
    with session.cursor(row_factory=class_row(Described)) as cursor:
        found = {(o.kind, o.schema, o.name): o.facts for o in cursor.execute(sql.read("objects/states"))}
    listed = {(entry.kind, entry.schema, entry.tag) for entry in archive.entries}
    for wanted in _described(archive, populated=populated):
        key = (wanted.kind, wanted.schema, wanted.name)
        name = f"{wanted.schema}.{wanted.name}"
        present = found.get(key)
        if present is None:
            if key not in listed:
                yield _not_there(wanted.kind, name)
        elif not set(wanted.facts) <= set(present):
            state, wish = ", ".join(present), ", ".join(wanted.facts)
            message = f"{wanted.kind} {name} is {state}; it should be {wish}."
            yield Finding(RULE, Severity.ERROR, name, message, HINT)


def _described(archive: Archive, *, populated: bool) -> Iterator[Described]:
    for entry in archive.entries:
        yield from describe(entry)
        if entry.kind == "MATERIALIZED VIEW" and populated:
            yield Described(entry.kind, entry.schema, entry.tag, ("populated",))


def _wrong_partition_triggers(session: Session, archive: Archive) -> Iterator[Finding]:
    known = {(entry.schema, entry.tag) for entry in archive.of_kind("TRIGGER")}
    with session.cursor(row_factory=class_row(_PartitionTrigger)) as cursor:
        for trigger in cursor.execute(sql.read("objects/partition_triggers")):
            name = f"{trigger.schema}.{trigger.name}"
            if (trigger.schema, trigger.name) not in known and (trigger.root_schema, trigger.root) in known:
                message = f"TRIGGER {name} is not in the state of its parent's trigger; on dev it was."
                yield Finding(RULE, Severity.ERROR, name, message, HINT)


def _not_there(kind: str, name: str) -> Finding:
    return Finding(RULE, Severity.ERROR, name, f"{kind} {name} of the archive is not there.", HINT)


def set_back(session: Session, archive: Archive) -> list[Finding]:
    """Find sequences that do not stand where the archive left them, nor further on.

    One that starts again at its end may stand anywhere; one that is not there is `incomplete`'s business.
    """
    rows = session.execute(sql.read("objects/sequences")).fetchall()
    steps = {(str(schema), str(name)): int(str(step)) for schema, name, step in rows}
    entries = {(e.schema, e.tag): e for e in archive.of_kind("SEQUENCE SET") if (e.schema, e.tag) in steps}
    findings = []
    for (schema, name), upcoming in _upcoming(session, {key: steps[key] for key in entries}):
        value, given = position(entries[schema, name])
        step = steps[schema, name]
        left = value + step if given else value
        if (upcoming < left) if step > 0 else (upcoming > left):
            message = f"{schema}.{name} would give {upcoming} next; on dev it would have given {left}."
            findings.append(Finding("sequences", Severity.ERROR, f"{schema}.{name}", message, HINT_SEQUENCE))
    return findings


def _upcoming(session: Session, steps: dict[Name, int]) -> Iterator[tuple[Name, int]]:
    query = compose.SQL(sql.read("objects/position"))
    names = list(steps)
    with session.cursor(row_factory=class_row(_Position)) as cursor:
        for first in range(0, len(names), CHUNK):
            each: Iterable[compose.Composed] = (
                query.format(
                    schema=name[0], name=name[1], step=steps[name], sequence=compose.Identifier(*name)
                )
                for name in names[first : first + CHUNK]
            )
            for row in cursor.execute(compose.SQL("UNION ALL\n").join(each)):
                yield (row.schema, row.name), row.upcoming
