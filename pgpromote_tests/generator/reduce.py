"""Reduce a script that fails: leave out statements as long as it fails in the same way.

A statement that then fails to load drops out, so any part of a script is a script. Hypothesis's own shrinking
would try thousands of examples of a second or two each; this tries some dozens.
"""

import re
import time
from collections.abc import Callable

from pgpromote_tests.generator.judge import Outcome
from pgpromote_tests.generator.world import Statement

Script = tuple[Statement, ...]


def way(outcome: Outcome) -> str:
    """Return the way in which a script failed, without its names."""
    headers = sorted({_kind(difference) for difference in outcome.found})
    return " ".join([outcome.verdict, outcome.said.split(":")[0], *outcome.rules, *headers])


def _kind(difference: str) -> str:
    line = difference.splitlines()[0]
    typed = re.search(r"; Type: ([A-Z ]+);", line)
    return (
        f"{line.split()[0]} {typed[1]}"
        if typed
        else " ".join(line.split()[:5] if line.startswith("fact") else line.split()[:1])
    )


def reduce(outcome: Outcome, judge: Callable[[Script], Outcome], seconds: float) -> Outcome:
    """Return the outcome of the smallest script found within so many seconds."""
    ends, wanted, best = time.monotonic() + seconds, way(outcome), outcome
    size = max(1, len(best.script) // 2)
    while size:
        start = len(best.script) - size
        while time.monotonic() < ends and start > -size:
            begin = max(start, 0)
            tried = judge(best.script[:begin] + best.script[begin + size :])
            if way(tried) == wanted:
                best = tried
            start = min(start, len(best.script)) - size
        size = 0 if time.monotonic() >= ends else size // 2
    return best
