"""A process that promotes, or with `rollback` rolls back, to be killed in it. It says what it does next."""

import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pgpromote import run as runs
from pgpromote.postgres import cutover, dump
from pgpromote.postgres.errors import PgpromoteError
from pgpromote.promotion import Promotion, from_environment
from pgpromote.run.options import Options
from pgpromote.run.rollback import bring_back

NAME = "victim"
STEPS = ("examine", "create_shadow", "reset", "restore", "repair", "prove", "cut_over")
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


def promote(promotion: Promotion) -> None:
    say("dump")
    dump.dump(promotion.source(), promotion.archive_path, promotion.tools(), NAME)
    with runs.start(promotion, NAME, Options(jobs=2)) as run:
        for step in STEPS:
            setattr(run, step, telling(step, getattr(run, step)))
        run.promote()
        say("retain")
        run.retain()


def rollback(promotion: Promotion) -> None:
    with runs.start(promotion, NAME) as run:
        bring_back(run)


if __name__ == "__main__":
    cutover._rename = telling("rename", cutover._rename)
    cutover._finish = telling("finish", cutover._finish)
    try:
        {"promote": promote, "rollback": rollback}[sys.argv[1]](from_environment())
    except PgpromoteError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(GAVE_UP)
    say("done")
