"""One run of a promotion: its steps, in the order in which they are walked.

    examine → create_shadow → reset → restore → repair → prove → cut_over

The command line and Dagster walk the same steps. Each keeps what the next one needs; a step whose
predecessor did not run in this process has nothing to go on, and says so. The lock, once taken, is held
until the run ends; a shadow database that was not swapped in is dropped then.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pgpromote.options import Options
from pgpromote.postgres import (
    archive,
    cutover,
    dump,
    plan,
    preflight,
    previous,
    prove,
    repair,
    reset,
    restore,
    rights,
    safety,
)
from pgpromote.postgres import shadow as shadows
from pgpromote.postgres.cutover import CutOver
from pgpromote.postgres.errors import ConfigError, ConnectionFailed, PgpromoteError
from pgpromote.postgres.model import Clearance, Finding, Foreign, Policy, Statement
from pgpromote.postgres.plan import Plan
from pgpromote.postgres.preflight import Report
from pgpromote.postgres.previous import Previous
from pgpromote.postgres.prove import Proof
from pgpromote.postgres.repair import Repair
from pgpromote.postgres.reset import Reset
from pgpromote.postgres.restore import Restored
from pgpromote.postgres.safety import Safety
from pgpromote.postgres.server import Database, clock, connect, promotion_lock
from pgpromote.postgres.shadow import Shadow
from pgpromote.promotion import Promotion

OnLine = Callable[[str], None]
OnStatement = Callable[[Statement], None]
UNTOUCHED = "Prod is untouched; the new database beside it is dropped."


@dataclass(frozen=True)
class Prepared:
    """What stands before the restore begins.

    `orphans` are shadows that dead promotions had left, now dropped; `shadow` is the new database, "" in
    place; `safety` is prod's own archive, None beside prod; `extensions` are the statements that were run.
    """

    orphans: tuple[str, ...]
    shadow: str
    safety: Path | None
    extensions: tuple[Statement, ...]


@dataclass(frozen=True)
class Rehearsal:
    """What a promotion would do and would take away, and that it can be proven."""

    preview: Plan
    repaired: Repair
    proof: Proof


@dataclass(frozen=True)
class Kept:
    """What a rollback can bring back, and what was dropped because it is beyond what is to be kept."""

    dropped: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass
class Run:
    """One run. `options` say how; everything after the stack is what earlier steps left for later ones."""

    promotion: Promotion
    run_id: str
    options: Options
    stack: ExitStack = field(repr=False)
    locked: bool = False
    clearance: Clearance | None = None
    shadow: Shadow | None = None
    proof: Proof | None = None

    @property
    def target(self) -> Database:
        """Prod."""
        return self.promotion.target()

    @property
    def agreed(self) -> str:
        """The database in which promotions meet: the lock is there, and the cut-over is made from there."""
        return self.promotion.lock_database

    @property
    def archive_path(self) -> Path:
        """The archive that is restored."""
        return self.options.archive_path or self.promotion.archive_path

    @property
    def database(self) -> Database:
        """The database that is restored: the shadow, or prod itself when that was chosen."""
        if self.options.in_place:
            return self.target
        if self.shadow is None:
            raise _nothing_to_go_on("create_shadow")
        return self.shadow.at(self.target)

    def lock(self) -> None:
        """Take the promotion lock if this run does not hold it yet. Raises Busy."""
        if not self.locked:
            self.stack.enter_context(promotion_lock(self.target, self.run_id, self.agreed))
            self.locked = True

    def examine(self) -> Report:
        """Run every check for the archive, holding the lock, and keep the clearance.

        A prod that cannot be reached fails its check by name; without the lock nothing else is allowed.
        Raises Refused when prod is not as the plan that is expected has shown it.
        """
        try:
            self.lock()
        except ConnectionFailed:
            report = self.look()
            if report.clearance:
                raise
            return report
        report = self.look()
        self.clearance = report.clearance
        if self.clearance and self.clearance.archive:
            tables = self.clearance.archive.of_kind("TABLE")
            repair.check_exclusions(self.options.repair_exclude, ((t.schema, t.tag) for t in tables))
        if self.clearance:
            self._check_plan()
        return report

    def look(self) -> Report:
        """Run every check without the lock, and keep nothing."""
        options = self.options
        return preflight.examine(
            self.archive_path,
            self.target,
            self.promotion.tools(),
            source=self.promotion.optional_source(),
            agreed=self.agreed,
            in_place=options.in_place,
            reset_schema=options.schema_to_reset,
            allow_data_loss_outside=options.allow_data_loss_outside,
            filters=options.filters,
            rights=options.rights,
            bring=options.bring,
            allow=options.allow,
            promotion=self.run_id,
        )

    def preview(self, clearance: Clearance) -> Plan:
        """Say what prod would lose."""
        return plan.preview(
            clearance,
            archive.read_manifest(clearance.path),
            self.target,
            self.run_id,
            reset_schema=self.options.schema_to_reset,
        )

    def create_shadow(self, on_line: OnLine = lambda line: None) -> Prepared:
        """Make the place for the new content: a database beside prod, or prod itself after a safety archive.

        What dead promotions have left is dropped first. The archive's extensions are created.
        """
        clearance = self._cleared()
        orphans = self._drop_orphans()
        taken = None
        if not self.options.in_place:
            self.shadow = shadows.create(self.target, self.run_id, agreed=self.agreed)
            self.stack.callback(shadows.drop, self.target, self.shadow.name, self.run_id, agreed=self.agreed)
            self.clearance = clearance.into(self.database.label, self.shadow.oid)
        elif self.options.safety_archive:
            taken = self._take_safety_archive(on_line)
        with self._untouched():
            created = restore.create_extensions(self._cleared(), self.database, self.run_id)
        return Prepared(orphans, self.shadow.name if self.shadow else "", taken, created)

    def reset(self) -> Reset | None:
        """Drop and recreate a schema of prod, for the strategy that wants it."""
        if not self.options.schema_to_reset:
            return None
        self._cleared()
        with connect(self.target, self.run_id) as session:
            planned = reset.plan(session, self.options.schema_to_reset)
            allowed = self.options.allow_data_loss_outside
            return reset.reset(session, planned, allow_data_loss_outside=allowed)

    def restore(self, on_line: OnLine = lambda line: None) -> Restored:
        """Restore the archive, and fill the materialized views that it left empty."""
        clearance, available = self._cleared(), self.promotion.tools()
        with self._untouched():
            done = restore.restore(
                clearance, self.database, available, self.run_id, jobs=self.options.jobs, on_line=on_line
            )
            refreshed = restore.refresh_materialized_views(clearance, self.database, self.run_id)
        return replace(done, refreshed=tuple(refreshed))

    def repair(self) -> Repair:
        """Repair primary-key identities, or only plan it."""
        self.lock()
        exclude = self.options.repair_exclude
        with self._untouched():
            return repair.repair(self.database, self.run_id, exclude=exclude, really=self.options.repair)

    def prove(self, on_statement: OnStatement = lambda statement: None) -> Proof:
        """Compare what was restored with what was dumped; beside prod, then give it prod's owners and grants.

        In this order: afterwards we may not be allowed to read everything any more. The statistics are
        gathered last, with the rights of the owners.
        """
        clearance, options = self._cleared(), self.options
        with self._untouched():
            self.proof = prove.prove(
                clearance,
                archive.read_manifest(clearance.path),
                self.database,
                self.run_id,
                options.proof,
                repaired=options.repair,
                exclude=options.repair_exclude,
            )
            if self.shadow:
                told = rights.take_over(self.target, self.database, self.run_id, options.rights, on_statement)
                restore.analyze(self.database, self.run_id)
                self.proof = self.proof.with_findings((*told, *self._moved_rights()))
        return self.proof

    def cut_over(self) -> CutOver | None:
        """Swap the proven database in as prod; in place there is nothing to swap. Raises NotProven.

        Rights are compared once more: prod's may have changed since.
        """
        if self.proof is None:
            raise _nothing_to_go_on("prove")
        with self._untouched():
            self.proof.proven()
            if self.shadow is None:
                return None
            self._check_plan()
            self.proof.with_findings(self._moved_rights()).proven()
        return cutover.swap(
            self.target, self.shadow.name, self.run_id, agreed=self.agreed, allow=self.options.allow
        )

    def _moved_rights(self) -> tuple[Finding, ...]:
        return rights.prove(self.target, self.database, self.run_id, self.options.rights)

    def retain(self) -> Kept:
        """Drop previous databases and safety archives beyond what is to be kept."""
        keep, keep_for = self.promotion.keep, self.promotion.keep_for
        databases = previous.retain(self.target, self.run_id, keep=keep, max_age=keep_for, agreed=self.agreed)
        archives = safety.retain(self.promotion.safety_dir, self.target.name, keep, keep_for, self._now())
        return Kept((*databases.dropped, *archives), databases.findings)

    def promote(self, on_line: OnLine = lambda line: None) -> CutOver | None:
        """Walk all steps."""
        self.examine().cleared()
        self.create_shadow(on_line)
        self.reset()
        self.restore(on_line)
        self.repair()
        self.prove().proven()
        return self.cut_over()

    def rehearse(self, on_line: OnLine = lambda line: None) -> Rehearsal:
        """Walk all steps but the last; what was made beside prod is dropped when the run ends.

        Raises ConfigError for a strategy that works in place.
        """
        if self.options.in_place:
            raise ConfigError(
                f"The strategy {self.options.strategy} changes prod itself, so it cannot be rehearsed.",
                "Rehearse the strategy swap.",
            )
        preview = self.preview(self.examine().cleared())
        self.create_shadow(on_line)
        self.restore(on_line)
        return Rehearsal(preview, self.repair(), self.prove().proven())

    def history(self) -> tuple[list[Previous], list[Safety]]:
        """List what a rollback can bring back, each newest first."""
        databases = previous.history(self.target, self.run_id, agreed=self.agreed)
        return databases, safety.history(self.promotion.safety_dir, self.target.name)

    def rollback(self, name: str = "", on_line: OnLine = lambda line: None) -> CutOver:
        """Bring back what prod was: the newest previous database or safety archive, or the one named.

        A safety archive comes back as any other archive does: through a shadow, proven, swapped in, with
        the owners and grants that it holds.
        """
        self.lock()
        taken = self._safety_archive(name)
        if taken is None:
            return cutover.rollback(self.target, self.run_id, name=name, agreed=self.agreed)
        self.options = Options(
            archive_path=taken.path,
            rights=Policy.SOURCE,
            bring=tuple(Foreign),
            repair=False,
            jobs=self.options.jobs,
        )
        done = self.promote(on_line)
        if done is None:
            raise _nothing_to_go_on("create_shadow")
        return done

    def _safety_archive(self, name: str) -> Safety | None:
        databases, archives = self.history()
        archives = [taken for taken in archives if taken.usable and taken.source == self.target.label]
        if name:
            return next((taken for taken in archives if name in {taken.path.name, str(taken.path)}), None)
        newest = max((found.swapped_at for found in databases if found.usable), default=None)
        return next((taken for taken in archives if newest is None or taken.taken_at > newest), None)

    def _take_safety_archive(self, on_line: OnLine) -> Path:
        path = safety.path(self.promotion.safety_dir, self.target.name, self._now())
        dump.dump(self.target, path, self.promotion.tools(), self.run_id, of_prod=True, on_line=on_line)
        return path

    def _now(self) -> datetime:
        with connect(self.target.at(self.agreed), self.run_id, autocommit=True) as session:
            return clock(session)

    def _drop_orphans(self) -> tuple[str, ...]:
        with connect(self.target.at(self.agreed), self.run_id, autocommit=True) as session:
            orphans = shadows.orphans(session, self.target.name)
        for name in orphans:
            shadows.drop(self.target, name, self.run_id, agreed=self.agreed)
        return tuple(orphans)

    def _check_plan(self) -> None:
        if self.options.expect_plan:
            plan.check(self.options.expect_plan, self.target, self.promotion.tools(), self.run_id)

    def _cleared(self) -> Clearance:
        if self.clearance is None:
            raise _nothing_to_go_on("examine")
        return self.clearance

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        """Let an error of a step beside prod say what is so: nothing has happened to prod."""
        try:
            yield
        except PgpromoteError as error:
            error.outcome = "" if self.options.in_place else UNTOUCHED
            raise


@contextmanager
def start(promotion: Promotion, run_id: str, options: Options = Options()) -> Iterator[Run]:  # noqa: B008
    """Begin a run; at its end the lock is given back and a shadow that was not swapped in is dropped."""
    with ExitStack() as stack:
        yield Run(promotion, run_id, options, stack)


def _nothing_to_go_on(step: str) -> PgpromoteError:
    return PgpromoteError(
        f"The step {step} of this run has not been walked in this process, so there is nothing to go on.",
        "Start the whole run again: all steps, not only those that failed.",
    )
