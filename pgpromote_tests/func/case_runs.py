"""Promote a case and compare the result with the expectations of its file."""

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pgpromote.postgres import dump
from pgpromote.postgres.errors import NotProven, PgpromoteError, Refused
from pgpromote.postgres.model import Finding, Severity
from pgpromote.promotion import AS_SUPERUSER, SOURCE, TARGET, Promotion
from pgpromote.run.rollback import bring_back
from pgpromote.run.run import Run, start
from pgpromote.run.steps import RETAIN, promote
from pgpromote.settings import from_environment
from pgpromote_tests import oracle, servers
from pgpromote_tests.case_files import Case
from pgpromote_tests.servers import Server

OWN = {
    "databases": "SELECT datname FROM pg_database",
    "roles": "SELECT rolname FROM pg_roles",
    "tablespaces": "SELECT spcname FROM pg_tablespace",
}
ANYTHING = "*"
# What depends on others goes first.
DROPPED = {
    "databases": "DROP DATABASE {} WITH (FORCE)",
    "tablespaces": "DROP TABLESPACE {}",
    "roles": "DROP ROLE {}",
}


@dataclass(frozen=True)
class Told:
    """The outcome of a promotion, and its findings on the way."""

    error: PgpromoteError | None
    checked: tuple[Finding, ...]
    refused: bool
    proof: tuple[Finding, ...]
    losses: tuple[Finding, ...]
    identities: tuple[str, ...]

    @property
    def warnings(self) -> set[str]:
        """The rules of every warning."""
        return {found.rule for found in self.checked + self.proof if found.severity is Severity.WARNING}

    @property
    def errors(self) -> set[str]:
        """The rules whose errors stopped the promotion."""
        found = self.error.findings if isinstance(self.error, Refused | NotProven) else ()
        return {each.rule for each in found if each.severity is Severity.ERROR}


@dataclass(frozen=True)
class Stage:
    """A case on two servers."""

    case: Case
    dev: Server
    prod: Server
    promotion: Promotion
    problems: list[str] = field(default_factory=list)

    @property
    def source(self) -> str:
        """The name of dev's database."""
        return f"d_{self.case.name}"

    @property
    def target(self) -> str:
        """The name of prod's database."""
        return f"p_{self.case.name}"

    def sides(self) -> tuple[tuple[Server, str], tuple[Server, str]]:
        """Return dev and prod, each with its database."""
        return (self.dev, self.source), (self.prod, self.target)

    def demand(self, what: str, *, so: bool) -> None:
        """Record a problem unless the condition holds."""
        if not so:
            self.problems.append(what)


def on_each_pair(cases: Iterable[Case]) -> list[pytest.ParameterSet]:
    """Return each case with each pair of its versions; all pairs but one, by turns, are other versions."""
    return [
        pytest.param(
            case,
            dev,
            prod,
            id=f"{case.path.stem}-{dev}-{prod}",
            marks=[pytest.mark.other_version] if turn != number % len(case.versions) else [],
        )
        for number, case in enumerate(cases)
        for turn, (dev, prod) in enumerate(case.versions)
    ]


@contextmanager
def staged(case: Case, dev: Server, prod: Server, directory: Path) -> Iterator[Stage]:
    """Make both databases of a case; drop everything that it made on both servers at the end."""
    stage = Stage(case, dev, prod, _promotion(case, dev, prod, directory))
    with _cleared(dev), _cleared(prod):
        for server in (dev, prod):
            _make_what_servers_share(case, server)
        dev.new_url(name=stage.source, options=case.setting("devcreate"))
        owner = case.setting("prodowner") or case.setting("produser")
        options = case.setting("prodcreate") + (f" OWNER {owner}" if owner else "")
        prod.new_url(name=stage.target, options=options)
        for side in (("dev", dev, stage.source), ("prod", prod, stage.target)):
            _run_sections(case, *side)
        for server, user in ((dev, "devuser"), (prod, "produser")):
            if case.setting(user):
                server.let_in(case.setting(user))
        yield stage


