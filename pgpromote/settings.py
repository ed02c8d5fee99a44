"""The settings: which variables of the environment there are, and a promotion made of them."""

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from pgpromote.postgres import disk, naming
from pgpromote.postgres.errors import ConfigError
from pgpromote.postgres.losses.plausible import Bounds
from pgpromote.postgres.place import AGREED
from pgpromote.promotion import (
    AS_SUPERUSER,
    AUDITED,
    BUILD,
    IGNORE,
    NAME,
    PING,
    SOURCE,
    SOURCE_ID,
    TARGET,
    UI,
    WEBHOOK,
    Promotion,
    chosen,
)

ADOPT = "PGPROMOTE_ADOPT"
ACCEPT_LOSS = "PGPROMOTE_ACCEPT_LOSS"
STALL = "PGPROMOTE_STALL_MINUTES"
FREE = "PGPROMOTE_PROD_FREE"
ROOM = "PGPROMOTE_WAL_ROOM"

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
    PING: (
        "",
        "Where `promote`, `restore` and `refresh` ping a monitor of cron jobs. As secret as a password.",
    ),
    UI: ("", "Address of the Dagster UI, for links in alerts."),
    SOURCE_ID: ("", "System identifier, or `identifier/OID`, of the only dev whose archives are taken."),
}

# What people write for what postgres/ calls by bare names: `lock_database`, the command `dump`.
VARIABLES = {
    name.removeprefix("PGPROMOTE_").lower(): name for name in (SOURCE, TARGET, BUILD, AUDITED, *SETTINGS)
}


def _typed(option: str, values: Sequence[str]) -> str:
    """Return an option of a command as it is typed in a shell."""
    return " ".join([f"--{option}", *([shlex.quote(",".join(values))] if values else [])])


naming.spell(setting=VARIABLES.__getitem__, command="pgpromote {}".format, option=_typed)


def from_environment(environment: Mapping[str, str] = os.environ) -> Promotion:
    """Read one promotion from the environment. Raises ConfigError with every invalid setting."""
    values = {name: environment.get(name) or default for name, (default, _) in SETTINGS.items()}
    _check(values)
    return Promotion(
        given_name=_name(values[NAME]),
        dump_dir=Path(values["PGPROMOTE_DUMP_DIR"]).absolute(),
        report_dir=Path(values["PGPROMOTE_REPORT_DIR"]).absolute(),
        cron=values["PGPROMOTE_CRON"],
        timezone=_zone(values["PGPROMOTE_TIMEZONE"]),
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
        adopts=chosen(ADOPT, values[ADOPT]),
    )


def _check(values: Mapping[str, str]) -> None:
    """Read each setting that may have no meaning, and raise one error for all of them."""
    wrong = list[ConfigError]()
    for name, read in READ.items():
        try:
            read(values[name])
        except ConfigError as error:
            wrong.append(error)
    if len(wrong) > 1:
        told = "".join(f"\n  - {error.message} {error.hint}" for error in wrong)
        raise ConfigError(f"{len(wrong)} settings have no meaning:{told}", "Correct them.")
    if wrong:
        raise wrong[0]


def _name(name: str) -> str:
    if name and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ConfigError(
            f"{NAME} is {name!r}; it names files, assets and database sessions.",
            "Use letters, digits and underscores, beginning with a letter.",
        )
    return name


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):  # there is none, it is no name, it is a directory
        raise ConfigError(
            f"PGPROMOTE_TIMEZONE is {name!r}, not a time zone.", "For example Europe/Berlin."
        ) from None


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


READ: dict[str, Callable[[str], object]] = {
    NAME: _name,
    "PGPROMOTE_TIMEZONE": _zone,
    "PGPROMOTE_KEEP": _keep,
    "PGPROMOTE_KEEP_DAYS": _keep_for,
    "PGPROMOTE_KEEP_HOURS": _keep_after,
    "PGPROMOTE_LOSS_BOUND": _share,
    STALL: _patience,
    FREE: partial(_bytes, FREE),
    ROOM: partial(_bytes, ROOM),
    ADOPT: partial(chosen, ADOPT),
}
