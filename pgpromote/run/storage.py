"""The instance of Dagster looked at without Dagster: its directory, and the database of its runs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.sql import Identifier

from pgpromote.postgres.errors import ConfigError, ConnectionFailed, InvalidUrl, SessionFailed
from pgpromote.postgres.server import Database, connect, identify, parse_url, rows
from pgpromote.promotion import STORAGE, Promotion

HOME, FILE = "DAGSTER_HOME", "dagster.yaml"


@dataclass(frozen=True)
class Place:
    """The schema that takes Dagster's tables, None where there is none; our role, and whether it may."""

    schema: str | None
    role: str
    creatable: bool


def home(environment: Mapping[str, str], default: Path) -> Path:
    """Return the directory of dagster.yaml: DAGSTER_HOME, else `default`.

    Raises ConfigError without the file: Dagster itself would keep its history in SQLite files there, whatever
    DAGSTER_POSTGRES_URL says, and send telemetry. So it does for a path that is not absolute, which Dagster
    refuses.
    """
    named = environment.get(HOME)
    directory = Path(named) if named else default
    if named and not directory.is_absolute():
        raise ConfigError(
            f"{HOME} is {named}, which is no absolute path.", f"Set it: {HOME}={directory.absolute()}"
        )
    if (directory / FILE).is_file():
        return directory
    there = f"{HOME} is {named}, and there is no {FILE} in it." if named else ""
    raise ConfigError(
        there or f"{HOME} is not set, and there is no {FILE} in {default}.",
        f"Set it: {HOME}=/path/to/the/directory/of/{FILE}",
    )


def look(database: Database, run_id: str = "") -> Place:
    """Return the place of Dagster's tables. Raises ConnectionFailed, ConfigError where none can be made."""
    with connect(database, run_id) as session:
        session.execute("RESET search_path")  # Dagster takes the role's own
        (found,) = rows(session, Place, "storage/place")
    if not found.creatable:
        role, schema = Identifier(found.role).as_string(), Identifier(found.schema or "public").as_string()
        where = f"the schema {found.schema} of {database.label}"
        if not found.schema:
            where = f"{database.label}: its search_path names no schema"
        raise ConfigError(
            f"{database.variable}: the role {found.role} may not create tables in {where}.",
            f"As its owner or a superuser, run in that database: GRANT CREATE ON SCHEMA {schema} TO {role};",
        )
    return found


def check_apart(promotion: Promotion, run_id: str = "") -> None:
    """Raise ConfigError where Dagster would keep its runs in dev or prod, as far as these answer.

    Its tables would be promoted along, or swapped away with the old prod.
    """
    if not (url := promotion.environment.get(STORAGE)):
        return
    kept = parse_url(url, STORAGE)
    if name := next(_named(_place(lambda: kept, run_id), promotion, run_id), ""):
        raise ConfigError(
            f"{STORAGE} names {kept.label}, which is {name}: Dagster would keep its tables there.",
            f"Create a database of its own, and put its URL into {STORAGE}: CREATE DATABASE dagster;",
        )


def _named(place: tuple[str, int] | None, promotion: Promotion, run_id: str) -> Iterator[str]:
    """Yield the names of the databases of a promotion that are this one."""
    for name, database in (("dev", promotion.source), ("prod", promotion.target)):
        if place and place == _place(database, run_id):
            yield name


def _place(database: Callable[[], Database], run_id: str) -> tuple[str, int] | None:
    """Return the server's identifier and the OID; None for a database that is not set or does not answer."""
    with suppress(InvalidUrl, ConnectionFailed, SessionFailed), connect(database(), run_id) as session:
        found = identify(session)
        return found.system_identifier, found.database_oid
    return None
