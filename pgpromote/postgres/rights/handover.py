"""The handover of restored objects to the owners, and of their grants to the roles, that the archive names.

It comes last. A materialized view, or an index over a function, runs with the rights of its owner while it is
built; that owner may need a grant that stands at the archive's end, or may no longer read a table that it
once could.
"""

from collections.abc import Callable, Iterator, Sequence

from psycopg.sql import SQL, Composable, Identifier

from pgpromote.postgres.apply import apply
from pgpromote.postgres.archives.archive import DECORATED, large_objects
from pgpromote.postgres.loading.passes import GRANTS
from pgpromote.postgres.loading.restore import restore_entries
from pgpromote.postgres.model import Archive, Clearance, Policy, Statement, TocEntry
from pgpromote.postgres.server import Database, Session, connect, rows
from pgpromote.postgres.tools import Tools

# ALTER knows these by the word and the name of their entry.
NAMED = frozenset(
    {"COLLATION", "CONVERSION", "DOMAIN", "EVENT TRIGGER", "FOREIGN DATA WRAPPER", "FOREIGN TABLE",
     "MATERIALIZED VIEW", "PROCEDURAL LANGUAGE", "PUBLICATION", "SCHEMA", "SEQUENCE", "SERVER", "STATISTICS",
     "SUBSCRIPTION", "TABLE", "TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TYPE", "VIEW"}
)  # fmt: skip
# Objects in a transaction: a new owner costs a table's locks and those of its indexes.
BATCH = 200


def give(
    clearance: Clearance,
    target: Database,
    available: list[Tools],
    run_id: str,
    on_statement: Callable[[Statement], None] = lambda statement: None,
) -> None:
    """Give the restored objects the source's owners and grants, if that is the policy.

    Raises SessionFailed for an owner that our role cannot give to, RestoreFailed for a grant.
    """
    archive = clearance.archive
    if clearance.rights is not Policy.SOURCE or not archive.listed:
        return
    with connect(target, run_id, autocommit=True) as session:
        _apply(session, list(owners(archive, session.info.user)), on_statement)
        _apply(session, rows(session, Statement, "rights/multiranges"), on_statement)
    restore_entries(clearance, archive.of_kind(*GRANTS), target, available, run_id)
    if (manifest := clearance.manifest) and manifest.range_rights:
        ranges = [manifest.range_rights.get(entry.name, []) for entry in archive.of_kind("TYPE")]
        with connect(target, run_id, autocommit=True) as session:
            # They are a superuser's to give; for another role the proof of rights tells what differs.
            given = ranges if session.info.parameter_status("is_superuser") == "on" else []
            why = "who may make a range, which an archive does not hold"
            _apply(session, [Statement(sql, why) for each in given for sql in each], on_statement)


def owners(archive: Archive, restorer: str) -> Iterator[Statement]:
    """Yield the statements that give each object of an archive to its owner.

    All but schemas belong to the restorer before. A schema comes before its objects, a table before the
    sequences that follow it by themselves.
    """
    numbers = large_objects(archive.entries)
    for entry in sorted(archive.entries, key=lambda each: (each.kind != "SCHEMA", each.kind == "SEQUENCE")):
        if entry.owner and (entry.owner != restorer or entry.kind == "SCHEMA"):
            why = f"{entry.kind} {entry.name} belongs to {entry.owner} in the source"
            for thing in _things(entry, with_large_objects=bool(numbers)):
                query = SQL("ALTER {} OWNER TO {}").format(thing, Identifier(entry.owner))
                yield Statement(query.as_string(), why)


def _things(entry: TocEntry, *, with_large_objects: bool) -> Iterator[Composable]:
    """Yield the objects with an owner that an entry creates, as ALTER names them (pg_backup_archiver.c)."""
    if entry.kind in {"BLOB", "BLOB METADATA"} and with_large_objects:
        numbers = entry.tag if entry.kind == "BLOB" else entry.definition
        yield from (SQL("LARGE OBJECT {}").format(SQL(str(int(number)))) for number in numbers.split())
    elif entry.kind in NAMED and entry.drop:  # an identity's sequence has no drop statement
        name = Identifier(entry.schema, entry.tag) if entry.schema else Identifier(entry.tag)
        yield SQL("{} {}").format(SQL(entry.kind), name)
    elif entry.kind in DECORATED:
        yield SQL(entry.drop.removeprefix("DROP ").strip().rstrip(";"))


def _apply(
    session: Session, statements: Sequence[Statement], on_statement: Callable[[Statement], None]
) -> None:
    for start in range(0, len(statements), BATCH):
        apply(session, statements[start : start + BATCH], on_statement)
