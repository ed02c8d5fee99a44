"""Fixtures of the tests against real servers, each named by what it returns."""

import random
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pgpromote.demo.servers import running
from pgpromote_tests import kills, queries
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.func.losses import WHO, Place, place_of
from pgpromote_tests.func.origins import Two, two_of
from pgpromote_tests.func.rights_lab import Lab, open_lab
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.servers import FAST, Server, binaries


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Return a Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def few_locks(home: Path, major: int) -> Iterator[Server]:
    """Return a server with a small lock table."""
    few = {"max_locks_per_transaction": "10", "max_connections": "10"}
    with running(home / "cluster", binaries(major), FAST | queries.SETTINGS | few) as cluster:
        yield Server(cluster, major)
        queries.keep(major, cluster.directory / "server.log")


@pytest.fixture
def lab(prod: Server) -> Iterator[Lab]:
    """Return an empty prod and an empty new database with the same roles."""
    with open_lab(prod) as lab:
        yield lab


@pytest.fixture
def two(dev: Server, prod: Server, tmp_path: Path) -> Two:
    """Return two promotions that share a dump directory."""
    return two_of(dev, prod, tmp_path)


@pytest.fixture
def ours(two: Two) -> Stage:
    """Return our promotion of the two."""
    return two.ours


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Return random numbers that are the same for a test each time."""
    return kills.chance_for(request)


@pytest.fixture
def place(request: pytest.FixtureRequest, start_server: StartServer, tmp_path: Path) -> Place:
    """Return what makes a dev and a prod, of a plain owner unless a test runs `AS_EACH`."""
    return place_of(start_server, tmp_path, *getattr(request, "param", WHO[0]))
