"""Dagster's output for a terminal: warnings and errors, each with the lines that follow it."""

import re
import sys
from collections.abc import Iterable, Iterator
from typing import IO

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# How each line of Dagster's loggers begins: time, logger, level.
HEAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [^ ]+ - [^ ]+ - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - ")
HIDDEN = ("DEBUG", "INFO")


def loud(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of warnings and errors, and those that are no line of a logger and follow none.

    What follows an event, such as a client program's line, is shown with that of the run in Dagster's UI.
    """
    shown = True
    for line in lines:
        if found := HEAD.match(COLOUR.sub("", line)):
            shown = found[1] not in HIDDEN
        if shown:
            yield line


def pass_on(output: IO[str]) -> None:
    """Print what is loud, to the end of the output."""
    for line in loud(output):
        try:
            sys.stderr.write(line)
            sys.stderr.flush()
        except OSError:  # nobody reads any more
            break
    for _ in output:  # who writes must not wait for us
        pass
