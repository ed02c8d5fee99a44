"""Keep reports as files: a page and its JSON twin, `<promotion>.<time>.<run>.html` and `.json`.

The time is in UTC, to the millisecond. The name of a promotion holds no dot, so none is another's.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pgpromote.postgres import records
from pgpromote.postgres.details import visible
from pgpromote.postgres.errors import ConfigError
from pgpromote.report.content import Report
from pgpromote.report.page import render
from pgpromote.run import states

# So many reports of a promotion are kept.
KEPT = 100
TIME = "%Y%m%d_%H%M%S_%f"
NAME_AFTER_PROMOTION = r"(?P<stem>\.[0-9]{8}_[0-9]{6}_[0-9]{3}\.[^./]+)\.(html|json)(\.partial)?"


@dataclass(frozen=True)
class Written:
    """A report that was written, and its paths: the page, and its JSON twin."""

    report: Report
    page: Path
    json: Path


def write(report: Report, directory: Path) -> Written:
    """Write a report, and remove those of its promotion beyond the newest. Raises ConfigError.

    Each file is 0600 and gets its name when it is whole, the JSON twin first.
    """
    time = report.written_at.astimezone(UTC).strftime(TIME)[:-3]
    stem = f"{report.promotion}.{time}.{states.spelled(report.run_id)}"
    written = Written(report, directory / f"{stem}.html", directory / f"{stem}.json")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(written.json, as_json(report))
        _write(written.page, render(report))
        _retain(report.promotion, directory)
        states.retain(directory, report.promotion)
    except OSError as error:
        raise ConfigError(
            f"The report cannot be written to {directory}: {error.strerror or error}.",
            "Let PGPROMOTE_REPORT_DIR name a directory that belongs to this user and has space.",
        ) from None
    return written


def find(directory: Path, promotion: str, run_id: str) -> Path | None:
    """Find the newest page about a run."""
    pages = directory.glob(f"{promotion}.*.{states.spelled(run_id)}.html")
    return max(pages, default=None)


def as_json(report: Report) -> Iterator[str]:
    """Yield a report as JSON by `schema.json`, piece by piece: that of 10,000 tables is large."""
    encode = json.JSONEncoder(ensure_ascii=False, default=_plain).encode
    yield from records.written(report, lambda value: visible(encode(value)))


def _plain(value: Any) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _write(path: Path, pieces: Iterable[str]) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        # A name in a database may hold what UTF-8 cannot spell.
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(handle)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _retain(promotion: str, directory: Path) -> None:
    """Remove the reports of a promotion beyond the newest, and the partial files of killed writers."""
    name = re.compile(re.escape(promotion) + NAME_AFTER_PROMOTION)
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for file in directory.iterdir():
        if matched := name.fullmatch(file.name):
            found[matched["stem"]].append(file)
    for stem in sorted(found, reverse=True)[KEPT:]:
        for file in found[stem]:
            file.unlink(missing_ok=True)
