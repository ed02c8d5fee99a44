"""The rule about the separate build login: it works, it is a wall, and can build what the archive holds."""

import re
from collections.abc import Iterator

from pgpromote.postgres.archives.archive import DECORATED
from pgpromote.postgres.checks.bare_login import BareLogin, Looked, surplus
from pgpromote.postgres.checks.facts import Facts
from pgpromote.postgres.checks.permissions import Found, quoted, superuser_only
from pgpromote.postgres.model import Dump, Policy, Severity
from pgpromote.postgres.naming import option, setting

# A server or a mapping needs a right on a wrapper that is never the build login's, a subscription one on the
# whole server.
BEYOND = frozenset({"SERVER", "USER MAPPING", "SUBSCRIPTION"})
# Only a superuser may write in a language that is not trusted; those have a u at their end.
UNTRUSTED = re.compile(r"\bLANGUAGE \"?\w+u\"?\b")
# What pg_dump writes of rights, once names in quotes are out of the way. Nothing in it needs a quoted text.
QUOTED = re.compile(r'"(?:[^"]|"")*"')
PLAIN = r"(?:(?!--|/\*)[^'$\\])*"
# Those on a database, a tablespace or a parameter are never in an archive's own entries.
SHARED = r"(?!(?s:.*)\bON\s+(?i:DATABASE|TABLESPACE|PARAMETER)\b)"
GRANT = re.compile(
    rf"{SHARED}(?:ALTER DEFAULT PRIVILEGES {PLAIN} )?(?:GRANT|REVOKE) {PLAIN}\bON {PLAIN}"
    r"|SET SESSION AUTHORIZATION [\w.]+|RESET SESSION AUTHORIZATION"
)
DROP = re.compile(rf"DROP [A-Z]+ {PLAIN}")
OF_OUR_OWN = (
    "Drop it from the source; or promote without the separate login, as a role that may create it: whatever "
    "dev wrote then runs with that role's rights."
)
HINT_IN_PLACE = (
    "Choose the strategy swap to have dev's code run as the build login, which can reach nothing else."
)


def only_grants(text: str) -> bool:
    r"""Return whether SQL does nothing but give and take rights on objects, as pg_dump writes it.

    >>> only_grants('GRANT SELECT(a) ON TABLE public."t;" TO reader WITH GRANT OPTION;\n')
    True
    >>> only_grants('GRANT owner TO reader;'), only_grants('REVOKE ALL ON TABLE t FROM x; DROP TABLE u;')
    (False, False)
    >>> only_grants('GRANT CONNECT ON DATABASE other TO PUBLIC;')
    False
    """
    return all(GRANT.fullmatch(statement) for statement in _statements(text))


def is_drop(text: str) -> bool:
    """Return whether SQL is one DROP, or nothing.

    >>> is_drop('DROP FUNCTION public.f("a;b" integer);'), is_drop('DROP FUNCTION f(); ALTER ROLE x')
    (True, False)
    """
    statements = _statements(text)
    return len(statements) <= 1 and all(DROP.fullmatch(statement) for statement in statements)


def _statements(text: str) -> list[str]:
    """Split SQL at its semicolons, names in quotes apart."""
    parts = QUOTED.sub("name", text).split(";")
    return [part.strip() for part in parts if part.strip()]


def build_login(facts: Facts) -> Found:
    """The separate build login works, owns and may nothing else, and can create what the archive brings."""
    if facts.builder is None or facts.catalog is None:
        return
    if not facts.choice.strategy.beside:
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
        hint = f"{looked.problem.hint} It has to reach {facts.place.agreed} and what is built."
        yield Severity.ERROR, "build login", message, hint
    else:
        message = f"The build login leads to another server than prod, {facts.target.label}."
        hint = f"Name prod's server in {setting('build_database_url')}."
        yield Severity.ERROR, "build login", message, hint


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


def _not_its_own(facts: Facts, login: BareLogin, archive: Dump) -> Found:
    """Yield the archive's objects that the login cannot create, or that would be given to it for good."""
    for name, what in _beyond(archive):
        message = f"{what} can only be created by a superuser; the build login {login.user} is none."
        yield Severity.ERROR, name, message, OF_OUR_OWN
    usable = {"", *login.tablespaces, *((facts.catalog.tablespace,) if facts.catalog else ())}
    for name in sorted({entry.tablespace for entry in archive.entries} - usable):
        if facts.catalog and name in facts.catalog.tablespaces:
            message = f"The build login {login.user} may not create in the tablespace {name}."
            hint = f"GRANT CREATE ON TABLESPACE {quoted(name)} TO {quoted(login.user)};"
            yield Severity.ERROR, name, message, hint
    if facts.choice.rights is Policy.SOURCE:
        yield from _of_the_source(facts, login, archive)


def _of_the_source(facts: Facts, login: BareLogin, archive: Dump) -> Found:
    """Yield texts that are no owner or grant where the archive names those: the promoter runs their words."""
    hint = f"Dump again, or choose {option('rights', 'keep')}."
    grants = [(entry.name, entry.definition) for entry in archive.of_kind("ACL", "DEFAULT ACL")]
    ranges = facts.manifest.range_rights if facts.manifest else {}
    grants += [(name, text) for name, texts in (ranges or {}).items() for text in texts]
    for name, text in grants:
        if not only_grants(text):
            message = (
                f"The grants of {name} in the archive hold something else, which would run as the promoter."
            )
            yield Severity.ERROR, name, message, hint
    for entry in archive.entries:
        if entry.kind in DECORATED and not is_drop(entry.drop):
            message = f"{entry.kind} {entry.name} of the archive is not named as pg_dump names it."
            yield Severity.ERROR, entry.name, message, hint
    owned = [entry.name for entry in archive.entries if entry.owner == login.user]
    if owned:
        message = f"{owned[0]} belongs to {login.user} on dev, which is the name of the build login on prod."
        hint = f"Call the build login otherwise, or choose {option('rights', 'keep')}."
        yield Severity.ERROR, owned[0], message, hint


def _beyond(archive: Dump) -> Iterator[tuple[str, str]]:
    yield from superuser_only(archive)
    for entry in archive.entries:
        untrusted = entry.kind in {"FUNCTION", "PROCEDURE"} and UNTRUSTED.search(entry.definition)
        if entry.kind in BEYOND or untrusted:
            yield entry.name, f"{entry.kind} {entry.name}"
