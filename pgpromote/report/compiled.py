"""The compiled template of the page, kept from one run to the next as Python keeps its modules."""

from contextlib import suppress
from pickle import UnpicklingError

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket


class Compiled(FileSystemBytecodeCache):
    """A cache that fails nobody: what cannot be read is compiled again, what cannot be written is left."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket from a file that belongs to this template, if there is one."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, UnpicklingError, ValueError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write the bucket, if there is room."""
        with suppress(OSError):
            super().dump_bytecode(bucket)
