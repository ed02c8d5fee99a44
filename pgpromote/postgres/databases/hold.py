"""The hold that a rollback puts on the promotions into a prod: to read and to end it.

It is written into the mark of the database that the rollback has put aside, in the transaction of the
cut-over: it stays there through every swap, any machine can read it, and prod's owner may write it. Retention
leaves that database alone while it holds.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

from pgpromote.postgres.apply import apply
from pgpromote.postgres.databases import mark
from pgpromote.postgres.databases.mark import End, Provenance
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.naming import command
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import Session

RULE = "not_on_hold"


@dataclass(frozen=True)
class Hold:
    """A hold on the promotions into `prod`: a rollback put `database` aside, whose content came from `was`.

    `ended` says whether that rollback took another one back.
    """

    prod: str
    since: datetime
    database: str
    owner: str
    was: Provenance | None = None
    ended: End | None = None

    @property
    def told(self) -> str:
        """The sentence for people: since when prod is on hold, and why."""
        archive = self.was.archive if self.was else None
        what = f", which came from {archive}" if archive else ""
        return (
            f"{self.prod} is on hold since {self.since:%Y-%m-%d %H:%M:%S} UTC: a rollback has put aside "
            f"{self.database}{what}."
        )


def find(session: Session, prod: str) -> Hold | None:
    """Return the hold on the promotions into a prod, the newest of several; None when there is none.

    That of an owner who is not trusted holds, too: prod may have got another owner since.
    """
    held = [(found, found.mark.held_at) for found in mark.find_previous(session, prod)]
    holds = [
        Hold(prod, at, found.name, found.owner, found.mark.was, found.mark.ended) for found, at in held if at
    ]
    return max(holds, key=lambda each: each.since, default=None)


def read(place: Place) -> Hold | None:
    """Return the hold on the promotions into a prod, in a new session. Raises ConnectionFailed."""
    with place.session() as session:
        return find(session, place.target.name)


def release(place: Place) -> Hold | None:
    """End every hold on the promotions into a prod; return the newest. The caller has the promotion lock.

    Raises Refused when our role may not comment the database that carries it: then all is as before.
    """
    with place.session() as session, session.transaction():
        held = find(session, place.target.name)
        for found in mark.find_previous(session, place.target.name):
            if found.mark.held_at:
                text = replace(found.mark, held_at=None).text()
                try:
                    apply(session, [mark.comment(found.name, text, "the promotion is resumed")])
                except InsufficientPrivilege as error:
                    raise Refused([_unmarkable(found.name, found.owner, session.info.user)]) from error
        return held


def refusal(hold: Hold, *, despite: bool) -> Finding:
    """Return the finding for a prod on hold: an error, or a warning where a person goes on `despite` it."""
    severity = Severity.WARNING if despite else Severity.ERROR
    hint = f"When the next archive may become prod: {command('resume')}"
    return Finding(RULE, severity, hold.prod, f"{hold.told} Nothing is promoted until it is resumed.", hint)


def _unmarkable(name: str, owner: str, user: str) -> Finding:
    giving = SQL("GRANT {} TO {};").format(Identifier(owner), Identifier(user)).as_string()
    return Finding(
        "hold_owner",
        Severity.ERROR,
        name,
        f"Only its owner {owner} may end the hold that {name} carries.",
        f"Connect as {owner}, or: {giving}",
    )
