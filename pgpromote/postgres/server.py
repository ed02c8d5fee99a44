"""Connections to a PostgreSQL server: a checked URL, a safe session, an identity, redacted messages."""

import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar, cast

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import class_row
from psycopg.sql import SQL

from pgpromote.postgres import details, logins, sql, stall, waits
from pgpromote.postgres.details import Details, Told
from pgpromote.postgres.errors import ConnectionFailed, InvalidUrl, SessionFailed
from pgpromote.postgres.model import ServerVersion
from pgpromote.postgres.stall import Watch, WatchedSession

Session = psycopg.Connection[tuple[object, ...]]

Row = TypeVar("Row")
Done = TypeVar("Done")

APPLICATION = "pgpromote"
# What a connection does unless its URL says otherwise: it is lost two minutes after its other end is gone.
# What acknowledges and does not deliver is left to the watch (see `stall`).
CONNECTION = {
    "connect_timeout": "10",
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "6",
    **({"tcp_user_timeout": "120000"} if hasattr(socket, "TCP_USER_TIMEOUT") else {}),  # in ms
}
# What somebody has set for the applications of a database or a role is not meant for us. All releases from 15
# on know these; pg_dump and pg_restore set others themselves. Not among them: what prod decides about its new
# tables (compression), and what a view may rest on when it is filled (TimeZone, DateStyle).
SESSION_SETTINGS = {
    # A server process notices within this time that its client has died, and stops working (facts §0.12).
    "client_connection_check_interval": "500ms",
    "statement_timeout": "0",
    "lock_timeout": waits.LOCK_TIMEOUT,  # pg_dump and pg_restore set none, and wait as they are told
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "exit_on_error": "off",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "default_tablespace": "",
    "temp_tablespaces": "",
    # How SQL and values are read: {NULL} would become a text, x = NULL another condition.
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "xmloption": "content",
    # How they are written, so that two servers say the same.
    "quote_all_identifiers": "off",
    "bytea_output": "hex",
}
# The first release with a limit for whole transactions; those before do not know the setting's name.
LIMITS_TRANSACTIONS = 17
# Also readable: psycopg takes times of the style ISO only, and a database may have set another. Of catalogs
# the planner expects far more rows than there are: it would compile queries that take milliseconds.
SAFE_SESSION = (
    "SET search_path = pg_catalog, pg_temp; SET row_security = off; SET DateStyle = ISO; SET jit = off"
)
# Addresses that mean another machine to each who reads them.
LOCAL = re.compile(r"/.*|localhost|127\..*|::1|")
ELSEWHERE = 4  # connections that work at the same time on a server whose cores nobody can count from here
MOST = 16
LOCK_CLASS = 0x7067_7072  # "pgpr": keeps our advisory locks apart from an application's

# password=x, PASSWORD 'x', OPTIONS (password E'x\\'), CONNECTION 'password=''x'''; also cut in the middle.
# Not the words "password authentication failed". It hides too much rather than too little.
SECRET_IN_TEXT = re.compile(
    r"""(?isx) \b(password|passwd|pwd|sslpassword|token|secret) ("?\s*=\s*|"?\s+(?=E?'))
    (?: ''(?:\\''|[^'])+?(?:''|$)             # quoted within a quoted string
      | E?'(?:\\.|''|[^'\\])*(?:'|$)  # quoted
      | (?:\\+.|[^\s'\\])+ )         # bare
    """
)
# Whatever a wrapper calls its options, those of a user mapping are there to log in.
MAPPED = re.compile(r"(?is)\bUSER MAPPING FOR\b.*?OPTIONS\s*\([^;]*")
QUOTED = re.compile(r"'(?:''|[^'])*(?:'|$)")
HINT_ENCODE = (
    "Use postgresql://user:password@host:port/database and percent-encode special characters in the "
    "password: @ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25, a space is %20."
)


