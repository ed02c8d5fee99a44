"""Notes on steps as lines for the log; a person at the terminal sees the warnings too."""

from collections.abc import Iterator

from pgpromote.postgres.archives.plain_sql import is_plain_sql
from pgpromote.postgres.model import Severity
from pgpromote.run.state import Note, State

PLAIN_SQL = "Plain SQL: one connection and one transaction, slower and not parallel."


def of_check(state: State) -> Iterator[Note]:
    """Warn of runs that died, of obstacles to the swap, of a limited scope, and of plain SQL."""
    yield from map(_warning, state.died)
    for found in state.checked.of("swap_possible") if state.checked else ():
        yield _warning(f"Warning: {found.message} {found.hint}")
    if state.filters:
        yield _warning(limited(state.filters))
    if is_plain_sql(state.archive):
        yield _warning(PLAIN_SQL)


def limited(filters: str) -> str:
    """Return the warning about a scope that is limited on purpose."""
    return f"Warning: limited on purpose to {filters}; this is not the whole database."


def of_prepare(state: State) -> Iterator[Note]:
    """Yield notes on the databases dropped and made beside prod, and on the safety archive."""
    if prepared := state.prepared:
        for name in prepared.orphans:
            yield _info(f"Dropped {name}, which a dead promotion had left.")
        if prepared.shadow:
            yield _info(f"Created {prepared.shadow}; prod is untouched.")
        elif prepared.safety:
            yield _info(f"Dumped prod into {prepared.safety}; a rollback brings it back.")
        else:
            yield _warning("No safety archive of prod was taken: what this run replaces is gone.")


def of_reset(state: State) -> Iterator[Note]:
    """Yield the objects that the reset has dropped outside of its schema."""
    if reset := state.reset:
        yield _warning(f"Resetting the schema {reset.schema}; outside of it the reset takes:")
        for finding in reset.outside:
            yield _warning(f"  {finding.severity.value}: {finding.message}")
        if not reset.outside:
            yield _warning("  nothing")


def of_restore(state: State) -> Iterator[Note]:
    """Yield the duration of the restore."""
    if done := state.restored:
        yield _info(f"Restored {done.path} into {done.target} in {done.seconds} s with {done.jobs} jobs.")


def of_swap(state: State) -> Iterator[Note]:
    """Yield how long new connections had to wait, and the database that is kept."""
    if done := state.cut_over:
        told = f"Prod is the new database; the gap was {done.downtime_ms} ms, {done.previous} is kept."
        yield _info(told)


def _info(text: str) -> Note:
    return Note(Severity.INFO, text)


def _warning(text: str) -> Note:
    return Note(Severity.WARNING, text)
