"""Look over all that a promotion needs, before there is a night to lose: nothing is changed."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from pgpromote.postgres import disk, tools
from pgpromote.postgres.databases import lock, pooler
from pgpromote.postgres.errors import ConnectionFailed, InvalidUrl, PgpromoteError, SessionFailed
from pgpromote.postgres.model import Severity
from pgpromote.postgres.naming import setting
from pgpromote.postgres.rights import build_login
from pgpromote.postgres.server import Database, Identity, connect, identify, parse_url, size_of
from pgpromote.postgres.tools import Tools
from pgpromote.promotion import PING, STORAGE, WEBHOOK, Promotion, web_url
from pgpromote.run import died, last, storage
from pgpromote.run.check import look
from pgpromote.run.options import DEFAULTS
from pgpromote.run.state import State as RunState


class State(Enum):
    """The verdict of a line."""

    OK = "ok"
    SKIP = "skip"
    WARN = "warn"
    FAIL = "fail"


STATES = {Severity.ERROR: State.FAIL, Severity.WARNING: State.WARN, Severity.INFO: State.OK}
# They connect to another database of prod's server, and their errors name that.
ARCHIVE, FOR_A_DUMP = "archive", ("client programs", "dev")
BEHIND_PROD = ("lock and pooler", "build login", "last runs")


@dataclass(frozen=True)
class Line:
    """One line of the examination: its name, its verdict, the evidence, and the remedy."""

    name: str
    state: State
    seen: str
    to_do: str = ""


Look = Callable[[Promotion, str], Iterator[Line]]


def examine(promotion: Promotion, run_id: str, more: Mapping[str, Look]) -> list[Line]:
    """Look at servers, logins, client programs, room, lock, pooler, checks, last runs, and `more`.

    Nothing stops it: what cannot be looked at is a line, too; one fault fails one line.
    """
    looks: dict[str, Look] = {
        "client programs": _programs,
        "dev": _dev,
        "prod": _prod,
        "build login": _builder,
        "lock and pooler": _lock,
        "checks": _checks,
        "last runs": _last,
        "dagster home": _home,
        "dagster": _dagster,
        "alerts": _alerts,
        "settings": _settings,
        **more,
    }
    lines = list[Line]()
    for name, of in looks.items():
        lines += [_after(lines, line) for line in _tried(name, of, promotion, run_id)]
    return lines


def _after(lines: list[Line], line: Line) -> Line:
    """Return a line, or that nothing was looked at where it fails by the fault of an earlier one."""
    failed = [each for each in lines if each.state is State.FAIL] if line.state is State.FAIL else []
    behind = "prod" if line.name in BEHIND_PROD else ""
    first = next((each.name for each in failed if each.seen == line.seen or each.name == behind), "")
    if line.name == ARCHIVE and any(each.state is State.FAIL for each in lines if each.name in FOR_A_DUMP):
        return replace(line, to_do=f"First what fails above, then: {line.to_do}")
    return Line(line.name, State.SKIP, f"Not looked at: see {first}.") if first else line


def _tried(name: str, of: Look, promotion: Promotion, run_id: str) -> Iterator[Line]:
    try:
        yield from of(promotion, run_id)
    except PgpromoteError as error:
        yield Line(name, State.FAIL, error.message, error.hint)


def _programs(promotion: Promotion, run_id: str) -> Iterator[Line]:
    """Choose the programs for both servers, as far as they can be asked: the one verdict on them."""
    found = promotion.tools()
    for place, missing in tools.incomplete(promotion.pg_bin):
        seen = f"{place}, which {setting('pg_bin')} names, lacks {' and '.join(missing)}: it is not used."
        yield Line(
            "client programs", State.WARN, seen, "Install all of them there, or name another directory."
        )
    tools.newest(found)  # raises without any
    uses = ", ".join(_used(promotion, found, run_id)) or "no server says which it needs"
    versions = ", ".join(sorted({str(each.version) for each in found}))
    yield Line("client programs", State.OK, f"{versions}; {uses}.")


def _used(promotion: Promotion, found: list[Tools], run_id: str) -> Iterator[str]:
    for database, does in (
        (promotion.source, "pg_dump of {} dumps dev"),
        (promotion.target, "pg_restore of {} restores into prod"),
    ):
        try:
            version = _asked(database(), run_id)[0].version
        except (InvalidUrl, ConnectionFailed, SessionFailed):
            continue  # a line of its own says so
        yield does.format(tools.choose(found, version).directory)


def _dev(promotion: Promotion, run_id: str) -> Iterator[Line]:
    source = promotion.source()
    found, size = _asked(source, run_id)
    yield Line("dev", State.OK, _told(source, found, size))
    place = promotion.dump_dir
    while not place.is_dir():
        place = place.parent
    free = shutil.disk_usage(place).free
    seen = f"{disk.shown(free)} free in {promotion.dump_dir}; dev is {disk.shown(size)}, not compressed."
    if free > size:
        yield Line("room for archives", State.OK, seen)
    else:
        to_do = "See that there is room for two archives: the last one stays until the new one is whole."
        yield Line("room for archives", State.WARN, seen, to_do)


def _prod(promotion: Promotion, run_id: str) -> Iterator[Line]:
    target = promotion.target()
    yield Line("prod", State.OK, _told(target, *_asked(target, run_id)))


def _builder(promotion: Promotion, run_id: str) -> Iterator[Line]:
    if login := promotion.build_login():
        role = build_login.log_in(login, promotion.place(run_id)).role
        seen = f"{role} can log in. As it alone runs what dev wrote; the checks say what it may do."
        yield Line("build login", State.OK, seen)


def _asked(database: Database, run_id: str) -> tuple[Identity, int]:
    with connect(database, run_id) as session:
        return identify(session), size_of(session)


def _told(database: Database, found: Identity, size: int) -> str:
    role = f"{found.user}, a superuser" if found.superuser else found.user
    return f"{database.label} is PostgreSQL {found.version}, {disk.shown(size)}; we are {role}."


def _lock(promotion: Promotion, run_id: str) -> Iterator[Line]:
    place = promotion.place(run_id)
    with place.session() as session:
        pooler.check_none(session, place.meeting, run_id)
    yield Line("pooler", State.OK, "None between us and prod that shares server processes.")
    holder = lock.holder(place)
    yield Line("lock", State.WARN if holder else State.OK, f"Held by {holder}." if holder else "Free.")


def _checks(promotion: Promotion, run_id: str) -> Iterator[Line]:
    """Make the checks of a promotion of its own archive; without one, those that need none."""
    there = promotion.store.state(promotion.own_archive()) is not None
    if not there:
        yield Line(ARCHIVE, State.WARN, "There is none yet: not every check can look.", "pgpromote dump")
    report = look(promotion, DEFAULTS, run_id, dumped=there)
    passed = len(set(report.checks) - {each.rule for each in report.findings} - set(report.skipped))
    blind = f"; {len(report.skipped)} cannot look" if report.skipped else ""
    yield Line("checks", State.OK, f"{passed} of {len(report.checks)} pass{blind}.")
    for each in report.findings:
        yield Line(each.rule.replace("_", " "), STATES[each.severity], each.message, each.hint)


def _last(promotion: Promotion, run_id: str) -> Iterator[Line]:
    for state in died.find(promotion, run_id):
        yield Line("last runs", State.WARN, died.told(state), "pgpromote history")
    if failed := last.failures(promotion):
        to_do = f"Read its report in {promotion.report_dir}."
        yield Line("failed runs", State.WARN, _failed(failed), to_do)
    found = last.promotion(promotion, run_id)
    seen = f"The last promotion was {found.told}." if found.at else f"No promotion: {found.told}."
    yield Line("last promotion", State.OK, seen)


def _failed(failed: Sequence[RunState]) -> str:
    newest = failed[0]
    why = " ".join(line.strip() for line in newest.failure.splitlines()[:2])
    at = f"{newest.began_at:%Y-%m-%d %H:%M:%S} UTC"
    count = f"{len(failed)} run(s) failed since one made prod new"
    return f"{count}; the newest, of {at}, in the step {newest.current}: {why}"


def _alerts(promotion: Promotion, _run_id: str) -> Iterator[Line]:
    """Check the addresses of the webhook and the monitor, without a request."""
    if promotion.webhook_url():
        yield Line("alerts", State.OK, f"A failure is posted to {WEBHOOK}. Try it: pgpromote alert --test")
    if web_url(promotion.environment.get(PING, ""), PING):
        yield Line("monitor", State.OK, f"Starts and ends of promotions are told to {PING}.")


def _home(promotion: Promotion, _run_id: str) -> Iterator[Line]:
    """Look whether the directory of Dagster's instance can be one, where it is set."""
    if promotion.environment.get(storage.HOME):
        found = storage.home(promotion.environment, Path.cwd())
        yield Line("dagster home", State.OK, f"{storage.FILE} is in {found}.")


def _dagster(promotion: Promotion, run_id: str) -> Iterator[Line]:
    if url := promotion.environment.get(STORAGE):
        database = parse_url(url, STORAGE)
        found = storage.look(database, run_id)
        storage.check_apart(promotion, run_id)
        seen = f"Dagster keeps its runs in {database.label}; {found.role} may create its tables there."
        yield Line("dagster", State.OK, seen)


def _settings(promotion: Promotion, _run_id: str) -> Iterator[Line]:
    """Read the settings that nothing above has needed."""
    promotion.check_settings()
    yield Line("settings", State.OK, "Each setting has a meaning.")
