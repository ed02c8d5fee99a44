"""A schema as a Rails application dumps it to db/structure.sql: a shop, a community and a forge in one.

rails.txt has one line for each table, in the words of a migration; rails.sql is what changed later:

    name: column:type … reference>table … subject* …  | index a b | unique a b

`!` is NOT NULL, `=` a default, `reference>table` a bigint with an index and a foreign key, `subject*` a
polymorphic pair with an index. Every table has id, created_at and updated_at, but for those with `-id`.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pgpromote_tests.corpus.values import insert, value

NAME_BYTES = 63
ROWS = 40
TYPES = {
    "s": "character varying",
    "t": "text",
    "i": "integer",
    "l": "bigint",
    "b": "boolean",
    "d": "timestamp(6) without time zone",
    "D": "date",
    "j": "jsonb",
    "n": "numeric(10,2)",
    "f": "double precision",
    "u": "uuid",
    "h": "inet",
    "a": "character varying[]",
    "I": "interval",
    "v": "tsvector",
}


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    not_null: bool
    default: str = ""
    to: str = ""

    @property
    def definition(self) -> str:
        default = f" DEFAULT {self.default}" if self.default else ""
        return f'"{self.name}" {self.type}{default}{" NOT NULL" if self.not_null else ""}'


@dataclass(frozen=True)
class _Table:
    name: str
    keyed: bool
    columns: tuple[_Column, ...]
    indexes: tuple[tuple[bool, tuple[str, ...]], ...]


def script() -> str:
    """Return the whole schema with its rows as one script."""
    tables = [_table(line) for line in _text("txt").splitlines()]
    statements = [
        *(statement for table in tables for statement in _created(table)),
        *(_filled(table) for table in tables),
        *(statement for table in tables for statement in _constrained(table)),
        *(_index(table.name, unique, columns) for table in tables for unique, columns in table.indexes),
        _text("sql"),
    ]
    return "\n".join(statements)


def _text(kind: str) -> str:
    return Path(__file__).with_suffix(f".{kind}").read_text(encoding="utf-8")


def _table(line: str) -> _Table:
    name, _, rest = line.partition(": ")
    parts, *indexes = rest.split(" | ")
    columns, own = list[_Column](), list[tuple[bool, tuple[str, ...]]]()
    for word in parts.split():
        for column in _columns(word):
            columns.append(column)
        if ">" in word or "*" in word:
            own.append((False, tuple(column.name for column in _columns(word))))
    kinds = [(kind, tuple(names)) for kind, *names in (text.split() for text in indexes)]
    asked = [(kind == "unique", names) for kind, names in kinds]
    own = [each for each in own if each[1] not in [names for _, names in asked]]
    return _Table(name, "-id" not in parts.split(), tuple(columns), (*own, *asked))


def _columns(word: str) -> list[_Column]:
    match = re.fullmatch(r"(\w+)(?:>(\w+)|(\*)|:(\w))(!?)(?:=(.+))?", word)
    if match is None:
        return []
    name, to, polymorphic, kind, needed, default = match.groups()
    not_null = bool(needed)
    if to:
        return [_Column(f"{name}_id", "bigint", not_null, to=to)]
    if polymorphic:
        return [_Column(f"{name}_type", TYPES["s"], not_null), _Column(f"{name}_id", "bigint", not_null)]
    return [_Column(name, TYPES[kind], not_null, default or "")]


def _created(table: _Table) -> Iterator[str]:
    columns = [column.definition for column in table.columns]
    if table.keyed:
        stamps = [f"{name} timestamp(6) without time zone NOT NULL" for name in ("created_at", "updated_at")]
        columns = ["id bigint NOT NULL", *columns, *stamps]
    yield f"CREATE TABLE {table.name} ({', '.join(columns)});"
    if table.keyed:
        sequence = f"{table.name}_id_seq"[-NAME_BYTES:]
        yield f"CREATE SEQUENCE {sequence} OWNED BY {table.name}.id;"
        yield f"ALTER TABLE {table.name} ALTER COLUMN id SET DEFAULT nextval('{sequence}'::regclass);"


def _filled(table: _Table) -> str:
    stamps = dict.fromkeys(("created_at", "updated_at"), value(TYPES["d"], "stamp")) if table.keyed else {}
    columns = {
        column.name: _reference(column, number) if column.to else _plain(column)
        for number, column in enumerate(table.columns)
    }
    return insert(table.name, columns | stamps, ROWS)


def _reference(column: _Column, number: int) -> str:
    """Refer to another row of another table for each column, so that pairs are unique."""
    found = f"1 + (n + {number}) % {ROWS}"
    return found if column.not_null else f"CASE WHEN n % 3 > 0 THEN {found} END"


def _plain(column: _Column) -> str:
    return value(column.type, column.name, nullable=not column.not_null)


def _constrained(table: _Table) -> Iterator[str]:
    if table.keyed:
        yield f"ALTER TABLE {table.name} ADD CONSTRAINT {table.name[:58]}_pkey PRIMARY KEY (id);"
    for column in table.columns:
        if column.to:
            name = f"fk_rails_{_digest(f'{table.name}_{column.name}_fk')}"
            yield (
                f"ALTER TABLE {table.name} ADD CONSTRAINT {name} "
                f"FOREIGN KEY ({column.name}) REFERENCES {column.to}(id);"
            )


def _index(table: str, unique: bool, columns: tuple[str, ...]) -> str:
    name = f"index_{table}_on_{'_and_'.join(columns)}"
    if len(name) > NAME_BYTES:
        name = f"idx_on_{'_'.join(columns)}"[: NAME_BYTES - 11] + f"_{_digest(name)}"
    kind = "UNIQUE INDEX" if unique else "INDEX"
    return f"CREATE {kind} {name} ON {table} USING btree ({', '.join(columns)});"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
