"""The table of steps of a run, in their order. A new step is one row here, and one function.

The command line, the ops of Dagster, the picture of progress, the report, the alerts and the state of prod in
an error read this table.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from pgpromote.postgres import prove as proofs
from pgpromote.postgres.checks import rules as checks
from pgpromote.postgres.errors import ProdState
from pgpromote.postgres.losses import plan
from pgpromote.postgres.strategy import Strategy
from pgpromote.run.check import check
from pgpromote.run.dump import dump
from pgpromote.run.notes import of_check, of_prepare, of_reset, of_restore, of_swap
from pgpromote.run.outcome import broken
from pgpromote.run.prepare import prepare, reset_schema
from pgpromote.run.prove import analyze, carry, compare, fill, prove, repair
from pgpromote.run.restore import restore
from pgpromote.run.run import Run, needed
from pgpromote.run.state import Note, State
from pgpromote.run.swap import confirm, retain, swap


@dataclass(frozen=True)
class Step:
    """One step of a run.

    `do` walks it and returns the state; its results are in the fields `keeps`. `op` is its op in Dagster; a
    step without one is walked `within` another. `title` is its name for people, `phase` its name beside the
    bar of progress. `runs` returns whether a strategy has it, `renews` whether prod is the new one after it.
    `fails` is the state of prod if it fails: None stands for the one in which the strategy leaves a database
    that is half restored. `rules` are the checks of Dagster whose results are known after it, `notes` the
    lines for its log.
    """

    name: str
    do: Callable[[Run], State]
    op: str
    title: str
    phase: str
    description: str
    keeps: tuple[str, ...] = ()
    fails: ProdState | None = None
    runs: Callable[[Strategy], bool] = lambda strategy: True
    renews: Callable[[Strategy], bool] = lambda strategy: False
    within: str = ""
    notes: Callable[[State], Iterable[Note]] = lambda state: ()
    rules: tuple[str, ...] = ()

    def walk(self, run: Run) -> None:
        """Walk the step; do nothing for a strategy that does not have it."""
        strategy = run.options.strategy
        if not self.runs(strategy):
            return
        if self.fails is not ProdState.UNTOUCHED:
            needed(run.clearance)
        with run.step(self, self.fails or broken(strategy), renews=self.renews(strategy)):
            run.within = lambda: self._walk_within(run)
            run.keep(self.do(run))

    def _walk_within(self, run: Run) -> None:
        """Walk the steps within this one; afterwards it is this one again that is under way."""
        for each in STEPS:
            if each.within == self.name:
                before = run.state
                each.walk(run)
                since, prod = before.current_since, before.prod
                run.keep(replace(run.state, current=self.name, current_since=since, prod=prod))


CHECK = Step(
    "check", check, op="check_extensions", title="Check", phase="check", keeps=("checked", "plan"),
    description="Check everything before prod is touched, and show what prod would lose.",
    fails=ProdState.UNTOUCHED,
    notes=of_check,
    rules=(*checks.RULES, plan.RULE),
)  # fmt: skip
PREPARE = Step(
    "prepare", prepare, op="prepare", title="Prepare", phase="prepare", keeps=("prepared",),
    description="Create an empty database beside prod; in place, dump prod for safety instead.",
    notes=of_prepare,
)  # fmt: skip
RESET = Step(
    "reset", reset_schema, op="reset_schema", title="Reset the schema", phase="reset", keeps=("reset",),
    description="Drop and recreate a schema of prod, only for the strategy reset-schema.",
    runs=lambda strategy: bool(strategy.reset),
    notes=of_reset,
)  # fmt: skip
RESTORE = Step(
    "restore", restore, op="parallel_restore", title="Restore", phase="restore", keeps=("restored",),
    description="Run pg_restore with parallel jobs; any error it reports fails the step.",
    notes=of_restore,
)  # fmt: skip
REPAIR = Step(
    "repair", repair, op="repair_primary_key_identities", title="Repair keys", phase="repair",
    keeps=("repair",),
    description="Give integer primary keys their identity and move sequences past the highest key.",
)  # fmt: skip
FILL = Step(
    "fill", fill, op="", within="compare", title="Fill views", phase="fill", keeps=("restored",),
    description="Fill materialized views, while rows are compared.",
)  # fmt: skip
COMPARE = Step(
    "compare", compare, op="compare", title="Compare", phase="compare",
    description="Compare every object and row with what was dumped, and fill materialized views meanwhile.",
)  # fmt: skip
CARRY = Step(
    "carry", carry, op="carry_rights", title="Carry rights", phase="rights", keeps=("carried",),
    description="Give the new database prod's owners and grants, or dev's, and compare every right.",
)  # fmt: skip
ANALYZE = Step(
    "analyze", analyze, op="analyze", title="Analyze", phase="analyze",
    description="Gather statistics, and compare the keys of indexes with what applications will look for.",
)  # fmt: skip
PROVE = Step(
    "prove", prove, op="prove", title="Prove", phase="prove", keeps=("proof",),
    description="Check that nothing differs from what was dumped, in objects, rows, rights and keys.",
    renews=lambda strategy: not strategy.beside,
    rules=tuple(proofs.RULES),
)  # fmt: skip
CONFIRM = Step(
    "confirm",
    confirm,
    op="",
    within="swap",
    title="Look again",
    phase="look",
    description="Compare prod's plan, rights and rows once more: prod may have changed since.",
)
CUT_OVER = Step(
    "swap", swap, op="cut_over", title="Cut-over", phase="cut over", keeps=("cut_over",),
    description="Swap the proven database in as prod, in one transaction; keep the old one.",
    fails=ProdState.WHOLE,
    runs=lambda strategy: strategy.beside,
    notes=of_swap,
    renews=lambda strategy: True,
)  # fmt: skip
RETAIN = Step(
    "retain", retain, op="retain", title="Clean up", phase="clean up", keeps=("kept",),
    description="Drop previous databases and safety archives beyond what is to be kept.",
    fails=ProdState.RENEWED,
)  # fmt: skip

STEPS = (
    CHECK,
    PREPARE,
    RESET,
    RESTORE,
    REPAIR,
    FILL,
    COMPARE,
    CARRY,
    ANALYZE,
    PROVE,
    CONFIRM,
    CUT_OVER,
    RETAIN,
)
# What a rehearsal walks: all that does not change prod.
REHEARSED = STEPS[: STEPS.index(CONFIRM)]
# What a promotion walks until prod is the new one.
PROMOTED = STEPS[: STEPS.index(RETAIN)]


DUMP = "dump"


def dumping(compression: str = "", encoding: str = "") -> Step:
    """Return the step before all others, of a run that makes its own archive."""
    return Step(
        DUMP,
        partial(dump, compression=compression, encoding=encoding),
        op="",
        title="Dump",
        phase="dump",
        description="Dump dev into an archive that is read back, hashed, and described by a manifest.",
        keeps=("manifest", "sha256"),
        fails=ProdState.UNTOUCHED,
    )


def walk(run: Run, steps: tuple[Step, ...] = PROMOTED) -> Iterator[Step]:
    """Walk steps in order, and yield each when it is done; steps within it are walked by it."""
    for each in steps:
        if not each.within and each.runs(run.options.strategy):
            each.walk(run)
            yield each


def named(name: str) -> Step:
    """Return the step of this name."""
    return next(each for each in STEPS if each.name == name)


def promote(run: Run, steps: tuple[Step, ...] = PROMOTED) -> State:
    """Walk steps to their end. Raises PgpromoteError of any of them."""
    for _ in walk(run, steps):
        pass
    return run.state
