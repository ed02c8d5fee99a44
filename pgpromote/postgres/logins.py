"""Failed logins: the messages of libpq or the server, and the hints for them."""

import re
from collections.abc import Mapping

from psycopg import pq
from psycopg.sql import Identifier

from pgpromote.postgres.errors import ConnectionFailed, DatabaseMissing
from pgpromote.postgres.naming import option

MISSING = 'database "…" does not exist'
WAIT = "Wait until it is up (its log says why it is not), then start again."
# A part of a message, its names left out, and what to do. The first that fits counts.
HINTS = {
    r'role "…" is not permitted to log in': "As a superuser of that server, run: ALTER ROLE {role} LOGIN;",
    r'too many connections for role "…"': (
        "End some of its sessions (pg_stat_activity), take fewer with {jobs}, or, as a superuser of that "
        "server, raise its limit: ALTER ROLE {role} CONNECTION LIMIT -1;"
    ),
    r'too many connections for database "…"': (
        "End some of its sessions (pg_stat_activity), take fewer with {jobs}, or, as its owner, raise its "
        "limit: ALTER DATABASE {database} CONNECTION LIMIT -1;"
    ),
    r'database "…" is not currently accepting connections': (
        "Somebody has closed it. If it may be open, run in another database: ALTER DATABASE {database} WITH "
        "ALLOW_CONNECTIONS true;"
    ),
    r'cannot connect to invalid database "…"': (
        "A DROP DATABASE was cut short there: nobody can open it again. Bring back a previous one, or a "
        "backup."
    ),
    r'permission denied for database "…"': (
        "As its owner, run: GRANT CONNECT ON DATABASE {database} TO {role};"
    ),
    r'role "…" does not exist': "Correct the user in {variable}, or create it: CREATE ROLE {role} LOGIN;",
    MISSING: (
        "See which databases are there before you create one (psql -l): it may have been renamed. Or "
        "correct the name in {variable}."
    ),
    r"database system is starting up|in recovery mode|not yet accepting connections": f"It starts. {WAIT}",
    r"database system is shutting down": f"Somebody stops it. {WAIT}",
    r"database system is not accepting connections": (
        "It is a standby that answers no queries: put the primary's host into {variable}."
    ),
    r"unsupported startup parameter": (
        "That is pgbouncer, not the server: put the server's own host and port into the URL, or let "
        "pgbouncer ignore the parameter options and keep a session for each client (pool_mode = session)."
    ),
    r"too many clients|connection slots|too many": (
        "The server has no connection left: end some (pg_stat_activity), take fewer with {jobs}, or raise "
        "max_connections."
    ),
    r"pg_hba\.conf": (
        "Ask the server's administrator to allow this login in pg_hba.conf, for the address, the user and "
        "the database that the message names."
    ),
    r'password authentication failed for user "…"': (
        "Check the user and the password in {variable}, or ~/.pgpass. If both are right, the password may "
        "have expired; as a superuser of that server, run: ALTER ROLE {role} VALID UNTIL 'infinity';"
    ),
    r"password": "Check the user and the password in {variable}, or ~/.pgpass.",
    r"authentication failed": (
        "pg_hba.conf asks for another proof than a password, such as the name of the system's user: log in "
        "as it demands, or have it changed."
    ),
    r"sslmode value": "Write sslmode=disable, prefer, require, verify-ca or verify-full.",
    r"SSL": "Check sslmode in the URL and whether the server offers TLS.",
    "": "Check host and port in the URL, and that the server is running and accepts connections.",
}


def failed(variable: str, parameters: Mapping[str, str], label: str, reason: str) -> ConnectionFailed:
    """Return the error for a failed login, with a hint; `reason` is libpq's or the server's, redacted."""
    role, database = parameters.get("user") or _default_user(), parameters["dbname"]
    said = reason.replace(f'"{role}"', '"…"').replace(f'"{database}"', '"…"')
    hint = next(text for sign, text in HINTS.items() if re.search(sign, said)).format(
        role=Identifier(role).as_string(),
        database=Identifier(database).as_string(),
        variable=variable,
        jobs=option("jobs"),
    )
    kind = DatabaseMissing if MISSING in said else ConnectionFailed
    return kind(f"{variable}: cannot connect to {label}: {reason}", hint)


def _default_user() -> str:
    """Return the user that libpq takes where the URL names none."""
    defaults = {option.keyword: option.val for option in pq.Conninfo.get_defaults()}
    return (defaults[b"user"] or b"").decode()
