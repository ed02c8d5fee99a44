"""The content of a report as plain values. Its JSON form is promised in `schema.json`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pgpromote.postgres import audit, prove
from pgpromote.postgres.audit import Audit
from pgpromote.postgres.checks import rules as checks
from pgpromote.postgres.losses.counts import Tally
from pgpromote.postgres.model import Finding, Manifest, Severity, Statement
from pgpromote.run import outcome
from pgpromote.run.state import State

SCHEMA: Literal[1] = 1
RIGHTS = "rights_kept"
# What the repair reports without changing it.
REPAIR = {
    "shared_sequence": "A sequence should fill one column only.",
    "cycling_sequence": "A sequence should stop at its end.",
    "nearly_used_up": "A key should have room to grow.",
    "partition_inserts": "An identity should reach every partition.",
}


class Verdict(StrEnum):
    """The outcome of a run. PARTIAL: only some steps were requested, and they succeeded.

    A failure after prod became the new database, in the audits for example, leaves it PROMOTED.
    """

    PROMOTED = "promoted"
    REHEARSED = "rehearsed"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True)
class Step:
    """One step of the run: its own name, the one for people, its start, its duration."""

    name: str
    title: str
    started_at: datetime
    seconds: float


@dataclass(frozen=True)
class Count:
    """The number of objects of one kind in prod, before and after."""

    kind: str
    before: int
    after: int | None


@dataclass(frozen=True)
class Rows:
    """The rows of one table in prod before, in the archive, and in prod after; None for not known.

    Before, 0 also stands for a table that was not there.
    """

    table: str
    before: int | None
    archive: int | None
    after: int | None

    @property
    def changed(self) -> bool:
        """Whether prod now holds another number of rows than before, as far as that is known."""
        return self.after is not None and self.before != self.after

    @property
    def differs(self) -> bool:
        """Whether the archive holds another number of rows than prod did before."""
        return self.archive != self.before


@dataclass(frozen=True)
class Rule:
    """The findings of one rule, the worst first, and why the rule exists."""

    rule: str
    explanation: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Change:
    """One repaired key: the value that an insert would have got (None: none), and the one it gets now."""

    table: str
    column: str
    action: str
    before: int | None
    after: int
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class LeftAlone:
    """A key that the repair did not touch, with the reason."""

    table: str
    column: str
    reason: str
    message: str


@dataclass(frozen=True)
class Repaired:
    """The repairs, only planned when not `made`, and the keys that were left alone."""

    made: bool
    changes: tuple[Change, ...]
    skipped: tuple[LeftAlone, ...]


@dataclass(frozen=True)
class Proven:
    """The method of the proof, its extent, and its conclusion.

    `doubt` is why rows are not, or not all, proven; "" when they are. `sentence` says all of it in words.
    """

    mode: str
    tables: int
    rows: int
    sentence: str
    doubt: str


@dataclass(frozen=True)
class Swapped:
    """The cut-over: how long new connections had to wait, and the database that is kept."""

    gap_ms: float
    previous: str
    tested: bool


@dataclass(frozen=True)
class Rights:
    """The statements that gave the new database prod's owners and grants, and the differences that remain."""

    statements: tuple[Statement, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """The content of a report. A part that the run did not reach is None or empty.

    `failure` is why the run failed, "" when it did not, and `prod` the state of prod in that case.
    `suppressed` are findings that somebody has accepted, `notes` the rules that the audits could not check.
    `losses` is None when prod was not looked at.
    """

    schema: Literal[1]
    promotion: str
    run_id: str
    written_at: datetime
    verdict: Verdict
    failure: str
    prod: str
    source: str
    target: str
    strategy: str
    filters: str
    archive: str
    sha256: str
    steps: tuple[Step, ...]
    cut_over: Swapped | None
    safety: str
    dropped: tuple[str, ...]
    objects: tuple[Count, ...]
    rows: tuple[Rows, ...]
    proof: Proven | None
    rules: tuple[Rule, ...]
    suppressed: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    losses: tuple[Finding, ...] | None
    repair: Repaired | None
    rights: Rights
    manifest: Manifest | None

    @property
    def counted(self) -> bool:
        """Whether prod was counted after the run: one that a failed run left alone was not."""
        return any(each.after is not None for each in self.rows)

    @property
    def doubtful(self) -> bool:
        """Whether the run succeeded, but rows of the database it built are not proven."""
        return self.verdict is not Verdict.FAILED and bool(self.proof and self.proof.doubt)

    @property
    def seconds(self) -> float:
        """The duration of all steps together, in seconds."""
        return sum(step.seconds for step in self.steps)

    def count(self, severity: Severity) -> int:
        """Count the findings of one severity, wherever the report shows them."""
        shown = (*(f for rule in self.rules for f in rule.findings), *self.rights.findings)
        return sum(found.severity is severity for found in (*shown, *(self.losses or ())))


def build(state: State, audited: Audit, now: datetime, problem: str = "") -> Report:
    """Return the report of a run and of the audits after it; `now` is the time of writing.

    `problem` is a failure outside the steps of the run: of the dump before them, of an audit after them.
    """
    proof, swapped = state.proof, state.cut_over
    proven = proof.findings if proof else ()
    after = _after(state, problem)
    others = (*state.checks, *proven, *(state.repair.findings if state.repair else ()))
    return Report(
        schema=SCHEMA,
        promotion=state.promotion,
        run_id=state.run_id,
        written_at=now,
        verdict=_verdict(state, problem),
        failure=_failure(state) or problem,
        prod=_prod(state, problem),
        source=state.source,
        target=state.target,
        strategy=state.strategy.name,
        filters=state.filters,
        archive=str(state.archive),
        sha256=state.sha256,
        steps=tuple(Step(each.name, each.title, each.started_at, each.seconds) for each in state.walked),
        cut_over=Swapped(swapped.downtime_ms, swapped.previous, swapped.tested) if swapped else None,
        safety=str(state.safety or ""),
        dropped=state.dropped,
        objects=tuple(_objects(state, after)),
        rows=tuple(_rows(state, after)),
        proof=(Proven(proof.mode, proof.tables, proof.rows, proof.sentence, proof.doubt) if proof else None),
        rules=tuple(_rules([*(each for each in others if each.rule != RIGHTS), *audited.findings])),
        suppressed=audited.suppressed,
        notes=audited.notes,
        losses=state.lost if state.plan else None,
        repair=_repaired(state),
        rights=Rights(state.rights, tuple(f for f in proven if f.rule == RIGHTS)),
        manifest=state.manifest,
    )


def _errors(state: State) -> list[Finding]:
    found = (*state.checks, *(state.proof.findings if state.proof else ()))
    return [finding for finding in found if finding.severity is Severity.ERROR]


def _failure(state: State) -> str:
    return state.failure or "\n".join(finding.message for finding in _errors(state))


def _verdict(state: State, problem: str) -> Verdict:
    if state.renewed:
        return Verdict.PROMOTED
    if _failure(state) or problem:
        return Verdict.FAILED
    return Verdict.PARTIAL if state.proof is None else Verdict.REHEARSED


def _prod(state: State, problem: str) -> str:
    return str(outcome.of(state)) if _failure(state) or problem else ""


def _after(state: State, problem: str) -> Tally | None:
    """Return the counts of prod after the run; those of a shadow that was not swapped in are not prod's."""
    beside = state.strategy.beside and not state.cut_over
    return None if beside and (_failure(state) or problem) else state.after


def _objects(state: State, after: Tally | None) -> Iterator[Count]:
    found = state.before.objects if state.before else {}
    for kind in sorted({*found, *(after.objects if after else {})}):
        yield Count(kind, found.get(kind, 0), after.objects.get(kind, 0) if after else None)


def _rows(state: State, after: Tally | None) -> Iterator[Rows]:
    """Yield the rows of each table in prod and in the archive, tables with changed numbers first."""
    before = state.before
    archive = state.manifest.contents if state.manifest else {}
    found = [
        Rows(
            table,
            before.rows.get(table, 0) if before else None,
            archive[table].rows if table in archive else None,
            after.rows.get(table, 0) if after else None,
        )
        for table in sorted({*(before.rows if before else {}), *archive})
    ]
    yield from sorted(found, key=lambda each: not each.changed)


def _rules(found: Sequence[Finding]) -> Iterator[Rule]:
    ranks = list(Severity)
    ranked = sorted(found, key=lambda each: ranks.index(each.severity))
    for rule in dict.fromkeys(each.rule for each in ranked):
        yield Rule(rule, _explanation(rule), tuple(each for each in ranked if each.rule == rule))


def _explanation(rule: str) -> str:
    if rule in checks.RULES:
        return checks.describe(rule)
    if rule in audit.RULES:
        return audit.describe(rule)
    return {**prove.RULES, **REPAIR}.get(rule, "")


def _repaired(state: State) -> Repaired | None:
    if state.repair is None:
        return None
    changes = tuple(
        Change(each.table, each.column, each.action, each.before, each.after, each.statements)
        for each in state.repair.changes
    )
    skipped = tuple(
        LeftAlone(each.table, each.column, each.reason, each.message) for each in state.repair.skipped
    )
    return Repaired(state.repairs, changes, skipped)
