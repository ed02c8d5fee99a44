"""The line that says when the schedule runs, read without Dagster: five fields, as cron has them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pgpromote.postgres.errors import ConfigError

EXAMPLE = "Five fields: minute, hour, day of the month, month, day of the week; for example 30 1 * * *"
WORD = "[0-9]{1,9}|[a-z]{1,9}"
SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FEBRUARY = 2
# The longest that each month is.
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Field:
    """One field of the line: the numbers that it may hold, and the names that stand for them, in order.

    `named` is the number of the first name. `others` are forms of its own, which match whole and stand for
    the number 1: there is one in each month, or in each week of five.
    """

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()
    named: int = 0
    others: str = "(?!)"

    def numbers(self, text: str) -> set[int]:
        """Return the numbers that a field stands for. Raises ValueError for one without meaning."""
        return {number for part in text.split(",") for number in self._of(part)}

    def _of(self, part: str) -> Iterator[int]:
        if re.fullmatch(self.others, part):
            yield 1
            return
        found = re.fullmatch(rf"(?:(\*)|({WORD})(?:-({WORD}))?)(?:/([0-9]{{1,9}}))?", part)
        if found is None:
            raise ValueError(part)
        every, first, last, step = found.groups()
        begin = self.least if every else self._number(first)
        end = self._number(last) if last else self.most if every or step else begin
        if step and not int(step):
            raise ValueError(part)
        around = [*range(begin, self.most + 1), *range(self.least, end + 1)]  # as from 22 to 2 o'clock
        yield from (range(begin, end + 1) if begin <= end else around)[:: int(step or 1)]

    def _number(self, text: str) -> int:
        number = self.names.index(text) + self.named if text in self.names else int(text)
        if not self.least <= number <= self.most:
            raise ValueError(text)
        return number


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31, others=r"l|\?"),
    Field("month", 1, 12, MONTHS, 1),
    Field("day of the week", 0, 7, WEEK, 0, rf"\?|l[0-7]|([0-7]|{'|'.join(WEEK)})#[1-5]"),
)


def check(text: str, variable: str) -> str:
    """Return a line that has a meaning, in small letters. Raises ConfigError for any other."""
    line = SHORT.get(text.strip().lower(), text.lower())
    fields = line.split()
    if len(fields) != len(FIELDS):
        raise _wrong(text, variable, f"it has {len(fields)} fields")
    read = []
    for field, part in zip(FIELDS, fields, strict=True):
        try:
            read.append(field.numbers(part))
        except ValueError:
            span = f"from {field.least} to {field.most}"
            raise _wrong(text, variable, f"{part!r} is no {field.name} {span}") from None
    _, _, days, months, _ = read
    never = min(days) > max(DAYS[month - 1] for month in months)
    if never and (fields[-1] in {"*", "?"} or months == {FEBRUARY}):
        raise _wrong(text, variable, "no such day is in any such month")
    return " ".join(fields)


def _wrong(text: str, variable: str, why: str) -> ConfigError:
    return ConfigError(f"{variable} is {text!r}, no time of a schedule: {why}.", f"{EXAMPLE}.")
