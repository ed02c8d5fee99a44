"""The report of one run: a page for people and its JSON twin for programs, both rendered from one value.

Record, audits ─► content.build ─► Report ─► page.render, markdown.summary, files.write
"""

from pgpromote.report.content import Report, build
from pgpromote.report.directory import Written, find, write
from pgpromote.report.markdown import summary
from pgpromote.report.of_run import NOT_AUDITED, write_failure, write_run
from pgpromote.report.page import render

__all__ = [
    "NOT_AUDITED",
    "Report",
    "Written",
    "build",
    "find",
    "render",
    "summary",
    "write",
    "write_failure",
    "write_run",
]