@dataclass(frozen=True)
class Database:
    """A database to connect to, parsed from a URL.

    `parameters` holds libpq's connection parameters without secrets; `secrets` those that libpq itself marks
    as passwords. Only `repr`-safe parts are ever shown. `patience` is the longest silence, in s; `free` and
    `log_room` are the bytes that its server, and its log, have room for, where an operator sets them;
    `guarded`: no code of the database may run as us. `details` keeps messages of servers that hold rows.
    """

    variable: str
    parameters: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False, default_factory=dict)
    patience: float = stall.PATIENCE
    free: int | None = None
    log_room: int | None = None
    guarded: bool = False
    details: Details = field(repr=False, compare=False, default=details.NOWHERE)

    @property
    def name(self) -> str:
        """The database's name."""
        return self.parameters["dbname"]

    @property
    def label(self) -> str:
        """The place of the database, without user or password: `shop on db.example:5432`."""
        host = self.parameters.get("host", "local socket")
        port = self.parameters.get("port")
        return f"{self.name} on {host}:{port}" if port else f"{self.name} on {host}"

    def connections(self) -> int:
        """Return the number of connections that keep the server busy.

        It is one for each core if it runs here, else four. More only stand in each other's way: four instead
        of two cost a tenth on two cores (16.14).
        """
        here = is_local(self.parameters.get("host", ""), self.parameters.get("hostaddr", ""))
        return min(os.cpu_count() or ELSEWHERE, MOST) if here else ELSEWHERE

    @property
    def here(self) -> bool:
        """Whether the URL itself names a socket or a loopback address."""
        named = self.parameters.get("host", "") or self.parameters.get("hostaddr", "")
        return bool(named) and is_local(self.parameters.get("host", ""), self.parameters.get("hostaddr", ""))

    def at(self, database: str) -> "Database":
        """Return the same server and login with another database."""
        return replace(self, parameters={**self.parameters, "dbname": database})

    def argument(self, settings: Mapping[str, str] = MappingProxyType({})) -> str:
        """Return the connection string for a client program's argument list: no secrets in it.

        `settings` are those of the server that its session has beside SESSION_SETTINGS.
        """
        ours = (f"-c {name}={_escaped(value)}" for name, value in {**SESSION_SETTINGS, **settings}.items())
        options = " ".join([*ours, self.parameters.get("options", "")]).strip()
        return make_conninfo("", **{**CONNECTION, **self.parameters, "options": options})

    def environment(self, run_id: str) -> dict[str, str]:
        """Return the variables that a client program needs beside `argument()`: password and name.

        Raises InvalidUrl for a secret that libpq takes from no variable.
        """
        variables = {"PGAPPNAME": application(run_id)}
        for option in pq.Conninfo.get_defaults():
            keyword = option.keyword.decode()
            if keyword in self.secrets:
                if option.envvar is None:
                    raise InvalidUrl(
                        f"{self.variable}: the parameter {keyword} cannot be handed to pg_dump safely.",
                        "Use a client key without a passphrase, readable only by you (mode 0600).",
                    )
                variables[option.envvar.decode()] = self.secrets[keyword]
        return variables


def is_local(*named: str) -> bool:
    """Return whether lists of hosts, as libpq takes them, name nothing but this machine."""
    return all(LOCAL.fullmatch(host) for hosts in named for host in hosts.split(","))


def application(run_id: str) -> str:
    """Return the name of a promotion's sessions on a server, those of its client programs among them."""
    return f"{APPLICATION}:{run_id}" if run_id else APPLICATION


def watch(target: Database, run_id: str) -> Watch:
    """Return a watch over a promotion's work in a database, with that database's patience."""
    reach = make_conninfo(target.argument(), **target.secrets, client_encoding="UTF8")
    return Watch(reach, application(run_id), target.label, target.patience)


def _escaped(value: str) -> str:
    """Return a value escaped for libpq's `options`, which are split at blanks."""
    return re.sub(r"([\s\\])", r"\\\1", value)


