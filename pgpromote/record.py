"""What a run was: what a person or a program wants to know of it the morning after."""

from dataclasses import dataclass, replace
from datetime import datetime

from pgpromote.options import Strategy
from pgpromote.postgres.cutover import CutOver
from pgpromote.postgres.model import Finding, Manifest, Ref, Severity, Statement
from pgpromote.postgres.plan import Plan
from pgpromote.postgres.prove import Proof
from pgpromote.postgres.repair import Repair
from pgpromote.postgres.restore import Restored
from pgpromote.postgres.tally import Tally

# What a person calls the steps of a run.
TITLES = {
    "examine": "Check",
    "create_shadow": "Prepare",
    "reset": "Reset the schema",
    "restore": "Restore",
    "repair": "Repair keys",
    "prove": "Prove",
    "swap": "Cut-over",
}


@dataclass(frozen=True)
class Phase:
    """One step of a run: when it began, by this machine's clock, and how long it took."""

    name: str
    started_at: datetime
    seconds: float

    @property
    def title(self) -> str:
        """What a person calls the step."""
        return TITLES[self.name]


@dataclass(frozen=True)
class Prepared:
    """What stands before the restore begins.

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
class Kept:
    """What a rollback can bring back, and what was dropped because it is beyond what is to be kept."""

    dropped: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Record:
    """One run. What is None or empty was not reached, or belongs to another strategy.

    `checks` are the findings before anything began, `failure` is the error that ended the run, "" for none.
    `safety` is prod's own archive, `dropped` what was beyond what is to be kept. `before` is what prod held,
    `after` what the restored database holds. `repaired` says that `repair` was made, not
    only planned; `rights` are the statements that gave the new database prod's owners and grants. `filters`
    says what was left out on purpose, "" for nothing.
    """

    promotion: str
    run_id: str
    source: str
    target: str
    strategy: Strategy
    archive: Ref
    sha256: str
    manifest: Manifest | None
    phases: tuple[Phase, ...]
    checks: tuple[Finding, ...]
    plan: Plan | None
    restored: Restored | None
    repair: Repair | None
    proof: Proof | None
    cut_over: CutOver | None
    safety: Ref | None
    dropped: tuple[str, ...]
    failure: str
    before: Tally | None = None
    after: Tally | None = None
    repaired: bool = True
    rights: tuple[Statement, ...] = ()
    filters: str = ""

    @property
    def lost(self) -> tuple[Finding, ...]:
        """What prod would lose; once prod is the new one, each says first where that is now."""
        found = self.plan.losses if self.plan else ()
        where = self._way_back
        return tuple(
            replace(each, message=f"{where}: {each.message}")
            if where and each.severity is not Severity.INFO
            else each
            for each in found
        )

    @property
    def _way_back(self) -> str:
        """Where that is what prod was before, "" as long as prod is that."""
        if self.cut_over:
            return f"Now in {self.cut_over.previous}"
        if self.strategy is Strategy.SWAP or not self.succeeded:
            return ""
        return f"Now in the safety archive {self.safety.name}" if self.safety else "Gone"

    @property
    def walked(self) -> tuple[Phase, ...]:
        """The steps that had something to do: a reset is always walked, and belongs to one strategy only."""
        resets = self.strategy is Strategy.RESET_SCHEMA
        return tuple(phase for phase in self.phases if phase.name != "reset" or resets)

    @property
    def succeeded(self) -> bool:
        """Whether the run reached its end."""
        return not self.failure and self.proof is not None
