"""Take down what happens in each step of a run, and say what its errors mean for prod."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from pgpromote.options import Options
from pgpromote.postgres import errors
from pgpromote.postgres.errors import PgpromoteError, RestoreFailed, ToolFailed
from pgpromote.postgres.model import Ref
from pgpromote.record import Phase

UNTOUCHED = "Prod is untouched; the new database beside it is dropped."


class Walker(Protocol):
    """What walks steps: it keeps the steps so far, and the error that ended them."""

    phases: list[Phase]
    failure: str

    def begin_step(self) -> None:
        """Check that the promotion lock is still held."""


Who = TypeVar("Who", bound=Walker)
Given = ParamSpec("Given")
Value = TypeVar("Value")


def step(method: Callable[Concatenate[Who, Given], Value]) -> Callable[Concatenate[Who, Given], Value]:
    """Take down when a step began, how long it took, and the error that ended it."""

    @wraps(method)
    def walk(walker: Who, /, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        started_at, started = datetime.now(UTC), time.monotonic()
        try:
            walker.begin_step()
            return method(walker, *args, **kwargs)
        except PgpromoteError as error:
            walker.failure = str(error)
            raise
        finally:
            seconds = round(time.monotonic() - started, 3)
            walker.phases.append(Phase(method.__name__, started_at, seconds))

    return walk


@contextmanager
def untouched(options: Options, safety: Ref | None = None) -> Iterator[None]:
    """Let an error say what is so: beside prod nothing has happened to it; in place, what leads back.

    A restore that reached beyond its database has said so itself.
    """
    try:
        yield
    except PgpromoteError as error:
        back = f"{safety.name} holds prod as it was; pgpromote rollback brings it back." if safety else ""
        beyond = error.outcome if isinstance(error, RestoreFailed | ToolFailed) else ""
        error.outcome = " ".join(filter(None, (beyond, back))) if options.in_place or beyond else UNTOUCHED
        raise


def also(failure: BaseException, staying: str) -> None:
    """Add to the error of a run that its shadow could not be dropped."""
    if isinstance(failure, PgpromoteError):
        if failure.outcome == UNTOUCHED:
            failure.outcome = errors.UNTOUCHED
        failure.hint = " ".join(part for part in (failure.hint, staying) if part)
    else:
        failure.add_note(staying)


def needed(value: Value | None, step: str) -> Value:
    """Return what a step has left for later ones. Raises PgpromoteError when it was not walked here."""
    if value is None:
        raise PgpromoteError(
            f"The step {step} of this run has not been walked in this process, so there is nothing to go on.",
            "Start the whole run again: all steps, not only those that failed.",
        )
    return value
