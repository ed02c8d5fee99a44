"""The scope of a promotion: objects that it brings to prod, and objects of prod that it removes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pgpromote.postgres.archives import archive as archives
from pgpromote.postgres.archives.selection import RELATIONS
from pgpromote.postgres.model import EVERYTHING, Archive, Content, Filters, Manifest
from pgpromote.postgres.naming import command
from pgpromote.postgres.strategy import Strategy

# Why prod's object is not among what is promoted, and what to do.
ONLY_IN_PROD = ("only in prod", "Bring it to dev first if it shall stay.")
LEFT_OUT = "left out of the promotion, though dev has it"
OUTSIDE = ("left out by the filters, though dev has it", "Widen the filters if prod shall have it.")
HINT_WHOLE = "Promote a dump without filters if prod shall have it."
PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
PRIMARY_KEY = re.compile(r"PRIMARY KEY \((.*)\)")
# A column that nothing fills, as pg_dump writes it after the column's name.
UNFILLED = re.compile(r"(?:smallint|integer|bigint)\b(?!.* (?:DEFAULT|GENERATED) )")


@dataclass(frozen=True)
class Object:
    """An object of prod, named as in an archive; `part_of` is the relation that it cannot exist without."""

    kind: str
    schema: str
    name: str
    part_of: str | None

    @property
    def relation(self) -> tuple[str, str]:
        """The relation that it is, or is a part of: (schema, name)."""
        return self.schema, self.part_of or self.name

    @property
    def place(self) -> tuple[str, str, bool, str, str]:
        """The sort key in a list: a relation before its parts."""
        return self.schema, self.part_of or self.name, self.part_of is not None, self.kind, self.name

    @property
    def label(self) -> str:
        """The name with its schema, if it has one."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def title(self) -> str:
        """The kind and the name; some names begin with their kind."""
        return self.name if self.name.startswith(f"{self.kind} ") else f"{self.kind} {self.label}"


@dataclass(frozen=True)
class Serial:
    """A sequence of prod that fills a primary key, and belongs to it."""

    schema: str
    name: str
    table: str
    column: str

    @property
    def label(self) -> str:
        """The name with its schema."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Written:
    """Columns or check constraints of a table of prod: an archive holds them in the table's definition."""

    kind: str
    schema: str
    table: str
    names: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table of prod that holds rows itself, and whether we may read every one of them."""

    schema: str
    name: str
    readable: bool
    of_extension: bool

    @property
    def label(self) -> str:
        """The name with its schema."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Scope:
    """The scope of a promotion: the archive's objects compared with prod's."""

    archive: Archive
    manifest: Manifest | None
    filters: Filters
    strategy: Strategy

    @cached_property
    def definitions(self) -> Mapping[tuple[str, str, str], str]:
        """The definitions that the archive brings: kind, schema and tag → definition."""
        return {(entry.kind, entry.schema, entry.tag): entry.definition for entry in self.archive.entries}

    @cached_property
    def relations(self) -> frozenset[tuple[str, str]]:
        """The relations that the archive brings anew with all their parts: (schema, name)."""
        return frozenset((e.schema, e.tag) for e in self.archive.of_kind(*RELATIONS))

    @cached_property
    def touched(self) -> frozenset[tuple[str, str]]:
        """The tables that are replaced, or that get rows: (schema, name)."""
        filled = self.archive.of_kind("TABLE DATA") if self.filters.data_only else ()
        return self.relations | {(entry.schema, entry.tag) for entry in filled}

    @cached_property
    def left_out(self) -> frozenset[tuple[str, str, str]]:
        """The entries of the file that are not promoted; the file is read once more, when that matters."""
        held = archives.read(self.archive.path).entries
        return frozenset((e.kind, e.schema, e.tag) for e in held) - self.definitions.keys()

    @cached_property
    def primary_keys(self) -> Mapping[tuple[str, str], str]:
        """The archive's primary keys: (schema, table) → columns, as the archive spells them."""
        tables = {entry.dump_id: (entry.schema, entry.tag) for entry in self.archive.of_kind("TABLE")}
        return {
            tables[number]: found[1]
            for entry in self.archive.of_kind("CONSTRAINT")
            if (found := PRIMARY_KEY.search(entry.definition))
            for number in entry.dependencies
            if number in tables
        }

    def loses(self, found: Object) -> bool:
        """Return whether prod's object would be gone: in place, most objects that the archive lacks stay."""
        if (found.kind, found.schema, found.name) in self.definitions:
            return False
        replaced = found.part_of is not None and found.relation in self.relations
        return self.strategy.empty or replaced or found.schema == self.strategy.reset != ""

    def absence(self, found: Object) -> tuple[str, str]:
        """Return the reason why prod's object is not promoted, to follow "is" or "was", and a hint."""
        if (found.kind, found.schema, found.name) in self.left_out:
            if self.filters != EVERYTHING:
                return OUTSIDE
            hint = f"Bring dev's along if prod shall have it; {command('check')} says how, under left out."
            return LEFT_OUT, hint
        if self.manifest and self.manifest.filters:
            return f"not in the archive, which is limited to {self.manifest.filters}", HINT_WHOLE
        return ONLY_IN_PROD

    def refills(self, serial: Serial) -> bool:
        """Return whether the archive has the key that prod's sequence fills, and no default for it.

        Then the repair gives it an identity, unless the archive has one by another name.
        """
        columns = self.primary_keys.get((serial.schema, serial.table), "")
        definition = self.definitions.get(("TABLE", serial.schema, serial.table), "")
        written = definition.partition(f"\n    {columns} ")[2]
        default = ("DEFAULT", serial.schema, f"{serial.table} {serial.column}")
        alone = columns in spellings(serial.column) and default not in self.definitions
        return alone and UNFILLED.match(written) is not None

    def brought(self, table: Table) -> Content | None:
        """Return the content that the archive brings into a table, None when that is not known."""
        if ("TABLE DATA", table.schema, table.name) not in self.definitions:
            return Content(0, None)
        return self.manifest.contents.get(table.label) if self.manifest else None


def spellings(name: str) -> tuple[str, ...]:
    """Return the spellings of a name by pg_dump: which words it quotes depends on its version."""
    quoted = '"' + name.replace('"', '""') + '"'
    return (quoted, name) if PLAIN_NAME.fullmatch(name) else (quoted,)
