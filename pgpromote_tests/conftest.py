"""Fixtures: real dev and prod servers of PostgreSQL 15 to 18, started once per test process."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import pgpromote.settings  # noqa: F401 - it says how settings and commands are called in texts
from pgpromote_tests import hard, ignored, servers
from pgpromote_tests.hard import Attacks
from pgpromote_tests.servers import MAIN, Server

MEMORY, ROOM = Path("/dev/shm"), 8 << 30  # noqa: S108 - only as TMPDIR; the bytes that must be free there
StartServer = Callable[[int, str], Server]
# The files that take longest go first, so that no worker is left alone with one at the end.
SLOWEST = (
    "test_frozen",
    "test_cases",
    "test_failed_report",
    "test_services",
    "test_promotion_kills",
    "test_cutover_kills",
    "test_services_kills",
    "test_cli_terminal",
    "test_plausible",
    "test_run",
    "test_safeguard",
    "test_origin",
    "test_cases_more",
    "test_hold_terminal",
    "test_rollback",
    "test_leaks",
    "test_up",
    "test_losses_accepted",
    "test_way_back",
    "test_build_login",
    "test_swap_job",
    "test_drops",
    "test_server_restarts",
    "test_lock",
    "test_interruption",
    "test_bad_input",
    "test_secrets",
    "test_generated",
)


def pytest_configure() -> None:
    """Make the children of the tests interruptible, however the tests were started themselves."""
    ignored.ignore_alone()
    # Nothing that tests write has to survive. Dagster's SQLite waits for the disk at each of its events.
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first, in the order of the list."""
    items.sort(key=lambda item: SLOWEST.index(item.path.stem) if item.path.stem in SLOWEST else len(SLOWEST))


@contextmanager
def place() -> Iterator[Path]:
    """Make a directory that a server's account may enter, until the block ends."""
    # Not under tmp_path: as root the servers run as another user, who may not enter pytest's 0700 directory.
    made = Path(tempfile.mkdtemp(prefix="pgpromote-tests-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a directory for a server of a test's own."""
    with place() as made:
        yield made


@pytest.fixture(scope="session")
def running() -> dict[tuple[int, str], Server]:
    """Return the servers that run so far."""
    return {}


@pytest.fixture(scope="session")
def start_server(running: dict[tuple[int, str], Server]) -> Iterator[StartServer]:
    """Start servers on demand, each once; stop them all at the end."""
    with place() as home, ExitStack() as stack:

        def start(major: int, name: str) -> Server:
            if (major, name) not in running:
                server = stack.enter_context(servers.running(home, major, name))
                server.let_in("postgres")  # whose password initdb has hashed at the full price
                running[major, name] = server
            return running[major, name]

        yield start


@pytest.fixture(autouse=True, scope="module")
def dropped(running: dict[tuple[int, str], Server]) -> Iterator[None]:
    """Drop the databases of a module's tests after it, and forget the settings of roles."""
    before = {key: server.databases() for key, server in running.items()}
    yield
    for key, server in running.items():
        server.drop(server.databases() - before.get(key, {"postgres"}))
        server.forget()


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory for the archives that a module shares: their databases are dropped after it."""
    return tmp_path_factory.mktemp("samples")


@pytest.fixture(scope="session")
def attacks() -> Attacks:
    """Return the record of the figures of attacks."""
    return hard.collected()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once on each of its `versions`, unless it names its own.

    All but one, 16 where it can be, have the mark `other_version`: `make test-versions` runs them.
    """
    marked = metafunc.definition.get_closest_marker("versions")
    own = any("major" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if marked and "major" in metafunc.fixturenames and not own:
        first = MAIN if MAIN in marked.args else marked.args[0]
        other = pytest.mark.other_version
        each = [pytest.param(major, marks=() if major == first else other) for major in marked.args]
        metafunc.parametrize("major", each, indirect=True)


@pytest.fixture(scope="module")
def major(request: pytest.FixtureRequest) -> int:
    """Return the version of a test's servers: 16, the main one, unless it has `versions`."""
    return int(getattr(request, "param", MAIN))


@pytest.fixture(scope="module")
def dev(start_server: StartServer, major: int) -> Server:
    """Return the source's server."""
    return start_server(major, "dev")


@pytest.fixture(scope="module")
def prod(start_server: StartServer, major: int) -> Server:
    """Return the target's server: another cluster than dev's."""
    return start_server(major, "prod")
