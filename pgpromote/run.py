"""One run of a promotion: its steps, in the order in which they are walked.

    examine → create_shadow → reset → restore → repair → prove → cut_over

The command line and Dagster walk the same steps. Each keeps what later ones need. The lock, once taken, is
held until the run ends; a shadow database that was not swapped in is dropped then.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from pgpromote import building, retention, safeguard
from pgpromote.building import Build
from pgpromote.options import DEFAULTS, Options, bringing_back
from pgpromote.postgres import adopt as taking
from pgpromote.postgres import (
    catalog,
    cutover,
    handover,
    plan,
    preflight,
    prove,
    repair,
    reset,
    rights,
    tally,
)
from pgpromote.postgres import shadow as shadows
from pgpromote.postgres.cutover import CutOver
from pgpromote.postgres.errors import ConfigError, ConnectionFailed, NotProven, PgpromoteError, Refused
from pgpromote.postgres.lock import Lock, promotion_lock
from pgpromote.postgres.model import Aim, Clearance, Finding, Ref, Statement
from pgpromote.postgres.plan import Plan
from pgpromote.postgres.preflight import Report
from pgpromote.postgres.prove import Proof
from pgpromote.postgres.repair import Repair
from pgpromote.postgres.reset import Reset
from pgpromote.postgres.restore import Restored
from pgpromote.postgres.rights import Rights
from pgpromote.postgres.server import Database, connect
from pgpromote.postgres.shadow import Shadow
from pgpromote.postgres.tools import OnLine, Tools
from pgpromote.promotion import Promotion
from pgpromote.record import Kept, Phase, Prepared
from pgpromote.scratch import rewriter
from pgpromote.step import also, needed, step, untouched
from pgpromote.work import Work, planned_for


@dataclass
class Run:
    """One run. `options` say how; everything after the stack is what earlier steps left for later ones."""

    promotion: Promotion
    run_id: str
    options: Options
    stack: ExitStack = field(repr=False)
    held: Lock | None = field(default=None, repr=False)
    clearance: Clearance | None = None
    shadow: Shadow | None = None
    build: Build | None = None
    checked: Report | None = None
    planned: Plan | None = None
    prepared: Prepared | None = None
    work: Work | None = None
    restored: Restored | None = None
    repaired: Repair | None = None
    proof: Proof | None = None
    swapped: CutOver | None = None
    kept: Kept | None = None
    before: tally.Tally | None = None
    rights: Rights | None = None
    after: tally.Tally | None = None
    carried: list[Statement] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    failure: str = ""

    @property
    def target(self) -> Database:
        """Prod."""
        return self.promotion.target()

    @cached_property
    def tools(self) -> list[Tools]:
        """The client programs of this machine, looked for once in a run."""
        return self.promotion.tools()

    @property
    def agreed(self) -> str:
        """The database in which promotions meet: the lock is there, and the cut-over is made from there."""
        return self.promotion.lock_database

    @property
    def archive_path(self) -> Ref:
        """The archive that is restored."""
        return self.options.archive_path or self.promotion.archive_path

    @property
    def database(self) -> Database:
        """The database that is restored: the shadow, or prod itself when that was chosen."""
        if self.options.in_place:
            return replace(self.target, guarded=False)  # what code it holds has run as the promoter
        return self._shadow().at(self.target)

    @property
    def builder(self) -> Database:
        """The same database, by the login as which it is built, and dev's code runs."""
        return self.build.database if self.build else self.database

    @property
    def taken(self) -> Ref | None:
        """The safety archive of prod that this run has taken."""
        return self.prepared.safety if self.prepared else None

    def lock(self) -> None:
        """Take the promotion lock if this run does not hold it yet. Raises Busy."""
        if self.held is None:
            self.held = self.stack.enter_context(promotion_lock(self.target, self.run_id, self.agreed))

    def begin_step(self) -> None:
        """Check before each step that this run still holds the promotion lock. Raises LockLost."""
        if self.held:
            with untouched(self.options, self.taken):
                self.held.check()

    @step
    def examine(self) -> Report:
        """Run every check for the archive, holding the lock, and keep the clearance.

        A prod that cannot be reached fails its check by name; without the lock nothing else is allowed.
        Raises Refused when prod is not as the plan that is expected has shown it.
        """
        try:
            self.lock()
        except ConnectionFailed:
            self.checked = self.look()
            if self.checked.clearance:
                raise
            return self.checked
        if self.options.adopt:
            taking.take(self.archive_path, self.tools, self.promotion.name, store=self.promotion.store)
        self.checked = self.look()
        self.clearance = self.checked.clearance
        if self.clearance is None:
            self.failure = str(Refused(self.checked.findings))
        if self.clearance and self.clearance.archive:
            tables = self.clearance.archive.of_kind("TABLE")
            repair.check_exclusions(self.options.repair_exclude, ((t.schema, t.tag) for t in tables))
        if self.clearance:
            self._check_plan()
        return self.checked

    def look(self, options: Options | None = None) -> Report:
        """Run every check without the lock, and keep nothing; with other options, as another run would."""
        options = options or self.options
        return preflight.examine(
            self.promotion.store.local(options.archive_path or self.promotion.own_archive()),
            self.target,
            self.tools,
            safeguard.choice(self.promotion, options),
            source=self.promotion.optional_source(),
            build_login=self.promotion.build_login(),
            agreed=self.agreed,
            run_id=self.run_id,
        )

    def preview(self, aim: Aim) -> Plan:
        """Say what prod would lose."""
        schema = self.options.schema_to_reset
        self.planned = plan.preview(aim, aim.manifest, self.target, self.run_id, reset_schema=schema)
        return self.planned

    @step
    def create_shadow(self, on_line: OnLine = lambda line: None) -> Prepared:
        """Make the place for the new content: a database beside prod, or prod itself after a safety archive.

        What dead promotions have left is dropped first. The archive's extensions are created.
        """
        clearance = self._cleared()
        self.before = tally.read(self.target, self.run_id, self.planned.rows if self.planned else {})
        swept = shadows.drop_orphans(self.target, self.run_id, agreed=self.agreed)
        taken, warnings = None, swept.findings
        if not self.options.in_place:
            self.shadow = shadows.create(self.target, self.run_id, agreed=self.agreed)
            self.stack.push(self._drop_shadow)
            self.clearance = clearance.into(self.database.label, self.shadow.oid)
        else:
            self.rights = rights.read(self.target, self.run_id)
            taken = safeguard.take(self.promotion, self.options, self.tools, self.run_id, on_line)
            warnings += self._doubts(taken) if taken else ()
        with untouched(self.options):
            login = None if self.options.in_place else self.promotion.build_login()
            self.build = building.begin(
                self._cleared(), self.database, login, self.run_id, agreed=self.agreed
            )
        name, created = self.shadow.name if self.shadow else "", self.build.clearance.create_extensions
        self.prepared = Prepared(swept.dropped, name, taken, created, warnings)
        return self.prepared

    @step
    def reset(self) -> Reset | None:
        """Drop and recreate a schema of prod, for the strategy that wants it."""
        if not self.options.schema_to_reset:
            return None
        cleared = self._cleared()
        with connect(self.target, self.run_id) as session:
            brought = catalog.brought_by(cleared.archive)
            planned = reset.plan(session, self.options.schema_to_reset, brought)
            allowed = self.options.allow_data_loss_outside
            return reset.reset(session, planned, brought, allow_data_loss_outside=allowed)

    @step
    def restore(
        self, on_line: OnLine = lambda line: None, on_work: Callable[[Work], None] = lambda work: None
    ) -> Restored:
        """Restore the archive, all but what fills materialized views; tell `on_work` how far it is."""
        cleared, build = self._cleared(), self._building()
        with untouched(self.options, self.taken):
            self.work = planned_for(cleared)
            with self.work.followed(build.database, self.run_id, on_line, on_work) as line:
                self.restored = build.load(cleared, self.tools, self.options.jobs, line)
        return self.restored

    @step
    def repair(self) -> Repair:
        """Repair primary-key identities, or only plan it."""
        self.lock()
        with untouched(self.options, self.taken):
            really, exclude = self.options.repair, self.options.repair_exclude
            self.repaired = repair.repair(
                self.builder, self.run_id, exclude=exclude, really=really, alone=not self.options.in_place
            )
        return self.repaired

    @step
    def prove(self, on_statement: Callable[[Statement], None] = lambda statement: None) -> Proof:
        """Compare what was restored with what was dumped, then give it prod's owners and grants, or dev's.

        Materialized views are filled meanwhile. In this order: afterwards we may not be allowed to read
        everything any more. Statistics and keys of indexes come last, with the rights of the owners. A build
        login has done with all three before anything is compared.
        """
        clearance, options = self._cleared(), self.options

        def carry(statement: Statement) -> None:
            self.carried.append(statement)
            on_statement(statement)

        with untouched(self.options, self.taken):
            build, wanted = self._building(), self._rights_of_prod()
            ended = build.end(wanted, self.target.name, options, self._fill)
            self.proof = prove.prove(
                clearance,
                clearance.manifest,
                self.database,
                self.run_id,
                options.proof,
                available=self.tools,
                rewrite=rewriter(
                    clearance, self.target, self.tools, self.run_id, agreed=self.agreed, ready=build.like
                ),
                repaired=options.repair,
                identities=self.repaired.identities if self.repaired and options.repair else (),
                exclude=options.repair_exclude,
                filled=not options.way_back,
                meanwhile=(lambda: None) if ended else self._fill,
                lagging=ended.lagging if ended else None,
            )
            counted = {table.table: table.restored for table in self.proof.compared}
            self.after = tally.read(self.database, self.run_id, counted)
            told = rights.take_over(wanted, self.database, self.run_id, options.rights, carry)
            handover.give(clearance, self.database, self.tools, self.run_id, carry)
            moved = self._moved(wanted)
            built = ended.told if ended else build.settle(self.target.name, options.jobs)
            filled = self.restored.filled.findings if self.restored else ()
            changed = prove.unchanged(clearance)
            self.proof = self.proof.with_findings((*filled, *told, *moved, *built, *changed))
            if self.proof.errors:
                self.failure = str(NotProven(self.proof.findings))
        return self.proof

    def cut_over(self) -> CutOver | None:
        """Swap the proven database in as prod; in place there is nothing to swap. Raises NotProven.

        Rights are compared once more: prod's may have changed since.
        """
        with untouched(self.options, self.taken):
            self._proven()
        return None if self.options.in_place else self.swap()

    @step
    def swap(self) -> CutOver:
        """Swap the shadow in. Raises NotProven, Refused, CutOverFailed."""
        with untouched(self.options):
            proof, shadow = self._proven(), self._shadow()
            self._check_plan()
            proof.with_findings(self._moved(self._rights_of_prod())).proven()
            safeguard.settle(self)
        came = safeguard.provenance(self.promotion, self.run_id, self.archive_path, self._cleared())
        self.swapped = cutover.swap(
            self.target, shadow.name, self.run_id, agreed=self.agreed, allow=self.options.allow,
            came=came, way_back=self.options.way_back, lock=self.held,
        )  # fmt: skip
        return self.swapped

    def _fill(self) -> None:
        filled = self._building().fill(self.tools, self.options.jobs, demanded=not self.options.way_back)
        self.restored = self.restored and replace(self.restored, filled=filled)

    def _rights_of_prod(self) -> Rights:
        """Read prod's rights; in place, return what they were before anything was changed."""
        return self.rights or rights.read(self.target, self.run_id)

    def _moved(self, wanted: Rights) -> tuple[Finding, ...]:
        """Find rights that are not as wanted, and whatever is still the build login's."""
        moved = rights.prove(wanted, self.database, self.run_id, self.options.rights)
        return moved + self._building().left()

    def retain(self) -> Kept:
        """Drop previous databases and safety archives beyond what is to be kept."""
        self.kept = retention.retain(self.promotion, self.run_id, self.taken)
        return self.kept

    def promote(self, on_line: OnLine = lambda line: None) -> CutOver | None:
        """Walk all steps."""
        self._build(on_line)
        return self.cut_over()

    def rehearse(self, on_line: OnLine = lambda line: None) -> None:
        """Walk all steps but the last; what was made beside prod is dropped when the run ends.

        Raises ConfigError for a strategy that works in place.
        """
        if self.options.in_place:
            raise ConfigError(
                f"The strategy {self.options.strategy} changes prod itself, so it cannot be rehearsed.",
                "Rehearse the strategy swap.",
            )
        self.options = replace(self.options, despite_hold=True)
        self._build(on_line)

    def _build(self, on_line: OnLine) -> None:
        self.preview(self.examine().cleared())
        self.create_shadow(on_line)
        self.reset()
        self.restore(on_line)
        self.repair()
        self.prove().proven()

    def _doubts(self, taken: Ref) -> tuple[Finding, ...]:
        """Say what would keep a rollback from bringing the safety archive back; try its definitions."""
        report = self.look(bringing_back(taken, self.options.allow))
        return safeguard.doubts(report, self.target, self.tools, self.run_id, agreed=self.agreed)

    def _check_plan(self) -> None:
        if self.options.expect_plan:
            plan.check(self.options.expect_plan, self.target, self.tools, self.run_id)

    def _drop_shadow(self, _kind: object, failure: BaseException | None, _trace: object) -> None:
        """Drop the shadow unless it was swapped in. The first error of the run stays its error."""
        name = self._shadow().name
        try:
            shadows.drop(self.target, name, self.run_id, agreed=self.agreed)
        except PgpromoteError as problem:
            if failure is None:
                raise
            also(failure, f"{name} is still there: {problem.message} The next run drops it.")

    def _cleared(self) -> Clearance:
        return needed(self.clearance, "examine")

    def _building(self) -> Build:
        return needed(self.build, "create_shadow")

    def _shadow(self) -> Shadow:
        return needed(self.shadow, "create_shadow")

    def _proven(self) -> Proof:
        return needed(self.proof, "prove").proven()


@contextmanager
def start(promotion: Promotion, run_id: str, options: Options = DEFAULTS) -> Iterator[Run]:
    """Begin a run; at its end the lock is given back and a shadow that was not swapped in is dropped."""
    with ExitStack() as stack:
        yield Run(promotion, run_id, options, stack)
