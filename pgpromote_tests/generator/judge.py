"""Promote one script, and judge the result by the oracle, and by the result of plain pg_restore."""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from pgpromote.postgres import dump
from pgpromote.postgres.errors import (
    NotProven,
    PgpromoteError,
    Refused,
    RestoreFailed,
    SessionFailed,
    ToolFailed,
)
from pgpromote.postgres.model import Foreign, Severity
from pgpromote.run.options import Options
from pgpromote.run.run import Run, start
from pgpromote.run.steps import promote
from pgpromote_tests import runs
from pgpromote_tests.generator.load import load
from pgpromote_tests.generator.oracle import Announced, Picture, differences, picture
from pgpromote_tests.generator.world import Statement, Traits
from pgpromote_tests.servers import Server

EXTENSIONS = ("citext", "hstore", "pg_trgm", "ltree", "btree_gist", "btree_gin", "unaccent")
AVAILABLE = "SELECT name::text FROM pg_available_extensions"
BROUGHT = {"PUBLICATION", "EVENT TRIGGER"}
# What depends on chance, such as the hash of an enum, does not fail at each plain restore.
ATTEMPTS = 8


class Verdict(StrEnum):
    """The judged outcome of a promotion."""

    EQUAL = "equal"
    REFUSED = "refused"  # by a check or the dump, and plain pg_restore fails or makes something else, too
    UNPROVEN = "unproven"  # after the restore, and plain pg_restore fails or makes something else, too
    FALSE = "false refusal"
    WRONG = "wrong"
    BROKEN = "broken"


FAILURES = (Verdict.FALSE, Verdict.WRONG, Verdict.BROKEN)


@dataclass(frozen=True)
class Outcome:
    """The script, the verdict on its promotion, the product's messages, and the oracle's findings."""

    script: tuple[Statement, ...]
    verdict: Verdict
    said: str = ""
    found: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """A dev and a prod server."""

    dev: Server
    prod: Server
    extensions: tuple[str, ...] = ()

    @classmethod
    def of(cls, dev: Server, prod: Server) -> "Pair":
        """Pair two servers; of the extensions, those are used that both offer."""
        found = [{name for (name,) in server.rows(AVAILABLE)} for server in (dev, prod)]
        return cls(dev, prod, tuple(name for name in EXTENSIONS if name in found[0] & found[1]))

    @property
    def traits(self) -> Traits:
        """The features that scripts for this pair may use."""
        return Traits(self.dev.major, self.prod.major, self.extensions)

    @property
    def program(self) -> Callable[[str], str]:
        """A function that returns the path of a client program that reads both."""
        return max(self.dev, self.prod, key=lambda server: server.major).tools().path

    def __str__(self) -> str:
        return f"{self.dev.major}→{self.prod.major}"


COMPRESSION = re.compile(r"ALTER TABLE ONLY (?:(?!;\n).)*? SET COMPRESSION \w+;", re.DOTALL)
NAMED = re.compile(r'CONSTRAINT (?:"(?:[^"]|"")*_not_null\d+"|\w+_not_null\d+) (?=NOT NULL)')
# Of these pg_dump writes nothing: names that a server gives, and that triggers of keys are off.
UNWRITTEN = re.compile(
    r"fact only in (?:dev|prod): (?:validated .*_not_null\d* on |triggers of constraint )", re.DOTALL
)
Judge = Callable[[Pair, Iterable[Statement]], Outcome]


@contextmanager
def databases(*servers: Server) -> Iterator[list[str]]:
    """Make an empty database on each server, yield their URLs; drop them, and the databases beside them."""
    name = f"generated_{uuid4().hex[:12]}"
    try:
        yield [server.new_url(name=f"{name}_{number}") for number, server in enumerate(servers)]
    finally:
        for server in {id(server): server for server in servers}.values():
            server.drop({found for found in server.databases() if found.startswith(name)})


def restored_plainly(pair: Pair, dev_url: str, shown: Picture) -> tuple[str, ...]:
    """Restore dev by pg_dump and pg_restore alone, and list errors and differences."""
    with databases(pair.prod) as (url,), tempfile.NamedTemporaryFile() as archive:
        for command in (
            [pair.program("pg_dump"), "-Fc", f"--file={archive.name}", dev_url],
            [
                pair.program("pg_restore"),
                "-e",
                "--no-owner",
                "--no-privileges",
                f"--dbname={url}",
                archive.name,
            ],
        ):
            done = subprocess.run(command, check=False, capture_output=True, env=os.environ)
            if done.returncode:
                return (f"{Path(command[0]).name} failed: {done.stderr.decode(errors='replace')[:600]}",)
        return tuple(differences(shown, picture(url, pair.program("pg_dump"))))


