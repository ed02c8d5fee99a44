"""The consoles of the command line: results on stdout, all else on stderr, which can be quiet and logged."""

from collections.abc import Iterator
from functools import partial
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.control import Control
from rich.segment import Segment

from pgpromote.postgres.details import visible


class Visible(Console):
    """A console on which no name from a database can drive the terminal. `copy` is its log."""

    copy: Console | None = None

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Spell out the control characters of every text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, and copy it to the log, if there is one, without moves of the cursor."""
        super().print(*objects, **options)
        if self.copy and not any(isinstance(each, Control) for each in objects):
            self.copy.print(*objects, **options)

    def loud(self, *objects: Any, **options: Any) -> None:
        """Print a problem, also on a console that is quiet."""
        quiet, self.quiet = self.quiet, False
        try:
            self.print(*objects, **options)
        finally:
            self.quiet = quiet


# Names of databases and tables may look like markup or emoji codes; they are shown as they are.
literal = partial(Visible, highlight=False, soft_wrap=True, markup=False, emoji=False)
OUT, ERR = literal(), literal(stderr=True)


def set_up(*, quiet: bool, log: TextIO | None) -> None:
    """Show problems alone on stderr, if it is to be quiet, and copy its lines to a log."""
    ERR.quiet = quiet
    ERR.copy = literal(file=log) if log else None
