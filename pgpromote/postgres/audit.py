"""Read-only audits of a schema: one rule per file under sql/audits, one finding per row.

A rule's query returns the columns severity, schema, "table", "column", type and suggestion. A new file is a
new rule; its leading comment says why it exists. Rules read catalogs only: never a user's view, which could
run its author's functions as us.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile

from psycopg.rows import kwargs_row

from pgpromote.postgres import sql
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.model import ColumnFinding, Severity
from pgpromote.postgres.server import Database, Session, connect

RULES = tuple(sql.names("audits"))


def describe(rule: str) -> str:
    """Return what a rule looks for and why, one paragraph."""
    lines = sql.read(f"audits/{_known(rule)}").splitlines()
    comment = takewhile(lambda line: line.startswith("--"), lines)
    return " ".join(line.removeprefix("--").strip() for line in comment)


def read(database: Database, promotion: str, rules: Sequence[str] | None = None) -> list[ColumnFinding]:
    """Audit a database through a session of its own. See `run`; a failing rule is a SessionFailed."""
    with connect(database, promotion) as session:
        return run(session, rules)


def run(session: Session, rules: Sequence[str] | None = None) -> list[ColumnFinding]:
    """Run the rules (all unless named) and return their findings, rule by rule, ordered by object.

    Raises ConfigError for a rule that does not exist, psycopg.errors.QueryCanceled when one takes longer
    than a minute.
    """
    chosen = [_known(rule) for rule in (RULES if rules is None else rules)]
    with reading(session):
        return [finding for rule in chosen for finding in _findings(session, rule)]


@contextmanager
def reading(session: Session) -> Iterator[None]:
    """Run the block in a transaction that cannot write and whose statements end within a minute."""
    with session.transaction():
        session.execute("SET TRANSACTION READ ONLY")
        session.execute("SET LOCAL statement_timeout = '60s'")
        yield


def _findings(session: Session, rule: str) -> list[ColumnFinding]:
    def finding(severity: str, **where: str) -> ColumnFinding:
        return ColumnFinding(rule=rule, severity=Severity(severity), **where)

    with session.cursor(row_factory=kwargs_row(finding)) as cursor:
        return cursor.execute(sql.read(f"audits/{rule}")).fetchall()


def _known(rule: str) -> str:
    if rule not in RULES:
        raise ConfigError(f"There is no audit rule {rule!r}.", f"Choose from: {', '.join(RULES)}.")
    return rule
