"""One promotion: which source, which target, where the archive lies. Read from the environment, once."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pgpromote.postgres import audit, disk, naming, tools
from pgpromote.postgres.archives.origin import Expected
from pgpromote.postgres.archives.store import FILES, Store
from pgpromote.postgres.audit import Suppression
from pgpromote.postgres.details import Details
from pgpromote.postgres.errors import ArchiveError, ConfigError, InvalidUrl
from pgpromote.postgres.losses.plausible import Bounds
from pgpromote.postgres.model import Ref
from pgpromote.postgres.place import AGREED, Place
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.tools import Tools

SOURCE = "DEV_DATABASE_URL"
TARGET = "PROD_DATABASE_URL"
BUILD = "BUILD_DATABASE_URL"
AUDITED = "DATABASE_URL"
WEBHOOK = "PGPROMOTE_WEBHOOK_URL"
UI = "PGPROMOTE_UI_URL"
ADOPT = "PGPROMOTE_ADOPT"
NAME = "PGPROMOTE_NAME"
SOURCE_ID = "PGPROMOTE_SOURCE_ID"
# What a promotion is called that has no name: definitions are loaded where nothing is set yet.
UNNAMED = "unnamed"
# What the version before called a promotion without a name.
EARLIER_NAME = "auction"
ACCEPT_LOSS = "PGPROMOTE_ACCEPT_LOSS"
AS_SUPERUSER = "PGPROMOTE_RESTORE_AS_SUPERUSER"
STALL = "PGPROMOTE_STALL_MINUTES"
FREE = "PGPROMOTE_PROD_FREE"
ROOM = "PGPROMOTE_WAL_ROOM"
IGNORE = "PGPROMOTE_AUDIT_IGNORE"

# Every variable that pgpromote reads besides the three URLs, with its default and its meaning.
SETTINGS = {
    NAME: ("", "Name of the promotion; that of dev's database unless set. Needed without DEV_DATABASE_URL."),
    "PGPROMOTE_DUMP_DIR": ("data/postgres", "Directory of archives; the sensor watches `<name>` in it."),
    "PGPROMOTE_REPORT_DIR": ("data/reports", "Directory of reports; the newest 100 of a promotion are kept."),
    "PGPROMOTE_CRON": ("0 2 * * *", "When the nightly schedule runs, once it is turned on."),
    "PGPROMOTE_TIMEZONE": ("UTC", "Time zone of the schedule."),
    "PGPROMOTE_PG_BIN": ("", "Directories with PostgreSQL client programs, searched before PATH."),
    "PGPROMOTE_LOCK_DATABASE": (AGREED, "Database on prod's server that holds the promotion lock."),
    ADOPT: ("", "1: the sensor adopts archives without a manifest; their rows are not proven."),
    "PGPROMOTE_KEEP": ("2", "Newest previous databases, and safety archives, that are kept; 0: none at all."),
    "PGPROMOTE_KEEP_HOURS": ("24", "One more is kept beside them: the newest that ended so long ago."),
    "PGPROMOTE_KEEP_DAYS": ("", "Days after which older safety archives go although few; never databases."),
    ACCEPT_LOSS: (
        "",
        "Tables that dev may have emptied, by commas: `table`, `schema.table`, `*` as usual; `all`.",
    ),
    "PGPROMOTE_LOSS_BOUND": (
        "50",
        "Percent of all rows: a loss on dev from there on is to be accepted, as an emptied table always is.",
    ),
    STALL: ("15", "Minutes without any progress, as on a frozen network, after which a run is given up."),
    FREE: (
        "",
        "What prod's server has free for a new database, such as 200GB; the disk is asked if it is here.",
    ),
    ROOM: (
        "",
        "How far a restore lets the log of prod's server grow until it asks for a checkpoint, such as 4GB.",
    ),
    IGNORE: ("", "Audit findings that are accepted: `rule:object`, by commas; `*` for any characters."),
    AS_SUPERUSER: (
        "",
        "1 lets code of dev run as a superuser of prod's server, where PROD_DATABASE_URL names one.",
    ),
    WEBHOOK: ("", "Where alerts are posted as JSON; no alerts unless set. As secret as a password."),
    UI: ("", "Address of the Dagster UI, for links in alerts."),
    SOURCE_ID: ("", "System identifier, or `identifier/OID`, of the only dev whose archives are taken."),
}

# What people write for what postgres/ calls by bare names: `lock_database`, the command `dump`.
VARIABLES = {
    name.removeprefix("PGPROMOTE_").lower(): name for name in (SOURCE, TARGET, BUILD, AUDITED, *SETTINGS)
}
naming.spell(setting=VARIABLES.__getitem__, command="pgpromote {}".format, option="--{}".format)


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
        """Say how the source's name was changed to be the promotion's, "" when it was not."""
        if self.given_name or self.source().name == self.name:
            return ""
        return f"The promotion of {self.source().name} is called {self.name}; {NAME} gives it another name."

    @property
    def directory(self) -> Ref:
        """Where all of this promotion lies; the sensor watches it. Raises ConfigError without a name."""
        return self.dump_dir / self._needed_name()

    @property
    def restore_as_superuser(self) -> bool:
        """Whether code of dev may run as a superuser of prod's server in every run. Raises ConfigError."""
        return _chosen(AS_SUPERUSER, self.environment.get(AS_SUPERUSER, ""))

    @property
    def archive_path(self) -> Ref:
        """Where this promotion writes its archive. Raises ConfigError without a name."""
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
        """What this promotion calls its archive."""
        return f"{self.name.removesuffix('_dev')}_dev.dump"

    @property
    def sql_path(self) -> Ref:
        """Where this promotion writes its plain SQL dump. Raises ConfigError without a name."""
        return self.directory / "full.sql"

    @property
    def safety_dir(self) -> Ref:
        """Where the safety archives of prod lie; the sensor does not look there. Raises ConfigError."""
        return self.directory / "safety"

    def expected(self, sha256: str = "") -> Expected:
        """Say whose archives this promotion takes, and which file. Raises ConfigError."""
        source_id = self.environment.get(SOURCE_ID, "")
        if source_id and not re.fullmatch(r"[0-9]{1,20}(/[0-9]{1,10})?", source_id):
            raise ConfigError(
                f"{SOURCE_ID} is {source_id!r}, not a system identifier.",
                "For example 7412345678901234567, or 7412345678901234567/16384 with the database's OID: what "
                "a manifest calls system_identifier and source_oid.",
            )
        return Expected(self._needed_name(), source_id, sha256)

    def _needed_name(self) -> str:
        if not self.given_name and not self.environment.get(SOURCE):
            raise ConfigError(
                f"The promotion has no name: neither {NAME} nor {SOURCE} is set.",
                f"Set {NAME}, such as {NAME}=shop: what it promotes is called, and kept, by it.",
            )
        return self.given_name or fit(parse_url(self.environment.get(SOURCE), SOURCE).name)

    @property
    def details(self) -> Details:
        """The file that keeps what servers say of rows, beside the reports."""
        return Details(self.report_dir / f"{self.name}.details.log")

    def source(self) -> Database:
        """Return the database to dump. Raises InvalidUrl."""
        return self._database(SOURCE)

    def target(self) -> Database:
        """Return the database to promote into. Raises InvalidUrl."""
        return replace(self._database(TARGET), free=self.prod_free, log_room=self.log_room)

    def place(self, run_id: str = "") -> Place:
        """Return where a run works. Raises InvalidUrl."""
        return Place(self.target(), run_id, self.lock_database)

    def optional_source(self) -> Database | None:
        """Return the source if one is set: a restore needs it only for comparison."""
        return self.source() if self.environment.get(SOURCE) else None

    def build_login(self) -> Database | None:
        """Return how the separate build login reaches prod's server, None without one. Raises InvalidUrl.

        Which database its URL names makes no difference.
        """
        url = self.environment.get(BUILD)
        return parse_url(url, BUILD) if url else None

    def audited(self) -> Database:
        """Return the database to audit: `DATABASE_URL` if set, else the target. Raises InvalidUrl."""
        return self._database(AUDITED) if self.environment.get(AUDITED) else self.target()

    def compared(self) -> Database | None:
        """Return dev if one is set and prod is audited; another database has nothing to follow dev in."""
        return None if self.environment.get(AUDITED) else self.optional_source()

    def audit_ignored(self) -> tuple[Suppression, ...]:
        """Return which audit findings are accepted. Raises ConfigError."""
        return audit.parse_suppressions(self.environment.get(IGNORE, ""))

    def webhook_url(self) -> str:
        """Return where alerts are posted, "" for nowhere. Raises ConfigError, which does not show it."""
        return _web_url(self.environment.get(WEBHOOK, ""), WEBHOOK)

    def ui_url(self) -> str:
        """Return the Dagster UI's address without a last slash; "" for none. Raises ConfigError."""
        return _web_url(self.environment.get(UI, ""), UI).rstrip("/")

    def _database(self, variable: str) -> Database:
        database = parse_url(self.environment.get(variable), variable)
        return replace(
            database,
            patience=self.patience.total_seconds(),
            details=self.details,
            # With a login of its own for dev's code, none of it runs as the promoter, in prod either.
            guarded=variable != SOURCE and bool(self.environment.get(BUILD)),
        )

    def tools(self) -> list[Tools]:
        """Find the PostgreSQL client programs on this machine. Raises ConfigError for no directory."""
        for place in self.pg_bin:
            if not place.is_dir():
                raise ConfigError(f"PGPROMOTE_PG_BIN names {place}, which is no directory.", "Correct it.")
        return tools.find(tools.directories(self.pg_bin, self.environment.get("PATH", "")))


