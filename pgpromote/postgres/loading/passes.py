"""The passes in which an archive is restored: pg_restore does not know all that its entries need."""

from collections.abc import Collection, Iterator

from pgpromote.postgres.archives.archive import restorable
from pgpromote.postgres.model import Archive, TocEntry

FILLED = "MATERIALIZED VIEW DATA"
GRANTS = ("ACL", "DEFAULT ACL")
# What is restored after all others, in passes of its own.
LATER = frozenset({FILLED, *GRANTS})
INDEXES = frozenset({"INDEX", "CONSTRAINT"})
CALLED = ("FUNCTION", "OPERATOR")
CONSTRAINTS = frozenset({"CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT"})
UNCHECKED = (" NOT VALID;\n", " NOT ENFORCED;\n")


def passes(archive: Archive, standing: Collection[str], jobs: int) -> Iterator[tuple[list[TocEntry], int]]:
    """Yield the entries of each pass, with the number of connections that restore them.

    A schema in `standing` is not created: a reset has made it. Rows of extensions' tables come first: no
    entry depends on them, not even a foreign key to them. Grants come last, in a pass of their own.

    Materialized views are filled later: that keeps one core busy at most, so rows are compared meanwhile.
    With parallel jobs pg_restore builds an index as soon as the rows of its table are there; a function in it
    may read another table, whose rows are not. Indexes of partitions are attached one at a time: pg_restore
    knows of no table that this locks, so it deadlocks with a foreign key that is checked meanwhile (seen on
    18.4, in 2 of 10 restores of a warehouse). A check or a foreign key that is NOT VALID may come before rows
    that break it: those of partitions, of inheriting tables, of columns of a domain. So may the trigger of a
    partitioned table, which fires (seen on 16.14 and 18.4). A trigger that is disabled on one partition comes
    after the one that it was made from.
    """
    entries = [
        entry
        for entry in restorable(archive)
        if entry.kind not in LATER and not (entry.kind == "SCHEMA" and entry.tag in standing)
    ]
    first = _of_extensions(archive)
    alone = _with_dependents(entries, {entry.dump_id for entry in entries if _is_alone(entry)})
    attaching = {entry.dump_id for entry in entries if entry.kind == "INDEX ATTACH"} - alone
    attached = _with_dependents(entries, attaching) - attaching - alone
    late = _with_dependents(entries, _needing_all_rows(archive, entries)) - attaching - attached - alone
    most = {entry.dump_id for entry in entries} - first - late - attaching - attached - alone
    for chosen, connections in ((first, jobs), (most, jobs), (late, jobs), (attaching, 1), (attached, jobs)):
        if chosen:
            yield [entry for entry in entries if entry.dump_id in chosen], connections
    if alone:
        last = [entry for entry in entries if entry.dump_id in alone]
        yield sorted(last, key=lambda entry: not _makes_trigger(entry)), 1


def _of_extensions(archive: Archive) -> set[int]:
    """Return the dump IDs of rows and sequence values whose tables and sequences are not in the archive."""
    made = {(entry.schema, entry.tag) for entry in archive.of_kind("TABLE", "SEQUENCE")}
    held = archive.of_kind("TABLE DATA", "SEQUENCE SET")
    return {entry.dump_id for entry in held if made and (entry.schema, entry.tag) not in made}


def _needing_all_rows(archive: Archive, entries: list[TocEntry]) -> set[int]:
    """Return the dump IDs of indexes that call a function of the archive."""
    called = {entry.dump_id for entry in archive.of_kind(*CALLED)}
    return {e.dump_id for e in entries if e.kind in INDEXES and not called.isdisjoint(e.dependencies)}


def _with_dependents(entries: list[TocEntry], chosen: set[int]) -> set[int]:
    """Return the chosen dump IDs and those of all dependents, such as comments; entries are in order."""
    found = set(chosen)
    for entry in entries:
        if not found.isdisjoint(entry.dependencies):
            found.add(entry.dump_id)
    return found


def _is_alone(entry: TocEntry) -> bool:
    """Return whether one connection restores an entry: a constraint that checks no row yet, or a trigger.

    Such a constraint locks a whole tree of partitions at once, against which an index that is attached, or a
    foreign key of a partition, deadlocks (seen on 18.4). Row security is switched on with them: where it
    binds the owner, it would keep foreign keys from being checked.
    """
    unchecked = entry.kind in CONSTRAINTS and entry.definition.endswith(UNCHECKED)
    return unchecked or is_trigger(entry) or entry.kind == "ROW SECURITY"


def _makes_trigger(entry: TocEntry) -> bool:
    """Return whether an entry makes a trigger; such words in a comment or a condition do not count."""
    return entry.kind == "TRIGGER" and "CREATE " in entry.definition


def is_trigger(entry: TocEntry) -> bool:
    """Return whether an entry makes a trigger, or comments on one."""
    return entry.kind == "TRIGGER" or (entry.kind == "COMMENT" and entry.tag.startswith("TRIGGER "))
