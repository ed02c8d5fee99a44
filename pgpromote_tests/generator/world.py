"""The objects that a script has made so far, and the random choices of its makers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from pgpromote_tests.generator.names import name, quote

T = TypeVar("T")
Literal = Callable[[Random], str]


@dataclass(frozen=True)
class Traits:
    """The features common to both servers: those of the older major, extensions that both can create."""

    dev: int
    prod: int
    extensions: tuple[str, ...] = ()

    @property
    def major(self) -> int:
        """The older of both."""
        return min(self.dev, self.prod)


@dataclass(frozen=True)
class Named:
    """An object in a schema."""

    schema: str
    name: str

    @property
    def sql(self) -> str:
        return f"{quote(self.schema)}.{quote(self.name)}"


@dataclass(frozen=True)
class Type:
    """A type: its SQL spelling, the family of its expressions, the way to draw its constants."""

    sql: str
    family: str
    value: Literal
    sortable: bool = True
    hashable: bool = True


@dataclass(frozen=True)
class Column:
    name: str
    type: Type
    generated: bool = False

    @property
    def sql(self) -> str:
        return quote(self.name)


@dataclass(frozen=True)
class Relation:
    """A relation and its columns; `kind` is as in pg_class, and `l` for a leaf partition."""

    id: Named
    kind: str
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...], ...] = ()

    @property
    def sql(self) -> str:
        return self.id.sql

    def of(self, *families: str) -> list[Column]:
        """List the columns of these families."""
        return [column for column in self.columns if column.type.family in families]


@dataclass(frozen=True)
class Function:
    """A function with one parameter, usable in expressions."""

    id: Named
    takes: str
    gives: str
    immutable: bool

    @property
    def signature(self) -> str:
        return f"{self.id.sql}({self.takes})"


@dataclass(frozen=True)
class Statement:
    """One statement and the kind of object that it makes or changes."""

    kind: str
    sql: str


@dataclass
class World:
    """The objects so far. Makers add to it, and draw from it by `rng`."""

    traits: Traits
    rng: Random = field(default_factory=Random)
    statements: list[Statement] = field(default_factory=list)
    schemas: list[str] = field(default_factory=lambda: ["public"])
    types: list[Type] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    collations: list[str] = field(default_factory=lambda: ['pg_catalog."C"'])
    sequences: list[Named] = field(default_factory=list)
    configurations: list[str] = field(default_factory=lambda: ["pg_catalog.simple"])
    classes: list[str] = field(default_factory=list)
    commented: list[str] = field(default_factory=list)

    def say(self, kind: str, sql: str, commented: str = "") -> None:
        """Add a statement; `commented` is how COMMENT ON names the object that it makes."""
        self.statements.append(Statement(kind, sql))
        if commented:
            self.commented.append(commented)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def one(self, choices: Sequence[T]) -> T:
        return self.rng.choice(choices)

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Draw one to `most` different ones, in any order."""
        return self.rng.sample(list(choices), self.rng.randint(1, max(1, min(most, len(choices)))))

    def new(self, hint: str) -> Named:
        """Draw a new name in any schema."""
        return Named(self.one(self.schemas), name(self.rng, hint))

    def label(self, hint: str) -> str:
        """Draw a name that stands without schema, quoted."""
        return quote(name(self.rng, hint))

    def tables(self, kinds: str = "rpl") -> list[Relation]:
        return [relation for relation in self.relations if relation.kind in kinds]

    def replace(self, old: Relation, new: Relation) -> None:
        self.relations[self.relations.index(old)] = new
