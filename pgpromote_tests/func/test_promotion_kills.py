"""Whenever the tool is killed, prod is wholly old or wholly new, and the next promotion goes through.

`make test-kill` runs as many kills as the promise needs, `make test` a few; the environment variable
PGPROMOTE_KILLS_SEED chooses other moments.
"""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from pgpromote_tests import kills
from pgpromote_tests.kills import Shop
from pgpromote_tests.servers import Server

pytestmark = [pytest.mark.long, pytest.mark.versions(*kills.VERSIONS)]
SHARES = 5 if kills.FULL else 1  # so that two processes can divide the work
SPREAD = 100 if kills.FULL else 4
SWAPS = 40 if kills.FULL else 2

# Kills a new promotion; returns in which phase, "" when it had ended.
Kill = Callable[[], str]


def struck(shop: Shop, strikes: Iterable[Kill]) -> Iterator[tuple[str, bool]]:
    """Kill promotions, each followed by a whole one; tell in which phase, and whether it had swapped."""
    for strike in strikes:
        old = shop.seen()
        shop.advance()
        phase = strike()
        shop.quiet()
        new = shop.seen()
        assert new in {old, shop.generation}
        shop.promote()
        if phase:
            yield phase, new != old


def survive(shop: Shop, strikes: Iterable[Kill], count: int) -> None:
    """Kill so many promotions while people read, and say how it went."""
    with kills.readers(shop.readers_url) as everybody:
        outcomes = list(itertools.islice(struck(shop, strikes), count))
    for reader in everybody:
        assert all(map(shop.is_whole, reader.sights))
        generations = [int(str(sight[0])) for sight in reader.sights]
        assert generations == sorted(set(generations)), "somebody saw an older generation again"
        assert len(generations) > 1
    phases = Counter(phase for phase, _ in outcomes)
    kills.report([swapped for _, swapped in outcomes], everybody, f"; {dict(phases)}")


@pytest.mark.parametrize("share", range(SHARES))
def test_a_promotion_killed_at_any_moment_leaves_prod_wholly_old_or_wholly_new(
    share: int, dev: Server, prod: Server, tmp_path: Path, chance: random.Random
) -> None:
    shop = kills.shop(dev, prod, tmp_path)

    def strike(number: int) -> Kill:
        return lambda: shop.kill((number + chance.random()) / SPREAD * shop.begun["done"])

    survive(shop, map(strike, itertools.cycle(range(share, SPREAD, SHARES))), SPREAD // SHARES)


@pytest.mark.parametrize("share", range(SHARES))
def test_a_promotion_killed_in_its_cut_over_leaves_prod_wholly_old_or_wholly_new(
    share: int, dev: Server, prod: Server, tmp_path: Path, chance: random.Random
) -> None:
    shop = kills.shop(dev, prod, tmp_path)

    def strike() -> str:
        aim = kills.in_the_swap(chance, shop.begun, "retain")
        return kills.kill_in(shop.promotion, "promote", *aim)

    survive(shop, itertools.repeat(strike), SWAPS // SHARES)
