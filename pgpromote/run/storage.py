"""The database that Dagster keeps its runs in, looked at without Dagster."""

from dataclasses import dataclass

from psycopg.sql import Identifier

from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.server import Database, connect, rows


@dataclass(frozen=True)
class Place:
    """The schema that takes Dagster's tables, None where there is none; our role, and whether it may."""

    schema: str | None
    role: str
    creatable: bool


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
