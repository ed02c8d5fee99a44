"""The Dagster instance that DAGSTER_HOME names: complete and reachable, or refused."""

import os
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance

from pgpromote.postgres.errors import UNTOUCHED, ConfigError, ConnectionFailed
from pgpromote.postgres.server import parse_url
from pgpromote.promotion import STORAGE
from pgpromote.run import storage
from pgpromote.run.storage import FILE, HOME


def open_instance() -> DagsterInstance:
    """Open the instance of DAGSTER_HOME, else of this directory. Raises ConfigError, ConnectionFailed."""
    directory = storage.home(os.environ, Path.cwd())
    os.environ[HOME] = str(directory)
    try:
        check_storage(directory)
    except ConnectionFailed as error:
        raise error.saying(outcome=UNTOUCHED) from None
    try:
        return DagsterInstance.get()
    except dg.DagsterError as error:
        raise ConfigError(f"The Dagster instance cannot be opened: {error}", f"Check {FILE}.") from error


def check_storage(directory: Path) -> None:
    """Raise ConfigError or ConnectionFailed unless Dagster can keep its runs where its file says.

    Both name host and variable; Dagster itself retries for 13 s and names neither.
    """
    if STORAGE not in (directory / FILE).read_text(encoding="utf-8"):
        return
    if not os.environ.get(STORAGE):
        raise ConfigError(
            f"{STORAGE} is not set, and {FILE} keeps the instance there.",
            f"Set it: {STORAGE}=postgresql://user@host:5432/dagster",
        )
    storage.look(parse_url(os.environ[STORAGE], STORAGE))
