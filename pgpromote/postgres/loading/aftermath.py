"""The state after a failed restore, and the hint for it, by the kind of the restore."""

from collections.abc import Iterator
from contextlib import contextmanager

from pgpromote.postgres.archives.archive import commands_in
from pgpromote.postgres.archives.plain_sql import Command
from pgpromote.postgres.errors import Outcome, PgpromoteError, ProdState
from pgpromote.postgres.model import Clearance

SHOWN = 5
EMPTY_SCHEMA = "A dump without --clean needs an empty schema: reset it, or dump with --clean --if-exists."
HINT_ROLLED_BACK = (
    f"It ran in one transaction, which was rolled back: prod is as it was before this step. {EMPTY_SCHEMA}"
)
HINT_BESIDE = "Remove the cause, dump again, and start again."
HINT_IN_PLACE = (
    "Prod may now be a mix of old and new. The first error usually explains the others: remove its cause and "
    "run the restore again."
)


@contextmanager
def told(clearance: Clearance) -> Iterator[None]:
    """Add outcome and hint to an error of plain SQL: no rollback takes back an allowed command."""
    try:
        yield
    except PgpromoteError as error:
        found = commands_in(clearance.path)
        hint = EMPTY_SCHEMA if found else HINT_ROLLED_BACK
        outcome = Outcome(ProdState.MIXED, _beyond(clearance, found)) if found else None
        raise error.saying(hint=hint, outcome=outcome) from None


def _beyond(clearance: Clearance, found: tuple[Command, ...]) -> str:
    named = ", ".join(f"{command.name} (line {command.line})" for command in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return (
        f"Prod may be a mix of old and new: {named}{more} in {clearance.path.name} did what no rollback "
        "takes back."
    )


def hint(clearance: Clearance) -> str:
    """Return the hint after a failed restore of an archive."""
    return HINT_BESIDE if clearance.strategy.beside else HINT_IN_PLACE
