"""Findings on a terminal: the worst first, by rule and table, each list cut with the way to see all of it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from pgpromote.postgres.details import one_line
from pgpromote.postgres.errors import IN_REPORT
from pgpromote.postgres.excerpt import ERRORS, INFOS, WARNINGS, cut, fitting
from pgpromote.postgres.model import Finding, Severity

SHOWN: Mapping[Severity, int] = {
    Severity.ERROR: ERRORS,
    Severity.WARNING: WARNINGS,
    Severity.INFO: INFOS,
}
JSON = "--json shows them"
REMEDY = "→ "
WIDTH, INDENT = 80, 4
# Lines for findings at the end of a run: its summary has to fit one screen.
LINES = 3


def worst(found: Sequence[Finding]) -> Severity | None:
    """Return the worst severity among findings; None for none."""
    return next((severity for severity in Severity if any(f.severity is severity for f in found)), None)


def by_rule(found: Sequence[Finding]) -> list[list[Finding]]:
    """Return findings by rule and severity, the worst first."""
    groups: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in found:
        groups.setdefault((finding.severity, finding.rule), []).append(finding)
    return [group for severity in Severity for (each, _), group in groups.items() if each is severity]


def told(
    found: Sequence[Finding], everything: str = JSON, *, named: bool = False, whole: bool = False
) -> list[str]:
    """Return findings as lines, by severity and rule; a remedy once for findings in a row that share it.

    `named` findings begin with their object, and a remedy may be SQL. `whole` lists are not cut.
    """
    groups = by_rule(found)
    return [line for group in groups for line in _of_group(group, everything, named=named, whole=whole)]


def some(texts: Sequence[str], shown: int, *, whole: bool) -> list[str]:
    """Return the first texts, and the number of the others; all of them if they are to be `whole`."""
    return [*texts] if whole else cut(texts, shown, JSON)


def _of_group(group: Sequence[Finding], everything: str, *, named: bool, whole: bool) -> Iterator[str]:
    shown = len(group) if whole else fitting(len(group), SHOWN[group[0].severity])
    for remedy, several in groupby(group[:shown], lambda each: each.remedy if named else each.hint):
        yield from (each.told if named else each.message for each in several)
        if remedy:
            yield f"{REMEDY}{remedy}"
    yield from cut([each.message for each in group], shown, everything)[shown:]


def at_the_end(found: Sequence[Finding], *, whole: bool) -> list[str]:
    """Return the findings at the end of a run as lines; the report shows all of them.

    Unless `whole` they are a few lines of one screen without remedies, one at least for each of the worst
    rules.
    """
    if whole:
        return [f"{'':{INDENT}}{one_line(line)}" for line in told(found, IN_REPORT, named=True)]
    groups = by_rule(found)
    shares = _shares([len(group) for group in groups])
    lines = [line for group, share in zip(groups, shares, strict=False) for line in _told(group)[:share]]
    rest = len(found) - len(lines)
    more = [f"… and {rest:,} more; {IN_REPORT}"] if rest else []
    return [f"{'':{INDENT}}{_narrow(line)}" for line in [*lines, *more]]


def _told(group: Sequence[Finding]) -> list[str]:
    return [one_line(each.told) for each in group]


def _shares(sizes: Sequence[int]) -> list[int]:
    """Return the numbers of lines of the first groups: one for each, and the rest for the worst."""
    lines = fitting(sum(sizes), LINES)
    shares = [1 for _ in sizes[:lines]]
    for number, size in enumerate(sizes[:lines]):
        shares[number] += min(size - 1, lines - sum(shares))
    return shares


def _narrow(line: str) -> str:
    width = WIDTH - INDENT
    return line if len(line) <= width else f"{line[: width - 2].rstrip()} …"
