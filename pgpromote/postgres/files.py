"""Files from outside, and our own: only regular ones are read, and none is ever half written."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from pgpromote.postgres.errors import ArchiveError, Busy, PgpromoteError, ToolFailed

LINKED = "If it is a link, look where it leads."


@contextmanager
def opened(path: Path, what: str = "file", hint: str = "") -> Iterator[BufferedReader]:
    """Open a regular file for reading. Errors call it by its kind, such as `archive`, and end with `hint`.

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


@contextmanager
def landing(path: Path) -> Iterator[Path]:
    """Let the block write `<path>.partial`, then rename it to its name; nothing else ever has that name.

    The file is 0600 in a 0700 directory and never a symbolic link. A lock on it keeps two dumps apart and
    ends with the process, so a dead dump's remains are simply overwritten.
    """
    partial = path.with_name(path.name + ".partial")
    file = _take(path, partial)
    try:
        os.fchmod(file, 0o600)
        os.ftruncate(file, 0)
        yield partial
        os.fsync(file)
        partial.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _cannot_write(path, error) from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Hold a file while the block reads it: `check_unread` fails meanwhile. A missing file holds nothing."""
    with ExitStack() as held:
        with suppress(OSError):  # also where its file system knows no locks
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            held.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


def check_unread(path: Path) -> None:
    """Check that no run reads a file, before another takes its name. Raises Busy."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:  # it is missing, or not ours to read
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy(
            f"{path} is being restored: with another archive in its place, that run would fail.",
            "Wait for that run to end, then start again.",
        ) from None
    finally:
        os.close(handle)


def _take(path: Path, partial: Path) -> int:
    """Open and lock the partial file. Raises Busy when another dump has it, or has just renamed it."""
    try:
        make_private(path.parent)
        file = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _cannot_write(path, error) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        taken = os.path.samestat(os.fstat(file), partial.stat(follow_symlinks=False))
    except (BlockingIOError, FileNotFoundError):
        taken = False
    if not taken:
        os.close(file)
        raise Busy(f"Another dump is writing {partial}.", "Wait for it to end, then start again.")
    return file


def _cannot_write(path: Path, error: OSError) -> PgpromoteError:
    if isinstance(error, PgpromoteError):
        return error
    return ToolFailed(
        f"{path} cannot be written: {error.strerror or error}.",
        "Check that the directory exists, belongs to this user, has space, and holds no symbolic link there.",
    )