def plainly(pair: Pair, statements: Iterable[Statement]) -> Outcome:
    """Judge plain pg_restore by the oracle, so that the oracle is known to be right."""
    with databases(pair.dev) as (url,):
        script = load(url, statements)
        found = restored_plainly(pair, url, picture(url, pair.program("pg_dump")))
    found = tuple(each for each in found if not _is_harmless(pair, each, as_plainly=True))
    failed = any(" failed: " in difference for difference in found)
    return Outcome(
        script, Verdict.REFUSED if failed else Verdict.WRONG if found else Verdict.EQUAL, found=found
    )


def promoted(pair: Pair, statements: Iterable[Statement]) -> Outcome:
    """Load a script on dev, promote it into an empty prod, and judge."""
    with databases(pair.dev, pair.prod) as (dev_url, prod_url), tempfile.TemporaryDirectory() as directory:
        script = load(dev_url, statements)
        shown = picture(dev_url, pair.program("pg_dump"))
        bring = tuple(Foreign) if any(s.kind in BROUGHT for s in script) else ()
        promotion = runs.promotion(dev_url, prod_url, Path(directory), _newest(pair))
        try:
            dump.dump(promotion.source(), promotion.archive_path, promotion.tools(), "generated")
            with start(promotion, "generated", Options(jobs=2, bring=bring)) as run:
                promote(run)
                announced = _announced(run)
        except PgpromoteError as error:
            return _refused(pair, dev_url, script, shown, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the next example is tried
            return Outcome(script, Verdict.BROKEN, f"{type(error).__name__}: {error}")
        found = tuple(differences(shown, picture(prod_url, pair.program("pg_dump")), announced))
        if found:
            plain = restored_plainly(pair, dev_url, shown)
            found = tuple(each for each in found if not _is_harmless(pair, each, as_plainly=each in plain))
        return Outcome(script, Verdict.WRONG if found else Verdict.EQUAL, found=found)


def _is_harmless(pair: Pair, difference: str, *, as_plainly: bool) -> bool:
    """Return whether a difference is only the server's own way of writing the same, or stated in the docs.

    A server flattens an AND of ANDs when it parses one, so parentheses go; another release may write it
    otherwise. A child that began to inherit later is made inheriting, and gets its parent's compression of a
    column. PostgreSQL 18 names a NOT NULL otherwise where a detached partition has taken the name, which
    pg_dump does not write. All that happens to plain pg_restore as well. An extension's comment is its own in
    prod: the proof does not compare it, and says so.
    """
    if re.match(r"entry Name: EXTENSION .*; Type: COMMENT;", difference):
        return True
    other_release = pair.dev.major != pair.prod.major
    if as_plainly and other_release and difference.startswith("fact only in prod: "):
        return True  # what a newer server has of its own: NOT NULL as a constraint, more dictionaries
    if as_plainly and UNWRITTEN.match(difference):
        return True
    if not (as_plainly and difference.startswith("entry ")):
        return False
    dev, _, prod = difference.partition("\n  dev:  ")[2].partition("\n  prod: ")
    bare = [re.sub(r"[()\s]", "", COMPRESSION.sub("", NAMED.sub("", text))) for text in (dev, prod)]
    return other_release or bare[0] == bare[1]


def _newest(pair: Pair) -> Server:
    return max(pair.dev, pair.prod, key=lambda server: server.major)


def _refused(
    pair: Pair, dev_url: str, script: tuple[Statement, ...], shown: Picture, error: PgpromoteError
) -> Outcome:
    said = f"{type(error).__name__}: {error}"
    attempts = (restored_plainly(pair, dev_url, shown) for _ in range(ATTEMPTS))
    found = next(filter(None, attempts), ())
    if not found:
        verdict = Verdict.FALSE
    elif isinstance(error, Refused | SessionFailed | ToolFailed):
        verdict = Verdict.REFUSED
    else:
        verdict = Verdict.UNPROVEN if isinstance(error, NotProven | RestoreFailed) else Verdict.BROKEN
    return Outcome(script, verdict, said, found, _rules(error))


def _rules(error: PgpromoteError) -> tuple[str, ...]:
    findings = error.findings if isinstance(error, NotProven | Refused) else ()
    return tuple(sorted({finding.rule for finding in findings if finding.severity is Severity.ERROR}))


def _announced(run: Run) -> Announced:
    changes = run.state.repair.changes if run.state.repair else ()
    return Announced(
        frozenset(
            f"{change.table} ALTER COLUMN {change.column}" for change in changes if not change.feed.sequence
        ),
        frozenset(change.feed.sequence for change in changes if change.feed.sequence),
        tuple(statement.sql for statement in run.state.restored.filled.statements)
        if run.state.restored
        else (),
    )