def from_environment(environment: Mapping[str, str] = os.environ) -> Promotion:
    """Read one promotion from the environment. Raises ConfigError for a setting without meaning."""
    values = {name: environment.get(name) or default for name, (default, _) in SETTINGS.items()}
    name, timezone = values[NAME], values["PGPROMOTE_TIMEZONE"]
    if name and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ConfigError(
            f"{NAME} is {name!r}; it names files, assets and database sessions.",
            "Use letters, digits and underscores, beginning with a letter.",
        )
    if timezone not in available_timezones():
        raise ConfigError(
            f"PGPROMOTE_TIMEZONE is {timezone!r}, not a time zone.", "For example Europe/Berlin."
        )
    return Promotion(
        given_name=name,
        dump_dir=Path(values["PGPROMOTE_DUMP_DIR"]).absolute(),
        report_dir=Path(values["PGPROMOTE_REPORT_DIR"]).absolute(),
        cron=values["PGPROMOTE_CRON"],
        timezone=ZoneInfo(timezone).key,
        pg_bin=tuple(Path(part) for part in values["PGPROMOTE_PG_BIN"].split(os.pathsep) if part),
        lock_database=values["PGPROMOTE_LOCK_DATABASE"],
        keep=_keep(values["PGPROMOTE_KEEP"]),
        keep_for=_keep_for(values["PGPROMOTE_KEEP_DAYS"]),
        keep_after=_keep_after(values["PGPROMOTE_KEEP_HOURS"]),
        bounds=Bounds(patterns(values[ACCEPT_LOSS]), _share(values["PGPROMOTE_LOSS_BOUND"])),
        patience=_patience(values[STALL]),
        prod_free=_bytes(FREE, values[FREE]),
        log_room=_bytes(ROOM, values[ROOM]),
        environment=environment,
        adopts=_chosen(ADOPT, values[ADOPT]),
    )


