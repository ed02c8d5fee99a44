"""A silence is no stall as long as the server works for us: it is asked by another connection."""

import time

import psycopg
import pytest

from pgpromote.postgres import stall
from pgpromote.postgres.stall import Watch
from pgpromote_tests.func.command_line import wait_until_waiting
from pgpromote_tests.servers import Server

OURS = "pgpromote:stall"


def silent(server: Server) -> Watch:
    """Return a watch that has seen nothing for longer than its patience."""
    return Watch(server.url(), OURS, since=time.monotonic() - stall.PATIENCE - 1)


@pytest.mark.versions(15, 16, 17, 18)
def test_a_long_statement_is_no_stall(prod: Server) -> None:
    with psycopg.connect(prod.url(), application_name=OURS) as session:
        session.pgconn.send_query(b"SELECT pg_sleep(3600)")
        wait_until_waiting(prod, "PgSleep")
        watch = silent(prod)
        assert not any(watch.stalled() for _ in range(stall.LOOKS))
        assert watch.looks == 0
        session.cancel_safe()
        session.close()


def test_a_session_that_waits_for_us_alone_is_a_stall(prod: Server) -> None:
    with psycopg.connect(prod.url(), application_name=OURS):
        watch = silent(prod)
        assert [watch.stalled() for _ in range(stall.LOOKS)] == [False, False, True]
