"""A network before a server that can be frozen: nothing comes through any more, and nothing is closed."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CHUNK = 1 << 16


@dataclass
class Proxy:
    """Forwards traffic until it has seen each text of `script` go to the server; then all is frozen.

    `lets_in`: connections that are made afterwards are forwarded. `delivers`: the server still gets the last
    text, and only the answer stays away.
    """

    server: int
    script: list[bytes]
    lets_in: bool = True
    delivers: bool = True
    frozen: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    def url(self, url: str) -> str:
        """Return the URL of a database as it is reached through the proxy."""
        parts = urlsplit(url)
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@127.0.0.1:{self.port}").geturl()

    def serve(self, listener: socket.socket) -> None:
        listener.settimeout(0.05)
        while not self.over.is_set():
            with suppress(TimeoutError):
                client, _ = listener.accept()
                self._start(client, old=not (self.frozen.is_set() and self.lets_in))

    def _start(self, client: socket.socket, *, old: bool) -> None:
        thread = threading.Thread(target=self._forward, args=(client, old))
        self.threads.append(thread)
        thread.start()

    def _forward(self, client: socket.socket, old: bool) -> None:
        """Forward bytes both ways; those of an old connection stop with the freeze."""
        with client, socket.create_connection(("127.0.0.1", self.server)) as server:
            other = {client: server, server: client}
            with selectors.DefaultSelector() as ready, suppress(OSError):
                for side in other:
                    ready.register(side, selectors.EVENT_READ)
                while not self.over.is_set():
                    if old and self.frozen.is_set():
                        self.over.wait()
                        return
                    for key, _ in ready.select(0.05):
                        end = key.fileobj
                        assert isinstance(end, socket.socket)
                        data = end.recv(CHUNK)
                        if not data:
                            return
                        held = old and end is client and self._triggered(data)
                        if not held:
                            other[end].sendall(data)

    def _triggered(self, data: bytes) -> bool:
        """Freeze all if this is the last of the script; return whether the data are withheld."""
        if self.script and self.script[0] in data:
            del self.script[0]
            if not self.script:
                self.frozen.set()
                return not self.delivers
        return False


@contextmanager
def between(server: int, *script: bytes, lets_in: bool = True, delivers: bool = True) -> Iterator[Proxy]:
    """Stand before the server on this port until the block ends."""
    proxy = Proxy(server, list(script), lets_in, delivers)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = listener.getsockname()[1]
        serving = threading.Thread(target=proxy.serve, args=(listener,))
        serving.start()
        try:
            yield proxy
        finally:
            proxy.over.set()
            serving.join()
            for thread in proxy.threads:
                thread.join()
