"""Read-only audits of a database: one rule per file under sql/audits. A new file is a new rule.

A file begins with the facts about the rule: lines `-- severity:`, `-- follows dev:` (whether the archive
carries the objects that the rule examines, so that dev can be compared), `-- ignored:` (what happens if
nobody mends it) and `-- fix:`, an empty comment line, and one paragraph with the reason. Its query returns
one row per finding: `object`, `message`, and a column for each part of the fix's template (NULL: there is no
fix to give); perhaps `table`, which the object belongs to, `severity`, where a row differs from its rule, and
`judged`, false where the role may not read enough to tell.

Rules read catalogs only: never a user's view, which could run its author's functions as us.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache, partial
from itertools import compress, takewhile
from operator import not_
from typing import Any

from psycopg.errors import InsufficientPrivilege, OutOfMemory
from psycopg.rows import dict_row

from pgpromote.postgres import details, sql
from pgpromote.postgres.errors import ConfigError, ConnectionFailed, SessionFailed
from pgpromote.postgres.keys.sequences import (
    next_free,
    read_keys,
    read_positions,
    read_sequences,
    read_unfollowed,
)
from pgpromote.postgres.keys.shared_keys import REASON, spare
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.naming import command, setting
from pgpromote.postgres.server import Database, Session, beside, connect
from pgpromote.postgres.traces import traces_of

RULES = tuple(sql.names("audits"))
KEYS = "primary_key_without_identity"
NOT_NULL = "not_null_without_default"
TRACES = "points_at_dev"
# It alone reads tables, which takes as long as all others together: it runs beside them.
BEHIND = "sequence_behind"
NEAR_END = "sequence_near_end"
# Parallel workers begin with empty caches: of catalogs, they read more slowly than one process alone.
CAREFUL_SESSION = (
    "SET default_transaction_read_only = on; SET statement_timeout = '60s'; "
    "SET max_parallel_workers_per_gather = 0"
)
WORSE = {Severity.INFO: Severity.WARNING, Severity.WARNING: Severity.ERROR, Severity.ERROR: Severity.ERROR}


@dataclass(frozen=True)
class Rule:
    """The description of a rule.

    `ignored` says what happens if nobody mends what it finds; `fix` is a template of SQL, "" for none.
    """

    name: str
    severity: Severity
    follows_dev: bool
    ignored: str
    fix: str
    why: str


@dataclass(frozen=True)
class Suppression:
    """Findings that someone has accepted: those of a rule whose object matches the pattern."""

    rule: str
    pattern: str

    def __str__(self) -> str:
        return f"{self.rule}:{self.pattern}"

    def covers(self, finding: Finding) -> bool:
        """Return whether the finding is accepted."""
        return finding.rule == self.rule and fnmatchcase(finding.object, self.pattern)


@dataclass(frozen=True)
class Audit:
    """The findings of the rules, the suppressed ones, and a note for each rule that had nothing to go on."""

    rules: tuple[str, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()

    def of(self, rule: str) -> list[Finding]:
        """Return the findings of one rule."""
        return [finding for finding in self.findings if finding.rule == rule]

    def joined(self, other: "Audit") -> "Audit":
        """Return both audits of a database as one; a finding of both is in it once."""
        both = ((*getattr(self, each.name), *getattr(other, each.name)) for each in fields(Audit))
        return Audit(*(tuple(dict.fromkeys(found)) for found in both))

    def only(self, rules: Collection[str]) -> "Audit":
        """Return the part of the audit that some of its rules are."""
        found = (
            [each for each in part if each.rule in rules]
            for part in (self.findings, self.suppressed, self.notes)
        )
        return Audit(tuple(rule for rule in self.rules if rule in rules), *map(tuple, found))

    def by_rule(self) -> dict[str, list[Finding]]:
        """Return the findings of every rule, also of those that found nothing."""
        names = dict.fromkeys((*self.rules, *(finding.rule for finding in self.findings)))
        return {name: self.of(name) for name in names}

    def by_table(self) -> dict[str, dict[str, list[Finding]]]:
        """Return information about tables, by table in the order of names and by rule."""
        found: dict[str, dict[str, list[Finding]]] = {}
        for finding in sorted(filter(_belongs, self.findings), key=lambda each: each.table):
            found.setdefault(finding.table, {}).setdefault(finding.rule, []).append(finding)
        return found

    @property
    def apart(self) -> tuple[Finding, ...]:
        """The findings that are not in `by_table`: each has to be read by itself."""
        return tuple(finding for finding in self.findings if not _belongs(finding))


def _belongs(finding: Finding) -> bool:
    return bool(finding.table) and finding.judged and finding.severity is Severity.INFO


@cache
def rule(name: str) -> Rule:
    """Read the description of a rule from its file. Raises ConfigError for a rule that does not exist."""
    lines = sql.read(f"audits/{_known(name)}").splitlines()
    comment = iter([line.removeprefix("--").strip() for line in takewhile(_is_comment, lines)])
    known = dict(line.split(": ", 1) for line in takewhile(bool, comment))
    why = " ".join(takewhile(bool, comment)).format(repair=command("repair"))
    return Rule(
        name=name,
        severity=Severity(known["severity"]),
        follows_dev=known["follows dev"] == "yes",
        ignored=known["ignored"],
        fix=known.get("fix", ""),
        why=why,
    )


def describe(name: str) -> str:
    """Return the purpose of a rule, the reason for it, and what happens if it is ignored, one paragraph."""
    return f"{rule(name).why} {if_ignored(name)}"


def listed(findings: Sequence[Finding]) -> str:
    """Return the findings of a rule in one table, on a line: several parts by name, one with its message."""
    if len(findings) == 1:
        (only,) = findings
        return f"{only.part}: {only.message}" if only.part else only.message
    return ", ".join(finding.part for finding in findings)


def if_ignored(name: str) -> str:
    """Return the consequence of ignoring a rule as a sentence, "" for one without a file."""
    return f"If ignored: {rule(name).ignored}" if name in RULES else ""


def audit(
    database: Database,
    run_id: str,
    *,
    dev: Database | None = None,
    ignored: Sequence[Suppression] = (),
    rules: Sequence[str] = RULES,
) -> Audit:
    """Examine a database, compare it with dev where there is one, and set the suppressed findings apart.

    When dev cannot be read, that is a finding. Raises as `examine`.
    """
    found = examine(database, run_id, rules, dev=dev)
    if dev is not None:
        there = {finding.rule for finding in found}
        followed = [name for name in rules if name in there and rule(name).follows_dev]
        try:
            found = compare(examine(dev, run_id, followed), found)
        except (ConnectionFailed, SessionFailed) as error:
            message = f"Not compared with dev: {error.message}"
            found.append(Finding("comparison", Severity.WARNING, dev.label, message, judged=False))
    # Without a dev that can be told from this database, nothing can be looked for: that is nobody's fault.
    known = dev is not None and traces_of(dev, database) is not None
    notes = [] if known else [finding for finding in found if finding.rule == TRACES]
    noted = {finding.rule for finding in notes}
    done = suppress(
        [finding for finding in found if finding.rule not in noted],
        ignored,
        [name for name in rules if name not in noted],
    )
    return replace(done, notes=tuple(notes))


def examine(
    database: Database, run_id: str, rules: Sequence[str] = RULES, *, dev: Database | None = None
) -> list[Finding]:
    """Run rules in one or two sessions and return their findings, rule by rule, ordered by object.

    `dev` is only named, for the rule that looks for traces of it. Raises ConfigError for a rule that does
    not exist, SessionFailed when one takes longer than a minute.
    """
    pattern = traces_of(dev, database) if dev else None
    chosen = [rule(name) for name in rules]
    catalogs = [each for each in chosen if each.name != BEHIND]
    with reading(database, run_id) as session:
        if len(catalogs) in (0, len(chosen)):
            return _judge_all(session, chosen, pattern)
        work = partial(_judge_all, rules=[rule(BEHIND)], pattern=pattern)
        with reading(database, run_id) as second, beside(second, work) as judged:
            found = _judge_all(session, catalogs, pattern) + judged.result()
    return sorted(found, key=lambda finding: rules.index(finding.rule))


def compare(dev: Sequence[Finding], prod: Sequence[Finding]) -> list[Finding]:
    """Return prod's findings, each one step worse where dev has it right: prod has lost it on the way.

    `dev` holds dev's findings by all rules that follow dev and found something on prod. A rule that could
    not judge all of dev makes nothing worse.
    """
    same = {(finding.rule, finding.object) for finding in dev}
    unsure = {finding.rule for finding in dev if not finding.judged}

    def lost(finding: Finding) -> bool:
        return (
            finding.judged
            and rule(finding.rule).follows_dev
            and finding.rule not in unsure
            and (finding.rule, finding.object) not in same
        )

    return [
        replace(f, severity=WORSE[f.severity], message=f"{f.message} Not so on dev.") if lost(f) else f
        for f in prod
    ]


def suppress(found: Sequence[Finding], ignored: Sequence[Suppression], rules: Sequence[str]) -> Audit:
    """Set the suppressed findings apart. One that finds nothing though its rule ran is a finding."""
    unused = [
        Finding("unused_suppression", Severity.INFO, str(each), "It suppresses nothing; remove it.")
        for each in ignored
        if each.rule in rules and not any(each.covers(finding) for finding in found)
    ]
    accepted = [any(each.covers(finding) for each in ignored) for finding in found]
    kept = compress(found, map(not_, accepted))
    return Audit(tuple(rules), (*kept, *unused), tuple(compress(found, accepted)))


def parse_suppressions(text: str) -> tuple[Suppression, ...]:
    """Read suppressions: `rule:pattern`, separated by commas; `*` and `?` stand for any characters.

    A comma within an object's name is written as `?`. Raises ConfigError for a part without a pattern, and
    for a rule that does not exist.
    """
    parts = [part.strip().partition(":") for part in text.split(",") if part.strip()]
    for name, _, pattern in parts:
        if not pattern:
            raise ConfigError(
                f"{setting('audit_ignore')}: the suppression {name!r} has no pattern.",
                "Write rule:pattern, for example table_unlogged:public.cache*; several by commas.",
            )
    where = f"{setting('audit_ignore')}: "
    return tuple(Suppression(_known(name, where), pattern) for name, _, pattern in parts)


@contextmanager
def reading(database: Database, run_id: str) -> Iterator[Session]:
    """Open a session that cannot write and whose statements end within a minute.

    Each is a transaction of its own: the locks of all would not fit into the lock table of a big database.
    Raises as `connect`.
    """
    with connect(database, run_id, autocommit=True) as session:
        session.execute(CAREFUL_SESSION)
        yield session


def _judge_all(session: Session, rules: Sequence[Rule], pattern: str | None) -> list[Finding]:
    return [finding for each in rules for finding in _judge(session, each, pattern)]


def _judge(session: Session, rule: Rule, pattern: str | None) -> list[Finding]:
    """Run one rule. A catalog that the role may not read, or the server has no room for, is a finding."""
    try:
        with session.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(sql.read(f"audits/{rule.name}"), _given(session, rule.name, pattern))
            return [_finding(rule, **row) for row in found]
    except (InsufficientPrivilege, OutOfMemory) as error:
        database, reason = session.info.dbname, details.of_error(error).shown
        return [Finding(rule.name, Severity.WARNING, database, f"Not judged. {reason}.", judged=False)]


def _given(session: Session, rule: str, pattern: str | None) -> Mapping[str, object] | None:
    """Return the parameters of a rule's query, read before it; None: it takes none."""
    if rule == TRACES:
        return {"dev": pattern, "subscriptions": _subscriptions(session, pattern)}
    reads = {BEHIND: _standing, NEAR_END: _last_values, KEYS: _shared}
    return reads[rule](session) if rule in reads else None


