r"""Detection of texts that lead to dev: a pattern in PostgreSQL's regular expressions.

A server is a host and a port. A host of dev that prod has not counts wherever it stands as a word, a bare one
only where a connection is described; so does a host of both, and only with dev's port. Where the port beside
it is another one it is another server, unless the address is of another kind (`http://dev.example:8000`).
"""

import re
from collections.abc import Iterator

from pgpromote.postgres.server import LOCAL, Database

DEFAULT_PORT = "5432"
# A full stop ends a sentence as well as a part of a name.
WORD, END = "(^|[^[:alnum:]_.-])", r"($|[^[:alnum:]_.-]|\.($|[^[:alnum:]]))"
# A URL of PostgreSQL up to one of its hosts, with a driver's name, as SQLAlchemy's have it.
URL, HOSTS = r"\mpostgres(ql)?(\+[[:alnum:]_]+)?://", r"[^[:space:]/'\"]*"
# Pairs of a connection string that stand between two of its pairs.
PAIRS = r"(\s+[[:alnum:]_]+\s*=\s*('+[^']*'+|[^[:space:]'\",;)]+))*\s+"
HOST_IS = r"(?<![[:alnum:]_.])host(addr)?\s*=\s*'*"  # not a setting such as app.host
NAME_IS, PORT_IS = r"\mdbname\s*=\s*'*", r"\mport\s*=\s*'*"


def traces_of(dev: Database, database: Database) -> str | None:
    """Return the expression for texts that lead to dev, None when nothing tells it apart."""
    there = _servers(database)
    hosts = {host for host, _ in there}
    patterns = [
        pattern
        for host, port in sorted(_servers(dev) - there)
        if host in hosts or not LOCAL.fullmatch(host)
        for pattern in (_shared(host, port) if host in hosts else _own(host, port))
    ]
    if dev.name != database.name:
        patterns += _named(dev.name, {port for _, port in _servers(dev)})
    return "|".join(f"({pattern})" for pattern in patterns) or None


def _servers(database: Database) -> set[tuple[str, str]]:
    """Return host and port of each server that a URL names; one port is that of all hosts."""
    ports = database.parameters.get("port", DEFAULT_PORT).split(",")
    named = (database.parameters.get(key, "").split(",") for key in ("host", "hostaddr"))
    return {
        (host, ports[place if len(ports) > 1 else 0] or DEFAULT_PORT)
        for hosts in named
        for place, host in enumerate(hosts)
        if host
    }


def _own(host: str, port: str) -> Iterator[str]:
    """Yield patterns of addresses of a host that only dev has."""
    before = WORD if re.search("[.:]", host) else "(@|://)"
    at, anywhere = re.escape(host), f"(?<!{HOST_IS})"
    yield from _shared(host, port)
    yield rf"(?<![[:alnum:]+.-])(?!postgres)[[:alnum:]+.-]+://([^[:space:]/'\"]*@)?{at}\]?:\d"
    if port != DEFAULT_PORT:
        anywhere += f"(?<!{URL}{HOSTS})"
    yield rf"{before}{anywhere}{at}(?!\]?:\d){END}"


def _shared(host: str, port: str) -> Iterator[str]:
    """Yield patterns of addresses of a server by host and port."""
    at = re.escape(host)
    yield rf"(@|://|,|{WORD}){at}\]?:{port}\M"
    is_it = f"{HOST_IS}{at}'*"
    yield rf"{is_it}{PAIRS}{PORT_IS}{port}\M"
    yield rf"{PORT_IS}{port}'*{PAIRS}{is_it}{END}"
    if port == DEFAULT_PORT:
        yield f"{URL}({HOSTS}[@,])?{at}(?!\\]?:\\d){END}"
        yield _beside(f"{HOST_IS}{at}", r"\d")


def _named(name: str, ports: set[str]) -> Iterator[str]:
    """Yield patterns of a database by its name, unless with a port that is none of dev's."""
    other = rf"(?!({'|'.join(sorted(ports))})\M)\d"
    yield _beside(NAME_IS + re.escape(name), other)
    yield rf"{URL}(?!{HOSTS}:{other}\d*[,/]){HOSTS}/{re.escape(name)}{END}"


def _beside(pair: str, other: str) -> str:
    """Return the expression for a pair of a connection string that has no other port."""
    return rf"(?<!{PORT_IS}{other}\d*'*{PAIRS}){pair}(?!'*{PAIRS}{PORT_IS}{other}){END}"
