"""The values that cross boundaries. Frozen, printable, without secrets."""

import re
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import ClassVar, Literal

from pgpromote.postgres.strategy import Strategy

# The name of an archive, as people write it. It opens nothing: only a store knows what is behind it.
Ref = PurePath


class Severity(StrEnum):
    """The severity of a finding: an ERROR stops a promotion, a WARNING is shown, INFO is for the record."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Policy(StrEnum):
    """The source of the restored objects' ownership and grants: prod as before, the source, or none."""

    KEEP = "keep"
    SOURCE = "source"
    NONE = "none"


class Foreign(StrEnum):
    """Kinds of objects that reach beyond their database, so a source's own are left out by default."""

    SERVERS = "foreign-servers"
    USER_MAPPINGS = "user-mappings"
    PUBLICATIONS = "publications"
    SUBSCRIPTIONS = "subscriptions"
    EVENT_TRIGGERS = "event-triggers"


@dataclass(frozen=True)
class Finding:
    """One finding of a check or an audit rule: the object, its state, the need, the remedy.

    `hint` is the remedy in words, `fix` the SQL that does it; "" for none. Not `judged`: the rule could not
    tell, and the message says why. `table` is the one that the object belongs to, "" for none or unknown.
    """

    rule: str
    severity: Severity
    object: str
    message: str
    hint: str = ""
    fix: str = ""
    judged: bool = True
    table: str = ""

    @property
    def part(self) -> str:
        """The object's name without its table's, "" for the table itself."""
        if self.object.startswith((f"{self.table}.", f"{self.table} ")):
            return self.object[len(self.table) + 1 :]
        return "" if self.object == self.table else self.object

    @property
    def told(self) -> str:
        """The message, with the object before it unless it is named there."""
        return self.message if self.object in self.message else f"{self.object}: {self.message}"

    @property
    def remedy(self) -> str:
        """The remedy, in words or else as SQL; "" for none."""
        return self.hint or self.fix


@dataclass(frozen=True)
class Statement:
    """One SQL statement, ready to run, and the reason for it."""

    sql: str
    why: str


@dataclass(frozen=True)
class ServerVersion:
    """A PostgreSQL version number as `server_version_num` gives it, such as 160014."""

    number: int

    @property
    def major(self) -> int:
        """The major version, such as 16."""
        return self.number // 10000

    def __str__(self) -> str:
        return f"{self.major}.{self.number % 10000}"


def parse_version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version as a text gives it; an older version is a smaller one.

    >>> parse_version("3.10.0dev") > parse_version("3.9")
    True
    """
    return tuple(int(number) for number in re.findall(r"\d+", text))


@dataclass(frozen=True)
class TocEntry:
    """One entry of an archive's table of contents.

    `tag` is the object's name as pg_dump writes it (`orders`, `orders orders_pkey`, `total(integer)`).
    `definition` is the SQL that recreates it, "" for data entries; `drop` the SQL that drops it; `copy` the
    statement that takes its rows, if it has data.
    """

    dump_id: int
    kind: str
    schema: str
    tag: str
    owner: str
    section: str
    definition: str = field(repr=False, default="")
    drop: str = field(repr=False, default="")
    tablespace: str = ""
    access_method: str = ""
    dependencies: tuple[int, ...] = ()
    copy: str = field(repr=False, default="")
    has_data: bool = False

    @property
    def name(self) -> str:
        """The tag with its schema, as people write it."""
        return f"{self.schema}.{self.tag}" if self.schema else self.tag


@dataclass(frozen=True)
class Archive:
    """A custom-format archive: its header and its table of contents.

    `format_version` is (major, minor) of the archive format; `size` is in bytes; `entries` are those that
    `pg_restore --list` shows, in its order; `properties` hold the source database's own settings; `sizes` are
    those of its integers and offsets, in bytes; `frame` are the entries that set up each session. It is
    `listed`: an object without an entry is not in it.
    """

    listed: ClassVar[Literal[True]] = True

    path: Path
    size: int
    created_at: datetime
    source_database: str
    server_version: str
    pg_dump_version: str
    format_version: tuple[int, int]
    compression: str
    encoding: str
    entries: tuple[TocEntry, ...] = field(repr=False)
    properties: tuple[TocEntry, ...] = field(repr=False, default=())
    frame: tuple[TocEntry, ...] = field(repr=False, default=())
    sizes: tuple[int, int] = (4, 8)

    def counts(self) -> dict[str, int]:
        """Count the entries per kind, most frequent first."""
        totals: dict[str, int] = {}
        for entry in self.entries:
            totals[entry.kind] = totals.get(entry.kind, 0) + 1
        return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))

    def of_kind(self, *kinds: str) -> tuple[TocEntry, ...]:
        """Select the entries of the given kinds, such as `TABLE` or `FK CONSTRAINT`."""
        return tuple(entry for entry in self.entries if entry.kind in kinds)


@dataclass(frozen=True)
class PlainSql:
    """A plain SQL dump, which psql runs as it stands and clients of every release can read.

    It is not `listed`: it has no entries, and its content is not known. Whoever draws a conclusion from
    an entry that is missing takes an `Archive` instead.
    """

    listed: ClassVar[Literal[False]] = False
    entries: ClassVar[tuple[TocEntry, ...]] = ()
    properties: ClassVar[tuple[TocEntry, ...]] = ()
    encoding: ClassVar[str] = ""
    format_version: ClassVar[tuple[int, int]] = (0, 0)

    path: Path

    def of_kind(self, *kinds: str) -> tuple[TocEntry, ...]:
        """Select no entries, as `Archive.of_kind` does where there are none."""
        return ()


Dump = Archive | PlainSql


@dataclass(frozen=True)
class Content:
    """The content of a table: its number of rows, and their hash in any order (None: only counted).

    `highest` is the highest value of an integer primary key of one column, None for other tables.
    """

    rows: int
    hash: str | None
    highest: int | None = None


class Archived(StrEnum):
    """The share of the rows of an extension's own table in an archive: pg_dump asks the extension."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@dataclass(frozen=True)
