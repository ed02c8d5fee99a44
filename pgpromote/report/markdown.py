"""The summary of a report as Markdown, one screen, shown by Dagster beside the asset."""

import re
from collections.abc import Iterator

from pgpromote.postgres.details import visible
from pgpromote.postgres.model import Severity
from pgpromote.report.content import Report, Rows
from pgpromote.report.page import headline, number

SHOWN = 20
# Whatever begins something in Markdown or HTML. Its numeric form begins nothing.
SPECIAL = re.compile(r"[^\w ,.-]|_")


def summary(report: Report) -> str:
    """Return the summary: verdict, facts, and the tables whose number of rows has changed."""
    changed = [rows for rows in report.rows if rows.changed]
    return "\n".join([*_facts(report), *_tables(changed)])


def _facts(report: Report) -> Iterator[str]:
    yield f"**{headline(report)}**"
    yield ""
    if report.failure:
        yield f"- Failed: {text(report.failure)}"
        yield f"- {text(report.prod)}"
    yield f"- {text(report.source or 'archive')} → {text(report.target)}, {report.strategy}"
    if report.filters:
        yield f"- Limited on purpose to {text(report.filters)}"
    yield f"- {len(report.steps)} steps in {report.seconds:,.2f} s"
    if report.proof:
        yield f"- Proven: {report.proof.sentence}"
    if report.repair:
        done = "repaired" if report.repair.made else "to repair"
        yield f"- Keys {done}: {len(report.repair.changes)}, left alone: {len(report.repair.skipped)}"
    yield f"- Findings: {', '.join(f'{report.count(s)} {s.value}' for s in Severity)}"
    if report.cut_over:
        yield f"- Gap {report.cut_over.gap_ms} ms; kept {text(report.cut_over.previous)}"


def _tables(changed: list[Rows]) -> Iterator[str]:
    if not changed:
        return
    yield ""
    yield "| table | before | archive | after |"
    yield "|---|---:|---:|---:|"
    for rows in changed[:SHOWN]:
        yield f"| {text(rows.table)} | {' | '.join(map(number, (rows.before, rows.archive, rows.after)))} |"
    if len(changed) > SHOWN:
        yield f"| and {len(changed) - SHOWN} more | | | |"


def text(name: str) -> str:
    """Escape foreign text, so that it stays one line of text, whatever it looks like.

    >>> text("a|b <i>")
    'a&#124;b &#60;i&#62;'
    """
    line = visible(" ".join(name.split()))
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};", line)
