"""Two servers on this machine, the sources that are promoted, and fresh targets.

Source and target are two servers: that is closest to life, and neither shares its buffers with the other.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from pgpromote.demo import servers
from pgpromote.promotion import AS_SUPERUSER, SOURCE, TARGET
from pgpromote_tests.servers import Server, binaries

# As on a small server of one's own; what is not named is PostgreSQL's default, fsync among it.
SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "max_locks_per_transaction": "1024",  # for pg_dump and the rights of 10,000 tables
    "autovacuum": "off",  # nothing that begins by itself in the middle of a contender
}
# For ten thousand tables, with tens of thousands of files at the disk's mercy: there catalogs are measured.
UNSAFE = {**SETTINGS, "fsync": "off"}
TABLES_AT_ONCE = 100
TABLES = """
    SELECT format('%I.%I', nspname, relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'm') AND nspname = 'public' ORDER BY 1
"""
BUILT = """
    SELECT (SELECT count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
            WHERE relnamespace = 'public'::regnamespace AND indisvalid),
           (SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n')
"""
# What a promotion has to carry over to a new prod.
RIGHTS = """
    DO $$
    BEGIN
        IF to_regrole('bench_reader') IS NULL THEN
            CREATE ROLE bench_reader;
        END IF;
    END
    $$;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO bench_reader
"""
SIZE = "SELECT pg_database_size(current_database())"


@dataclass(frozen=True)
class Case:
    """One source and a fresh target, with directories of its own: the input of a contender."""

    source: str
    target: str
    directory: Path
    environment: Mapping[str, str] = field(repr=False)


@dataclass
class Stage:
    """The two servers. A source is built once, with its contents counted."""

    home: Path
    dev: Server
    prod: Server
    sources: dict[str, object] = field(default_factory=dict)

    @property
    def major(self) -> int:
        """The servers' major version."""
        return self.dev.major

    @cached_property
    def version(self) -> str:
        """The servers' version."""
        return str(self.dev.rows("SHOW server_version")[0][0])

    def auction(self, scale: float) -> str:
        """Return the auction database of this scale, built when it is missing."""
        name = f"auction_{scale:g}".translate(str.maketrans(".-", "__"))
        if name not in self.sources:
            self.dev.new_url(f"SET bench.scale = '{scale:f}';{_script('auction')}", name)
            self._keep(name)
        return name

    def tables(self, number: int) -> str:
        """Return the database with so many tables, built when it is missing."""
        name = f"tables_{number}"
        if name not in self.sources:
            _make_tables(self.dev, name, number)
            self._keep(name)
        return name

    def tables_before(self, number: int) -> str:
        """Return the database on prod with as many tables and a role's rights on them, built when missing."""
        name = f"tables_{number}_before"
        if name not in self.prod.databases():
            _make_tables(self.prod, name, number)
            self.prod.execute(RIGHTS, name)
        return name

    def _keep(self, name: str) -> None:
        # No contender is to be the first who sees these rows.
        self.dev.execute("VACUUM ANALYZE", name)
        self.sources[name] = _held(self.dev, name)

    def size(self, source: str) -> int:
        """Return a source's size in bytes."""
        return int(str(self.dev.rows(SIZE, source)[0][0]))

    @contextmanager
    def case(self, source: str, before: str = "template0") -> Iterator[Case]:
        """Yield a fresh target, check afterwards that its contents equal those of the source, and drop it.

        The target is empty, or a copy of the database `before`.
        """
        kept = self.prod.databases()
        with tempfile.TemporaryDirectory(dir=self.home) as directory:
            target = f"prod_{len(kept)}"
            self.prod.execute(f"CREATE DATABASE {target} TEMPLATE {before} STRATEGY file_copy")
            for server in (self.dev, self.prod):
                server.execute("CHECKPOINT")
            scratch = Path(directory)
            yield Case(source, target, scratch, self._environment(source, target, scratch))
        held = _held(self.prod, target)
        assert held == self.sources[source], f"{target} does not hold what {source} holds"
        self.prod.drop(self.prod.databases() - kept)

    def address(self, server: Server, database: str) -> str:
        """Return the URL of a database without its password, which is in the password file."""
        return f"postgresql://postgres@127.0.0.1:{server.cluster.port}/{quote(database, safe='')}"

    def _environment(self, source: str, target: str, directory: Path) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.dev.cluster.bin_dir}{os.pathsep}{os.environ.get('PATH', '')}",
            "PGPASSFILE": str(self.home / "passwords"),
            "PGPROMOTE_DUMP_DIR": str(directory / "dumps"),
            "PGPROMOTE_REPORT_DIR": str(directory / "reports"),
            "PGPROMOTE_PG_BIN": str(self.dev.cluster.bin_dir),
            AS_SUPERUSER: "1",
            SOURCE: self.address(self.dev, source),
            TARGET: self.address(self.prod, target),
        }


@contextmanager
def set_up(
    major: int, bin_dir: Path | None = None, settings: Mapping[str, str] = SETTINGS
) -> Iterator[Stage]:
    """Start two servers of a major version in a directory of their own, and remove all of it at the end."""
    home = Path(tempfile.mkdtemp(prefix="pgpromote-bench-"))
    home.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        started = {
            name: stack.enter_context(
                servers.running(home / name, bin_dir or binaries(major), settings=settings)
            )
            for name in ("dev", "prod")
        }
        passwords = home / "passwords"
        passwords.touch(0o600)
        passwords.write_text(
            "".join(f"127.0.0.1:{each.port}:*:postgres:{each.password}\n" for each in started.values())
        )
        yield Stage(home, Server(started["dev"], major), Server(started["prod"], major))


def _script(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _make_tables(server: Server, name: str, number: int) -> None:
    server.new_url("", name)
    for first in range(1, number + 1, TABLES_AT_ONCE):
        last = min(first + TABLES_AT_ONCE - 1, number)
        server.execute(f"SET bench.first = {first}; SET bench.last = {last};{_script('tables')}", name)


def _held(server: Server, database: str) -> object:
    """Count the rows of every table, the valid indexes, the constraints."""
    tables = [str(name) for (name,) in server.rows(TABLES, database)]
    counts = [
        row
        for first in range(0, len(tables), TABLES_AT_ONCE)
        for row in server.rows(_counting(tables[first : first + TABLES_AT_ONCE]), database)
    ]
    return counts, server.rows(BUILT, database)


def _counting(tables: Sequence[str]) -> str:
    return " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in tables) + " ORDER BY 1"
