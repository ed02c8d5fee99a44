"""A process that promotes, or with `rollback` rolls back, to be killed in it. It prints each phase."""

import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pgpromote.postgres import dump
from pgpromote.postgres.databases import cutover
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.promotion import Promotion
from pgpromote.run.options import Options
from pgpromote.run.rollback import bring_back
from pgpromote.run.run import start
from pgpromote.run.steps import STEPS
from pgpromote.settings import from_environment

NAME = "victim"
GAVE_UP = 3

P = ParamSpec("P")
T = TypeVar("T")


def say(phase: str) -> None:
    os.write(1, f"{phase}\n".encode())


def telling(phase: str, step: Callable[P, T]) -> Callable[P, T]:
    def told(*arguments: P.args, **options: P.kwargs) -> T:
        say(phase)
        return step(*arguments, **options)

    return told


def promote_all(promotion: Promotion) -> None:
    say("dump")
    dump.dump(promotion.source(), promotion.archive_path, promotion.tools(), NAME)
    with start(promotion, NAME, Options(jobs=2)) as run:
        for step in STEPS:
            if not step.within and step.runs(run.options.strategy):
                say(step.name)
                step.walk(run)


def rollback(promotion: Promotion) -> None:
    bring_back(promotion, NAME)


if __name__ == "__main__":
    cutover._rename = telling("rename", cutover._rename)
    cutover._finish = telling("finish", cutover._finish)
    try:
        {"promote": promote_all, "rollback": rollback}[sys.argv[1]](from_environment())
    except PgpromoteError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(GAVE_UP)
    say("done")