def _promotion(case: Case, dev: Server, prod: Server, directory: Path) -> Promotion:
    majors = [case.setting("client")] if case.setting("client") else {prod.major: 0, dev.major: 0}
    environment = {
        SOURCE: dev.url(f"d_{case.name}", case.setting("devuser", "postgres")),
        TARGET: prod.url(f"p_{case.name}", case.setting("produser", "postgres")),
        "PGPROMOTE_NAME": case.name,
        "PGPROMOTE_DUMP_DIR": str(directory / "dumps"),
        "PGPROMOTE_REPORT_DIR": str(directory / "reports"),
        "PGPROMOTE_PG_BIN": os.pathsep.join(str(servers.binaries(int(major))) for major in majors),
        # Cases are about objects: what prod had before is there to be replaced.
        "PGPROMOTE_ACCEPT_LOSS": "all",
        AS_SUPERUSER: "1",
    }
    return from_environment(environment)


@contextmanager
def _cleared(server: Server) -> Iterator[None]:
    before = _own(server)
    try:
        yield
    finally:
        after = _own(server)
        with psycopg.connect(server.url(), autocommit=True) as session:
            for kind, query in DROPPED.items():
                for name in after[kind] - before[kind]:
                    session.execute(sql.SQL(query).format(sql.Identifier(name)))


def _own(server: Server) -> Mapping[str, set[str]]:
    return {kind: {str(name) for (name,) in server.rows(query)} for kind, query in OWN.items()}


def _make_what_servers_share(case: Case, server: Server) -> None:
    for section in case.of("roles"):
        psql(server, "postgres", section.text, stop=False)  # a role may be there already
    if space := case.setting("tablespace"):
        script = f"SET allow_in_place_tablespaces = on; CREATE TABLESPACE {space} LOCATION ''"
        psql(server, "postgres", script.replace("; ", ";\n")).check_returncode()


def _run_sections(case: Case, kind: str, server: Server, database: str) -> None:
    for section in case.of(kind):
        if section.role:
            server.let_in(section.role)
        done = psql(server, database, section.text.replace(":DB", database), section.role)
        assert done.returncode == 0, f"The case could not be set up: {done.stderr}"


