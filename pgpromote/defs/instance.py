"""The Dagster instance that DAGSTER_HOME names: complete and reachable, or refused."""

import os
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance

from pgpromote.postgres.errors import UNTOUCHED, ConfigError, ConnectionFailed
from pgpromote.postgres.server import Database, connect, parse_url

HOME, STORAGE, FILE = "DAGSTER_HOME", "DAGSTER_POSTGRES_URL", "dagster.yaml"


def home(default: Path) -> Path:
    """Return the directory of dagster.yaml: DAGSTER_HOME, else `default`.

    Raises ConfigError without the file: Dagster itself would keep its history in SQLite files there, whatever
    DAGSTER_POSTGRES_URL says, and send telemetry.
    """
    named = os.environ.get(HOME)
    directory = Path(named) if named else default
    if (directory / FILE).is_file():
        return directory
    there = f"{HOME} is {named}, and there is no {FILE} in it." if named else ""
    raise ConfigError(
        there or f"{HOME} is not set, and there is no {FILE} in {default}.",
        f"export {HOME}=/path/to/the/directory/of/{FILE}",
    )


def open_instance() -> DagsterInstance:
    """Open the instance of DAGSTER_HOME, else of this directory. Raises ConfigError, ConnectionFailed."""
    directory = home(Path.cwd())
    os.environ[HOME] = str(directory)
    if STORAGE in (directory / FILE).read_text(encoding="utf-8"):
        if not os.environ.get(STORAGE):
            raise ConfigError(
                f"{STORAGE} is not set, and {FILE} keeps the instance there.",
                f"export {STORAGE}=postgresql://user@host:5432/dagster",
            )
        _reach(parse_url(os.environ[STORAGE], STORAGE))
    try:
        return DagsterInstance.get()
    except dg.DagsterError as error:
        raise ConfigError(f"The Dagster instance cannot be opened: {error}", f"Check {FILE}.") from error


def _reach(database: Database) -> None:
    """Connect once, to name host and variable in an error; Dagster itself retries 13 s and names neither."""
    try:
        with connect(database):
            pass
    except ConnectionFailed as error:
        raise error.saying(outcome=UNTOUCHED) from None
