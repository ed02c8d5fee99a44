"""A stall is told from a long silence, and a connection from what its URL does not say."""

import socket
import time

import pytest
from psycopg.conninfo import conninfo_to_dict

from pgpromote.postgres import stall
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.server import parse_url
from pgpromote.postgres.stall import Watch
from pgpromote.settings import from_environment

URL = "postgresql://me@host/db"
NOWHERE = "host=127.0.0.1 port=1 connect_timeout=2"


def silent(seconds: float, **how: object) -> Watch:
    """Return a watch that has seen nothing for so long, of a server that cannot be asked."""
    return Watch(NOWHERE, "pgpromote:test", since=time.monotonic() - seconds, **how)  # type: ignore[arg-type]


def test_a_silence_within_the_patience_is_none() -> None:
    assert not silent(299).stalled()


def test_a_server_that_cannot_be_asked_is_asked_again_before_it_is_given_up() -> None:
    watch = silent(901)
    assert [watch.stalled() for _ in range(stall.LOOKS)] == [False, False, True]


def test_what_moves_begins_anew() -> None:
    watch = silent(901)
    assert not watch.stalled()
    watch.moved()
    assert not watch.stalled()
    assert watch.looks == 0


def test_whoever_leaves_waits_for_a_last_answer_only() -> None:
    watch = silent(stall.GOODBYE_SECONDS + 1, leaving=True)
    assert watch.stalled()
    watch.leave()
    assert not watch.stalled()


def test_a_watch_shown_to_somebody_holds_no_password() -> None:
    assert "secret" not in repr(Watch("password=secret", "pgpromote:test"))


def test_a_dead_peer_is_noticed_unless_the_url_says_otherwise() -> None:
    given = conninfo_to_dict(parse_url(URL, "X").argument())
    assert (given["keepalives_idle"], given["connect_timeout"]) == ("60", "10")
    assert ("tcp_user_timeout" in given) == hasattr(socket, "TCP_USER_TIMEOUT")
    said = conninfo_to_dict(parse_url(f"{URL}?keepalives_idle=5&tcp_user_timeout=0", "X").argument())
    assert (said["keepalives_idle"], said["tcp_user_timeout"]) == ("5", "0")


def test_the_patience_is_in_minutes() -> None:
    promotion = from_environment({"PROD_DATABASE_URL": URL, "PGPROMOTE_STALL_MINUTES": "0.5"})
    assert promotion.target().at("other").patience == 30
    assert from_environment({"PROD_DATABASE_URL": URL}).target().patience == 900


@pytest.mark.parametrize("minutes", ["0", "-1", "inf", "nan", "15m", "٣", "1e3"])
def test_a_patience_that_is_none_is_refused(minutes: str) -> None:
    with pytest.raises(ConfigError, match="PGPROMOTE_STALL_MINUTES is"):
        from_environment({"PGPROMOTE_STALL_MINUTES": minutes})
