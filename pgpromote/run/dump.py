"""Dump the source into the promotion's own archive, as the first step of a run that makes its own."""

from contextlib import suppress
from dataclasses import replace

from pgpromote.postgres import dump as dumps
from pgpromote.postgres.errors import ConnectionFailed
from pgpromote.run.check import look_ahead
from pgpromote.run.run import Run
from pgpromote.run.state import State


def dump(run: Run, compression: str = "", encoding: str = "") -> State:
    """Take the promotion lock, run the checks that need no archive, and dump the source.

    The lock comes first: a second promotion does not dump over the archive that this one will restore. A
    promotion that prod or the choices forbid is refused before the last archive is replaced. Raises Refused,
    and as `dump.dump`.
    """
    with suppress(ConnectionFailed):  # the check says so by name, with what to do
        run.lock()
    look_ahead(run)
    promotion = run.promotion
    _, manifest = dumps.dump(
        promotion.source(),
        promotion.archive_path,
        run.tools,
        run.run_id,
        store=promotion.store,
        name=promotion.name,
        compression=compression,
        encoding=encoding,
        on_line=run.on_line,
    )
    return replace(run.state, manifest=manifest, sha256=manifest.sha256)
