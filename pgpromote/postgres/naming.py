"""The spelling of settings, commands and options in texts: bare names, until a program sets its own."""

from collections.abc import Callable

Spelling = Callable[[str], str]

_spelled: dict[str, Spelling] = {}


def spell(*, setting: Spelling, command: Spelling, option: Spelling) -> None:
    """Set the spelling of settings, commands and options in every text; a program calls this once."""
    _spelled.update(setting=setting, command=command, option=option)


def setting(name: str) -> str:
    """Return the spelling of a setting, such as `lock_database`."""
    return _spelled.get("setting", str)(name)


def command(words: str) -> str:
    """Return the spelling of a command and its arguments, such as `dump --sql`."""
    return _spelled.get("command", str)(words)


def option(name: str) -> str:
    """Return the spelling of a command's option, such as `accept-loss`."""
    return _spelled.get("option", str)(name)
