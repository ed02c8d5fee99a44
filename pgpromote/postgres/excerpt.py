"""Long lists in messages: counted, cut, and ended with the way to see all of them."""

from collections.abc import Sequence

# So many texts of a list are told, of what fails a run more than of what is only worth knowing.
ERRORS, WARNINGS, INFOS = 10, 5, 3


def fitting(number: int, shown: int) -> int:
    """Return how many of a number of texts are told: all when the sentence would stand for one alone."""
    return number if number <= shown + 1 else shown


def cut(texts: Sequence[str], shown: int, everything: str = "") -> list[str]:
    """Return the first texts, and the number of the others with the place of `everything`, "" for none.

    >>> cut(["a", "b", "c", "d"], 2, "--json shows them")
    ['a', 'b', '… and 2 more; --json shows them']
    """
    told = fitting(len(texts), shown)
    more = len(texts) - told
    rest = [f"… and {more:,} more{f'; {everything}' if everything else ''}"] if more else []
    return [*texts[:told], *rest]
