"""How texts for people call settings, commands and options: by bare names, until a program spells them."""

from collections.abc import Callable

Spelling = Callable[[str], str]

_spelled: dict[str, Spelling] = {}


def spell(*, setting: Spelling, command: Spelling, option: Spelling) -> None:
    """Let every text call settings, commands and options as the program does; it says so once."""
    _spelled.update(setting=setting, command=command, option=option)


def setting(name: str) -> str:
    """Return what people write for a setting, such as `lock_database`."""
    return _spelled.get("setting", str)(name)


def command(words: str) -> str:
    """Return what people type for a command and its arguments, such as `dump --sql`."""
    return _spelled.get("command", str)(words)


def option(name: str) -> str:
    """Return what people type for an option of a command, such as `accept-loss`."""
    return _spelled.get("option", str)(name)
