"""Post JSON to a webhook, with bounded retries while its server is busy; errors never show the address."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pgpromote.postgres.errors import PgpromoteError

TOO_MANY_REQUESTS = 429


class WebhookFailed(PgpromoteError):
    """A webhook did not accept an alert. Never shows the URL: its path may be a password."""


@dataclass(frozen=True)
class Webhook:
    """The address for alerts, and the limits of the retries.

    A failed attempt is followed by a pause that doubles each time. With these defaults a call lasts about
    11 s, so that the five runs that one tick of a sensor handles fit into the tick's 60 s.
    """

    url: str = field(repr=False)
    attempts: int = 3
    timeout_seconds: float = 3
    pause_seconds: float = 0.5


@dataclass(frozen=True)
class Problem:
    """The reason why an attempt failed, and whether a retry may succeed."""

    told: str
    may_pass: bool


class _Stay(HTTPRedirectHandler):
    """Follow no redirect: the POST would become a GET, and the alert would be lost without an error."""

    def redirect_request(self, *declined: object) -> None:
        """Decline, which makes the answer an HTTPError."""


def post(webhook: Webhook, payload: Mapping[str, object]) -> None:
    """Post the payload; retry after a pause when the server is busy or cannot be reached.

    Raises WebhookFailed when the server declines, or when no attempt is left.
    """
    body, headers = json.dumps(payload).encode(), {"Content-Type": "application/json"}
    request = Request(webhook.url, body, headers, method="POST")  # noqa: S310 - the setting is http(s) only
    for number in range(1, webhook.attempts + 1):
        problem = attempt(request, webhook.timeout_seconds)
        if problem is None:
            return
        if number == webhook.attempts or not problem.may_pass:
            raise WebhookFailed(
                f"The webhook did not take the alert: {problem.told}, at attempt {number}.",
                "Check PGPROMOTE_WEBHOOK_URL and the server that it names.",
            )
        time.sleep(webhook.pause_seconds * 2 ** (number - 1))


def attempt(request: Request, timeout: float) -> Problem | None:
    """Send a request once; return the problem, which never shows the URL, None for none.

    The texts of urllib's errors may hold the URL; codes and the system's own words do not.
    """
    try:
        with build_opener(_Stay).open(request, timeout=timeout):
            return None
    except HTTPError as error:
        error.close()
        redirect = ", a redirect, which is not followed" if error.code < 400 else ""
        return Problem(
            f"it answered {error.code}{redirect}", error.code == TOO_MANY_REQUESTS or error.code >= 500
        )
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        return Problem(getattr(reason, "strerror", None) or type(reason).__name__, may_pass=True)
