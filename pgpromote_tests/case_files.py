"""Case files: small inputs on which a promotion went wrong once. cases/README.md describes the format."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from pgpromote.cli import pgpromote
from pgpromote.cli.archives import dump_command
from pgpromote.cli.parameters import filters_of, options_of
from pgpromote.cli.promote import restore_command
from pgpromote.postgres.model import Filters
from pgpromote.run.options import Options

CASES = Path(__file__).parent / "cases"
LINE = re.compile(r"--@ (\S+)[^\S\n]*(.*)")
OUTCOMES = ("promoted", "warned", "refused", "unproven")
SECTIONS = ("roles", "dev", "prod", "after", "check", "answers")
SETTINGS = (
    *("devuser", "produser", "prodowner", "devcreate", "prodcreate", "tablespace", "client"),
    *("dump", "restore", "times", "differs", "schema", "losses", "rollback"),
)
NAME_LENGTH = 40


@dataclass(frozen=True)
class Section:
    """SQL for one purpose; `role` runs it, "" for the superuser."""

    kind: str
    role: str
    text: str


@dataclass(frozen=True)
class Case:
    """One file: expectations, pairs of major versions, and instructions."""

    path: Path
    outcome: str
    rule: str
    versions: tuple[tuple[int, int], ...]
    settings: dict[str, str]
    sections: tuple[Section, ...]

    @property
    def name(self) -> str:
        """The file's name as part of a database's."""
        return re.sub(r"\W", "_", self.path.stem)[:NAME_LENGTH].lower()

    def of(self, kind: str) -> Iterator[Section]:
        """Return the sections of a kind, in their order."""
        return (section for section in self.sections if section.kind == kind)

    def parts(self, kind: str) -> list[tuple[str, str]]:
        """Return the texts between `;;` in all sections of a kind, each with its role."""
        texts = ((section.role, each) for section in self.of(kind) for each in section.text.split(";;"))
        return [(role, text.strip()) for role, text in texts if text.strip()]

    def setting(self, name: str, default: str = "") -> str:
        """Return the value of a setting of the file."""
        return self.settings.get(name, default)

    def options(self) -> Options:
        """Return the options of the restore, as the command line would read them."""
        chosen = _parsed(restore_command, self.setting("restore"))
        for asked in ("yes", "verbose", "as_json", "dump_path", "jobs_named"):
            chosen.pop(asked)
        return options_of(None, **chosen)

    def scope(self) -> Filters:
        """Return the scope of the dump, as the command line would read it."""
        return filters_of(_parsed(dump_command, self.setting("dump")))


def _parsed(command: click.Command, text: str) -> dict[str, object]:
    # As the program does it: click keeps the help option that a command is given first.
    return dict(command.make_context("case", shlex.split(text), **pgpromote.context_settings).params)


def read_all(initials: str = "") -> list[Case]:
    """Read every case whose file name begins with one of these letters (any letter unless named).

    Files that begin with a digit are `test_repair`'s.
    """
    return [read(path) for path in sorted(CASES.glob(f"[{initials or 'A-Z'}]*.sql"))]


def read(path: Path) -> Case:
    """Read a case. Raises ValueError for an unknown line."""
    outcome, rule, versions, settings, sections = "", "", "16-16", dict[str, str](), list[Section]()
    for kind, argument, text in _lines(path.read_text(encoding="utf-8")):
        if kind == "expect":
            outcome, _, rule = argument.partition(" ")
        elif kind == "versions":
            versions = argument
        elif kind == "set":
            name, _, value = argument.partition("=")
            settings[name] = value
        else:
            sections.append(Section(kind, argument, text))
    unknown = {section.kind for section in sections}.difference(SECTIONS) | settings.keys() - {*SETTINGS}
    if unknown or outcome not in OUTCOMES or (outcome == "promoted") == bool(rule):
        raise ValueError(f"{path.name}: expect {outcome} {rule}; unknown: {sorted(unknown)}")
    pairs = [pair.split("-") for pair in versions.split()]
    return Case(
        path, outcome, rule, tuple((int(dev), int(prod)) for dev, prod in pairs), settings, tuple(sections)
    )


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Split a file at its `--@` lines: word, argument, text up to the next."""
    found = list(re.finditer(rf"^{LINE.pattern}$", text, re.MULTILINE))
    for match, following in zip(found, [*found[1:], None], strict=True):
        end = following.start() if following else len(text)
        yield match[1], match[2].strip(), text[match.end() : end]
