"""A client of prod during a promotion: it queries all the time, and reconnects when its connection ends."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

PACE = 0.005  # seconds between two questions: often enough for a gap of some milliseconds


class Client(threading.Thread):
    """Queries until it is stopped. `outage` is the longest time without an answer after a lost connection."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.answered = threading.Event()
        self.stopped = threading.Event()
        self.losses = 0
        self.outage = 0.0

    def run(self) -> None:
        """Connect, query, and connect again at once when that fails."""
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
    """Run a client for the duration of the block."""
    client = Client(url)
    client.start()
    assert client.answered.wait(60), "prod did not answer before the promotion"
    try:
        yield client
    finally:
        client.stopped.set()
        client.join()
