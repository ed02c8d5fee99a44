"""The standard streams, made safe: output that cannot be written is noted and told at the end, never raised.

A promotion must not stop, nor end with another exit code, because nobody reads it or a disk is full.
"""

import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UTF_8 = "utf-8"


class Kept(io.FileIO):
    """A file that keeps its first failure to write, and drops all that is written to it from then on."""

    def __init__(self, number: int, *, closefd: bool = True) -> None:
        super().__init__(number, "w", closefd=closefd)
        self.failure: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write, waiting for a reader that is slow. Returns the number of bytes, also of dropped ones."""
        while self.failure is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.failure = error
                break
            if written is not None:
                return written
            select.select([], [self], [])  # another process has set O_NONBLOCK on it
        return memoryview(data).nbytes


def keeping(
    number: int,
    *,
    closefd: bool = True,
    encoding: str = UTF_8,
    errors: str = "backslashreplace",
    line_buffering: bool = True,
) -> TextIO:
    """Open a descriptor for text that is dropped where it cannot be written; `failure` says so."""
    raw = Kept(number, closefd=closefd)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=line_buffering
    )


def failure(stream: TextIO | None) -> OSError | None:
    """Return why a stream of `keeping` could not be written; None while all of it was."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", None)
    if stream is None or not isinstance(raw, Kept):
        return None
    if not stream.closed:
        stream.flush()
    return raw.failure


def secure() -> None:
    """Let stdout and stderr keep their failures, and open those of the three that are closed.

    A file that is opened later would otherwise get the number of a closed one, and what is meant for people.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # to write there fails, as it did before
    sys.stdin = sys.stdin or open(0, encoding=UTF_8, closefd=False)  # noqa: SIM115 - it is open to the end
    sys.stdout, sys.stderr = _secured(sys.stdout, 1), _secured(sys.stderr, 2)


def _secured(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        return keeping(number, closefd=False)
    encoding = stream.encoding.lower()
    spelled = encoding == UTF_8 and stream.errors == "surrogateescape"
    return keeping(
        number,
        closefd=False,
        encoding=encoding,
        errors="surrogateescape" if spelled else "backslashreplace",  # no text is a failure
        line_buffering=bool(getattr(stream, "line_buffering", True)),
    )
