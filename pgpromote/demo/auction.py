"""Build the sample auction house: a small database with each thing a promotion has to carry or repair."""

from importlib import resources
from typing import Any

import psycopg

# Neither the session nor the database may change what the scripts mean.
SESSION = {
    "client_encoding": "UTF8",
    "search_path": "pg_catalog, pg_temp",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
}
SCRIPTS = ("auction_schema.sql", "auction_data.sql")


def build(target: str | psycopg.Connection[Any], scale: int = 1, seed: int = 20) -> None:
    """Create the sample tables and their rows in an empty UTF-8 database, in one transaction.

    `target` is a URL or an open connection. `scale` multiplies the rows of all but the small lookup tables;
    at 1 there are some 12,700. The same scale and seed give the same rows in the same order on every server.
    Raises ValueError for a scale below 1, and an error of psycopg when the database is not empty.
    """
    if scale < 1:
        raise ValueError(f"scale must be 1 or more, not {scale}")
    if isinstance(target, str):
        with psycopg.connect(target) as connection:
            _create(connection, scale, seed)
    else:
        _create(target, scale, seed)


def _create(connection: psycopg.Connection[Any], scale: int, seed: int) -> None:
    settings = {**SESSION, "auction.scale": str(scale), "auction.seed": str(seed)}
    with connection.transaction():
        for setting in settings.items():
            connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", setting)
        for script in SCRIPTS:
            connection.execute(resources.files(__package__).joinpath(script).read_bytes())
