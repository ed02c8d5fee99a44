"""The state of a run: one value that every step replaces, kept on disk by the id of the run.

The report, the summary, an alert and the metadata in Dagster are views of it. A run that was killed leaves
the state of the step in which it died.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from pgpromote.postgres.databases.cutover import CutOver
from pgpromote.postgres.errors import ProdState
from pgpromote.postgres.keys.repair import Repair
from pgpromote.postgres.loading.restore import Restored
from pgpromote.postgres.losses.counts import Tally
from pgpromote.postgres.losses.plan import RULE, Loss, Plan
from pgpromote.postgres.model import Finding, Manifest, Ref, Severity, Statement
from pgpromote.postgres.naming import command
from pgpromote.postgres.prove import Proof
from pgpromote.postgres.reset import Reset
from pgpromote.postgres.strategy import Strategy


@dataclass(frozen=True)
class Walked:
    """A step that was walked: its names, its start by this machine's clock, and its duration."""

    name: str
    title: str
    phase: str
    started_at: datetime
    seconds: float
    within: str = ""


@dataclass(frozen=True)
class Note:
    """A line about a step. A person at a terminal sees the warnings only."""

    severity: Severity
    text: str


@dataclass(frozen=True)
class Checked:
    """The findings of the checks; `skipped` names those that could not look, with the reason.

    `answers`: prod could be asked.
    """

    checks: tuple[str, ...]
    findings: tuple[Finding, ...]
    skipped: dict[str, str]
    answers: bool = True

    def of(self, check: str) -> tuple[Finding, ...]:
        """Return the findings of a check."""
        return tuple(finding for finding in self.findings if finding.rule == check)


@dataclass(frozen=True)
class Prepared:
    """The place for the new content.

    `orphans` are shadows that dead promotions had left, now dropped; `shadow` is the new database, "" in
    place; `safety` is prod's own archive, None beside prod; `extensions` are the statements that were run.
    `warnings` say why a rollback could not bring the safety archive back.
    """

    orphans: tuple[str, ...]
    shadow: str
    safety: Ref | None
    extensions: tuple[Statement, ...]
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Carried:
    """The statements that gave the new database prod's owners and grants, or dev's."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Kept:
    """Previous databases and safety archives that were dropped because they are beyond those to be kept."""

    dropped: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class State:
    """One run. A field that is None or empty was not reached, or belongs to another strategy.

    `current` is the step that was begun last, "" before the first, `current_since` when, and `prod` is the
    state of prod if the run ends there. `failure` is the error that ended the run, "" for none. `before`
    counts the rows of prod, `after` those of the restored database. Without `repairs` keys are only looked
    at. `proof` holds the findings of all steps that prove. `filters` are those of the restore, "" for none.
    `died` tells of runs before it that were killed; one that was killed has not `ended`.
    """

    promotion: str
    run_id: str
    began_at: datetime
    source: str
    target: str
    strategy: Strategy
    archive: Ref
    filters: str = ""
    repairs: bool = True
    current: str = ""
    current_since: datetime = field(default_factory=partial(datetime.now, UTC))
    prod: ProdState = ProdState.UNTOUCHED
    steps: tuple[Walked, ...] = ()
    died: tuple[str, ...] = ()
    sha256: str = ""
    manifest: Manifest | None = field(default=None, repr=False)
    checked: Checked | None = None
    plan: Plan | None = None
    prepared: Prepared | None = None
    reset: Reset | None = None
    restored: Restored | None = None
    repair: Repair | None = None
    proof: Proof | None = None
    carried: Carried | None = None
    proven: bool = False
    cut_over: CutOver | None = None
    kept: Kept | None = None
    before: Tally | None = None
    after: Tally | None = None
    failure: str = ""
    ended: bool = False

    def of(self, rule: str) -> tuple[Finding, ...] | None:
        """Return the findings of a check, of the plan or of the proof; None before they are known."""
        if self.checked and rule in self.checked.checks:
            return None if rule in self.checked.skipped else self.checked.of(rule)
        if rule == RULE:
            return self.plan.losses if self.plan else None
        return self.proof.of(rule) if self.proof and self.proven else None

    @property
    def checks(self) -> tuple[Finding, ...]:
        """The findings of the checks and of the plan."""
        found = self.checked.findings if self.checked else ()
        return (*found, *(self.prepared.warnings if self.prepared else ()))

    @property
    def safety(self) -> Ref | None:
        """The safety archive of prod that this run has taken."""
        return self.prepared.safety if self.prepared else None

    @property
    def dropped(self) -> tuple[str, ...]:
        """The previous databases and safety archives that retention has dropped."""
        return self.kept.dropped if self.kept else ()

    @property
    def rights(self) -> tuple[Statement, ...]:
        """The statements that gave the new database its owners and grants."""
        return self.carried.statements if self.carried else ()

    @property
    def walked(self) -> tuple[Walked, ...]:
        """The steps that were walked, without those within another, whose time they share."""
        return tuple(step for step in self.steps if not step.within)

    @property
    def renewed(self) -> bool:
        """Whether prod is the new one."""
        return self.prod is ProdState.RENEWED

    @property
    def lost(self) -> tuple[Finding, ...]:
        """The losses of prod; once prod is the new one, in the past, and each with its place now."""
        return tuple(self._lost())

    @property
    def gone(self) -> tuple[Finding, ...]:
        """The objects that only prod had, with all that they held."""
        where, way = self._way_back() if self.renewed else ("", "")
        losses = self.plan.losses if self.plan else ()
        return tuple(each.seen(where, way) for each in losses if isinstance(each, Loss) and each.whole)

    @property
    def succeeded(self) -> bool:
        """Whether the run reached its end."""
        return not self.failure and self.proof is not None

    def _lost(self) -> Iterator[Finding]:
        where, way = self._way_back() if self.renewed else ("", "")
        for each in self.plan.losses if self.plan else ():
            yield each.seen(where, way) if isinstance(each, Loss) else each

    def _way_back(self) -> tuple[str, str]:
        """Return the place of the previous content, and the way to it."""
        if self.cut_over and self.cut_over.previous not in self.dropped:
            previous = self.cut_over.previous
            return f"Now in {previous}", f"Copy it from the database {previous}; {_all_of_it()}"
        if self.safety:
            name = self.safety.name
            return f"Now in the safety archive {name}", f"pg_restore copies it out of {name}; {_all_of_it()}"
        return "Gone", ""


def _all_of_it() -> str:
    return f"{command('rollback')} brings all of it back."
