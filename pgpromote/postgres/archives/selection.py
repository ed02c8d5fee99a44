"""The selection of an archive's objects for prod: the filters a person set, and the kinds that stay on dev.

Foreign servers, user mappings, publications, subscriptions and event triggers reach beyond their database:
those that are right on dev would tie prod to dev's partners. So they stay on dev, with everything that
depends on them, unless they are asked for by their kind.
"""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from pgpromote.postgres.errors import UNTOUCHED, ConfigError
from pgpromote.postgres.model import EVERYTHING, Archive, Filters, Foreign, TocEntry
from pgpromote.postgres.naming import command, option

RELATIONS = ("TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE")
TABLE_PARTS = frozenset(
    {"TABLE DATA", "TABLE ATTACH", "DEFAULT", "SEQUENCE", "SEQUENCE OWNED BY", "SEQUENCE SET", "CONSTRAINT",
     "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH", "STATISTICS", "TRIGGER", "RULE", "POLICY",
     "ROW SECURITY", "COMMENT", "ACL", "SECURITY LABEL", "MATERIALIZED VIEW DATA", "STATISTICS DATA"}
)  # fmt: skip
# A wrapper has no use but for servers; replaced in place, it would take prod's own servers along.
KINDS = {
    "FOREIGN DATA WRAPPER": Foreign.SERVERS,
    "SERVER": Foreign.SERVERS,
    "USER MAPPING": Foreign.USER_MAPPINGS,
    "PUBLICATION": Foreign.PUBLICATIONS,
    "SUBSCRIPTION": Foreign.SUBSCRIPTIONS,
    "EVENT TRIGGER": Foreign.EVENT_TRIGGERS,
}
# What is never missed on its own: it says something about another entry, or fills it.
ADDITIONS = frozenset(
    {"ACL", "COMMENT", "SECURITY LABEL", "TABLE DATA", "MATERIALIZED VIEW DATA", "STATISTICS DATA",
     "SEQUENCE SET", "SEQUENCE OWNED BY", "INDEX ATTACH", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA",
     "SUBSCRIPTION TABLE"}
)  # fmt: skip
# Parts whose tag begins with the name of their relation, and those that depend on theirs alone.
NAMED_PARTS = frozenset(
    {"DEFAULT", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "TRIGGER", "RULE", "POLICY"}
)
DEPENDENT_PARTS = frozenset({"INDEX", "STATISTICS", "ROW SECURITY", "TABLE ATTACH", "SEQUENCE"})
VIEW_RULE = " _RETURN"


@dataclass(frozen=True)
class LeftOut:
    """An object of the source that stays there.

    `kind` is set for an object that reaches beyond the database; `needs`, for one that depends on such an
    object, is the object it requires.
    """

    entry: TocEntry
    kind: Foreign | None = None
    needs: TocEntry | None = None


@dataclass(frozen=True)
class Selection:
    """The entries to be restored, and the objects that stay on the source though no filter excludes them."""

    archive: Archive
    left_out: tuple[LeftOut, ...]


def choose(archive: Archive, filters: Filters, bring: frozenset[Foreign]) -> Selection:
    """Limit an archive to the filters, and leave out objects that reach beyond the source's database.

    `bring` names the kinds that come along nevertheless. Whatever depends on an entry that is left out (a
    foreign table, a view on it …) is left out with it. Raises ConfigError when a filter names nothing.
    """
    selected = select(archive, filters)
    foreign = {entry.dump_id for entry in archive.entries if _stays(entry, bring)}
    staying = _all_dependents(archive.entries, foreign)
    missed = _without_parts(staying)
    return Selection(
        replace(selected, entries=tuple(e for e in selected.entries if e.dump_id not in staying)),
        tuple(
            LeftOut(entry, kind=KINDS[entry.kind])
            if entry.dump_id in foreign
            else LeftOut(entry, needs=next((staying[n] for n in entry.dependencies if n in staying), None))
            for entry in selected.entries
            if entry.dump_id in foreign or entry in missed
        ),
    )


