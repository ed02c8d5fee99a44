"""One promotion: which source, which target, where the archive lies. Read from the environment, once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pgpromote.postgres import audit, tools
from pgpromote.postgres.audit import Suppression
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.tools import Tools

SOURCE = "DEV_DATABASE_URL"
TARGET = "PROD_DATABASE_URL"
BUILD = "BUILD_DATABASE_URL"
AUDITED = "DATABASE_URL"
WEBHOOK = "PGPROMOTE_WEBHOOK_URL"
UI = "PGPROMOTE_UI_URL"

# Every variable that pgpromote reads besides the three URLs, with its default and its meaning.
SETTINGS = {
    "PGPROMOTE_NAME": ("auction", "Name of the promotion; the archive is called after it."),
    "PGPROMOTE_DUMP_DIR": ("data/postgres", "Directory of archives; the sensor watches it."),
    "PGPROMOTE_REPORT_DIR": ("data/reports", "Directory of reports; the newest 100 of a promotion are kept."),
    "PGPROMOTE_CRON": ("0 2 * * *", "When the nightly schedule runs, once it is turned on."),
    "PGPROMOTE_TIMEZONE": ("UTC", "Time zone of the schedule."),
    "PGPROMOTE_PG_BIN": ("", "Directories with PostgreSQL client programs, searched before PATH."),
    "PGPROMOTE_LOCK_DATABASE": ("postgres", "Database on prod's server that holds the promotion lock."),
    "PGPROMOTE_KEEP": ("2", "Previous databases, and safety archives of prod, that are kept."),
    "PGPROMOTE_KEEP_DAYS": ("", "Days after which they go although few; no limit unless set."),
    audit.IGNORE: ("", "Audit findings that are accepted: `rule:object`, by commas; `*` for any characters."),
    WEBHOOK: ("", "Where alerts are posted as JSON; no alerts unless set. As secret as a password."),
    UI: ("", "Address of the Dagster UI, for links in alerts."),
}


@dataclass(frozen=True)
class Promotion:
    """One promotion from a source into a target. URLs are parsed when they are needed, not before."""

    name: str
    dump_dir: Path
    report_dir: Path
    cron: str
    timezone: str
    pg_bin: tuple[Path, ...]
    lock_database: str
    keep: int
    keep_for: timedelta | None
    environment: Mapping[str, str] = field(repr=False, hash=False, compare=False)

    @property
    def archive_path(self) -> Path:
        """Where this promotion writes its archive."""
        return self.dump_dir / f"{self.name}_dev.dump"

    @property
    def sql_path(self) -> Path:
        """Where this promotion writes its plain SQL dump."""
        return self.dump_dir / "full.sql"

    @property
    def safety_dir(self) -> Path:
        """Where the safety archives of prod lie; the sensor does not look below the dump directory."""
        return self.dump_dir / "safety"

    def source(self) -> Database:
        """Return the database to dump. Raises InvalidUrl."""
        return parse_url(self.environment.get(SOURCE), SOURCE)

    def target(self) -> Database:
        """Return the database to promote into. Raises InvalidUrl."""
        return parse_url(self.environment.get(TARGET), TARGET)

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
        return (
            parse_url(self.environment[AUDITED], AUDITED) if self.environment.get(AUDITED) else self.target()
        )

    def compared(self) -> Database | None:
        """Return dev if one is set and prod is audited; another database has nothing to follow dev in."""
        return None if self.environment.get(AUDITED) else self.optional_source()

    def audit_ignored(self) -> tuple[Suppression, ...]:
        """Return which audit findings are accepted. Raises ConfigError."""
        return audit.parse_suppressions(self.environment.get(audit.IGNORE, ""))

    def webhook_url(self) -> str:
        """Return where alerts are posted, "" for nowhere. Raises ConfigError, which does not show it."""
        return _web_url(self.environment.get(WEBHOOK, ""), WEBHOOK)

    def ui_url(self) -> str:
        """Return the Dagster UI's address without a last slash; "" for none. Raises ConfigError."""
        return _web_url(self.environment.get(UI, ""), UI).rstrip("/")

    def tools(self) -> list[Tools]:
        """Find the PostgreSQL client programs on this machine. Raises ConfigError for no directory."""
        for place in self.pg_bin:
            if not place.is_dir():
                raise ConfigError(f"PGPROMOTE_PG_BIN names {place}, which is no directory.", "Correct it.")
        return tools.find(tools.directories(self.pg_bin, self.environment.get("PATH", "")))


def from_environment(environment: Mapping[str, str] = os.environ) -> Promotion:
    """Read one promotion from the environment. Raises ConfigError for a setting without meaning."""
    values = {name: environment.get(name) or default for name, (default, _) in SETTINGS.items()}
    name, timezone = values["PGPROMOTE_NAME"], values["PGPROMOTE_TIMEZONE"]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ConfigError(
            f"PGPROMOTE_NAME is {name!r}; it names files, assets and database sessions.",
            "Use letters, digits and underscores, beginning with a letter.",
        )
    if timezone not in available_timezones():
        raise ConfigError(
            f"PGPROMOTE_TIMEZONE is {timezone!r}, not a time zone.", "For example Europe/Berlin."
        )
    return Promotion(
        name=name,
        dump_dir=Path(values["PGPROMOTE_DUMP_DIR"]).absolute(),
        report_dir=Path(values["PGPROMOTE_REPORT_DIR"]).absolute(),
        cron=values["PGPROMOTE_CRON"],
        timezone=ZoneInfo(timezone).key,
        pg_bin=tuple(Path(part) for part in values["PGPROMOTE_PG_BIN"].split(os.pathsep) if part),
        lock_database=values["PGPROMOTE_LOCK_DATABASE"],
        keep=_keep(values["PGPROMOTE_KEEP"]),
        keep_for=_keep_for(values["PGPROMOTE_KEEP_DAYS"]),
        environment=environment,
    )


def _keep(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ConfigError(
            f"PGPROMOTE_KEEP is {text!r}, not a number of databases.", "For example 2; 0 keeps none."
        )
    return int(text)


def _keep_for(text: str) -> timedelta | None:
    if not text:
        return None
    days = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else 0
    if days <= 0:
        raise ConfigError(
            f"PGPROMOTE_KEEP_DAYS is {text!r}, not a number of days above 0.", "For example 30, or 0.5."
        )
    return timedelta(days=days)


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
