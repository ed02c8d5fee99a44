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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql as compose
from psycopg.rows import class_row

from pgpromote.postgres import sql
from pgpromote.postgres.definition import Described, describe, position
from pgpromote.postgres.model import Archive, Finding, Severity
from pgpromote.postgres.server import Session, rows

RULE = "objects"
HINT = "Look for errors in the restore's log, then restore again."
HINT_SEQUENCE = "Find who has moved it since the restore, then restore again."
# So many sequences are read in one statement.
CHUNK = 100
# What must be there when an archive has it. Other entries only say something about one of these, or fill it.
KINDS = frozenset(
    {"AGGREGATE", "CAST", "CHECK CONSTRAINT", "COLLATION", "CONSTRAINT", "DEFAULT", "DOMAIN", "EVENT TRIGGER",
     "FK CONSTRAINT", "FOREIGN DATA WRAPPER", "FOREIGN TABLE", "FUNCTION", "INDEX", "INDEX ATTACH",
     "MATERIALIZED VIEW", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "POLICY", "PROCEDURE",
     "ROW SECURITY", "RULE", "SCHEMA", "SEQUENCE", "SEQUENCE OWNED BY", "SERVER", "STATISTICS", "TABLE",
     "TABLE ATTACH", "TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER",
     "TEXT SEARCH TEMPLATE", "TRIGGER", "TYPE", "VIEW"}
)  # fmt: skip
Name = tuple[str, str]
Key = tuple[str, str, str]


@dataclass(frozen=True)
class _Alike:
    """Objects of one kind and schema of which the same facts hold."""

    kind: str
    schema: str
    facts: Sequence[str]
    names: Sequence[str]


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
    `populated` demands that every materialized view is that was on dev.
    """
    found = _found(session)
    listed = {(entry.kind, entry.schema, entry.tag) for entry in archive.entries}
    return [
        *(_not_there(*key) for key in sorted(listed - found.keys()) if _is_demanded(*key)),
        *_wrong_states(archive, listed, found, populated=populated),
        *_wrong_partition_triggers(session, archive),
    ]


def _found(session: Session) -> dict[Key, Sequence[str]]:
    alike = rows(session, _Alike, "objects/states") + rows(session, _Alike, "objects/others", {})
    return {(each.kind, each.schema, name): each.facts for each in alike for name in each.names}


def _is_demanded(kind: str, _schema: str, name: str) -> bool:
    return kind in KINDS and (kind, name) != ("SCHEMA", "public")


def _wrong_states(
    archive: Archive, listed: set[Key], found: Mapping[Key, Sequence[str]], *, populated: bool
) -> Iterator[Finding]:
    for wanted in _described(archive, populated=populated):
        key = (wanted.kind, wanted.schema, wanted.name)
        present = found.get(key)
        if present is None:
            if key not in listed:
                yield _not_there(*key)
        elif not all(fact in present for fact in wanted.facts):
            state, wish = ", ".join(present), ", ".join(wanted.facts)
            name = f"{wanted.schema}.{wanted.name}"
            message = f"{wanted.kind} {name} is {state}; it should be {wish}."
            yield Finding(RULE, Severity.ERROR, name, message, HINT)


def _described(archive: Archive, *, populated: bool) -> Iterator[Described]:
    for entry in archive.entries:
        yield from describe(entry)
        if entry.kind == "MATERIALIZED VIEW DATA" and populated:
            yield Described("MATERIALIZED VIEW", entry.schema, entry.tag, ("populated",))


def _wrong_partition_triggers(session: Session, archive: Archive) -> Iterator[Finding]:
    known = {(entry.schema, entry.tag) for entry in archive.of_kind("TRIGGER")}
    with session.cursor(row_factory=class_row(_PartitionTrigger)) as cursor:
        for trigger in cursor.execute(sql.read("objects/partition_triggers")):
            name = f"{trigger.schema}.{trigger.name}"
            if (trigger.schema, trigger.name) not in known and (trigger.root_schema, trigger.root) in known:
                message = f"TRIGGER {name} is not in the state of its parent's trigger; on dev it was."
                yield Finding(RULE, Severity.ERROR, name, message, HINT)


def _not_there(kind: str, schema: str, name: str) -> Finding:
    name = f"{schema}.{name}" if schema else name
    return Finding(RULE, Severity.ERROR, name, f"{kind} {name} of the archive is not there.", HINT)


def set_back(session: Session, archive: Archive) -> list[Finding]:
    """Find sequences that do not stand where the archive left them, nor further on.

    One that starts again at its end may stand anywhere; one that is not there is `incomplete`'s business.
    """
    sequences = session.execute(sql.read("objects/sequences"))
    steps = {(str(schema), str(name)): int(str(step)) for schema, name, step in sequences}
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
            with session.transaction(force_rollback=True):  # gives up the locks: thousands would not fit
                found = cursor.execute(compose.SQL("UNION ALL\n").join(each)).fetchall()
            yield from (((row.schema, row.name), row.upcoming) for row in found)
