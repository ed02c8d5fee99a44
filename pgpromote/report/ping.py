"""Tell a monitor of cron jobs that a promotion begins and how it ends: within seconds, or not at all."""

from enum import Enum
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import Request

from pgpromote.report.webhook import attempt

SECONDS = 5.0


class Event(Enum):
    """An event of a run: the path after the address of a monitor."""

    START = "/start"
    SUCCESS = ""
    FAIL = "/fail"


def ping(url: str, event: Event, seconds: float = SECONDS) -> str:
    """Tell the monitor at an address of an event; return why it was not told, "" when it was.

    Raises nothing, shows no part of the address, and lasts no longer than `seconds`, whatever the network and
    the server do.
    """
    parts = urlsplit(url)
    request = Request(parts._replace(path=parts.path.rstrip("/") + event.value).geturl())  # noqa: S310 - http(s)
    told = [f"no answer in {seconds:g} s"]

    def send() -> None:
        problem = attempt(request, 2 * seconds)  # the limit is that of the thread: two would race
        told[0] = problem.told if problem else ""

    # A name server, or an answer that drips, would last longer than the limit of a socket.
    thread = Thread(target=send, daemon=True)
    thread.start()
    thread.join(seconds)
    return told[0]
