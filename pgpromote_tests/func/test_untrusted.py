"""Code that an ordinary user of dev has planted: it never makes that user a superuser of prod's server.

Each vector is real: with the option that allows it, it does its harm.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from pgpromote.postgres import dump
from pgpromote.postgres.errors import PgpromoteError, Refused
from pgpromote.postgres.model import Severity
from pgpromote.promotion import BUILD, Promotion
from pgpromote.run.options import Options
from pgpromote.run.run import start
from pgpromote.run.steps import promote
from pgpromote_tests import hard, runs
from pgpromote_tests.func.vectors import scripts
from pgpromote_tests.hard import Attacks
from pgpromote_tests.runs import NOTHING_ALLOWED
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
MALLORY = 'Mallory "of" dev ü'
PROMOTER, OWNER, BUILDER = "promoter of untrusted", "owner of untrusted", "builder of untrusted"
FEW = {16: 12, 17: 3, 18: 3}


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Lab:
    """A dev whose ordinary user plants vectors, a prod where that user is an ordinary one, too."""

    dev: Server
    prod: Server
    prod_url: str
    directory: Path
    file: Path

    def vectors(self) -> dict[str, str]:
        return scripts(identifier(MALLORY), str(self.file))

    def dumped(self, name: str, prod_url: str, **settings: str) -> Promotion:
        """Plant a vector in a new database, as the ordinary user, and dump it."""
        url = self.dev.new_url()
        database = url.rpartition("/")[2]
        self.dev.execute(f"GRANT CREATE ON SCHEMA public TO {identifier(MALLORY)}", database)
        with psycopg.connect(self.dev.url(database, MALLORY), autocommit=True) as session:
            session.execute(self.vectors()[name].encode())
        promotion = runs.promotion(
            url, prod_url, self.directory / database, self.dev, PGPROMOTE_ACCEPT_LOSS="all", **settings
        )
        dump.dump(promotion.source(), promotion.archive_path, promotion.tools(), "test")
        assert not self.harmed(), f"{name} does harm on dev already"
        return promotion

    def harmed(self) -> bool:
        """Tell whether anything has happened to prod's server, and take it back."""
        query = f"SELECT rolsuper FROM pg_roles WHERE rolname = '{MALLORY}'"
        harmed = self.file.exists() or any(
            server.rows(query) != [(False,)] for server in (self.dev, self.prod)
        )
        self.prod.execute(f"ALTER ROLE {identifier(MALLORY)} NOSUPERUSER")
        self.file.unlink(missing_ok=True)
        return harmed


@pytest.fixture(scope="module")
def lab(dev: Server, prod: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    for server in (dev, prod):
        server.execute(f"CREATE ROLE {identifier(MALLORY)}")
        server.let_in(MALLORY)
    # Where the servers' account may write.
    place = Path(tempfile.mkdtemp(prefix="pgpromote-untrusted-"))
    place.chmod(0o777)
    prod_url = prod.new_url("CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1);")
    yield Lab(dev, prod, prod_url, tmp_path_factory.mktemp("untrusted"), place / "written")
    shutil.rmtree(place)


def promoted(promotion: Promotion, **options: bool) -> PgpromoteError | None:
    """Promote, and return the error with which it ended, None for a success."""
    with start(promotion, "test", Options(**options)) as run:  # type: ignore[arg-type]
        try:
            promote(run)
        except PgpromoteError as problem:
            return problem
    return None


def chosen(lab: Lab, name: str, count: int) -> Sequence[str]:
    return hard.some(f"{name} {lab.dev.major}", list(lab.vectors()), count)


def knows_xml(server: Server) -> bool:
    """Tell whether a server was built with libxml."""
    try:
        return bool(server.rows("SELECT pg_catalog.query_to_xml('SELECT 1', true, true, '') IS NOT NULL"))
    except psycopg.errors.FeatureNotSupported:
        return False


@pytest.mark.versions(16, 17, 18)
def test_code_of_dev_does_not_run_as_a_superuser(lab: Lab, attacks: Attacks) -> None:
    names, held = chosen(lab, "superuser", FEW[lab.dev.major]), list[str]()
    before = lab.prod.databases(), runs.contents_of(lab.prod, lab.prod_url)
    for name in names:
        problem = promoted(lab.dumped(name, lab.prod_url, **NOTHING_ALLOWED))
        assert isinstance(problem, Refused), (name, problem)
        errors = [found for found in problem.findings if found.severity is Severity.ERROR]
        assert [found.rule for found in errors] == ["runs_dev_code"], name
        assert "BUILD_DATABASE_URL" in errors[0].hint.partition("--restore-as-superuser")[0]
        held += [] if lab.harmed() else [name]
    assert (lab.prod.databases(), runs.contents_of(lab.prod, lab.prod_url)) == before
    attacks.tried(
        "Code of dev does not run as a superuser", f"planted code, {lab.dev.major}", len(names), len(held)
    )


@pytest.mark.versions(16, 17, 18)
def test_each_vector_does_its_harm_where_it_is_allowed(lab: Lab) -> None:
    harmless = list[str]()
    unable = set[str]() if knows_xml(lab.prod) else {"query_to_xml"}
    names = sorted(lab.vectors().keys() - unable)
    for name in hard.some(f"allowed {lab.dev.major}", names, 3 if lab.dev.major == 16 else 1):
        promoted(lab.dumped(name, lab.prod_url, **NOTHING_ALLOWED), restore_as_superuser=True)
        harmless += [] if lab.harmed() else [name]
    assert harmless == []


@pytest.mark.versions(16, 17, 18)
@pytest.mark.parametrize("login", ["the promoter", "the separate login"])
def test_code_of_dev_makes_nobody_a_superuser_by_the_roles_of_the_docs(
    lab: Lab, attacks: Attacks, login: str
) -> None:
    promoter, owner, builder = (f"{name} {uuid4().hex[:8]}" for name in (PROMOTER, OWNER, BUILDER))
    lab.prod.execute(
        f'CREATE ROLE "{owner}"; CREATE ROLE "{promoter}" CREATEDB; CREATE ROLE "{builder}"; '
        f'GRANT "{owner}", "{builder}", pg_signal_backend TO "{promoter}"'
    )
    lab.prod.let_in(promoter)
    lab.prod.let_in(builder)
    database = lab.prod.new_url(options=f'OWNER "{owner}"').rpartition("/")[2]
    separate = {BUILD: lab.prod.url(database, builder)} if login == "the separate login" else {}
    names, held = chosen(lab, login, 4 if lab.dev.major == 16 else 1), list[str]()
    superusers = lab.prod.rows("SELECT rolname FROM pg_roles WHERE rolsuper ORDER BY 1")
    for name in names:
        problem = promoted(lab.dumped(name, lab.prod.url(database, promoter), **NOTHING_ALLOWED, **separate))
        assert "runs_dev_code" not in str(problem), name
        held += [] if lab.harmed() else [name]
        assert lab.prod.rows("SELECT rolname FROM pg_roles WHERE rolsuper ORDER BY 1") == superusers
    attacks.tried(
        "Code of dev makes nobody a superuser", f"as {login}, {lab.dev.major}", len(names), len(held)
    )
