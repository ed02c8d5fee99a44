"""Encryption of the connections: whether a third party on the network can read or change their traffic.

libpq encrypts when the server offers it, checks nobody's certificate unless told to, and goes on in the clear
where it was built without TLS: all of that silently. Sockets and loopback addresses have no network between.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.naming import setting
from pgpromote.postgres.server import Database, connect, is_local, rows
from pgpromote.postgres.tools import Tools, encrypts

RULE = "connection_encrypted"
VERIFIED = "verify-full"
DEMANDED = frozenset({"require", "verify-ca", VERIFIED})
HINT = "Add sslmode=verify-full to {variable}, and sslrootcert for an authority of your own."


@dataclass(frozen=True)
class Link:
    """The connection to a database that is not on this machine.

    `sslmode` is the one in force; `encrypted` is our own session, `offered` says that the server has TLS.
    `plain` names the client programs when they were built without TLS, else it is "".
    """

    variable: str
    label: str
    sslmode: str
    encrypted: bool
    offered: bool
    plain: str = ""


@dataclass(frozen=True)
class _Told:
    offered: bool
    kerberos: bool


def links(reached: Iterable[tuple[Database | None, Tools | None]], run_id: str) -> Iterator[Link]:
    """Yield the connection to each database, with the client programs that will use it too.

    Yields none for a database on this machine, or behind Kerberos' own encryption. Raises ConnectionFailed.
    """
    for database, tools in reached:
        if database is None or database.here:
            continue
        with connect(database, run_id, autocommit=True) as session:
            options = {o.keyword.decode(): (o.val or b"").decode() for o in session.pgconn.info}
            (told,) = rows(session, _Told, "encryption/link")
            if told.kerberos or is_local(options["host"], options["hostaddr"]):
                continue
            encrypted = session.pgconn.ssl_in_use
        plain = f"pg_dump and pg_restore {tools.version} in {tools.directory}" if tools else ""
        yield Link(
            database.variable,
            database.label,
            options["sslmode"],
            encrypted,
            told.offered,
            "" if tools is None or encrypts(tools) else plain,
        )


def findings(link: Link) -> Iterator[Finding]:
    """Yield a finding for each weakness of a connection."""
    hint = HINT.format(variable=link.variable)
    if not link.encrypted and not link.offered:
        message = f"The connection to {link.label} is not encrypted: its server offers no TLS."
        yield _warning(link, message, f"Turn on TLS on that server. {hint} Or reach it through a tunnel.")
    elif not link.encrypted:
        message = f"The connection to {link.label} is not encrypted, although its server offers TLS"
        yield _warning(link, f"{message} (sslmode {link.sslmode}).", hint)
    elif link.sslmode != VERIFIED:
        unchecked = "its server's name" if link.sslmode == "verify-ca" else "whose server it is"
        message = f"The connection to {link.label} is encrypted, but nobody checks {unchecked}"
        yield _warning(link, f"{message} (sslmode {link.sslmode}).", hint)
    if link.plain:
        cannot = "cannot connect" if link.sslmode in DEMANDED else "send everything in the clear"
        severity = Severity.ERROR if link.sslmode in DEMANDED else Severity.WARNING
        message = f"{link.plain} were built without TLS, and {cannot} to {link.label}."
        named = setting("pg_bin")
        hint = f"Install the client programs of a distribution, and name their directory in {named}."
        yield Finding(RULE, severity, link.label, message, hint)


def _warning(link: Link, message: str, hint: str) -> Finding:
    return Finding(RULE, Severity.WARNING, link.label, message, hint)
