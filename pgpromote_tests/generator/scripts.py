"""Scripts of statements, drawn by hypothesis as a list of steps.

A step is a maker and the seed of its choices, so that an example stays small, and one without a step is the
same otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from pgpromote_tests.generator import (
    constraints,
    functions,
    history,
    indexes,
    others,
    tables,
    trees,
    triggers,
    types,
    views,
)
from pgpromote_tests.generator.world import Statement, Traits, World

Maker = Callable[[World], None]
MAKERS: dict[str, Maker] = {
    **tables.MAKERS,
    **types.MAKERS,
    **trees.MAKERS,
    **constraints.MAKERS,
    **indexes.MAKERS,
    **functions.MAKERS,
    **views.MAKERS,
    **triggers.MAKERS,
    **others.MAKERS,
    **history.MAKERS,
}
# What everything else is made over.
GROUND = (
    "schema",
    "table",
    "enum",
    "domain",
    "composite",
    "simple",
    "partitions",
    "inheritance",
    "extension",
)
# How often a maker is drawn, where not once: what schemas have most of, and what has most forms.
OFTEN = {
    "view": 6,
    "index": 4,
    "materialized": 3,
    "foreign_key": 3,
    "trigger": 3,
    "check": 2,
    "comment": 2,
    "extension": 2,
    "inheritance": 2,
    "key": 2,
    "partitions": 2,
    "policy": 2,
    "reading": 2,
    "simple": 2,
    "typed_text": 2,
}
DRAWN = tuple(maker for maker in MAKERS for _ in range(OFTEN.get(maker, 1)))
SHORTEST, LONGEST = 8, 26
BYTES = 6  # of a step: two choose the maker, four are the seed


@dataclass(frozen=True)
class Step:
    """A maker of `MAKERS` and the seed of its choices."""

    maker: str
    seed: int


def steps(drawn: bytes) -> list[Step]:
    """Read steps: one to six for the ground, then anything."""
    ground = 1 + drawn[-1] % 6
    parts = [drawn[begin : begin + BYTES] for begin in range(0, len(drawn) - BYTES + 1, BYTES)]
    return [
        Step(makers[int.from_bytes(part[:2]) % len(makers)], int.from_bytes(part[2:]))
        for number, part in enumerate(parts)
        for makers in (GROUND if number < ground else DRAWN,)
    ]


def statements(drawn: list[Step], traits: Traits) -> tuple[Statement, ...]:
    """Return the statements of the steps, one after another."""
    world = World(traits)
    for step in drawn:
        world.rng = Random(step.seed)  # noqa: S311 - chosen content, no secret
        MAKERS[step.maker](world)
    return tuple(world.statements)


def scripts(traits: Traits) -> st.SearchStrategy[tuple[Statement, ...]]:
    """Return scripts for a pair of servers.

    All steps are one draw: of several draws of a kind, hypothesis copies one over another, and five of six
    examples would be such copies of the sixth.
    """
    drawn = st.binary(min_size=BYTES * SHORTEST, max_size=BYTES * LONGEST)
    return drawn.map(lambda content: statements(steps(content), traits))
