"""One run: it takes the promotion lock, walks steps one after the other, and keeps its state.

At its end it gives back the lock, and drops its database beside prod unless that was swapped in.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Protocol, TypeVar

from pgpromote.postgres.databases import shadow as shadows
from pgpromote.postgres.databases.lock import Lock, promotion_lock
from pgpromote.postgres.databases.shadow import Shadow
from pgpromote.postgres.errors import Interrupted, Outcome, PgpromoteError, ProdState, Refused
from pgpromote.postgres.model import Clearance, Ref
from pgpromote.postgres.place import Place
from pgpromote.postgres.rights.carry import Rights
from pgpromote.postgres.rows.reading import Reading
from pgpromote.postgres.server import Database
from pgpromote.postgres.tools import OnLine, Tools
from pgpromote.promotion import Promotion
from pgpromote.run import outcome, states
from pgpromote.run.building import Build
from pgpromote.run.options import DEFAULTS, Options
from pgpromote.run.restore_progress import Work
from pgpromote.run.state import State, Walked

Value = TypeVar("Value")


class Names(Protocol):
    """The names of a step."""

    @property
    def name(self) -> str:
        """Its name in the state."""

    @property
    def title(self) -> str:
        """The one for people."""

    @property
    def phase(self) -> str:
        """The one beside the bar of progress."""

    @property
    def within(self) -> str:
        """The name of the step that walks it, "" for none."""


def look_away(line: str) -> None:
    """Ignore a line of a tool."""


@dataclass
class Run:
    """The live parts of a run: its lock, its databases, its archive; and its state, which outlives it.

    `on_line` is the callback for the lines of the tools, `on_work` that for the progress of the restore.
    `work` and `reading` tell how far the restore and the comparison of rows are.
    `written` is the JSON of the state's parts.
    `within` walks the steps within the one that is being walked. `problems` are failures that do not end the
    run.
    """

    promotion: Promotion
    run_id: str
    options: Options
    stack: ExitStack = field(repr=False)
    state: State
    on_line: OnLine = look_away
    on_work: Callable[[Work], None] = lambda work: None
    held: Lock | None = field(default=None, repr=False)
    clearance: Clearance | None = None
    shadow: Shadow | None = None
    build: Build | None = None
    rights: Rights | None = None
    work: Work | None = None
    reading: Reading | None = None
    within: Callable[[], None] = lambda: None
    problems: list[str] = field(default_factory=list)
    written: states.Parts = field(default_factory=dict, repr=False)

    @property
    def target(self) -> Database:
        """Prod."""
        return self.promotion.target()

    @cached_property
    def tools(self) -> list[Tools]:
        """The client programs of this machine, looked for once in a run."""
        return self.promotion.tools()

    @property
    def place(self) -> Place:
        """The place of the run: prod, and the database in which promotions meet."""
        return self.promotion.place(self.run_id)

    @property
    def archive_path(self) -> Ref:
        """The archive that is restored."""
        return self.options.archive_path or self.promotion.archive_path

    @property
    def database(self) -> Database:
        """The database that is restored: the one beside prod, or prod itself when that was chosen."""
        if self.options.strategy.beside:
            return needed(self.shadow).at(self.target)
        return replace(self.target, guarded=False)  # what code it holds has run as the promoter

    @property
    def builder(self) -> Database:
        """The same database by the login that builds it, and as which dev's code runs."""
        return self.build.database if self.build else self.database

    def lock(self) -> None:
        """Take the promotion lock if this run does not hold it yet. Raises Busy."""
        if self.held is None:
            self.held = self.stack.enter_context(promotion_lock(self.place))
            # The state has its end before another run can have the lock.
            self.stack.push(self.end)

    def make_shadow(self) -> Shadow:
        """Create the database beside prod; it is dropped at the end of the run unless it was swapped in."""
        self.shadow = shadows.create(self.place)
        self.stack.push(self._drop_shadow)
        return self.shadow

    @contextmanager
    def step(self, name: Names, prod: ProdState, *, renews: bool) -> Iterator[None]:
        """Record in the state that the block walks a step: its start, its duration, its failure.

        `prod` is the state of prod if the step fails; if it succeeds and `renews` prod, prod is the new one
        afterwards. Raises LockLost before the block when the run has lost its lock; errors carry the state of
        prod.
        """
        started_at, started = datetime.now(UTC), time.monotonic()
        try:
            if self.held:
                self.held.check()
            self.keep(replace(self.state, current=name.name, current_since=started_at, prod=prod))
            yield
        except PgpromoteError as error:
            told = error.saying(outcome=self._outcome(error.outcome))
            if not self.state.renewed:
                prod = told.outcome.prod if told.outcome else self.state.prod
                self.state = replace(self.state, failure=str(told), prod=prod)
            raise told from error.__cause__
        except Interrupted as stop:
            raise stop.saying(self._outcome(stop.outcome)) from None
        else:
            if renews:
                self.keep(replace(self.state, prod=ProdState.RENEWED))
        finally:
            seconds = round(time.monotonic() - started, 3)
            walked = Walked(name.name, name.title, name.phase, started_at, seconds, name.within)
            self.state = replace(self.state, steps=(*self.state.steps, walked))

    def keep(self, state: State) -> None:
        """Keep the new state, also on disk; a failure to write it is a problem, not the end of the run."""
        self.state = state
        try:
            states.write(self.state, self.promotion.report_dir, self.written)
        except (PgpromoteError, OSError, ValueError) as problem:
            told = f"The state of this run is not kept. {problem}"
            if told not in self.problems:
                self.problems.append(told)
            with suppress(OSError):
                states.forget(self.state, self.promotion.report_dir)

    def _outcome(self, known: Outcome | None) -> Outcome:
        """Return the outcome for prod: that of the error if it has one, else that of the state."""
        found, strategy = outcome.of(self.state), self.options.strategy
        before = strategy.reset and not self.state.reset
        if known and not (found.prod is ProdState.MIXED and known.prod is ProdState.UNTOUCHED and not before):
            return known.noting(*(note for note in found.notes if note not in known.notes))
        return found

    def _drop_shadow(self, _kind: object, failure: BaseException | None, _trace: object) -> None:
        """Drop the shadow unless it was swapped in. The first error of the run stays its error."""
        if self.state.cut_over:
            return  # it is prod now
        name = needed(self.shadow).name
        try:
            shadows.drop(self.place, name)
        except PgpromoteError as problem:
            staying = f"{name} is still there: {problem.message.rstrip('.')}. The next run that can drops it."
            if failure is None:
                raise
            if isinstance(failure, PgpromoteError):
                raise failure.saying(hint=staying) from failure.__cause__
            if isinstance(failure, Interrupted):
                raise failure.saying(outcome.of(self.state).noting(staying)) from None
            failure.add_note(staying)
        else:
            self._tell_dropped(failure)

    def _tell_dropped(self, failure: BaseException | None) -> None:
        """Let an error that says that prod is untouched say that the database beside it is dropped, too."""
        told = failure.outcome if isinstance(failure, PgpromoteError | Interrupted) else None
        if told and told.prod is ProdState.UNTOUCHED and not isinstance(failure, Refused):
            dropped = replace(told, prod=ProdState.DROPPED)
            if isinstance(failure, Interrupted):
                raise failure.saying(dropped) from None
            if isinstance(failure, PgpromoteError):
                raise failure.saying(outcome=dropped) from failure.__cause__

    def end(self, _kind: object, failure: BaseException | None, _trace: object) -> None:
        """Record the end of the run, and add the state of prod to an error between two steps."""
        if not self.state.current or self.state.ended:
            return
        told = self.state.failure
        if failure and not told:
            ours = isinstance(failure, PgpromoteError | Interrupted)
            told = str(failure) if ours else type(failure).__name__  # others may hold rows
        self.keep(replace(self.state, ended=True, failure=told))
        if isinstance(failure, PgpromoteError) and not failure.outcome:
            raise failure.saying(outcome=self._outcome(None)) from failure.__cause__
        if isinstance(failure, Interrupted) and not failure.outcome:
            raise failure.saying(self._outcome(None)) from None


def needed(value: Value | None) -> Value:
    """Return the result of an earlier step. Raises PgpromoteError when that was not walked here."""
    if value is None:
        raise PgpromoteError(
            "A step before this one has not been walked in this process, so there is nothing to go on.",
            "Start the whole run again: all steps, not only those that failed.",
        )
    return value


@contextmanager
def start(promotion: Promotion, run_id: str, options: Options = DEFAULTS) -> Iterator[Run]:
    """Begin a run; its end gives back the lock, and drops the database beside prod if that is left."""
    source = promotion.optional_source()
    state = State(
        promotion=promotion.name,
        run_id=run_id,
        began_at=datetime.now(UTC),
        source=source.label if source else "",
        target=promotion.target().label,
        strategy=options.strategy,
        archive=options.archive_path or promotion.archive_path,
        filters=str(options.filters),
        repairs=options.repair,
    )
    with ExitStack() as stack:
        run = Run(promotion, run_id, options, stack, state)
        stack.push(run.end)
        yield run
