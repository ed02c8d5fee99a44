"""The PostgreSQL client programs: find them, choose by version, run one and watch it."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pgpromote.postgres import details, stall
from pgpromote.postgres.errors import ToolFailed, ToolMissing
from pgpromote.postgres.lifeline import CANNOT_RUN
from pgpromote.postgres.model import ServerVersion, parse_version
from pgpromote.postgres.naming import setting
from pgpromote.postgres.server import LIMITS_TRANSACTIONS, Database, Identity, disclosed, watch
from pgpromote.postgres.stall import TICK, Watch

# The server's message after --lock-wait-timeout: pg_dump bounds the statement LOCK TABLE.
TIMED_OUT = "statement timeout"
PROGRAMS = ("pg_dump", "pg_restore", "psql")
PACKAGED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
STOP_SECONDS = 10
# The newest archive format that the pg_restore of a release reads; those before 16 read 1.14.
FORMATS = {16: (1, 15), 17: (1, 16)}
LIFELINE = Path(__file__).with_name("lifeline.py")
# Where programs, libraries, certificates, tickets and passwords of libpq are found.
NEEDED = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF", "KRB5CCNAME", "KRB5_CONFIG", "KRB5_KTNAME",
        "XDG_RUNTIME_DIR",
    }
)  # fmt: skip
LIBPQ, OURS = "PG", "PGPROMOTE"
CAN_TELL_WRITERS = hasattr(socket, "SO_PASSCRED")
CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
# Takes each line that a program prints, as it comes.
OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Tools:
    """The client programs of one PostgreSQL release, all in one directory."""

    directory: Path
    version: ServerVersion

    def path(self, program: str) -> str:
        """Return the full path of a program, such as `pg_dump`."""
        return str(self.directory / program)

    @property
    def newest_format(self) -> tuple[int, int]:
        """The newest archive format that this pg_restore reads."""
        return max((form for major, form in FORMATS.items() if major <= self.version.major), default=(1, 14))

    def sends_unknown_setting(self, server: ServerVersion) -> bool:
        """Return whether pg_restore begins with `SET transaction_timeout`, which the server does not know."""
        return self.version.major >= LIMITS_TRANSACTIONS > server.major


@dataclass(frozen=True)
class Completed:
    """The result of a program: its exit code and the lines of each of its processes, the leader's first.

    `blocked` is who held the lock for which it waited last.
    """

    returncode: int
    streams: tuple[tuple[str, ...], ...]
    blocked: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line, process by process."""
        return tuple(line for stream in self.streams for line in stream)

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended it, or it never began: no verdict on the file that it was to read."""
        return self.returncode < 0 or self.returncode == CANNOT_RUN

    @property
    def ending(self) -> str:
        """The ending in words: `exit code 1`, `SIGKILL`."""
        return (
            f"exit code {self.returncode}" if self.returncode >= 0 else signal.Signals(-self.returncode).name
        )


def directories(first: Iterable[Path], search_path: str) -> list[Path]:
    """Return the directories that may hold client programs: the given ones, PATH, the usual packages'."""
    packaged = [match for pattern in PACKAGED for match in sorted(Path("/").glob(pattern[1:]))]
    places = [*first, *(Path(part) for part in search_path.split(os.pathsep) if part), *packaged]
    # /bin and /usr/bin are often one directory; the name that came first stays.
    return list({place.resolve(): place for place in reversed(places)}.values())[::-1]


def find(places: Iterable[Path]) -> list[Tools]:
    """Return every complete set of client programs that runs, in the order of the places."""
    complete = (place for place in places if all(os.access(place / name, os.X_OK) for name in PROGRAMS))
    versions = ((place, client_version(place / "pg_dump")) for place in complete)
    return [Tools(place, version) for place, version in versions if version]


def incomplete(places: Iterable[Path]) -> Iterator[tuple[Path, list[str]]]:
    """Yield the places that hold some client programs and lack others, with those."""
    for place in places:
        missing = [name for name in PROGRAMS if not os.access(place / name, os.X_OK)]
        if 0 < len(missing) < len(PROGRAMS):
            yield place, missing


def client_version(program: Path) -> ServerVersion | None:
    """Return a client program's version; None when it does not run, as a wrapper without its package.

    Raises ToolFailed when a signal ends it: the installation may be the one that is needed.
    """
    completed = ask([str(program), "--version"])
    match = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", " ".join(completed.lines))
    if completed.returncode or match is None:
        return None
    return ServerVersion(int(match[1]) * 10000 + int(match[2] or 0))


