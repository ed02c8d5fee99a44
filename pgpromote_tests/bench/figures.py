"""The arithmetic: medians, spreads, ratios, exponents. No I/O."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import linear_regression, median


class Verdict(StrEnum):
    """The standing of a row to its goal."""

    MET = "met"
    FIRST = "first met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Figure:
    """A median with the least and the greatest of the measurements."""

    median: float
    least: float
    greatest: float

    @property
    def spread(self) -> float:
        """The distance of least and greatest, as a share of the median."""
        return (self.greatest - self.least) / self.median if self.median else 0.0


@dataclass(frozen=True)
class Row:
    """One goal and its measurement. `goal` is the most that is allowed, in `unit` ("" for a ratio).

    `then` is the goal after this one, None without. `why` is the reason why there is no figure, or the object
    of the figure; `because` the obstacle to the goal, as far as that is known.
    """

    key: str
    title: str
    goal: float
    unit: str = ""
    then: float | None = None
    figure: Figure | None = None
    why: str = ""
    because: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict of the figure against the goals."""
        if self.figure is None:
            return Verdict.NOT_MEASURED
        if self.figure.median > self.goal:
            return Verdict.MISSED
        return Verdict.FIRST if self.then is not None and self.figure.median > self.then else Verdict.MET

    def named(self, *parts: str) -> "Row":
        """Return the row with its title filled in."""
        return replace(self, title=self.title.format(*parts))

    def measured(self, figure: Figure, of: str = "") -> "Row":
        """Return the row with a figure, and the object that was measured."""
        return replace(self, figure=figure, why=of)

    def unmeasured(self, why: str) -> "Row":
        """Return the row with the reason why nothing was measured."""
        return replace(self, why=why)


def figure(values: Sequence[float]) -> Figure:
    """Return the figure for repeated measurements."""
    return Figure(median(values), min(values), max(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Return the ratio, divided round by round: noise of a round that affects both is left out."""
    return figure([mine / other for mine, other in zip(ours, theirs, strict=True)])


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the power of the size that the values grow with: 1 is linear, 0 is constant."""
    return linear_regression([math.log(s) for s in sizes], [math.log(v) for v in values]).slope


def medians(measured: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each part; a part that is missing in a round took no time there."""
    names = dict.fromkeys(name for each in measured for name in each)
    return {name: median(each.get(name, 0.0) for each in measured) for name in names}
