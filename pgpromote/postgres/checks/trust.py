"""The rules about trust: in the file and its origin, the code in it, and the connections to the servers."""

import shlex

from pgpromote.postgres.archives import encryption, origin
from pgpromote.postgres.archives.archive import HINT_MANIFEST
from pgpromote.postgres.checks.dev_code import Code
from pgpromote.postgres.checks.facts import Facts
from pgpromote.postgres.checks.permissions import Found, listed
from pgpromote.postgres.model import Ref, Severity
from pgpromote.postgres.naming import command, option, setting
from pgpromote.postgres.rows.compare import NOT_PROVEN, hint_to_dump

HINT_COPY = "Copy the archive again."


def archive_readable(facts: Facts) -> Found:
    """A whole file that this client can read, the one its manifest describes, and the one asked for."""
    if facts.archive_problem:
        yield Severity.ERROR, str(facts.path), facts.archive_problem.message, facts.archive_problem.hint
    elif facts.dumped and facts.choice.expected and facts.choice.expected.sha256 not in {"", facts.sha256}:
        message = (
            f"{facts.path} is no longer the file that this run was asked for, it was replaced meanwhile: "
            f"SHA-256 is {facts.sha256[:12]}…, asked for was {facts.choice.expected.sha256[:12]}…."
        )
        hint = "Leave it to the run that the sensor asks for the newer file, or start one for it."
        yield Severity.ERROR, str(facts.path), message, hint
    elif facts.manifest and facts.manifest.sha256 != facts.sha256:
        message = (
            f"{facts.path} is not the file that its manifest describes: SHA-256 is {facts.sha256[:12]}…, "
            f"the manifest says {facts.manifest.sha256[:12]}…."
        )
        again = f" If it was replaced on purpose: {command(f'adopt --anew {shlex.quote(str(facts.path))}')}"
        yield (
            Severity.ERROR,
            str(facts.path),
            message,
            HINT_COPY + again if facts.manifest.adopted else HINT_MANIFEST,
        )


def manifest_there(facts: Facts) -> Found:
    """A manifest beside the archive says which bytes it was made of when it was dumped, or adopted."""
    if facts.archive is None or not facts.archive.listed or facts.archive_problem:
        return
    if facts.manifest is None:
        yield Severity.ERROR, str(facts.path), *without_manifest(facts.path)
    elif facts.manifest.adopted:
        message = f"{facts.path} was adopted at {facts.manifest.adopted_at}: its {NOT_PROVEN}."
        yield Severity.WARNING, str(facts.path), message, hint_to_dump()


def without_manifest(ref: Ref) -> tuple[str, str]:
    """Return message and hint for an archive without a manifest."""
    message = f"{ref} has no manifest: nobody can tell whether it was damaged or changed, or what dev held."
    hint = (
        f"Copy its manifest beside it, too; {command('dump')} writes one. For an archive of pg_dump that you "
        f"trust, run: {command(f'adopt {shlex.quote(str(ref))}')}"
    )
    return message, hint


def archive_is_ours(facts: Facts) -> Found:
    """The archive is of this promotion, and of the database that it promotes; or of prod itself."""
    if facts.archive and facts.archive.listed and facts.catalog and facts.choice.expected:
        dumped = origin.of_archive(facts.archive, facts.manifest)
        yield from origin.judge(facts.path, dumped, facts.choice.expected, facts.known, facts.choice.allow)


def only_sql(facts: Facts) -> Found:
    """Plain SQL makes psql do nothing by itself: run a program, connect elsewhere, end the transaction."""
    for found in facts.commands:
        message = f"{facts.path}, line {found.line}: {found.name} is psql's to do, and no SQL of a dump."
        allowed = found.name in facts.choice.allow
        hint = f"If you know what it does, allow it: {option('allow', found.name)}"
        severity = Severity.WARNING if allowed else Severity.ERROR
        yield severity, found.name, message, "" if allowed else hint


def runs_dev_code(facts: Facts) -> Found:
    """No code of the source runs with a superuser's rights while its archive is restored."""
    if facts.catalog is None or not facts.prod.powers or (facts.builder and facts.choice.strategy.beside):
        return
    if facts.archive and not facts.archive.listed:
        what = f"{facts.path} is plain SQL, so all of it is code that runs"
    elif facts.code:
        what = f"{_counted(facts.code)} of the archive run code of dev while it is restored, or may:"
        what += f" {listed([f'{one.name} ({one.why})' for one in facts.code])}. It would run"
    else:
        return
    user, power = facts.catalog.identity.user, facts.prod.powers[0]
    who = f"{user}, a superuser" if user == power else f"{user}, which may act as {power}"
    allowed = facts.choice.restore_as_superuser
    severity = Severity.INFO if allowed else Severity.ERROR
    yield severity, user, f"{what} as {who}.", "" if allowed else _hint_to_wall_off()


def _hint_to_wall_off() -> str:
    return (
        f"Let a login restore that owns nothing else, {setting('build_database_url')}: see "
        "docs/howto/roles.md. Or, if you trust everybody who may change dev: "
        f"{option('restore-as-superuser')}, or {setting('restore_as_superuser')}=1."
    )


def _counted(code: tuple[Code, ...]) -> str:
    return f"{len(code)} object{'s' if len(code) > 1 else ''}"


def connection_encrypted(facts: Facts) -> Found:
    """Nobody on the way to prod or dev can read or change what goes there and comes back."""
    for link in facts.links:
        for found in encryption.findings(link):
            yield found.severity, found.object, found.message, found.hint
