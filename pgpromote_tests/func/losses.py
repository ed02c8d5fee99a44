"""A dev and a prod with rows to lose, for a superuser and for a plain owner of prod."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pgpromote_tests import runs
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.shops import roles
from pgpromote_tests.func.walks import Stage

ODD = 'läden, "it\'s" * [a]? 東京'
QUOTED = '"läden, ""it\'s"" * [a]? 東京"'
TABLES = f"""
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE tickets (id int PRIMARY KEY, state text);
    CREATE TABLE {QUOTED} (id int PRIMARY KEY);
    CREATE TABLE sessions (id int);
"""
ROWS = f"""
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 500) AS n;
    INSERT INTO tickets SELECT n, 'open' FROM generate_series(1, 100) AS n;
    INSERT INTO {QUOTED} SELECT generate_series(1, 10);
"""
EMPTY = f"TRUNCATE users, tickets, {QUOTED}"
FILLED = TABLES + ROWS
# The major version of both servers, and what we are on prod's.
WHO = [(16, "a plain owner"), (18, "a superuser")]
AS_EACH = pytest.mark.parametrize("place", WHO, indirect=True, ids=str)

Place = Callable[..., Stage]


def place_of(start_server: StartServer, directory: Path, major: int, who: str, where: str = "prod") -> Place:
    """Return a factory of a dev and a prod, for a superuser, or for prod's owner and nothing else."""
    dev, prod = start_server(major, "dev"), start_server(major, where)

    def made(in_dev: str = FILLED, in_prod: str = TABLES, **settings: str) -> Stage:
        if who == "a superuser":
            url = prod.new_url(in_prod)
        else:
            (owner,), name = roles(prod, 1, "CREATEDB"), f"owned_{next(prod.numbers)}"
            prod.new_url("", name)
            prod.execute(f"ALTER DATABASE {name} OWNER TO {owner}; SET ROLE {owner}; {in_prod}", name)
            url = prod.url(name, owner)
        return Stage(dev, prod, runs.promotion(dev.new_url(in_dev), url, directory, dev, **settings))

    return made


def count(shop: Stage, table: str = "users") -> object:
    """Count the rows of a table in prod."""
    return shop.prod.rows(f"SELECT count(*) FROM {table}", shop.promotion.target().name)[0][0]
