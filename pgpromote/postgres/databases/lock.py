"""Advisory locks: one promotion into a prod at a time, and a probe whether two URLs lead to one database."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import uuid4

import psycopg

from pgpromote.postgres import sql
from pgpromote.postgres.databases import pooler
from pgpromote.postgres.errors import Busy, ConnectionFailed, LockLost
from pgpromote.postgres.naming import setting
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import LOCK_CLASS, Database, Session, connect, rows


@dataclass(frozen=True)
class _Holder:
    pid: int
    told: str


@dataclass(frozen=True)
class Lock:
    """The promotion lock of `target`, and the session in the agreed database that holds it."""

    target: Database
    session: Session

    def check(self) -> None:
        """Check that the session holds the lock; within a transaction, that its own process does.

        Raises LockLost.
        """
        try:
            held = _scalar(self.session, "catalog/lock_held", _key(self.target))
        except psycopg.OperationalError:  # its session has ended
            held = False
        if not held:
            raise LockLost(
                f"The promotion lock of {self.target.label} is lost: the session that held it has ended.",
                "Find what ended it: pg_terminate_backend, a pooler between us and the server (use its "
                "session mode, or the server's own port), the network. Then start again.",
            )


@contextmanager
def promotion_lock(place: Place) -> Iterator[Lock]:
    """Hold the one lock that a promotion into a prod needs, for as long as the block runs.

    It is an advisory lock in the agreed database, because such locks are per database and prod's own
    name may change hands. It ends with our session, so a dead promotion never leaves it behind.
    Raises Busy with the holder when another promotion is running, ConnectionFailed when the agreed database
    cannot be reached, Refused when a pooler would take the lock away.
    """
    target = place.target
    with _connect_for_lock(place) as session:
        pooler.check_none(session, place.meeting, place.run_id)
        if not _scalar(session, "catalog/lock", _key(target)) and not _waited(session, target):
            raise _busy(target, _holder(session, target))
        yield Lock(target, session)


def holder(place: Place) -> str:
    """Return who holds the promotion lock of a prod, such as `pgpromote:4f1c, pid 17, …`; "" for nobody."""
    with place.session() as session:
        found = _holder(session, place.target)
    return found.told if found else ""


def _holder(session: Session, target: Database) -> _Holder | None:
    return next(iter(rows(session, _Holder, "catalog/lock_holder", _key(target))), None)


def _waited(session: Session, target: Database) -> bool:
    """Wait for the lock for a moment: the server may still be ending the session of a run that is over."""
    try:
        with session.transaction():
            session.execute("SET LOCAL lock_timeout = '1s'")
            _scalar(session, "catalog/lock_in_time", _key(target))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _busy(target: Database, holder: _Holder | None) -> Busy:
    told = holder.told if holder else "it has just ended"
    ending = f"; a dead one ends by: SELECT pg_terminate_backend({holder.pid});" if holder else "."
    return Busy(
        f"Another promotion into {target.label} is running ({told}).",
        f"Wait for it to end, then start again{ending}",
    )


def _key(target: Database) -> Mapping[str, object]:
    return {"class": LOCK_CLASS, "name": target.name}


@contextmanager
def agreeing() -> Iterator[None]:
    """Let a failure to reach the agreed database say which setting names it."""
    try:
        yield
    except ConnectionFailed as error:
        hint = f"The promotion lock lives in that database; {setting('lock_database')} names another."
        raise ConnectionFailed(error.message, f"{error.hint} {hint}") from None


@contextmanager
def _connect_for_lock(place: Place) -> Iterator[Session]:
    with ExitStack() as connecting:
        with agreeing():
            session = connecting.enter_context(place.session())
        yield session


def _scalar(session: Session, query: str, parameters: Mapping[str, object]) -> object:
    row = session.execute(sql.read(query), parameters).fetchone()
    return row[0] if row else None


def same_database(first: Session, target: Database) -> bool:
    """Return whether a session is in the database to which a URL leads, whatever they call it.

    Takes a lock through one and tries it through the other: only within one database does the second try
    fail. Right also for clones, which share the system identifier (facts §4), and through a pooler: both
    locks last as long as a transaction.
    """
    probe = {"class": LOCK_CLASS, "name": f"same-database probe {uuid4()}"}
    with connect(target) as second, first.transaction():
        _scalar(first, "catalog/lock_for_transaction", probe)
        return not _scalar(second, "catalog/lock_for_transaction", probe)
