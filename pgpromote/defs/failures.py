"""Turn our errors into what Dagster shows: one paragraph, without a second traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pgpromote.defs import metadata
from pgpromote.postgres.errors import NotProven, PgpromoteError, Refused, RestoreFailed


@contextmanager
def readable() -> Iterator[None]:
    """Show an error of ours as a Failure: its text, its hint, its findings. Others pass unchanged."""
    try:
        yield
    except PgpromoteError as error:
        shown: dict[str, dg.MetadataValue] = {"what to do": dg.MetadataValue.text(error.hint)}
        if isinstance(error, Refused | NotProven):
            shown = {"findings": metadata.findings(error.findings)}
        elif isinstance(error, RestoreFailed):
            shown["errors"] = metadata.restore_errors(error.errors)
        raise dg.Failure(description=str(error), metadata=shown, allow_retries=False) from None
