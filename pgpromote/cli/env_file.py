"""The file of settings, `pgpromote.env`: read with care, and joined with the environment."""

import difflib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from urllib.parse import quote, unquote

from pgpromote.postgres.errors import ConfigError, InvalidUrl
from pgpromote.postgres.server import parse_url
from pgpromote.promotion import AUDITED, BUILD, SOURCE, STORAGE, TARGET
from pgpromote.settings import SETTINGS

NAME = "pgpromote.env"
LIMIT = 64 * 1024  # bytes
DATABASES = (SOURCE, TARGET, BUILD, AUDITED)
HOME, INSTANCE = "DAGSTER_HOME", "dagster.yaml"
SEARCHED = "PGPROMOTE_PG_BIN"
# All names that mean something to us; a name that is so like one of them is it, misspelled.
KNOWN, LIKE = frozenset({*SETTINGS, *DATABASES, STORAGE}), 0.95
PATHS = (
    "PGPROMOTE_DUMP_DIR",
    "PGPROMOTE_REPORT_DIR",
    SEARCHED,
    HOME,
    "PGPASSFILE",
    "PGSERVICEFILE",
    "PGSSLCERT",
    "PGSSLCRL",
    "PGSSLKEY",
    "PGSSLROOTCERT",
)
# Parameters of a URL that name files; `system` is no file, but the certificates of the system.
FILES_OF_URL = re.compile(
    r"(?P<name>[?&](?:passfile|sslcert|sslcrl|sslcrldir|sslkey|sslrootcert)=)(?!system(?:&|$))(?P<path>[^&]+)"
)
PRIVATE = "It holds passwords: chmod 600, and let the user own it who runs pgpromote."


@dataclass(frozen=True)
class EnvFile:
    """A file of settings: its path as it was given, and its values, with absolute paths.

    `chosen`: a person has named it, so that its databases go before those of the environment.
    """

    path: Path
    values: Mapping[str, str]
    chosen: bool

    @property
    def directory(self) -> Path:
        """The directory that relative paths in it begin from."""
        return self.path.absolute().parent

    def added(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that the file adds to an environment, which wins, and defaults of directories.

        Raises ConfigError when both name different databases and the file is not chosen.
        """
        if not self.chosen and (twice := [name for name in DATABASES if self._differs(name, environment)]):
            raise ConfigError(
                f"{' and '.join(twice)}: {self.path} names another database than the environment.",
                f"Choose: --env-file {self.path} takes the file's, --env-file= reads no file.",
            )
        ours = DATABASES if self.chosen else ()
        said = {**dict(self._directories()), **self.values}
        if (said.get(STORAGE) or environment.get(STORAGE)) and (self.directory / INSTANCE).is_file():
            said.setdefault(HOME, str(self.directory))
        return {name: text for name, text in said.items() if name in ours or not environment.get(name)}

    def _directories(self) -> Iterator[tuple[str, str]]:
        for name in PATHS:
            if default := SETTINGS.get(name, ("", ""))[0]:
                yield name, str(self.directory / default)

    def _differs(self, name: str, environment: Mapping[str, str]) -> bool:
        ours, theirs = self.values.get(name, ""), environment.get(name, "")
        return bool(ours and theirs) and _place(ours) != _place(theirs)


def find(given: str | None) -> EnvFile | None:
    """Return the file of settings: the given one, else that of this directory, None when there is none.

    An empty name reads no file. Raises ConfigError as `read`.
    """
    if given == "":
        return None
    path = Path(given or NAME)
    return EnvFile(path, read(path), given is not None) if given or os.path.lexists(path) else None


def read(path: Path) -> dict[str, str]:
    """Read a file of settings. Relative paths become absolute; empty values are left out.

    Raises ConfigError, which shows no value, for a file that is not regular, not private, not our own or too
    large; for a line that is not KEY=VALUE, and for a setting of pgpromote that there is not.
    """
    values = {name: text for name, text in _parsed(path, _text(path)) if text}
    for name in values:
        if name.startswith("PGPROMOTE_") and name not in SETTINGS:
            close = difflib.get_close_matches(name, SETTINGS, 1)
            hint = f"Is {close[0]} meant?" if close else "`pgpromote init` writes a file with all of them."
            raise ConfigError(f"{path}: there is no setting {name}.", hint)
    return {name: _absolute(name, text, path.absolute().parent) for name, text in values.items()}


def misspelled(names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each name that is no setting, and like one: it would be ignored in silence."""
    for name in sorted(names):
        if name in KNOWN or (not name.endswith("_URL") and not name.startswith("PGPROMOTE_")):
            continue
        if close := difflib.get_close_matches(name, KNOWN, 1, LIKE):
            yield f"There is no setting {name}, so it has no effect. Is {close[0]} meant?"


def _text(path: Path) -> str:
    try:
        # Without O_NONBLOCK a pipe would hold us until somebody writes into it.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if path.is_symlink():
            raise ConfigError(f"{path} is a symbolic link.", "Name the file itself.") from None
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "See --env-file.") from None
    try:
        _check(path, os.fstat(handle))
        content = os.read(handle, LIMIT + 1)
    finally:
        os.close(handle)
    if len(content) > LIMIT:
        raise ConfigError(f"{path} is larger than {LIMIT:,} bytes.", "It takes lines KEY=VALUE, and no more.")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not text in UTF-8.", "Write it anew: pgpromote init") from None


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is not a regular file.", "See --env-file.")
    if found.st_uid != os.geteuid():
        raise ConfigError(f"{path} belongs to another user.", PRIVATE)
    if found.st_mode & 0o077:
        raise ConfigError(f"{path} is open to others: mode {found.st_mode & 0o777:04o}.", PRIVATE)


def _parsed(path: Path, text: str) -> Iterator[tuple[str, str]]:
    from dotenv.parser import parse_stream  # noqa: PLC0415 - only who has such a file pays for it

    seen = set[str]()
    for line in parse_stream(StringIO(text)):
        where = f"{path}, line {line.original.line}"
        if line.error or (line.key and line.value is None) or "\0" in line.original.string:
            raise ConfigError(
                f"{where} is not KEY=VALUE.",
                "A value with spaces stands in quotes; special characters of a URL are percent-encoded.",
            )
        if line.key is None:
            continue
        if line.key in seen:
            raise ConfigError(f"{where} sets {line.key} again.", "Remove one of the lines.")
        seen.add(line.key)
        yield line.key, line.value or ""


def _absolute(name: str, text: str, directory: Path) -> str:
    if name == SEARCHED:
        return os.pathsep.join(str(directory / part) for part in text.split(os.pathsep) if part)
    if name in PATHS:
        return str(directory / text)
    if name in (*DATABASES, STORAGE):
        return FILES_OF_URL.sub(
            lambda found: found["name"] + quote(str(directory / unquote(found["path"]))), text
        )
    return text


def _place(url: str) -> str:
    try:
        return parse_url(url, "").label
    except InvalidUrl:
        return url
