"""One promotion as a value: its source and target, its store of archives, its settings."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from pgpromote.postgres import audit, tools
from pgpromote.postgres.archives.origin import Expected
from pgpromote.postgres.archives.store import FILES, Store
from pgpromote.postgres.audit import Suppression
from pgpromote.postgres.details import Details
from pgpromote.postgres.errors import ArchiveError, ConfigError, InvalidUrl
from pgpromote.postgres.losses.plausible import Bounds
from pgpromote.postgres.model import Ref
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.tools import Tools

SOURCE = "DEV_DATABASE_URL"
TARGET = "PROD_DATABASE_URL"
BUILD = "BUILD_DATABASE_URL"
AUDITED = "DATABASE_URL"
# Not of a promotion: where Dagster keeps its runs.
STORAGE = "DAGSTER_POSTGRES_URL"
WEBHOOK = "PGPROMOTE_WEBHOOK_URL"
UI = "PGPROMOTE_UI_URL"
PING = "PGPROMOTE_PING_URL"
NAME = "PGPROMOTE_NAME"
SOURCE_ID = "PGPROMOTE_SOURCE_ID"
# What a promotion is called that has no name: definitions are loaded where nothing is set yet.
UNNAMED = "unnamed"
# What the version before called a promotion without a name.
EARLIER_NAME = "auction"
AS_SUPERUSER = "PGPROMOTE_RESTORE_AS_SUPERUSER"
IGNORE = "PGPROMOTE_AUDIT_IGNORE"


@dataclass(frozen=True)
class Promotion:
    """One promotion from a source into a target. URLs are parsed when they are needed, not before."""

    given_name: str
    dump_dir: Path
    report_dir: Path
    cron: str
    timezone: str
    pg_bin: tuple[Path, ...]
    lock_database: str
    keep: int
    keep_for: timedelta | None
    keep_after: timedelta
    bounds: Bounds
    patience: timedelta
    prod_free: int | None
    log_room: int | None
    environment: Mapping[str, str] = field(repr=False, hash=False, compare=False)
    adopts: bool = False
    store: Store = FILES

    @property
    def name(self) -> str:
        """The name of the promotion: the given one, else that of the source's database as `fit` writes it."""
        try:
            return self.given_name or fit(parse_url(self.environment.get(SOURCE), SOURCE).name)
        except InvalidUrl:
            return UNNAMED

    @property
    def renamed(self) -> str:
        """A note that the source's name was changed to be the promotion's, "" when it was not."""
        if self.given_name or self.source().name == self.name:
            return ""
        return f"The promotion of {self.source().name} is called {self.name}; {NAME} gives it another name."

    @property
    def directory(self) -> Ref:
        """The directory of this promotion, watched by the sensor. Raises ConfigError without a name."""
        return self.dump_dir / self._needed_name()

    @property
    def restore_as_superuser(self) -> bool:
        """Whether code of dev may run as a superuser of prod's server in every run. Raises ConfigError."""
        return chosen(AS_SUPERUSER, self.environment.get(AS_SUPERUSER, ""))

    @property
    def archive_path(self) -> Ref:
        """The path of this promotion's own archive. Raises ConfigError without a name."""
        return self.directory / self.archive_name

    def own_archive(self) -> Ref:
        """Return the archive to restore unless another is named.

        Raises ArchiveError where only the version before has left one, ConfigError without a name.
        """
        path = self.archive_path
        earlier = (self.dump_dir / f"{name}_dev.dump" for name in (self.name, EARLIER_NAME))
        left = None if self.store.state(path) else next(filter(self.store.state, earlier), None)
        if left:
            raise ArchiveError(
                f"There is no archive at {path}; the version before kept one at {left}.",
                f"Name it: pgpromote restore {shlex.quote(str(left))} (in Dagster: archive_path). The next "
                f"dump goes to {self.directory}, and leaves that one alone.",
            )
        return path

    @property
    def archive_name(self) -> str:
        """The file name of this promotion's archive."""
        return f"{self.name.removesuffix('_dev')}_dev.dump"

    @property
    def sql_path(self) -> Ref:
        """The path of this promotion's plain SQL dump. Raises ConfigError without a name."""
        return self.directory / "full.sql"

    @property
    def safety_dir(self) -> Ref:
        """The directory of prod's safety archives; the sensor does not look there. Raises ConfigError."""
        return self.directory / "safety"

    def expected(self, sha256: str = "") -> Expected:
        """Return the origin and the file that an archive must have for this promotion. Raises ConfigError."""
        return Expected(self._needed_name(), self._source_id(), sha256)

    def _source_id(self) -> str:
        source_id = self.environment.get(SOURCE_ID, "")
        if source_id and not re.fullmatch(r"[0-9]{1,20}(/[0-9]{1,10})?", source_id):
            raise ConfigError(
                f"{SOURCE_ID} is {source_id!r}, not a system identifier.",
                "For example 7412345678901234567, or 7412345678901234567/16384 with the database's OID: what "
                "a manifest calls system_identifier and source_oid.",
            )
        return source_id

    def _needed_name(self) -> str:
        if not self.given_name and not self.environment.get(SOURCE):
            raise ConfigError(
                f"The promotion has no name: neither {NAME} nor {SOURCE} is set.",
                f"Set {NAME}, such as {NAME}=shop: what it promotes is called, and kept, by it.",
            )
        return self.given_name or fit(parse_url(self.environment.get(SOURCE), SOURCE).name)

    @property
    def details(self) -> Details:
        """The file of server messages that may hold rows, beside the reports."""
        return Details(self.report_dir / f"{self.name}.details.log")

    def source(self) -> Database:
        """Return the database to dump. Raises InvalidUrl."""
        return self._database(SOURCE)

    def target(self) -> Database:
        """Return the database to promote into. Raises InvalidUrl."""
        return replace(self._database(TARGET), free=self.prod_free, log_room=self.log_room)

    def place(self, run_id: str = "") -> Place:
        """Return the place of a run. Raises InvalidUrl."""
        return Place(self.target(), run_id, self.lock_database)

    def optional_source(self) -> Database | None:
        """Return the source if one is set: a restore needs it only for comparison."""
        return self.source() if self.environment.get(SOURCE) else None

    def build_login(self) -> Database | None:
        """Return prod's server by the separate build login, None without one. Raises InvalidUrl.

        Which database its URL names makes no difference.
        """
        return self._database(BUILD) if self.environment.get(BUILD) else None

    def audited(self) -> Database:
        """Return the database to audit: `DATABASE_URL` if set, else the target. Raises InvalidUrl."""
        return self._database(AUDITED) if self.environment.get(AUDITED) else self.target()

    def compared(self) -> Database | None:
        """Return dev if it is set and prod is audited; another database has no dev to be compared with."""
        return None if self.environment.get(AUDITED) else self.optional_source()

    def audit_ignored(self) -> tuple[Suppression, ...]:
        """Return the audit findings that are accepted. Raises ConfigError."""
        return audit.parse_suppressions(self.environment.get(IGNORE, ""))

    def webhook_url(self) -> str:
        """Return the address for alerts, "" for none. Raises ConfigError, which does not show it."""
        return web_url(self.environment.get(WEBHOOK, ""), WEBHOOK)

    def ui_url(self) -> str:
        """Return the Dagster UI's address without a last slash; "" for none. Raises ConfigError."""
        return web_url(self.environment.get(UI, ""), UI).rstrip("/")

    def check_settings(self) -> None:
        """Read the settings that are else read only where they are needed. Raises ConfigError."""
        chosen(AS_SUPERUSER, self.environment.get(AS_SUPERUSER, ""))
        for variable in (WEBHOOK, PING, UI):
            web_url(self.environment.get(variable, ""), variable)
        self.audit_ignored()
        self._source_id()
        self._check_programs()

    def check_urls(self) -> None:
        """Read the URLs that are set. Raises InvalidUrl."""
        for variable in (SOURCE, TARGET, BUILD, AUDITED):
            if self.environment.get(variable):
                self._database(variable)

    def _database(self, variable: str) -> Database:
        database = parse_url(self.environment.get(variable), variable)
        return replace(
            database,
            patience=self.patience.total_seconds(),
            details=self.details,
            # With a login of its own for dev's code, none of it runs as the promoter, in prod either.
            guarded=variable not in {SOURCE, BUILD} and bool(self.environment.get(BUILD)),
        )

    def tools(self) -> list[Tools]:
        """Find the PostgreSQL client programs on this machine. Raises ConfigError for no directory."""
        self._check_programs()
        return tools.find(tools.directories(self.pg_bin, self.environment.get("PATH", "")))

    def _check_programs(self) -> None:
        for place in self.pg_bin:
            if not place.is_dir():
                raise ConfigError(f"PGPROMOTE_PG_BIN names {place}, which is no directory.", "Correct it.")


