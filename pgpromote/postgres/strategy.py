"""The strategies by which an archive becomes prod, as values that answer the questions of the other code."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Strategy:
    """A strategy by which an archive becomes prod.

    `beside`: it is restored into a database of its own, which is swapped in as prod; until then prod stays as
    it is. Otherwise prod itself is changed, and a failure leaves a mix of old and new. `empty`: that database
    begins empty, so nothing of prod comes along, and the archive has to be whole. `reset`: the schema of prod
    that is dropped and made again first, "" for none.
    """

    name: str
    beside: bool = False
    empty: bool = False
    reset: str = ""

    def __str__(self) -> str:
        return self.name


SWAP = Strategy("swap", beside=True, empty=True)
CLEAN = Strategy("clean")
RESET_SCHEMA = Strategy("reset-schema", reset="public")
STRATEGIES = {each.name: each for each in (SWAP, CLEAN, RESET_SCHEMA)}
