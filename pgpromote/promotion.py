"""One promotion: which source, which target, where the archive lies. Read from the environment, once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pgpromote.postgres import tools
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.server import Database, parse_url
from pgpromote.postgres.tools import Tools

SOURCE = "DEV_DATABASE_URL"
TARGET = "PROD_DATABASE_URL"
AUDITED = "DATABASE_URL"

# Every variable that pgpromote reads besides the three URLs, with its default and its meaning.
SETTINGS = {
    "PGPROMOTE_NAME": ("auction", "Name of the promotion; the archive is called after it."),
    "PGPROMOTE_DUMP_DIR": ("data/postgres", "Directory of archives; the sensor watches it."),
    "PGPROMOTE_CRON": ("0 2 * * *", "When the nightly schedule runs, once it is turned on."),
    "PGPROMOTE_TIMEZONE": ("UTC", "Time zone of the schedule."),
    "PGPROMOTE_PG_BIN": ("", "Directories with PostgreSQL client programs, searched before PATH."),
    "PGPROMOTE_LOCK_DATABASE": ("postgres", "Database on prod's server that holds the promotion lock."),
    "PGPROMOTE_KEEP": ("2", "Previous databases, and safety archives of prod, that are kept."),
    "PGPROMOTE_KEEP_DAYS": ("", "Days after which they go although few; no limit unless set."),
}


@dataclass(frozen=True)
class Promotion:
    """One promotion from a source into a target. URLs are parsed when they are needed, not before."""

    name: str
    dump_dir: Path
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

    def audited(self) -> Database:
        """Return the database to audit: `DATABASE_URL` if set, else the target. Raises InvalidUrl."""
        return (
            parse_url(self.environment[AUDITED], AUDITED) if self.environment.get(AUDITED) else self.target()
        )

    def tools(self) -> list[Tools]:
        """Find the PostgreSQL client programs on this machine."""
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
