"""Set the stage: embedded dev and prod servers, and the sample database on dev."""

import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pgpromote.demo import auction, servers
from pgpromote.demo.servers import Cluster, ServerFailed
from pgpromote.promotion import BUILD, IGNORE, SOURCE, STORAGE, TARGET

MAJOR = 16
# What each server holds; the Dagster database stands beside dev so that prod holds prod and nothing else.
DATABASES = {"dev": ("auction_dev", "dagster"), "prod": ("auction_prod",)}
URLS = {SOURCE: ("dev", "auction_dev"), STORAGE: ("dev", "dagster"), TARGET: ("prod", "auction_prod")}
# Findings that the sample has on purpose: accepted, as a user would, so that the audits warn of nothing else.
ACCEPTED = (
    'primary_key_without_identity:"BackOffice".invoices.id,'
    'constraint_not_validated:"BackOffice".imported_ratings *,'
    "table_unlogged:public.page_cache,"
    "trigger_disabled:public.reviews *"
)
# Who builds prod's next content: a login that may do nothing else on prod's server.
BUILDER = "builder"


@contextmanager
def set_up(environment: Mapping[str, str], checkout: Path, scale: int = 1) -> Iterator[dict[str, str]]:
    """Start the servers whose URLs the environment lacks, and yield the variables to add to it.

    The servers keep their data between calls and stop at the end of the block. The sample is written
    only into a dev database that is still empty.
    """
    missing = [variable for variable in URLS if not environment.get(variable)]
    if not missing:
        yield {}
        return
    home, binaries = servers.home(checkout), _binaries(missing)
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(servers.running(home / name, binaries))
            for name in sorted({URLS[variable][0] for variable in missing})
        }
        for name, cluster in running.items():
            for database in DATABASES[name]:
                _ensure_database(cluster, database)
        variables = {variable: running[URLS[variable][0]].url(URLS[variable][1]) for variable in missing}
        if TARGET in variables:
            _ensure_builder(running["prod"])
            variables[BUILD] = running["prod"].url(URLS[TARGET][1], BUILDER)
        if SOURCE in variables:
            _ensure_sample(variables[SOURCE], scale)
        if {SOURCE, TARGET} <= variables.keys() and not environment.get(IGNORE):
            variables[IGNORE] = ACCEPTED
        # Last, so that a client of the user's own choice comes before ours.
        places = (environment.get("PGPROMOTE_PG_BIN", ""), str(binaries))
        yield {**variables, "PGPROMOTE_PG_BIN": os.pathsep.join(filter(None, places))}


def _binaries(missing: Sequence[str]) -> Path:
    """Return the bin directory of the servers. Raises ServerFailed, which says in whose place they are."""
    try:
        return servers.binaries(MAJOR)
    except ServerFailed as error:
        if len(missing) == len(URLS):
            raise
        told = f"Not set: {' and '.join(missing)}. A server that would stand in is missing, too."
        raise error.saying(message=f"{told} {error.message}") from None


def consoles(variables: Mapping[str, str], checkout: Path) -> dict[str, str]:
    """Return a shell command for each of our databases: psql, which gets the password from its file."""
    psql = shutil.which("psql") or str(servers.binaries(MAJOR) / "psql")
    found = {}
    for variable in (SOURCE, TARGET):
        if variable in variables:
            server, database = URLS[variable]
            password = shlex.quote(str(servers.home(checkout) / server / "password"))
            port = conninfo_to_dict(variables[variable])["port"]
            url = f"postgresql://postgres@127.0.0.1:{port}/{database}"
            found[server] = f'PGPASSWORD="$(cat {password})" {shlex.quote(psql)} {url}'
    return found


def _ensure_database(cluster: Cluster, name: str) -> None:
    with psycopg.connect(cluster.url(), autocommit=True) as session:
        if not session.execute(
            "SELECT oid FROM pg_catalog.pg_database WHERE datname = %s", [name]
        ).fetchone():
            session.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))


def _ensure_builder(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(), autocommit=True) as session:
        if not session.execute(
            "SELECT oid FROM pg_catalog.pg_roles WHERE rolname = %s", [BUILDER]
        ).fetchone():
            query = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            session.execute(query.format(sql.Identifier(BUILDER), cluster.password))


def _ensure_sample(url: str, scale: int) -> None:
    with psycopg.connect(url) as session:
        filled = session.execute("SELECT oid FROM pg_catalog.pg_class WHERE relname = 'auctions'").fetchone()
    if not filled:
        auction.build(url, scale=scale)