def _finding(
    rule: Rule, *, message: str, judged: bool = True, severity: str | None = None, **parts: Any
) -> Finding:
    where, table = parts.pop("object"), parts.get("table") or ""
    if not judged:
        return Finding(rule.name, Severity.INFO, where, f"Not judged. {message}", judged=False, table=table)
    fix = "" if None in parts.values() else rule.fix.format(**parts)
    return Finding(rule.name, Severity(severity or rule.severity), where, message, fix=fix, table=table)


def _subscriptions(session: Session, pattern: str | None) -> list[str] | None:
    """Return the subscriptions that lead to dev, None if we may not read that."""
    try:
        found = session.execute(sql.read("catalog/subscriptions_to"), {"dev": pattern}).fetchall()
    except InsufficientPrivilege:
        return None
    return [str(name) for (name,) in found]


def _standing(session: Session) -> dict[str, object]:
    """Return the positions of sequences that are behind or cannot be judged, as the query takes them."""
    feeds = read_sequences(session)
    standing = [
        (feed, position, position and next_free(feed, position))
        for feed, position in zip(feeds, read_positions(session, feeds), strict=True)
    ]
    found = [each for each in standing if not each[1] or each[1].upcoming != each[2]]
    unknown = read_unfollowed(session)
    nothing = [None] * len(unknown)
    return {
        "columns": [f"{each.name}.{each.column}" for each, _, _ in found]
        + [f"{each.table}.{each.column}" for each in unknown],
        "sequences": [feed.sequence for feed, _, _ in found] + nothing,
        "reasons": [feed.reason for feed, _, _ in found] + [each.reason for each in unknown],
        "upcoming": [position and position.upcoming for _, position, _ in found] + nothing,
        "free": [free for _, _, free in found] + nothing,
    }


def _last_values(session: Session) -> dict[str, object]:
    """Return the last value of each sequence that we may read, as the rule's query takes it."""
    query = sql.read("catalog/sequence_values")
    found: list[tuple[object, ...]] = []
    while more := session.execute(query, {"after": found[-1][0] if found else 0}).fetchall():
        found += more
    return {"sequences": [sequence for sequence, _ in found], "values": [value for _, value in found]}


def _shared(session: Session) -> dict[str, object]:
    """Return the tables whose key is another table's, as the rule's query takes them."""
    found = [feed for feed in spare(session, read_keys(session)) if feed.reason == REASON]
    return {"tables": [feed.table for feed in found], "others": [feed.other for feed in found]}


def _is_comment(line: str) -> bool:
    return line.startswith("--")


def _known(name: str, where: str = "") -> str:
    if name not in RULES:
        raise ConfigError(f"{where}There is no audit rule {name!r}.", f"Choose from: {', '.join(RULES)}.")
    return name
