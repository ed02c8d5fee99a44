"""Whoever dies in a cut-over, the tool in a rollback or the server, prod is wholly old or wholly new."""

import os
import random
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from pgpromote.run.rollback import bring_back
from pgpromote.run.run import start
from pgpromote_tests import kills, promotion_victim, servers
from pgpromote_tests.func.shops import PATIENCE
from pgpromote_tests.kills import Reader
from pgpromote_tests.servers import Server

ROLLBACKS = 40 if kills.FULL else 12
pytestmark = [pytest.mark.long, pytest.mark.versions(*kills.VERSIONS)]
SHARES = 2 if kills.FULL else 1  # so that two processes can divide the work
SERVERS = 20 if kills.FULL else 2


def test_a_killed_rollback_leaves_prod_wholly_old_or_wholly_new(
    dev: Server, prod: Server, tmp_path: Path, chance: random.Random
) -> None:
    shop = kills.shop(dev, prod, tmp_path)
    shop.promote()
    outcomes: list[bool] = []
    with kills.readers(shop.readers_url) as everybody:
        begun = kills.timeline(shop.promotion, "rollback")
        while len(outcomes) < ROLLBACKS:
            before = shop.seen()
            aim = kills.in_the_swap(chance, begun, "done")
            struck = kills.kill_in(shop.promotion, "rollback", *aim)
            shop.quiet()
            between = shop.seen()
            with start(shop.promotion, "next") as run:
                bring_back(run.promotion, run.run_id)
            assert {between, shop.seen()} == {2, 3}
            assert set(shop.kinds()) == {"previous"}
            if struck:
                outcomes.append(between != before)
    assert kills.sights(everybody) == {(2, 2, shop.rows), (3, 3, shop.rows)}
    kills.report(outcomes, everybody)


def kill_server(server: Server) -> None:
    """End a server as a crash does: the postmaster first stands still, so it starts no more children."""
    os.kill(server.cluster.pid, signal.SIGSTOP)
    children = Path(f"/proc/{server.cluster.pid}/task/{server.cluster.pid}/children").read_text().split()
    for pid in [server.cluster.pid, *map(int, children)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("share", range(SHARES))
def test_a_server_killed_in_a_cut_over_comes_back_wholly_old_or_wholly_new(
    share: int, dev: Server, home: Path, tmp_path: Path, chance: random.Random
) -> None:
    with servers.running(home, dev.major, "killed") as server:
        shop = kills.shop(dev, server, tmp_path)
    outcomes: list[bool] = []
    everybody: list[Reader] = []
    for _ in range(SERVERS // SHARES):
        with servers.running(home, dev.major, "killed") as shop.prod:
            shop.promote()
            old = shop.generation
            shop.advance()
            with kills.readers(shop.readers_url) as some, kills.victim(shop.promotion, "promote") as tool:
                phase, seconds = kills.in_the_swap(chance, shop.begun, "done")
                kills.wait_for(tool, phase)
                with suppress(subprocess.TimeoutExpired):
                    tool.wait(seconds)
                kill_server(shop.prod)
                assert tool.wait(PATIENCE) in {0, promotion_victim.GAVE_UP}
        with servers.running(home, dev.major, "killed") as shop.prod:
            new = shop.seen()
        # What was reported as done survives the crash.
        assert new in ({shop.generation} if tool.returncode == 0 else {old, shop.generation})
        outcomes.append(new != old)
        everybody += some
    assert all(map(shop.is_whole, kills.sights(everybody)))
    assert all(reader.statements for reader in everybody)
    kills.report(outcomes, everybody)