def _stays(entry: TocEntry, bring: frozenset[Foreign]) -> bool:
    if entry.kind == "USER MAPPING":  # pg_dump does not write down that it depends on its server
        return not {Foreign.SERVERS, Foreign.USER_MAPPINGS} <= bring
    return entry.kind in KINDS and KINDS[entry.kind] not in bring


def _all_dependents(entries: tuple[TocEntry, ...], chosen: set[int]) -> dict[int, TocEntry]:
    """Return the chosen entries and all that depend on them, by their numbers.

    Where views and functions need each other, pg_dump writes an empty view first and its query as a rule
    later: without the rule, the view would stay empty.
    """
    views = {(entry.schema, entry.tag + VIEW_RULE): entry for entry in entries if "VIEW" in entry.kind}
    found = {entry.dump_id: entry for entry in entries if entry.dump_id in chosen}
    while more := [
        e for e in entries if e.dump_id not in found and not found.keys().isdisjoint(e.dependencies)
    ]:
        more += [views[e.schema, e.tag] for e in more if e.kind == "RULE" and (e.schema, e.tag) in views]
        found |= {entry.dump_id: entry for entry in more}
    return found


def _without_parts(staying: dict[int, TocEntry]) -> set[TocEntry]:
    """Return the staying entries that are not parts of another, as parts are not reported apart."""
    relations = {number: entry for number, entry in staying.items() if entry.kind in RELATIONS}
    names = {(entry.schema, entry.tag) for entry in relations.values()}

    def part(entry: TocEntry) -> bool:
        if entry.kind in NAMED_PARTS:
            return any((entry.schema, entry.tag[:end]) in names for end in _spaces(entry.tag))
        dependent = entry.kind in DEPENDENT_PARTS and not relations.keys().isdisjoint(entry.dependencies)
        return dependent or entry.kind in ADDITIONS

    return {entry for entry in staying.values() if not part(entry)}


def _spaces(tag: str) -> list[int]:
    return [place for place, letter in enumerate(tag) if letter == " "]


def select(archive: Archive, filters: Filters) -> Archive:
    """Limit an archive to the entries that the filters leave.

    A table brings all that belongs to it: rows, partitions, sequences and their values, indexes, constraints,
    triggers, policies, comments, grants. A schema brings its creation. An excluded object takes along
    whatever depends on it. Extensions stay, for the types of columns. Raises ConfigError when a filter names
    nothing, or a partition without its parent.
    """
    if filters == EVERYTHING:
        return archive
    _check_filters(archive, filters)
    chosen = set(archive.entries)
    if filters.tables:
        chosen &= _with_parts(archive, filters.tables)
    if filters.schemas:
        chosen &= _in_schemas(archive, filters.schemas)
    chosen -= _with_dependents(archive.entries, _relations(archive, filters.exclude_tables))
    chosen -= _with_dependents(archive.entries, _in_schemas(archive, filters.exclude_schemas))
    chosen |= set(archive.of_kind("EXTENSION"))
    if filters.schema_only or filters.data_only:
        chosen = {entry for entry in chosen if (entry.section == "data") == filters.data_only}
    _check_partitions(archive, chosen)
    return replace(archive, entries=tuple(entry for entry in archive.entries if entry in chosen))


def _check_partitions(archive: Archive, chosen: set[TocEntry]) -> None:
    """Raise ConfigError for a partition without its parent.

    Attached to prod's, it would get every index a second time.
    """
    left = {entry.dump_id: entry for entry in archive.of_kind("TABLE") if entry not in chosen}
    ties = [entry for entry in archive.of_kind("INDEX ATTACH") if entry in chosen]
    parents = sorted({left[number].name for tie in ties for number in tie.dependencies if number in left})
    if parents:
        raise ConfigError(
            f"The filters choose a partition of {', '.join(parents)}, but not that table, whose indexes it "
            "shares.",
            "Choose that table: it brings its partitions. Or bring rows alone: empty prod's partition, and "
            f"add {option('data-only')}.",
            UNTOUCHED,
        )


def _relations(archive: Archive, names: tuple[str, ...]) -> set[TocEntry]:
    return {entry for entry in archive.of_kind(*RELATIONS) if entry.tag in names or entry.name in names}


