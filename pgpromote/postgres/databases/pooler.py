"""Detection of poolers that share server processes: behind one, locks and settings of a session are lost."""

from pgpromote.postgres import sql
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import Database, Session, connect

RULE = "no_pooler_between"
HINT = (
    "Put the server's own host and port into {}, or let the pooler keep a session for each of its clients "
    "(pgbouncer: pool_mode = session)."
)
TRIES = 10


def check_none(session: Session, target: Database, run_id: str) -> None:
    """Raise Refused unless a session, in autocommit mode, keeps its server process between transactions.

    A pooler answers with a process id of its own, and only then is more examined: another session holds a
    transaction, and if it got the process of ours, or ours got another, processes are shared.
    """
    ours = _process(session)
    if session.info.backend_pid == ours:
        return
    with connect(target, run_id) as other:
        for _ in range(TRIES):
            # Twice: the process idle for the longest comes next, or ours is now the one that was used last.
            asked = {_process(session), _process(session)}
            with other.transaction():
                asked |= {_process(session)}
                if asked != {ours} or _process(other) == ours:
                    raise Refused([_shared(target)])


def _process(session: Session) -> object:
    # Not prepared: the process that is asked next may not know the statement.
    row = session.execute(sql.read("pooler/process"), prepare=False).fetchone()
    return row[0] if row else None


def _shared(target: Database) -> Finding:
    message = (
        f"Between us and {target.label} is a pooler that gives each transaction another process of the "
        "server: the promotion lock and the settings of our sessions would be lost, and left to others."
    )
    return Finding(RULE, Severity.ERROR, target.label, message, HINT.format(target.variable))