class Member:
    """An object of an extension, which a restore leaves to CREATE EXTENSION.

    `extension` is there in `version`. `parts` are its columns, indexes, triggers and the like; `content` is
    that of the `table` (`schema.name`). None and "": it holds no rows, or we may not read them.
    """

    extension: str
    version: str
    parts: tuple[str, ...] = ()
    archived: Archived = Archived.NONE
    content: Content | None = None
    table: str = ""


@dataclass(frozen=True)
class Manifest:
    """The record of an archive that pgpromote wrote itself; kept beside it as JSON.

    `size` is in bytes, `seconds` is how long the whole dump took, `extensions` maps the source's
    extensions to their versions, `contents` its tables to their content under the dump's own snapshot,
    `filters` are those of the dump, `database_size` is the source's size in bytes,
    `system_identifier` is the one of its server ("" in older manifests). `rests_on` maps its objects to the
    operators and functions on which they rest (None: not known). `money_decimals` is how many decimals money
    has there; such an archive is written under lc_monetary C, one with None under dev's own. `range_rights`
    maps range types to the statements that give their constructors their rights, which no archive holds.
    `members` are the objects of its extensions, such as `table public.queue` (None: not known).
    `promotion` is the name of the one that dumped it, `run_id` the run in which; `source_database` and
    `source_oid` are what the server itself calls the source. Older manifests have the run's id for the
    promotion, and "" and None for these three. `adopted_at` is when somebody took in an archive that came
    without a manifest ("": its dump wrote this one); then the content of its source is not known, `contents`
    are empty, and `source` is the one of its header.
    """

    promotion: str
    sha256: str
    size: int
    created_at: str
    seconds: float
    source: str
    server_version: str
    pg_dump_version: str
    compression: str
    encoding: str
    locale: str
    extensions: dict[str, str]
    counts: dict[str, int]
    contents: dict[str, Content]
    filters: str = ""
    database_size: int | None = None
    system_identifier: str = ""
    rests_on: dict[str, tuple[str, ...]] | None = None
    money_decimals: int | None = None
    range_rights: dict[str, list[str]] | None = None
    members: dict[str, Member] | None = None
    run_id: str = ""
    source_database: str = ""
    source_oid: int | None = None
    adopted_at: str = ""

    @property
    def adopted(self) -> bool:
        """Whether it was written for an archive that came without: it knows the file, and not its source."""
        return bool(self.adopted_at)


@dataclass(frozen=True)
class Filters:
    """A scope limited on purpose. Empty means everything.

    Names are patterns at a dump, as with pg_dump, and exact at a restore.
    """

    schema_only: bool = False
    data_only: bool = False
    tables: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    exclude_tables: tuple[str, ...] = ()
    exclude_schemas: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the limits as a text, "" when there are none."""
        chosen = {key.replace("_", " "): value for key, value in asdict(self).items() if value}
        return ", ".join(
            key if value is True else f"{key} {', '.join(value)}" for key, value in chosen.items()
        )


EVERYTHING = Filters()
# Under this money is written and read as the server keeps it, whatever the decimals of either side.
MONEY_AS_STORED = MappingProxyType({"lc_monetary": "C"})
# Under this pg_dump writes moments, in defaults and conditions as well, alike on both sides.
MOMENTS_IN_UTC = MappingProxyType({"TimeZone": "UTC"})


@dataclass(frozen=True)
class Aim:
    """The aim of a promotion, whether it is allowed or not.

    `archive` holds the entries to restore, if it is `listed`; `sha256` is the file's digest. `manifest` is
    the archive's, as the checks have read it.
    """

    path: Path
    archive: Dump
    strategy: Strategy
    filters: Filters
    sha256: str = field(kw_only=True)
    manifest: Manifest | None = field(default=None, kw_only=True, repr=False)

    def has(self, kind: str) -> bool:
        """Return whether the archive brings an object of a kind."""
        return self.archive.of_kind(kind) != ()


@dataclass(frozen=True)
class Clearance(Aim):
    """The proof that every check allowed the restore of one file into one database.

    Only `preflight.examine` builds it, from catalogs it has just read. `create_extensions` creates the
    extensions that prod still lacks, `make_room` drops the objects that the archive replaces. `rights` says
    whose ownership and grants the objects get, `settings` are those of the sessions that load the archive.
    """

    target: str
    target_oid: int
    create_extensions: tuple[Statement, ...]
    make_room: tuple[Statement, ...]
    rights: Policy = Policy.KEEP
    settings: tuple[tuple[str, str], ...] = ()

    def into(self, target: str, oid: int) -> "Clearance":
        """Return the clearance for the database beside prod, which was made for it."""
        return replace(self, target=target, target_oid=oid)


@dataclass(frozen=True)
class RestoreError:
    """One error of pg_restore or psql.

    `kind` names the step at which it happened (`statement`, `data`, `connection`, `other`); `entry` is the
    TOC entry's number, kind and name where pg_restore names one; `statement` is redacted. `whole` is the full
    text, as it came and with values of rows: it is never shown, and written to the details before the error
    is reported.
    """

    kind: str
    message: str
    entry: str = ""
    statement: str = ""
    whole: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        where = f"{self.entry}: " if self.entry else ""
        what = f" [{self.statement}]" if self.statement else ""
        return f"{where}{self.message}{what}"