def choose(
    available: Sequence[Tools], server: ServerVersion, archive_format: tuple[int, int] = (1, 12)
) -> Tools:
    """Return the programs for a server: its own major version, else the nearest newer one.

    For a dump this also gives the oldest archive format that can be had. For a restore only those count that
    read `archive_format`. Raises ToolMissing when there are none: pg_dump and pg_restore refuse a newer
    server, pg_restore a newer archive.
    """
    fitting = [
        tools
        for tools in available
        if tools.version.major >= server.major and tools.newest_format >= archive_format
    ]
    if not fitting:
        raise _none_fits(available, server, archive_format)
    return min(fitting, key=lambda tools: tools.version.major)


def choose_like(available: Sequence[Tools], pg_dump: str, server: ServerVersion) -> Tools:
    """Return programs of the release that wrote an archive, if they can read the server; else as `choose`.

    `pg_dump` is that release's version, such as `16.14 (Debian)`. Raises ToolMissing.
    """
    release = parse_version(pg_dump)[:1]
    same = [tools for tools in available if (tools.version.major,) == release]
    return choose([tools for tools in same if tools.version.major >= server.major] or available, server)


def _none_fits(
    available: Sequence[Tools], server: ServerVersion, archive_format: tuple[int, int]
) -> ToolMissing:
    reads = min((major for major, form in FORMATS.items() if form >= archive_format), default=0)
    needed, why = server.major, f"The server is PostgreSQL {server}"
    if archive_format > (1, 14) and reads > needed:
        needed, why = reads, f"{why}, the archive has format {archive_format[0]}.{archive_format[1]}"
    present = ", ".join(f"{tools.version} in {tools.directory}" for tools in available) or "none"
    return ToolMissing(
        f"{why}; its pg_dump and pg_restore must be {needed} or newer. Found: {present}.",
        f"Install postgresql-client-{needed}, or name its bin directory in {setting('pg_bin')}.",
    )


def newest(available: Sequence[Tools]) -> Tools:
    """Return the newest programs: they read the archives of every older release. Raises ToolMissing."""
    if not available:
        hint = f"Install postgresql-client, or set {setting('pg_bin')}."
        raise ToolMissing("No pg_restore was found.", hint)
    return max(available, key=lambda tools: tools.version.number)


def encrypts(tools: Tools) -> bool:
    """Return whether the programs were built with TLS: libpq reports its limits before it connects."""
    command = [tools.path("pg_dump"), "--dbname=sslmode=require", "--port=1", "--host=/"]
    return not any("SSL support is not compiled in" in line for line in ask(command).lines)


def ask(command: Sequence[str]) -> Completed:
    """Run a program that only tells of itself, once in a process as long as its file stays the same.

    Raises ToolFailed when it cannot be run, and when a signal ends it.
    """
    try:
        file = os.stat(command[0])
    except OSError as error:
        raise _unusable(command, error) from None
    return _asked(tuple(command), (file.st_ino, file.st_size, file.st_mtime_ns))


@cache
def _asked(command: tuple[str, ...], _file: tuple[int, ...]) -> Completed:
    completed = run(command, {})
    if completed.returncode < 0:
        raise ToolFailed(
            f"{' '.join(command[:2])} was ended by {completed.ending}.",
            "Start again. If it always ends so, install it again, or take its directory out of PATH and "
            f"{setting('pg_bin')}.",
        )
    return completed


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    on_line: OnLine = lambda line: None,
    codec: str = "utf-8",
    watching: Watch | None = None,
    *,
    stdin: int = subprocess.DEVNULL,
) -> Completed:
    """Run a program to its end and pass on each line it prints as it comes, read by a codec of Python.

    The child has its own process group, dies with us, and on any interruption gets SIGTERM first: only
    that makes pg_dump and pg_restore cancel their queries on the server (facts-dagster §5). `watching` looks
    at the server of a program that has one. Raises ToolFailed when the program cannot be run at all, and
    when nothing has moved for too long.
    """
    ours, theirs = socket.socketpair()
    if CAN_TELL_WRITERS:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    with ours:
        with theirs:
            child = _start(command, environment, theirs.fileno(), stdin)
        try:
            pieces = _pieces(ours, child.pid, lambda came: _look(command, watching, came=came))
            streams = _lines(pieces, child.pid, on_line, codec)
            return Completed(child.wait(), streams, watching.blocked if watching else "")
        except BaseException:
            _stop(child)
            raise


