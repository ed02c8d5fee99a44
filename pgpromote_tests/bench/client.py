"""A client of prod during a promotion: it asks all the time, and comes back when its connection ends."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

PACE = 0.005  # seconds between two questions: often enough for a gap of some milliseconds


class Client(threading.Thread):
    """Asks until it is stopped. `outage` is the longest time without an answer after a lost connection."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.answered = threading.Event()
        self.stopped = threading.Event()
        self.losses = 0
        self.outage = 0.0

    def run(self) -> None:
        """Connect, ask, and connect again at once when that fails."""
        last, lost = time.monotonic(), False
        while not self.stopped.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True) as session:
                    while not self.stopped.is_set():
                        session.execute("SELECT 1")
                        now = time.monotonic()
                        if lost:
                            self.outage = max(self.outage, now - last)
                        last, lost = now, False
                        self.answered.set()
                        self.stopped.wait(PACE)
            except psycopg.OperationalError:
                self.losses, lost = self.losses + (not lost), True


@contextmanager
def asking(url: str) -> Iterator[Client]:
    """Let a client ask for as long as the block runs."""
    client = Client(url)
    client.start()
    assert client.answered.wait(60), "prod did not answer before the promotion"
    try:
        yield client
    finally:
        client.stopped.set()
        client.join()
