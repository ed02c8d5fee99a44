"""Files that others put before us: only regular ones are read, and no more of them than is sensible."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from pgpromote.postgres.errors import ArchiveError

LINKED = "If it is a link, look where it leads."


@contextmanager
def opened(path: Path, what: str = "file", hint: str = "") -> Iterator[BufferedReader]:
    """Open a regular file for reading. Errors call it `what`, such as `archive`, and end with `hint`.

    Raises ArchiveError for a directory, a pipe, a device and whatever else it is, and when reading it fails.
    """
    try:
        # Without O_NONBLOCK a pipe would hold us until somebody writes into it.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ArchiveError(f"There is no {what} at {path}.", hint) from None
    except PermissionError:
        raise ArchiveError(
            f"{path} is not readable for this user.", "Check its owner and permissions."
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if problem := _unfit(os.fstat(handle).st_mode):
        os.close(handle)
        raise ArchiveError(f"{path} is {problem}.", hint or LINKED)
    with os.fdopen(handle, "rb") as file:
        try:
            yield file
        except OSError as error:
            raise _unreadable(path, error) from None


def read(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes. Raises ArchiveError for a larger one, and as `opened` does."""
    with opened(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ArchiveError(f"{path} is larger than {limit:,} bytes, the most that is read.")
    return content


def make_private(directory: Path) -> None:
    """Make a directory, and those above it that are missing, for this user alone. Raises OSError."""
    if not directory.is_dir():
        make_private(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)


def _unfit(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    return "a directory, not a file" if stat.S_ISDIR(mode) else "not a regular file"


def _unreadable(path: Path, error: OSError) -> ArchiveError:
    return ArchiveError(f"{path} cannot be read: {error.strerror or error}.", "Check its permissions.")


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a crash of the machine."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
