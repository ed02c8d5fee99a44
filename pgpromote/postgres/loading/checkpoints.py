"""Checkpoints while a restore writes, so that the server's write-ahead log needs less room.

The server itself begins one when the log has grown by a part of max_wal_size, and takes its time over it:
under load the log outgrows that limit. One that is asked for is made at once, and whoever writes meanwhile
waits for the same disk.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from pgpromote.postgres import sql
from pgpromote.postgres.server import Database, Session, connect
from pgpromote.postgres.stall import Stalled, leave

EVERY = 0.5  # seconds between two looks at the log


@contextmanager
def forced(database: Database, run_id: str) -> Iterator[None]:
    """Make a checkpoint whenever the log has grown by the database's `log_room`, while the block runs.

    Raises ConnectionFailed before the block begins, and SessionFailed after it when the log could not be
    watched to its end.
    """
    if database.log_room is None:
        yield
        return
    ended = Event()
    with connect(database, run_id, autocommit=True) as session, ThreadPoolExecutor(1) as thread:
        watching = thread.submit(_watch, session, database.log_room, ended)
        try:
            yield
        finally:
            ended.set()
            leave(session)
        watching.result()


def allowed(session: Session) -> bool:
    """Return whether our role may ask for a checkpoint."""
    row = session.execute(sql.read("checkpoints/allowed")).fetchone()
    return bool(row and row[0])


def _watch(session: Session, room: int, ended: Event) -> None:
    """Make the checkpoints; look once more after the end, so that a lost session is reported."""
    over = False
    while not over:
        over = ended.wait(EVERY)
        try:
            row = session.execute(sql.read("checkpoints/written")).fetchone()
            if row and int(str(row[0])) >= room and not over:
                session.execute("CHECKPOINT")
        except Stalled:
            if not ended.is_set():
                raise
            return  # nobody waits for a checkpoint that lasts longer than the restore
