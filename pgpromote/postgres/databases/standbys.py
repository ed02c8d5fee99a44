"""The standbys of prod's server: a swap reaches them by the log, and ends no session of theirs."""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg.sql import SQL, Identifier, Literal

from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.server import Session, rows

RULE = "standby_sessions"
ENDING = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE {};"


@dataclass(frozen=True)
class Standby:
    """An attached standby; `seen` says that our role may see that it is one."""

    name: str
    address: str
    seen: bool


def read(session: Session) -> tuple[Standby, ...]:
    """Return the standbys attached to the server; those fed by files or by another standby are unseen."""
    return tuple(rows(session, Standby, "standbys/standbys"))


def findings(standbys: tuple[Standby, ...], prod: str, user: str) -> Iterator[Finding]:
    """Yield a finding for each standby: its sessions stay in the database that is prod today."""
    pattern = prod.replace("\\", r"\\").replace("_", r"\_").replace("%", r"\%") + r"\_\_%"
    ending = SQL(ENDING).format(Literal(pattern)).as_string()
    for each in standbys:
        where = f"{each.name} at {each.address}" if each.address else each.name
        what, asking = f"The standby {where} is attached.", ""
        if not each.seen:
            what = f"{where} is attached, perhaps a standby: the role {user} may not see that."
            granting = SQL("GRANT pg_read_all_stats TO {};").format(Identifier(user)).as_string()
            asking = f" To see what it is: {granting}"
        message = (
            f"{what} A swap ends no session there: they read the old {prod} on, without an error, until they "
            "connect again."
        )
        hint = f"After the swap, run there: {ending}{asking}"
        yield Finding(RULE, Severity.WARNING, each.name, message, hint)
