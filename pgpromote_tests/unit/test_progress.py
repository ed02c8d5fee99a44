"""How far a run is, in the picture of a refresh."""

import re
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from pgpromote.postgres.archives.store import Snapshot, Store
from pgpromote.postgres.model import Ref
from pgpromote.postgres.strategy import SWAP
from pgpromote.run.options import Options
from pgpromote.run.run import Run
from pgpromote.run.state import State, Walked
from pgpromote.run.steps import named
from pgpromote.settings import from_environment
from pgpromote.terminal.progress import Dumping, Refreshing


class Growing(Store):
    """Holds an archive of so many bytes, of whose successor so many are written."""

    def __init__(self, held: int, so_far: int) -> None:
        self.held, self.so_far = held, so_far

    def state(self, ref: Ref) -> Snapshot | None:
        return Snapshot((self.held, 0, 0), 0, None)

    def written(self, ref: Ref) -> int:
        return self.so_far


def drawn(picture: Refreshing) -> list[str]:
    console = Console(width=80, markup=False, emoji=False)
    with console.capture() as screen:
        console.print(picture)
    # How long it took is this machine's to say.
    return [re.sub(r"\d+\.\d", "0.0", " ".join(line.split()[:2])) for line in screen.get().splitlines()]


@pytest.mark.parametrize(
    ("written", "shown"),
    [(0, "0 %"), (50, "50 %"), (99, "99 %"), (100, "100 %"), (101, "99 %"), (9000, "99 %")],
)
def test_a_dump_that_grows_beyond_the_last_one_is_never_told_to_be_done(written: int, shown: str) -> None:
    console = Console(width=120)
    with console.capture() as screen:
        console.print(Dumping("Dumping Dev", Path("shop.dump"), store=Growing(100, written)))
    assert f" {shown}" in screen.get()


def walked(name: str) -> Walked:
    return Walked(name, named(name).title, named(name).phase, datetime.now(UTC), 0)


def test_a_refresh_shows_its_dump_then_its_run_then_what_comes_after() -> None:
    picture = Refreshing(Dumping("Dumping Dev", Path("/nonexistent/shop.dump")))
    now = datetime.now(UTC)
    state = State("shop", "r1", now, "dev", "prod", SWAP, Path("shop.dump"))
    promotion = from_environment({"PROD_DATABASE_URL": "postgresql://me@h/shop"})
    run = Run(promotion, "r1", Options(), ExitStack(), state)
    line = picture.watch(run)
    picture.begin("dev_dump_archive")
    assert drawn(picture)[0] == "Dumping Dev"

    picture.begin("prod_schema.check_extensions")
    run.state = replace(state, steps=(walked("check"),), current="prepare")
    picture.begin("prod_schema.prepare")
    line('pg_dump: dumping contents of table "a.b"')
    assert drawn(picture) == ["Dumping Dev", "dump 0.0", "Restoring into", "check 0.0", "prepare 0:00:00,"]

    run.state = replace(state, steps=(walked("check"), walked("swap")), current="swap")
    picture.begin("prod_audit")
    assert drawn(picture)[-2:] == ["cut over", "prod audit"]