def _chosen(variable: str, text: str) -> bool:
    if text not in {"", "0", "1"}:
        raise ConfigError(f"{variable} is {text!r}, neither 1 nor 0.", "1 turns it on; 0 and unset, off.")
    return text == "1"


def fit(database: str) -> str:
    """Make a name for a promotion of a database's: letters, digits and underscores, a letter first.

    >>> fit("shop"), fit("my-shop.2"), fit("1st")
    ('shop', 'my_shop_2', 'db_1st')
    >>> fit("магазин")
    'db_8a1e7483'
    """
    name = re.sub(r"[^A-Za-z0-9_]", "_", database)
    if not name.strip("_"):
        return f"db_{sha256(database.encode()).hexdigest()[:8]}"
    return name if name[0].isalpha() else f"db_{name}"


def _keep(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ConfigError(
            f"PGPROMOTE_KEEP is {text!r}, not a number of databases.", "For example 2; 0 keeps none."
        )
    return int(text)


def _keep_after(text: str) -> timedelta:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,9})?", text):
        raise ConfigError(f"PGPROMOTE_KEEP_HOURS is {text!r}, not a number of hours.", "For example 24.")
    return timedelta(hours=float(text))


def _keep_for(text: str) -> timedelta | None:
    if not text:
        return None
    days = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else 0
    if days <= 0:
        raise ConfigError(
            f"PGPROMOTE_KEEP_DAYS is {text!r}, not a number of days above 0.", "For example 30, or 0.5."
        )
    return timedelta(days=days)


def patterns(text: str) -> tuple[str, ...]:
    """Split a list of patterns at its commas."""
    return tuple(part for each in text.split(",") if (part := each.strip()))


def _share(text: str) -> float:
    percent = float(text) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?", text) else 101
    if percent > 100:
        raise ConfigError(
            f"PGPROMOTE_LOSS_BOUND is {text!r}, not a percentage from 0 to 100.", "For example 50."
        )
    return percent / 100


def _patience(text: str) -> timedelta:
    minutes = float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,9})?", text) else 0
    if minutes <= 0:
        raise ConfigError(f"{STALL} is {text!r}, not a number of minutes above 0.", "For example 15.")
    return timedelta(minutes=minutes)


def _bytes(variable: str, text: str) -> int | None:
    if not text:
        return None
    number = re.fullmatch(r"([0-9]{1,9})(\.[0-9]{1,9})? ?(kB|MB|GB|TB)", text)
    if number is None:
        raise ConfigError(
            f"{variable} is {text!r}, not a size.", "For example 200GB; the units are kB, MB, GB, TB."
        )
    return int(float(number[1] + (number[2] or "")) * disk.STEP ** disk.UNITS.index(number[3]))


def _web_url(text: str, variable: str) -> str:
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