@dataclass(frozen=True)
class Identity:
    """The identity of a server and of our login, as the server reports them; and how long we wait there."""

    version_number: int
    system_identifier: str
    database: str
    database_oid: int
    user: str
    superuser: bool
    standby: bool
    encoding: str
    collate: str
    ctype: str
    provider: str
    locale: str | None
    money_decimals: int = 2
    lock_timeout: str = waits.LOCK_TIMEOUT

    @property
    def version(self) -> ServerVersion:
        """The server's version."""
        return ServerVersion(self.version_number)


def parse_url(url: str | None, variable: str) -> Database:
    """Parse and check a database URL. `variable` is the environment name to show in errors.

    Raises InvalidUrl, which never repeats any part of the URL (facts §4: libpq's own messages do).
    """
    if not url or not url.strip():
        raise InvalidUrl(
            f"{variable} is not set.", f"Set it: {variable}=postgresql://user@host:5432/database"
        )
    if not re.match(r"postgres(ql)?://", url):
        raise InvalidUrl(f"{variable} is not a PostgreSQL URL.", HINT_ENCODE)
    _check_shape(url, variable)
    try:
        parameters = {str(k): str(v) for k, v in conninfo_to_dict(url).items() if v}
    except (psycopg.ProgrammingError, UnicodeError):
        raise InvalidUrl(f"{variable} cannot be parsed as a PostgreSQL URL.", HINT_ENCODE) from None
    if not parameters.get("dbname"):
        raise InvalidUrl(f"{variable} names no database.", "Add /database at the end of the host part.")
    if not re.fullmatch(r"[\d,]*", parameters.get("port", "")):
        raise InvalidUrl(f"{variable} has a port that is not a number.", HINT_ENCODE)
    # Our sessions and the tools' are found by their name, so the URL cannot give them another.
    parameters.pop("application_name", None)
    secret_keys = {o.keyword.decode() for o in pq.Conninfo.get_defaults() if o.dispchar == b"*"}
    return Database(
        variable,
        {key: value for key, value in parameters.items() if key not in secret_keys},
        {key: value for key, value in parameters.items() if key in secret_keys},
    )


def _check_shape(url: str, variable: str) -> None:
    """Raise InvalidUrl for a URL that libpq would split elsewhere than meant, password tail included."""
    if any(character.isspace() or ord(character) < ord(" ") for character in url):
        raise InvalidUrl(f"{variable} holds a space or a control character.", HINT_ENCODE)
    if "#" in url:
        raise InvalidUrl(f"{variable} holds an unescaped '#'.", HINT_ENCODE)
    authority, *rest = re.split(r"[/?]", url.partition("://")[2], maxsplit=1)
    if authority.count("@") > 1 or any("@" in part for part in rest):
        raise InvalidUrl(f"{variable} holds an unescaped '@' or '/'.", HINT_ENCODE)


