"""Explore a pair of servers with many examples, and report the failures."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import hypothesis
from hypothesis import HealthCheck, Phase

from pgpromote_tests.generator.judge import FAILURES, Judge, Outcome, Pair, Verdict
from pgpromote_tests.generator.reduce import reduce, way
from pgpromote_tests.generator.scripts import scripts
from pgpromote_tests.generator.world import Statement

Tell = Callable[[Outcome], None]


@dataclass
class Figures:
    """The examples of a pair, counted by verdict and by kind of statement."""

    pair: str
    seconds: float = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.verdicts[outcome.verdict] += 1
        self.kinds.update(statement.kind for statement in outcome.script)

    def __str__(self) -> str:
        """Write the figures in two lines."""
        total = self.verdicts.total()
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.most_common())
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common())
        pace = f"{self.seconds / max(total, 1):.2f} s each"
        return f"{self.pair}: {total} examples ({verdicts}), {pace}\n  statements: {kinds}"


def explore(pair: Pair, judge: Judge, examples: int, seed: int, tell: Tell = lambda outcome: None) -> Figures:
    """Judge so many examples, for a seed always the same. Failures are reported as they come, and kept."""
    figures, begun = Figures(str(pair)), time.monotonic()

    def check(script: tuple[Statement, ...]) -> None:
        outcome = judge(pair, script)
        figures.add(outcome)
        if outcome.verdict in FAILURES:
            figures.failures.append(outcome)
            tell(outcome)

    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        # A failure is kept and reduced by us; the next example is tried.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    test = settings(hypothesis.given(scripts(pair.traits))(check))
    hypothesis.seed(seed)(test)()
    figures.seconds = time.monotonic() - begun
    return figures


def reduced(pair: Pair, judge: Judge, failures: Iterable[Outcome], seconds: float) -> list[str]:
    """Return the first failure of each way, reduced within so many seconds each, as text."""
    firsts = {way(outcome): outcome for outcome in reversed([*failures])}
    return [described(pair, reduce(first, partial(judge, pair), seconds)) for first in firsts.values()]


def described(pair: Pair, outcome: Outcome) -> str:
    """Return a failure as text for people: the versions, the verdict, messages and findings, the script."""
    script = ";\n".join(statement.sql for statement in outcome.script)
    found = "\n".join(outcome.found)
    return f"{pair}: {outcome.verdict}\n{outcome.said}\n{found}\n--@ dev\n{script};\n"
