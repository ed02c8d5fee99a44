"""Take down what happens in each step of a run."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from pgpromote.postgres.errors import PgpromoteError
from pgpromote.record import Phase


class Walker(Protocol):
    """What walks steps: it keeps the steps so far, and the error that ended them."""

    phases: list[Phase]
    failure: str


Who = TypeVar("Who", bound=Walker)
Given = ParamSpec("Given")
Value = TypeVar("Value")


def step(method: Callable[Concatenate[Who, Given], Value]) -> Callable[Concatenate[Who, Given], Value]:
    """Take down when a step began, how long it took, and the error that ended it."""

    @wraps(method)
    def walk(walker: Who, /, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        started_at, started = datetime.now(UTC), time.monotonic()
        try:
            return method(walker, *args, **kwargs)
        except PgpromoteError as error:
            walker.failure = str(error)
            raise
        finally:
            seconds = round(time.monotonic() - started, 3)
            walker.phases.append(Phase(method.__name__, started_at, seconds))

    return walk