def redact(text: str, *targets: Database) -> str:
    """Replace every secret of the targets, and passwords in SQL or URLs, by `***`."""
    for target in targets:
        for secret in target.secrets.values():
            text = text.replace(secret, "***")
    text = SECRET_IN_TEXT.sub(r"\1\2***", text)
    text = MAPPED.sub(lambda match: QUOTED.sub("'***'", match[0]), text)
    return re.sub(r"(?i)\b(postgres(?:ql)?://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)


def disclosed(said: Told, target: Database) -> str:
    """Return the part of a message that may be shown; the whole goes to the target's file, which is named."""
    shown = redact(said.shown, target)
    where = target.details.keep(target.label, redact(said.whole, target)) if said.hides else ""
    return f"{shown} [{where}]" if where else shown


def shown_to(on_line: Callable[[str], None], target: Database) -> Callable[[str], None]:
    """Return a callback that passes a client program's lines on as they come, without the server's texts."""

    def show(line: str) -> None:
        if shown := details.of_line(line):
            on_line(redact(shown, target))

    return show


@contextmanager
def connect(target: Database, run_id: str = "", *, autocommit: bool = False) -> Iterator[Session]:
    """Open a session whose search path holds nothing a user of the database could have planted.

    Row security is off: a row that is hidden from us becomes an error, never a wrong count.
    Raises ConnectionFailed when the server cannot be reached or refuses the login, and SessionFailed when
    a statement in the block fails, or nothing has come through for too long.
    """
    watching = watch(target, run_id)
    try:
        session = WatchedSession.connect(
            watching.reach, autocommit=True, application_name=watching.application
        )
    except psycopg.Error as error:
        raise logins.failed(
            target.variable, target.parameters, target.label, disclosed(details.of_login(str(error)), target)
        ) from None
    session.watch = watching
    try:
        with session, _leaving(session):
            session.execute(SAFE_SESSION)
            if target.guarded:
                session.execute("SET pgpromote.guarded = on")  # read by sql/repair/code.sql
            if session.info.server_version // 10000 >= LIMITS_TRANSACTIONS:
                session.execute("SET transaction_timeout = 0")
            session.autocommit = autocommit
            try:
                yield session
            except psycopg.errors.LockNotAvailable as error:
                raise waits.timed_out(session, target.label) from error
    except psycopg.Error as error:
        told = f"{target.label}: {disclosed(details.of_error(error), target)}"
        raise SessionFailed(told, stall.hint_after(error, session)) from None
    except UnicodeDecodeError as error:
        # The server itself cuts names that it makes within a character, as that of a long range's multirange.
        shown = error.object.decode(errors="backslashreplace")
        raise SessionFailed(
            f"{target.label}: {shown!r} is not valid text. No dump with such a name can be restored.",
            "If it is a name, give the object another one: ALTER … RENAME TO.",
        ) from None


@contextmanager
def _leaving(session: Session) -> Iterator[None]:
    """Limit the wait for a last answer when an error ends the block: the network may be frozen."""
    try:
        yield
    except BaseException:
        stall.leave(session)
        raise


@contextmanager
def beside(session: Session, work: Callable[[Session], Done]) -> Iterator[Future[Done]]:
    """Do work on a session in a thread of its own while the block runs; if the block fails, cancel it.

    The server uses one process for it, because the block needs the others. One that does not obey is left.
    """
    session.execute("SET max_parallel_workers_per_gather = 0")
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(work, session)
        try:
            yield done
        except BaseException:
            stall.leave(session)
            while not done.done():  # between two of its queries there is nothing to cancel
                with suppress(psycopg.OperationalError):
                    session.cancel_safe(timeout=stall.GOODBYE_SECONDS)
                wait([done], timeout=0.1)
            raise


def rows(
    session: Session, shape: type[Row], query: str, parameters: Mapping[str, object] | None = None
) -> list[Row]:
    """Run a query of `sql/` and return each row as a dataclass.

    `{named}` in a query stands for every object that an archive can name, `{brought}` for those that one
    does, `{owned}` for those with an owner; such a query needs parameters, if only an empty mapping, because
    its percent signs are doubled.
    """
    parts = {name: SQL(sql.read(f"catalog/{name}")) for name in ("named", "brought", "owned")}
    statement = SQL(sql.read(query)).format(**parts)
    with session.cursor(row_factory=class_row(shape)) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def identify(session: Session) -> Identity:
    """Read the identity of the server and of our role on it."""
    with session.cursor(row_factory=class_row(Identity)) as cursor:
        identity = cursor.execute(sql.read("catalog/identity")).fetchone()
    if identity is None:
        raise ConnectionFailed("The server has no entry for the current database.", "Connect again.")
    return identity


def size_of(session: Session) -> int:
    """Return the size of the session's database in bytes; the server looks at every file for it."""
    row = session.execute(sql.read("catalog/size")).fetchone()
    return int(str(row[0] if row else 0))


def clock(session: Session) -> datetime:
    """Return the server's time: two machines that work on one prod may not agree on theirs."""
    row = session.execute("SELECT pg_catalog.clock_timestamp() AT TIME ZONE 'UTC'").fetchone()
    return cast("datetime", row[0] if row else None).replace(tzinfo=UTC)