def chosen(variable: str, text: str) -> bool:
    """Return whether a setting of 1 or 0 is on. Raises ConfigError for anything else."""
    if text not in {"", "0", "1"}:
        raise ConfigError(f"{variable} is {text!r}, neither 1 nor 0.", "1 turns it on; 0 and unset, off.")
    return text == "1"


def fit(database: str) -> str:
    """Return a promotion's name for a database: letters, digits and underscores, a letter first.

    >>> fit("shop"), fit("my-shop.2"), fit("1st")
    ('shop', 'my_shop_2', 'db_1st')
    >>> fit("магазин")
    'db_8a1e7483'
    """
    name = re.sub(r"[^A-Za-z0-9_]", "_", database)
    if not name.strip("_"):
        return f"db_{sha256(database.encode()).hexdigest()[:8]}"
    return name if name[0].isalpha() else f"db_{name}"


def web_url(text: str, variable: str) -> str:
    """Return the address of a web server. Raises ConfigError, which does not show it."""
    problem = ConfigError(
        f"{variable} is not the address of a web server.",
        "For example https://host/path, without user, password and spaces.",
    )
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise problem from None
    plain = text.isascii() and text.isprintable() and " " not in text
    if text and not (usable and plain and "@" not in parts.netloc):
        raise problem
    return text