def _in_schemas(archive: Archive, names: tuple[str, ...]) -> set[TocEntry]:
    inside = {entry for entry in archive.entries if entry.schema in names}
    return inside | {entry for entry in archive.of_kind("SCHEMA") if entry.tag in names}


def _with_parts(archive: Archive, names: tuple[str, ...]) -> set[TocEntry]:
    """Return the named relations and all that belongs to them, at any distance: a sequence's comment."""
    attached = {(entry.schema, entry.tag): entry.dump_id for entry in archive.of_kind("TABLE ATTACH")}
    found = {entry.dump_id: entry for entry in _relations(archive, names)}
    while more := {
        entry.dump_id: entry
        for entry in archive.entries
        if entry.dump_id not in found and _belongs(entry, found, attached)
    }:
        found |= more
    return set(found.values())


def _belongs(entry: TocEntry, found: dict[int, TocEntry], attached: dict[tuple[str, str], int]) -> bool:
    """Return whether an entry belongs to a found one.

    One that only refers to it, such as another table's policy, does not belong. A partition belongs to its
    parent, as dropping the parent drops it. `attached` maps a partition to its TABLE ATTACH entry, which
    depends on the parent.
    """
    if entry.kind in {"TABLE", "FOREIGN TABLE"}:
        return attached.get((entry.schema, entry.tag)) in found
    needed = [found[number] for number in entry.dependencies if number in found]
    if entry.kind in NAMED_PARTS:
        return any(_is_own(entry, other) for other in needed)
    if entry.kind == "MATERIALIZED VIEW DATA":  # depends on what fills the views that its own reads, too
        return any((entry.schema, entry.tag) == (other.schema, other.tag) for other in needed)
    return entry.kind in TABLE_PARTS and bool(needed)


def _is_own(part: TocEntry, table: TocEntry) -> bool:
    """Return whether a foreign key or policy is the table's own.

    One of another table that only refers to this one depends on it, too.
    """
    return part.schema == table.schema and part.tag.startswith(f"{table.tag} ")


def _with_dependents(entries: tuple[TocEntry, ...], chosen: set[TocEntry]) -> set[TocEntry]:
    found = {entry.dump_id: entry for entry in chosen}
    while more := {e.dump_id: e for e in entries if e.dump_id not in found and _falls_with(e, found)}:
        found |= more
    return set(found.values())


def _falls_with(entry: TocEntry, excluded: dict[int, TocEntry]) -> bool:
    """Return whether an entry is excluded along with an excluded one.

    A foreign key goes with its own table only: prod may have the other one, and where it does not, an error
    is honest and a lost constraint is not.
    """
    needed = [excluded[number] for number in entry.dependencies if number in excluded]
    return any(entry.kind != "FK CONSTRAINT" or _is_own(entry, other) for other in needed)


def _check_filters(archive: Archive, filters: Filters) -> None:
    if filters.schema_only and filters.data_only:
        raise ConfigError("schema_only and data_only exclude each other.", "Choose one of them.")
    tables = {name for entry in archive.of_kind(*RELATIONS) for name in (entry.tag, entry.name)}
    schemas = {entry.schema for entry in archive.entries if entry.schema}
    for name, wanted, known in (
        ("tables", filters.tables, tables),
        ("exclude_tables", filters.exclude_tables, tables),
        ("schemas", filters.schemas, schemas),
        ("exclude_schemas", filters.exclude_schemas, schemas),
    ):
        missing = [each for each in wanted if each not in known]
        if missing:
            raise ConfigError(
                f"The filter {name} names {', '.join(missing)}; the archive holds no such thing.",
                f"{command(f'inspect {archive.path}')} shows the names. They are exact, without patterns.",
                UNTOUCHED,
            )


def search(archive: Archive, kinds: tuple[str, ...] = (), pattern: str = "*") -> tuple[TocEntry, ...]:
    """Return the entries of these kinds that match a shell pattern over `schema.name` or the name alone."""
    wanted = {kind.upper() for kind in kinds}
    return tuple(
        entry
        for entry in archive.entries
        if (not wanted or entry.kind in wanted)
        and (fnmatchcase(entry.name, pattern) or fnmatchcase(entry.tag, pattern))
    )
