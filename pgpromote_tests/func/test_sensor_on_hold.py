"""What lands for the sensor while prod is on hold waits, unread, and is taken after the hold."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from pgpromote.defs.deliveries import ARCHIVE
from pgpromote.postgres.archives import archive
from pgpromote.promotion import TARGET
from pgpromote.run import rollback
from pgpromote.settings import from_environment
from pgpromote_tests import runs
from pgpromote_tests.func.watches import Watch
from pgpromote_tests.runs import SHOP
from pgpromote_tests.servers import Server


@pytest.fixture
def watch(dev: Server, prod: Server, tmp_path: Path) -> Iterator[Watch]:
    """Watch the directory of a promotion whose prod was promoted into once."""
    promotion = runs.promotion(dev.new_url(SHOP), prod.new_url(), tmp_path, dev)
    with dg.DagsterInstance.ephemeral() as instance:
        assert runs.run(promotion, "refresh_prod", instance=instance).success
        watch = Watch(promotion, instance)
        watch.turn_on()
        yield watch


def deliver(watch: Watch, name: str) -> str:
    """Dump dev anew for the sensor, the manifest first; return the digest."""
    assert runs.run(watch.promotion, "dump_dev").success
    own = Path(watch.promotion.archive_path)
    shutil.copy(f"{own}.manifest.json", own.with_name(f"{name}.manifest.json"))
    shutil.copy(own, own.with_name(name))
    return archive.digest(own.with_name(name))


@pytest.mark.parametrize("names", [["new.dump"], ["b.dump", "a.dump"], ["it's new\n& лавка.dump"]])
def test_what_lands_on_hold_is_taken_after_it_untouched(watch: Watch, names: list[str]) -> None:
    rollback.bring_back(watch.promotion, "test")
    digests = [deliver(watch, name) for name in names]

    ticks = [watch.tick() for _ in range(4)]
    assert [tick.run_requests for tick in ticks] == [[]] * 4
    assert [len(tick.asset_events) for tick in ticks] == [0] * 4
    told = str(ticks[-1].skip_message)
    assert "is on hold since" in told
    assert f"{len(names) + 1} archive(s) wait" in told  # with the own one
    assert "pgpromote resume, or the job resume_prod" in told

    assert rollback.release(watch.promotion, "test")
    (request,) = watch.requested()
    assert request.tags[ARCHIVE] == names[-1]
    assert request.run_config["ops"]["prod_schema"]["config"]["sha256"] == digests[-1]
    assert watch.settle() == []


def test_a_hold_between_two_ticks_counts_and_one_before_the_first_file_costs_nothing(watch: Watch) -> None:
    deliver(watch, "new.dump")
    assert watch.requested() == []
    rollback.bring_back(watch.promotion, "test")
    assert watch.settle() == []

    rollback.release(watch.promotion, "test")
    assert len(watch.requested()) == 1


def test_a_prod_that_cannot_be_asked_leaves_the_refusal_to_the_run(watch: Watch) -> None:
    deliver(watch, "new.dump")
    watch.tick()
    there = watch.promotion.environment
    watch.promotion = replace(
        from_environment({**there, TARGET: "postgresql://nobody@127.0.0.1:1/shop"}),
        dump_dir=watch.promotion.dump_dir,
    )

    assert [request.tags[ARCHIVE] for request in watch.requested()] == ["new.dump"]
