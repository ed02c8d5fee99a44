"""The state of each run as a file beside the reports: `runs/<promotion>.<time>.<run>.json`.

Until the run has ended, its name ends in `.running.json`.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path, PurePath
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
ENDED, RUNNING = ".json", ".running.json"
PARTIAL = ".partial"
FOLDER = "runs"


# The parts of a run's state as they were written last, by field, with their JSON.
Parts = dict[str, tuple[object, str]]


def write(state: State, directory: Path, parts: Parts | None = None) -> Path:
    """Write the state of a run over its last one. Raises PgpromoteError, OSError.

    `parts` keeps the JSON of the fields that stay the same from one step to the next.
    """
    running = _path(state, directory, RUNNING)
    path = _path(state, directory, ENDED) if state.ended else running
    # As ASCII: the name of a file may hold bytes that UTF-8 cannot spell.
    text = _text(state, {} if parts is None else parts)
    with files.landing(path) as partial:
        partial.write_text(text, encoding="ascii")
    if state.ended:
        running.unlink(missing_ok=True)
    return path


def forget(state: State, directory: Path) -> None:
    """Remove the state of a run that cannot be written any more. Raises OSError."""
    _path(state, directory, RUNNING).unlink(missing_ok=True)


def read(directory: Path, promotion: str, run_id: str) -> State | None:
    """Return the state of a run; None when there is none that can be read."""
    place = directory / FOLDER
    found = [*place.glob(f"{promotion}.*.{spelled(run_id)}{ENDED}")]
    found += place.glob(f"{promotion}.*.{spelled(run_id)}{RUNNING}")
    return _read(max(found)) if found else None


def unfinished(directory: Path, promotion: str, but: str = "") -> Iterator[State]:
    """Yield the states of a promotion's runs that have not ended: they are under way, or died.

    `but` is the id of a run that is left out.
    """
    for path in sorted((directory / FOLDER).glob(f"{promotion}.*{RUNNING}"), reverse=True):
        ours = but and path.name.endswith(f".{spelled(but)}{RUNNING}")
        if not ours and (state := _read(path)):
            yield state


def ended(directory: Path, promotion: str) -> Iterator[State]:
    """Yield the states of a promotion's runs that have ended, newest first."""
    for path in sorted((directory / FOLDER).glob(f"{promotion}.*{ENDED}"), reverse=True):
        if not path.name.endswith(RUNNING) and (state := _read(path)):
            yield state


def retain(directory: Path, promotion: str) -> None:
    """Remove the states of a promotion beyond the newest, and the remains of writers that were killed."""
    kept = sorted((directory / FOLDER).glob(f"{promotion}.*{ENDED}"), reverse=True)
    for path in (*kept[KEPT:], *(directory / FOLDER).glob(f"{promotion}.*{PARTIAL}")):
        path.unlink(missing_ok=True)


def spelled(run_id: str) -> str:
    """Return the id of a run as a part of a file's name that holds no dot."""
    return quote(run_id, safe="").replace(".", "%2E")


def _path(state: State, directory: Path, ending: str) -> Path:
    at = state.began_at.astimezone(UTC).strftime(TIME)[:-3]
    return directory / FOLDER / f"{state.promotion}.{at}.{spelled(state.run_id)}{ending}"


def _text(state: State, parts: Parts) -> str:
    for name, value in vars(state).items():
        if name not in parts or parts[name][0] is not value:
            parts[name] = value, json.dumps(value, default=_plain)
    return f"{{{', '.join(f'{json.dumps(name)}: {parts[name][1]}' for name in vars(state))}}}"


def _plain(value: object) -> object:
    """Return a part of a state as JSON knows it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, PurePath) else vars(value)


def _read(path: Path) -> State | None:
    try:
        return _adapter().validate_python(json.loads(files.read(path, LARGEST)))
    except (ArchiveError, ValueError):  # gone meanwhile, or written by another version
        return None


@cache
def _adapter() -> "TypeAdapter[State]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - slow to load, and seldom is there a run to read

    return TypeAdapter(State)
