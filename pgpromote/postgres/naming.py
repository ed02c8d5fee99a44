"""The spelling of settings, commands and options in texts: bare names, until a program sets its own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

Spelling = Callable[[str], str]
# Takes the name of an option, and its values.
OptionSpelling = Callable[[str, Sequence[str]], str]


def _bare(name: str, values: Sequence[str]) -> str:
    return " ".join([name, *values])


@dataclass
class _Spelled:
    setting: Spelling = str
    command: Spelling = str
    option: OptionSpelling = _bare


_spelled = _Spelled()


def spell(*, setting: Spelling, command: Spelling, option: OptionSpelling) -> None:
    """Set the spelling of settings, commands and options in every text; a program calls this once."""
    _spelled.setting, _spelled.command, _spelled.option = setting, command, option


@contextmanager
def options_spelled(option: OptionSpelling) -> Iterator[None]:
    """Set another spelling of options within a block, in every thread."""
    before, _spelled.option = _spelled.option, option
    try:
        yield
    finally:
        _spelled.option = before


def setting(name: str) -> str:
    """Return the spelling of a setting, such as `lock_database`."""
    return _spelled.setting(name)


def command(words: str) -> str:
    """Return the spelling of a command and its arguments, such as `dump --sql`."""
    return _spelled.command(words)


def option(name: str, *values: str) -> str:
    """Return the spelling of an option with its values, such as `accept-loss`; of a flag, set."""
    return _spelled.option(name, values)
