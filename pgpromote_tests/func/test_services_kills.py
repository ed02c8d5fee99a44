"""Whatever of a service is ended, prod is wholly old or new, alerts are true, and the next run goes on."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pgpromote.promotion import SOURCE, STORAGE, TARGET
from pgpromote_tests import kills, services
from pgpromote_tests import units as units_of
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.test_alerts import Receiver, receiving
from pgpromote_tests.func.test_services import GATED, Stage, gate_closed, worker_of
from pgpromote_tests.runs import SHOP
from pgpromote_tests.services import until
from pgpromote_tests.units import Units

pytestmark = pytest.mark.long
VICTIMS = ("daemon", "code server", "worker")
SIGNALS = (signal.SIGTERM, signal.SIGKILL)
EVERY = [(victim, number) for number in SIGNALS for victim in VICTIMS]
# The short form takes another one with each seed.
CHOSEN = EVERY if kills.FULL else [EVERY[int(kills.SEED) % len(EVERY)]]


@dataclass(frozen=True)
class Service:
    """A stage of two servers with the units of a service between them, and what was posted."""

    stage: Stage
    units: Units
    receiver: Receiver
    generations: list[int]

    def advance(self) -> int:
        """Give dev another generation."""
        self.generations.append(len(self.generations) + 1)
        self.stage.dev.execute(f"UPDATE orders SET note = '{self.generations[-1]}'", "killed_dev")
        return self.generations[-1]

    def seen(self) -> int:
        """Return the generation that prod is, all of it; 0 before the first."""
        seen = self.stage.prod.rows("SELECT min(note), max(note), count(*) FROM orders", "killed_prod")[0]
        assert seen[0] == seen[1]
        assert seen[2] == 50
        return int(str(seen[0] or 0))

    def victim(self, name: str, run: str) -> int:
        if name == "daemon":
            return self.units.daemon.pid
        return self.units.code_server() if name == "code server" else worker_of(run)

    def alert(self, run: str) -> dict[str, Any]:
        return until(
            lambda: next((told for _, told in self.receiver.received if told["run_id"] == run), {}),
            f"an alert about {run}: {self.receiver.received}",
        )


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer: the daemon looks for a new code server once a minute."""
    monkeypatch.setattr(services, "PATIENCE_SECONDS", 400)


@pytest.fixture(scope="module")
def service(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    dev, prod = start_server(16, "dev"), start_server(16, "prod")
    urls = {
        SOURCE: dev.new_url(SHOP + GATED, "killed_dev"),
        TARGET: prod.new_url(SHOP, "killed_prod"),
        STORAGE: dev.new_url("", "killed_dagster"),
    }
    directory = services.checkout(tmp_path_factory.mktemp("kills") / "checkout")
    with (
        receiving([]) as receiver,
        units_of.units(
            directory,
            **urls,
            PGPROMOTE_PG_BIN=str(dev.cluster.bin_dir),
            PGPROMOTE_WEBHOOK_URL=receiver.url,
            PGPROMOTE_RESTORE_AS_SUPERUSER="1",
        ) as units,
    ):
        yield Service(Stage(units.dagster, dev, prod, urls, []), units, receiver, [])


@pytest.mark.parametrize(("victim", "number"), CHOSEN)
def test_whatever_is_ended_in_a_restore_prod_is_whole_and_the_next_run_goes_through(
    service: Service, victim: str, number: signal.Signals
) -> None:
    dagster, old, new = service.units.dagster, service.seen(), service.advance()
    with gate_closed(service.stage):
        run = dagster.launch("refresh_prod")
        service.stage.blocked(service.stage.prod, run)
        worker = worker_of(run)
        service.units.kill(service.victim(victim, run), number)
    status = dagster.ended(run)
    until(lambda: not services.is_running(worker), "the worker to end")
    service.stage.gone(run)
    assert (status, service.seen()) in {("SUCCESS", new), ("FAILURE", old), ("CANCELED", old)}
    if status == "FAILURE":  # as of a worker that was killed; the others leave their run going on
        assert service.alert(run)["untouched"].startswith("Prod is untouched")
    following = dagster.launch("refresh_prod")  # it waits in the queue until there is a code server again
    assert dagster.ended(following) == "SUCCESS", dagster.failures(following)
    assert service.seen() == new
