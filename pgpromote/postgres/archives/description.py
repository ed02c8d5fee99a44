"""The description of a database by pg_dump: an archive without rows, to compare with another's entries.

Compared are an entry's SQL, its tablespace and its access method. Not compared: rows, and entries that only
fill an object; owners and grants, which are proven by roles (`rights`); and objects that a run makes itself,
extensions' comments and the schema public.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pgpromote.postgres.archives import archive as archives
from pgpromote.postgres.archives import dependencies
from pgpromote.postgres.encodings import for_dump
from pgpromote.postgres.errors import ToolFailed
from pgpromote.postgres.model import MOMENTS_IN_UTC, Archive, TocEntry
from pgpromote.postgres.server import Database, connect, identify
from pgpromote.postgres.tools import Tools, choose_like, failure, patient, run_on

Key = tuple[str, str, str]

FILLING = frozenset({"MATERIALIZED VIEW DATA", "STATISTICS DATA", "BLOB", "BLOB METADATA", "BLOBS"})
RIGHTS = frozenset({"ACL", "DEFAULT ACL"})
REMARKS = frozenset({"COMMENT", "SECURITY LABEL"})
NOT_OURS = ("EXTENSION ", "LARGE OBJECT ")
# What a table is without which its own text is another one: kept beside it when it is made again.
SHAPING = frozenset({"TABLE ATTACH", "DEFAULT", "SEQUENCE", "SEQUENCE OWNED BY", "INDEX ATTACH"})


@dataclass(frozen=True)
class Description:
    """A database as pg_dump describes it, with the operators and functions of its objects (None: unknown)."""

    entries: tuple[TocEntry, ...] = field(repr=False)
    rests_on: Mapping[str, Sequence[str]] | None = field(repr=False)


@dataclass(frozen=True)
class Difference:
    """Entries of one kind and name whose SQL differs: for each side, the texts that only it has."""

    kind: str
    schema: str
    tag: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]

    @property
    def key(self) -> Key:
        """The key of the entries: kind, schema, tag."""
        return self.kind, self.schema, self.tag

    @property
    def name(self) -> str:
        """The object's name with its schema, as people write it."""
        return f"{self.schema}.{self.tag}" if self.schema else self.tag


def describe(
    database: Database,
    available: Sequence[Tools],
    pg_dump_version: str,
    run_id: str,
    *,
    settings: Mapping[str, str],
    leave_out: Sequence[str] = (),
) -> Description:
    """Describe a database with a pg_dump of this version, if it is there and fits the server.

    `settings` are those under which the archive was written, `leave_out` relations, quoted, that our role may
    not read. Raises ToolMissing, ToolFailed.
    """
    with connect(database, run_id) as session:
        identity, rests_on = identify(session), dependencies.read(session)
    tools, encoding = choose_like(available, pg_dump_version, identity.version), for_dump(identity.encoding)
    with tempfile.TemporaryDirectory(prefix="pgpromote-") as directory:
        path = Path(directory) / "description"
        reach = database.argument({**MOMENTS_IN_UTC, **settings})
        command = [tools.path("pg_dump"), f"--dbname={reach}", f"--file={path}"]
        command += ["--no-password", "--schema-only", "--format=custom", "--compress=0", patient(identity)]
        command += [f"--encoding={encoding}"]
        command += [f"--exclude-table={name}" for name in leave_out]
        completed = run_on(database, run_id, command)
        if completed.returncode != 0:
            told = failure(completed, database)
            raise ToolFailed(
                f"pg_dump cannot describe {database.label}: {told}",
                "Without a description its objects cannot be compared with the archive's.",
            )
        return Description(archives.read(path).entries, rests_on)


def differences(wanted: Iterable[TocEntry], found: Iterable[TocEntry]) -> list[Difference]:
    """Compare the entries of two archives, by kind and name, with their SQL, in both directions."""
    ours, theirs = texts_of(wanted), texts_of(found)
    return [
        Difference(*key, wanted=tuple(sorted((one - other).elements())), found=tuple(sorted(more.elements())))
        for key in sorted(ours.keys() | theirs.keys())
        for one, other in [(ours.get(key, Counter()), theirs.get(key, Counter()))]
        if (more := other - one) or one - other
    ]


def texts_of(entries: Iterable[TocEntry]) -> dict[Key, Counter[str]]:
    """Return the compared texts of entries, counted, by kind, schema and tag.

    Operators may share a name.
    """
    texts: dict[Key, Counter[str]] = {}
    for entry in filter(is_compared, entries):
        texts.setdefault((entry.kind, entry.schema, entry.tag), Counter())[_text(entry)] += 1
    return texts


def _text(entry: TocEntry) -> str:
    places = {"tablespace": entry.tablespace, "access method": entry.access_method}
    return entry.definition + "".join(f"-- {what}: {name}\n" for what, name in places.items() if name)


def is_compared(entry: TocEntry) -> bool:
    """Return whether an entry defines an object that the run itself does not make, fill or hand over."""
    if entry.section == "data" or entry.kind in FILLING | RIGHTS:
        return False
    remark = entry.kind in REMARKS and entry.tag.startswith(NOT_OURS)
    return not remark and (entry.kind, entry.tag) != ("SCHEMA", "public")


def needed_for(archive: Archive, keys: Iterable[Key]) -> list[TocEntry]:
    """Return the entries of these names, their dependencies and the parts that shape their tables, in order.

    All extensions come along: an operator or a function may be found in any of them.
    """
    wanted = set(keys)
    definitions = [entry for entry in archive.entries if is_compared(entry)]
    by_number = {entry.dump_id: entry for entry in definitions}
    due = [e for e in definitions if (e.kind, e.schema, e.tag) in wanted or e.kind == "EXTENSION"]
    shaping: dict[int, list[TocEntry]] = {}
    for entry in definitions:
        for number in entry.dependencies if entry.kind in SHAPING else ():
            shaping.setdefault(number, []).append(entry)
    found: dict[int, TocEntry] = {}
    while due:
        entry = due.pop()
        if entry.dump_id not in found:
            found[entry.dump_id] = entry
            due += [by_number[number] for number in entry.dependencies if number in by_number]
            due += shaping.get(entry.dump_id, []) if entry.kind == "TABLE" else []
    return [entry for entry in definitions if entry.dump_id in found]
