"""Keep the state of each run as a file: `runs/<promotion>.<time>.<run>.json` in the directory of reports."""

from collections.abc import Iterator
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pgpromote.postgres import files
from pgpromote.postgres.errors import ArchiveError
from pgpromote.run.state import State

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# So many states of a promotion are kept.
KEPT = 100
LARGEST = 1 << 28
TIME = "%Y%m%d_%H%M%S_%f"
SUFFIX = ".json"
FOLDER = "runs"


def write(state: State, directory: Path) -> Path:
    """Write the state of a run over its last one. Raises ToolFailed when the directory cannot be written."""
    at = state.began_at.astimezone(UTC).strftime(TIME)[:-3]
    path = directory / FOLDER / f"{state.promotion}.{at}.{spelled(state.run_id)}{SUFFIX}"
    with files.landing(path) as partial:
        partial.write_bytes(_adapter().dump_json(state))
    return path


def read(directory: Path, promotion: str, run_id: str) -> State | None:
    """Return the state of a run; None when there is none that can be read."""
    found = max((directory / FOLDER).glob(f"{promotion}.*.{spelled(run_id)}{SUFFIX}"), default=None)
    return _read(found) if found else None


def unfinished(directory: Path, promotion: str) -> Iterator[State]:
    """Yield the states of a promotion's runs that have not ended: they are under way, or died."""
    for path in sorted((directory / FOLDER).glob(f"{promotion}.*{SUFFIX}"), reverse=True):
        state = _read(path)
        if state and not state.ended:
            yield state


def retain(directory: Path, promotion: str) -> None:
    """Remove the states of a promotion beyond the newest."""
    for path in sorted((directory / FOLDER).glob(f"{promotion}.*{SUFFIX}"), reverse=True)[KEPT:]:
        path.unlink(missing_ok=True)


def spelled(run_id: str) -> str:
    """Return the id of a run as a part of a file's name that holds no dot."""
    return quote(run_id, safe="").replace(".", "%2E")


def _read(path: Path) -> State | None:
    try:
        return _adapter().validate_json(files.read(path, LARGEST))
    except (ArchiveError, ValueError):  # gone meanwhile, or written by another version
        return None


@cache
def _adapter() -> "TypeAdapter[State]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - slow to load

    return TypeAdapter(State)
