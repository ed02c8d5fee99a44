"""The errors a user can meet, one small tree.

    PgpromoteError            one readable paragraph and a hint            exit code 1
    ├── InvalidUrl            a database URL is missing or malformed       (also ValueError)
    ├── ConnectionFailed      a server cannot be reached or says no        (also ConnectionError)
    │   └── DatabaseMissing   its server answers, but has no such database
    ├── SessionFailed         a statement of ours failed on a server
    ├── ToolMissing           no client program fits the server            (also FileNotFoundError)
    ├── ToolFailed            a client program ended with an error
    ├── ArchiveError          a file is not a usable archive               (also ValueError)
    ├── RestoreFailed         pg_restore or psql reported errors; carries each of them
    ├── NotProven             the restored content is not the dumped one; carries the differences
    ├── CutOverFailed         a cut-over did not happen; says whether that is certain
    ├── RepairFailed          a table's identity could not be repaired
    ├── ConfigError           a setting has no meaning here                (also ValueError)
    ├── LockLost              the session that held the promotion lock is gone
    ├── Busy                  another promotion holds the lock             exit code 3
    └── Refused               the checks found reasons not to touch prod   exit code 3; carries findings
    Interrupted               a signal ends the command (a SystemExit)     exit code 128 + its number

No message holds a secret: whoever builds one from foreign text passes it through `server.redact` first.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from signal import Signals
from typing import ClassVar, Self

from pgpromote.postgres.excerpt import ERRORS, cut, fitting
from pgpromote.postgres.model import Finding, RestoreError, Severity
from pgpromote.postgres.naming import command

IN_REPORT = "the report shows them"
# What to do about one of several findings stands below it.
ARROW = "    → "


class ProdState(Enum):
    """The state of prod after a failure.

    DROPPED: untouched, and the database built beside it is dropped. WHOLE: either the old or the new one, not
    known which. MIXED: perhaps neither. RENEWED: it is the new one, and the failure came after that.
    """

    UNTOUCHED = "untouched"
    DROPPED = "dropped"
    WHOLE = "whole"
    MIXED = "mixed"
    RENEWED = "renewed"

    def __str__(self) -> str:
        return SENTENCES[self].format(history=command("history"))


SENTENCES = {
    ProdState.UNTOUCHED: "Prod is untouched.",
    ProdState.DROPPED: "Prod is untouched; the new database beside it is dropped.",
    ProdState.WHOLE: "Prod is wholly old or wholly new; {history} shows whether it was swapped.",
    ProdState.MIXED: "Prod may be a mix of old and new; {history} lists what can be brought back.",
    ProdState.RENEWED: "Prod is the new one.",
}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a failure for prod. `said` replaces the sentence of the state, `notes` follow it."""

    prod: ProdState
    said: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.said or str(self.prod), *self.notes))

    def noting(self, *notes: str) -> "Outcome":
        """Return the outcome with more notes."""
        return replace(self, notes=(*self.notes, *notes))


UNTOUCHED = Outcome(ProdState.UNTOUCHED)
SILENT = Outcome(
    ProdState.UNTOUCHED,
    "Prod was not touched by this run, which could not log in there: see whether it is up.",
)