def run_on(
    database: Database,
    run_id: str,
    command: Sequence[str],
    on_line: OnLine = lambda line: None,
    codec: str = "utf-8",
    *,
    stdin: int = subprocess.DEVNULL,
) -> Completed:
    """Run a program on a database as `run` does, and watch its work there. Raises ToolFailed."""
    return run(command, database.environment(run_id), on_line, codec, watch(database, run_id), stdin=stdin)


def patient(identity: Identity) -> str:
    """Return the option with which pg_dump waits for locks as long as our own sessions there do."""
    return f"--lock-wait-timeout={identity.lock_timeout}"


def failure(completed: Completed, database: Database) -> str:
    """Return the error of a program, without secrets and values, and the holder of a lock it waited for."""
    reason = disclosed(details.of_program(completed.lines, completed.ending), database)
    return f"{reason} {completed.blocked}." if completed.blocked and TIMED_OUT in reason else reason


def _start(
    command: Sequence[str], environment: Mapping[str, str], output: int, stdin: int
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            tied(command),
            stdin=stdin,
            stdout=output,
            stderr=output,
            env={**_inherited(), **environment, "LC_ALL": "C", "PG_COLOR": "never"},
            start_new_session=True,
        )
    except OSError as error:
        raise _unusable(command, error) from None


def _unusable(command: Sequence[str], error: OSError) -> ToolFailed:
    return ToolFailed(f"{command[0]} cannot be run: {error.strerror}.", "Install it again.")


def _inherited() -> dict[str, str]:
    """Return the variables of our environment that a client program needs. SQL in psql may read them."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in NEEDED or (name.startswith(LIBPQ) and not name.startswith(OURS))
    }


def tied(command: Sequence[str]) -> list[str]:
    """Return the command whose program gets SIGTERM when we die, on Linux.

    A process of its own sees to that before it becomes the program: we may have many threads.
    """
    if not sys.platform.startswith("linux"):
        return list(command)
    ours = [sys.executable, "-I", "-S", str(LIFELINE), str(os.getpid()), str(int(signal.SIGTERM))]
    return [*ours, *command]


def _look(command: Sequence[str], watching: Watch | None, *, came: bool) -> None:
    """Update the watch when a line came, else check it. Raises ToolFailed after too long a silence."""
    if watching and came:
        watching.moved()
    elif watching and watching.stalled():
        raise ToolFailed(f"{Path(command[0]).name} was given up: {watching.told()}.", stall.hint())


def _pieces(source: socket.socket, leader: int, look: Callable[[bool], None]) -> Iterator[tuple[int, bytes]]:
    """Yield the writer and the text of each piece until the last writer is gone; call `look` after each wait.

    The workers of pg_restore share one stderr and write a line in pieces, so their messages mix within lines;
    on Linux the socket tells who wrote each piece.
    """
    source.settimeout(TICK)
    while True:
        try:
            data, ancillary, _, _ = source.recvmsg(1 << 16, socket.CMSG_SPACE(CREDENTIALS.size))
        except TimeoutError:
            look(False)
            continue
        if not data:
            return
        look(True)
        yield CREDENTIALS.unpack(ancillary[0][2])[0] if ancillary else leader, data


def _lines(
    pieces: Iterable[tuple[int, bytes]], leader: int, on_line: Callable[[str], None], codec: str
) -> tuple[tuple[str, ...], ...]:
    """Join pieces to lines, and return the lines of each process apart, the leader's first."""
    lines: dict[int, list[str]] = {leader: []}
    unfinished: dict[int, bytes] = {}
    for writer, data in pieces:
        *complete, unfinished[writer] = (unfinished.get(writer, b"") + data).split(b"\n")
        for line in complete:
            text = line.decode(codec, errors="backslashreplace")
            lines.setdefault(writer, []).append(text)
            on_line(text)
    for writer, rest in unfinished.items():
        if rest:
            lines.setdefault(writer, []).append(rest.decode(codec, errors="backslashreplace"))
    return tuple(tuple(stream) for stream in lines.values())


def _stop(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
