"""The rule about the separate build login: it works, it is a wall, and can build what the archive holds."""

import re
from collections.abc import Iterator

from pgpromote.postgres.bare_login import BareLogin, Looked, surplus
from pgpromote.postgres.facts import Facts
from pgpromote.postgres.model import Archive, Policy, Severity
from pgpromote.postgres.permissions import Found, quoted, superuser_only

# A server or a mapping needs a right on a wrapper that is never the build login's, a subscription one on the
# whole server.
BEYOND = frozenset({"SERVER", "USER MAPPING", "SUBSCRIPTION"})
# Only a superuser may write in a language that is not trusted; those have a u at their end.
UNTRUSTED = re.compile(r"\bLANGUAGE \"?\w+u\"?\b")
OF_OUR_OWN = (
    "Drop it from the source; or promote without the separate login, as a role that may create it: whatever "
    "dev wrote then runs with that role's rights."
)
HINT_IN_PLACE = (
    "Choose the strategy swap to have dev's code run as the build login, which can reach nothing else."
)


def build_login(facts: Facts) -> Found:
    """The separate build login works, owns and may nothing else, and can create what the archive brings."""
    if facts.builder is None or facts.catalog is None:
        return
    if facts.in_place:
        message = (
            f"The build login is not used: this changes {facts.target.label} itself, so what dev wrote runs "
            f"as {facts.catalog.identity.user}."
        )
        yield Severity.WARNING, facts.target.label, message, HINT_IN_PLACE
        return
    login = facts.builder.login
    if login is None or facts.builder.problem or not facts.builder.same_server:
        yield from _unusable(facts, facts.builder)
        return
    yield from _not_bare(login, facts.catalog.identity.user)
    if facts.archive:
        yield from _not_its_own(facts, login, facts.archive)


def _unusable(facts: Facts, looked: Looked) -> Found:
    if looked.problem:
        message = f"The build login cannot log in: {looked.problem.message}"
        yield Severity.ERROR, "build login", message, looked.problem.hint
    else:
        message = f"The build login leads to another server than prod, {facts.target.label}."
        yield Severity.ERROR, "build login", message, "Name prod's server in BUILD_DATABASE_URL."


def _not_bare(login: BareLogin, promoter: str) -> Found:
    for why in surplus(login):
        message = f"The build login {login.user} is no wall: {why}, and so has whatever dev wrote."
        hint = f"Make a login of its own for it: CREATE ROLE … LOGIN; and GRANT … TO {quoted(promoter)};"
        yield Severity.ERROR, login.user, message, hint
    if login.user == promoter:
        message = f"The build login is {promoter} itself, so it is no wall."
        yield Severity.ERROR, login.user, message, "Make a login of its own for it."
    elif not login.ours:
        message = (
            f"{promoter} is no member of the build login {login.user}, so it can give it nothing to build."
        )
        yield Severity.ERROR, login.user, message, f"GRANT {quoted(login.user)} TO {quoted(promoter)};"


def _not_its_own(facts: Facts, login: BareLogin, archive: Archive) -> Found:
    """Say what the archive holds that the login cannot create, or would be given to it for good."""
    for name, what in _beyond(archive):
        message = f"{what} can only be created by a superuser; the build login {login.user} is none."
        yield Severity.ERROR, name, message, OF_OUR_OWN
    usable = {"", *login.tablespaces, *((facts.catalog.tablespace,) if facts.catalog else ())}
    for name in sorted({entry.tablespace for entry in archive.entries} - usable):
        if facts.catalog and name in facts.catalog.tablespaces:
            message = f"The build login {login.user} may not create in the tablespace {name}."
            hint = f"GRANT CREATE ON TABLESPACE {quoted(name)} TO {quoted(login.user)};"
            yield Severity.ERROR, name, message, hint
    owned = [entry.name for entry in archive.entries if entry.owner == login.user]
    if owned and facts.rights is Policy.SOURCE:
        message = f"{owned[0]} belongs to {login.user} on dev, which is the name of the build login on prod."
        hint = "Call the build login otherwise, or choose --rights keep."
        yield Severity.ERROR, owned[0], message, hint


def _beyond(archive: Archive) -> Iterator[tuple[str, str]]:
    yield from superuser_only(archive)
    for entry in archive.entries:
        untrusted = entry.kind in {"FUNCTION", "PROCEDURE"} and UNTRUSTED.search(entry.definition)
        if entry.kind in BEYOND or untrusted:
            yield entry.name, f"{entry.kind} {entry.name}"