def psql(
    server: Server, database: str, script: str, role: str = "", *, stop: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Run a script as psql does, each statement on its own, as a role or else as the superuser."""
    command = [server.tools().path("psql"), "-XqAt", "-v", f"ON_ERROR_STOP={int(stop)}"]
    return subprocess.run(
        [*command, "-d", server.url(database, role or "postgres")],
        input=script,
        env={},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


def promote_case(stage: Stage) -> Told:
    """Dump dev and promote it, as the command line does."""
    case, promotion = stage.case, stage.promotion
    with start(promotion, "test", case.options()) as run:
        try:
            dump.dump(
                promotion.source(), promotion.archive_path, promotion.tools(), "test", filters=case.scope()
            )
            promote(run)
            RETAIN.walk(run)
        except PgpromoteError as error:
            return _told(run, error)
        return _told(run, None)


def _told(run: Run, error: PgpromoteError | None) -> Told:
    changes = run.state.repair.changes if run.state.repair else ()
    return Told(
        error,
        checked=(
            *(run.state.checked.findings if run.state.checked else ()),
            *(run.state.prepared.warnings if run.state.prepared else ()),
        ),
        refused=isinstance(error, Refused) and run.state.prepared is None,
        proof=run.state.proof.findings if run.state.proof else (),
        losses=run.state.plan.losses if run.state.plan else (),
        identities=tuple(f"{c.table}.{c.column}" for c in changes if c.action == "add identity"),
    )


def play(stage: Stage) -> list[str]:
    """Promote a case as often as its file says, and return the deviations from its expectations."""
    before = oracle.contents(stage.prod, stage.target), _beside(stage)
    for _ in range(int(stage.case.setting("times", "1"))):
        told = promote_case(stage)
        OUTCOMES[stage.case.outcome](stage, told)
        if stage.case.outcome in {"refused", "unproven"}:
            _unchanged(stage, before)
        elif told.error is None:
            _promoted(stage, told)
    if stage.case.setting("rollback") and not stage.problems:
        _roll_back(stage)
        _unchanged(stage, before)
    return stage.problems


def _went_well(stage: Stage, told: Told) -> None:
    stage.demand(f"It failed: {told.error}", so=told.error is None)
    # Who owns what is not a case's business: a superuser who promotes owns functions that run as their owner.
    content = (found for found in told.proof if found.rule != "rights_kept")
    doubts = [found.message for found in content if found.severity is not Severity.INFO]
    stage.demand(f"The proof has doubts: {doubts}", so=not doubts or told.error is not None)


def _warned(stage: Stage, told: Told) -> None:
    stage.demand(f"It failed: {told.error}", so=told.error is None)
    stage.demand(f"No warning {stage.case.rule} in {told.warnings}", so=stage.case.rule in told.warnings)


def _refused(stage: Stage, told: Told) -> None:
    stage.demand(f"Not refused by the checks, but: {told.error}", so=told.refused)
    stage.demand(f"No error {stage.case.rule} in {told.errors}", so=stage.case.rule in told.errors)


def _unproven(stage: Stage, told: Told) -> None:
    stage.demand(f"Not called unproven, but: {told.error}", so=isinstance(told.error, NotProven))
    stage.demand(f"No error {stage.case.rule} in {told.errors}", so=stage.case.rule in told.errors)


OUTCOMES: Mapping[str, Callable[[Stage, Told], None]] = {
    "promoted": _went_well,
    "warned": _warned,
    "refused": _refused,
    "unproven": _unproven,
}


def _promoted(stage: Stage, told: Told) -> None:
    """Compare both sides: definitions, rows, answers; only differences that the file names are allowed."""
    case = stage.case
    for section in case.of("after"):
        _run_sections(case, section.kind, stage.prod, stage.target)
    ours, theirs = (oracle.rows(*side) for side in stage.sides())
    differing = {
        "schema": "\n".join(_schema_difference(stage, told)),
        "rows": str(
            {t: (ours.get(t), theirs.get(t)) for t in {*ours, *theirs} if ours.get(t) != theirs.get(t)} or ""
        ),
        "answers": "\n".join(_different_answers(stage)),
    }
    meant = set(filter(None, case.setting("differs").split(",")))
    for what, difference in differing.items():
        stage.demand(f"{what}: {difference or 'should differ'}", so=bool(difference) == (what in meant))
    if case.setting("losses") == "none":
        stage.demand(f"Losses were told: {told.losses}", so=not told.losses)


def _schema_difference(stage: Stage, told: Told) -> list[str]:
    """Return the differences between the dumps of both by one pg_dump, repaired identities apart."""
    program = max(stage.dev, stage.prod, key=lambda server: server.major).tools().path("pg_dump")
    theirs = oracle.schema(stage.prod, stage.target, program, told.identities)
    if stage.case.setting("schema") == "reloaded" or stage.dev.major != stage.prod.major:
        copy = f"r_{stage.case.name}"
        ours = oracle.reloaded(stage.dev, stage.source, stage.prod, copy, program)
        stage.prod.drop({copy})
    else:
        ours = oracle.schema(stage.dev, stage.source, program)
    return oracle.difference(ours, theirs)


def _different_answers(stage: Stage) -> Iterator[str]:
    """Yield different answers of both sides; an answer for prod in the file counts before that of dev."""
    told = [text for _, text in stage.case.parts("answers")]
    for number, (role, query) in enumerate(stage.case.parts("check")):
        ours, theirs = (_answer(server, database, query, role) for server, database in stage.sides())
        wanted = told[number] if told else ours
        if wanted not in {theirs, ANYTHING}:
            yield f"{query}: prod answers {theirs}; wanted {wanted}"


def _answer(server: Server, database: str, query: str, role: str) -> str:
    if role:
        server.let_in(role)
    done = psql(server, database, query, role)
    # Where in the text an error lies is not what is compared.
    return done.stdout.strip() + re.sub(r"\s*LINE \d.*", "", done.stderr.strip(), flags=re.DOTALL)


def _roll_back(stage: Stage) -> None:
    with start(stage.promotion, "back") as run:
        try:
            bring_back(run.promotion, run.run_id)
        except PgpromoteError as error:
            stage.demand(f"The rollback failed: {error}", so=False)


def _unchanged(stage: Stage, before: tuple[list[str], set[str]]) -> None:
    changes = oracle.difference(before[0], oracle.contents(stage.prod, stage.target))
    stage.demand("Prod is not as before:\n" + "\n".join(changes), so=not changes)
    if not stage.case.setting("rollback"):
        stage.demand(f"Left beside prod: {_beside(stage) - before[1]}", so=_beside(stage) == before[1])


def _beside(stage: Stage) -> set[str]:
    return {name for name in stage.prod.databases() if "__" in name}
