"""A pooler as pgbouncer is one: each transaction of a client, or each client, gets a server process."""

import secrets
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
# What a client sends last before it waits: a simple query, the end of a pipeline, or of its rows.
ENDING = (b"Q", b"S", b"c", b"f")


@dataclass
class Pool:
    """Idle connections to the server, the one that was used last at the end; `sharing` by transaction."""

    server: tuple[str, int]
    sharing: bool
    idle: list[socket.socket] = field(default_factory=list)


def _read(stream: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = stream.recv(size - len(content))
        if not piece:
            raise ConnectionError
        content += piece
    return content


def _message(stream: socket.socket) -> tuple[bytes, bytes]:
    """Read a message: its type, and all of it."""
    head = _read(stream, 5)
    return head[:1], head + _read(stream, struct.unpack("!i", head[1:])[0] - 4)


def _startup(client: socket.socket) -> bytes:
    """Read a startup message, and decline encryption before it."""
    while True:
        size = struct.unpack("!i", _read(client, 4))[0]
        content = _read(client, size - 4)
        code = struct.unpack("!i", content[:4])[0]
        if code in {SSL_REQUEST, GSS_REQUEST}:
            client.sendall(b"N")
        elif code == CANCEL_REQUEST:
            raise ConnectionError
        else:
            return content


def _without_options(startup: bytes) -> bytes:
    """Ignore the parameter options, as ignore_startup_parameters tells pgbouncer to."""
    fields = startup[4:].rstrip(b"\0").split(b"\0")
    pairs = [(a, b) for a, b in zip(fields[::2], fields[1::2], strict=True) if a != b"options"]
    content = startup[:4] + b"".join(a + b"\0" + b + b"\0" for a, b in pairs) + b"\0"
    return struct.pack("!i", len(content) + 4) + content


class _Client(socketserver.BaseRequestHandler):
    """One client: the server checks its login, and its connection goes to the pool afterwards."""

    server: "_Proxy"

    def handle(self) -> None:
        with suppress(ConnectionError, OSError):
            pool, client = self.server.pool, self.request
            startup = _startup(client)
            upstream = socket.create_connection(pool.server)
            self.server.opened.append(upstream)
            upstream.sendall(_without_options(startup))
            self._log_in(upstream)
            pool.idle.append(upstream)
            kept: socket.socket | None = None
            while True:
                kind, message = _message(client)
                if kind == b"X":
                    return
                kept = kept or pool.idle.pop()
                kept.sendall(message)
                if kind in ENDING and self._answered(kept) == b"I" and pool.sharing:
                    pool.idle.append(kept)
                    kept = None

    def _log_in(self, upstream: socket.socket) -> None:
        while True:
            kind, message = _message(upstream)
            if kind == b"K":  # the pooler's own key, for requests to cancel
                message = b"K" + struct.pack(
                    "!iii", 12, secrets.randbelow(1 << 30), secrets.randbelow(1 << 30)
                )
            self.request.sendall(message)
            waits = kind == b"R" and struct.unpack("!i", message[5:9])[0] not in {0, 12}
            if waits:
                upstream.sendall(_message(self.request)[1])
            if kind == b"Z":
                return

    def _answered(self, upstream: socket.socket) -> bytes:
        """Pass on an answer; return the state of the transaction, or that the server waits for rows."""
        while True:
            kind, message = _message(upstream)
            self.request.sendall(message)
            if kind in {b"Z", b"G"}:
                return message[5:] if kind == b"Z" else kind


class _Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, pool: Pool) -> None:
        super().__init__(("127.0.0.1", 0), _Client)
        self.pool = pool
        self.opened: list[socket.socket] = []


@contextmanager
def pooling(host: str, port: int, *, sharing: bool) -> Iterator[int]:
    """Serve a pooler before a server; yields its port. `sharing`: each transaction gets some process."""
    with _Proxy(Pool((host, port), sharing)) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield int(proxy.server_address[1])
        finally:
            proxy.shutdown()
            thread.join()
            for each in proxy.opened:
                each.close()
