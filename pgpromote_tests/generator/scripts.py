"""Scripts of statements, drawn by hypothesis as a list of steps.

A step is a maker and the seed of what it chooses, so that an example stays small, and one without a step
is the same otherwise.
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
GROUND = ("schema", "table", "enum", "domain", "composite", "simple", "partitions", "inheritance", "extension")
SHORTEST, LONGEST = 4, 22
SEEDS = 2**32 - 1


@dataclass(frozen=True)
class Step:
    """A maker of `MAKERS` and the seed of its choices."""

    maker: str
    seed: int


def steps(makers: tuple[str, ...], least: int, most: int) -> st.SearchStrategy[list[Step]]:
    """Return lists of steps of these makers."""
    step = st.builds(Step, st.sampled_from(makers), st.integers(0, SEEDS))
    return st.lists(step, min_size=least, max_size=most)


def statements(drawn: list[Step], traits: Traits) -> tuple[Statement, ...]:
    """Write what the steps make, one after another."""
    world = World(traits)
    for step in drawn:
        world.rng = Random(step.seed)  # noqa: S311 - chosen content, no secret
        MAKERS[step.maker](world)
    return tuple(world.statements)


def scripts(traits: Traits) -> st.SearchStrategy[tuple[Statement, ...]]:
    """Return scripts for a pair of servers: some ground first, then anything."""
    ground = steps(GROUND, 1, 6)
    anything = steps(tuple(MAKERS), SHORTEST, LONGEST)
    return st.tuples(ground, anything).map(lambda drawn: statements([*drawn[0], *drawn[1]], traits))
