"""Failed logins: the messages of libpq or the server, and the hints for them."""

from psycopg.sql import Identifier

from pgpromote.postgres.errors import ConnectionFailed
from pgpromote.postgres.naming import option


def failed(variable: str, database: str, label: str, reason: str) -> ConnectionFailed:
    """Return the error for a failed login, with a hint; `reason` is libpq's or the server's, redacted."""
    crowded = (
        "The server, the database or the role has no connection left: end some (pg_stat_activity), take "
        f"fewer with {option('jobs')}, or raise max_connections or the CONNECTION LIMIT."
    )
    hints = {
        "not currently accepting connections": (
            "Somebody has closed it. If it may be open, run in another database: "
            f"ALTER DATABASE {Identifier(database).as_string()} WITH ALLOW_CONNECTIONS true;"
        ),
        "does not exist": "Create the database or role first, or correct the URL.",
        "unsupported startup parameter": (
            "That is pgbouncer, not the server: put the server's own host and port into the URL, or let "
            "pgbouncer ignore the parameter options and keep a session for each client (pool_mode = session)."
        ),
        "too many": crowded,
        "connection slots": crowded,
        "password": f"Check the user and the password in {variable}, or ~/.pgpass.",
        "no pg_hba.conf entry": "Ask the server's administrator to allow this login in pg_hba.conf.",
        "sslmode value": "Write sslmode=disable, prefer, require, verify-ca or verify-full.",
        "SSL": "Check sslmode in the URL and whether the server offers TLS.",
    }
    fallback = "Check host and port in the URL, and that the server is running and accepts connections."
    hint = next((text for sign, text in hints.items() if sign in reason), fallback)
    return ConnectionFailed(f"{variable}: cannot connect to {label}: {reason}", hint)