class PgpromoteError(Exception):
    """An error with a message, a remedy, and the state of prod since then, where that is known."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "", outcome: Outcome | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.outcome = outcome

    def __str__(self) -> str:
        hint = f"Hint: {self.hint}" if self.hint else ""
        return "\n".join(part for part in (self.message, self._ended(), hint) if part)

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self), *self.args)
        made.__dict__.update(self.__dict__)
        return made

    def saying(self, *, message: str = "", hint: str = "", outcome: Outcome | None = None) -> Self:
        """Return the same error with another message or outcome, and with an additional hint."""
        told = copy(self)
        told.message, told.outcome = message or self.message, outcome or self.outcome
        told.hint = " ".join(part for part in (self.hint, hint) if part)
        return told.with_traceback(self.__traceback__)

    def _ended(self) -> str:
        return str(self.outcome or "")


class Interrupted(SystemExit):
    """An interruption: a signal ends the command.

    No error: whoever goes on after an error must not go on after this.
    """

    def __init__(self, number: int, outcome: Outcome | None = None) -> None:
        super().__init__(128 + number)
        self.number = number
        self.outcome = outcome

    def __str__(self) -> str:
        told = [f"Interrupted by {Signals(self.number).name}.", str(self.outcome or "")]
        return " ".join(part for part in told if part)

    def saying(self, outcome: Outcome) -> "Interrupted":
        """Return the same interruption with the outcome for prod."""
        return Interrupted(self.number, outcome).with_traceback(self.__traceback__)


class InvalidUrl(PgpromoteError, ValueError):
    """A database URL is missing or malformed. Never shows the URL itself."""


class ConnectionFailed(PgpromoteError, ConnectionError):
    """A server cannot be reached, or refused the login."""


class DatabaseMissing(ConnectionFailed):
    """A server answers, but has no database of this name."""


class SessionFailed(PgpromoteError):
    """A statement of ours failed on a server; its transaction was rolled back."""


class ToolMissing(PgpromoteError, FileNotFoundError):
    """No installed PostgreSQL client program fits the server."""


class ToolFailed(PgpromoteError):
    """A PostgreSQL client program ended with an error."""


class ArchiveError(PgpromoteError, ValueError):
    """A file is not an archive, or not a whole one."""


class ConfigError(PgpromoteError, ValueError):
    """A setting names something that does not exist or cannot be combined."""


class RestoreFailed(PgpromoteError):
    """A restore reported errors, so prod does not equal the archive."""

    def __init__(self, errors: Sequence[RestoreError], hint: str = "") -> None:
        self.errors = tuple(errors)
        shown = _listed([f"- {error}" for error in self.errors])
        super().__init__(f"The restore reported {len(self.errors)} error(s):\n{shown}", hint)


class RepairFailed(PgpromoteError):
    """A table could not be repaired. Its transaction was rolled back; tables before it stay repaired."""


class NotProven(PgpromoteError):
    """The restored content is not the dumped one; carries the differences."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        differences = [f for f in self.findings if f.severity is Severity.ERROR]
        shown = _listed([f"- {f.told}" for f in differences])
        hint = differences[0].hint if differences else ""
        super().__init__(
            f"What was restored is not what was dumped: {len(differences)} difference(s):\n{shown}",
            hint,
        )


class CutOverFailed(PgpromoteError):
    """A cut-over did not happen; its message says the state of prod, and whether that is certain."""

    def _ended(self) -> str:
        return " ".join(self.outcome.notes) if self.outcome else ""


class Busy(PgpromoteError):
    """Another promotion into the same prod is running."""

    exit_code = 3


class LockLost(PgpromoteError):
    """The session that held the promotion lock is gone, so another promotion may have begun."""


class Refused(PgpromoteError):
    """The checks found reasons not to touch prod. Nothing was changed."""

    exit_code = 3

    def __init__(self, findings: Sequence[Finding], outcome: Outcome = UNTOUCHED) -> None:
        self.findings = tuple(findings)
        reasons = [f for f in self.findings if f.severity is Severity.ERROR]
        rules = dict.fromkeys(f.rule for f in reasons)
        shown = "\n".join(_of_rule([f for f in reasons if f.rule == rule]) for rule in rules)
        number = f"{len(rules)} check{'s' if len(rules) > 1 else ''}"
        number += f", {len(reasons):,} findings" if len(reasons) > len(rules) else ""
        super().__init__(f"Refused by {number}:\n{shown}", outcome=outcome)


def _of_rule(found: Sequence[Finding]) -> str:
    """Return the findings of a rule as lines, with a remedy of several of them once, below the last."""
    place = {hint: number for number, hint in enumerate(dict.fromkeys(each.hint for each in found))}
    told = sorted(found, key=lambda each: place[each.hint])[: fitting(len(found), ERRORS)]
    lines = [f"- [{each.rule}] {each.message}" for each in told]
    last = {each.hint: number for number, each in enumerate(told) if each.hint}
    for hint, number in last.items():
        lines[number] += f"\n{ARROW}{hint}"
    more = [f"- [{each.rule}]" for each in found[len(told) :]]
    return _listed([*lines, *more], f"{IN_REPORT}, and {command('check')} --json")


def _listed(texts: Sequence[str], everything: str = IN_REPORT) -> str:
    return "\n".join(f"  {line}" for line in cut(texts, ERRORS, everything))
