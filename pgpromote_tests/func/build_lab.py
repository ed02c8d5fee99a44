"""A prod with an owner, a promoter as docs/howto/roles.md makes it, and a build login that owns nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from pgpromote.promotion import BUILD, TARGET
from pgpromote.run.run import Run
from pgpromote.run.steps import promote
from pgpromote.settings import from_environment
from pgpromote_tests.func.case_runs import psql
from pgpromote_tests.func.walks import Stage, stage
from pgpromote_tests.servers import Server

OWNER, PROMOTER, BUILDER = 'ow"ner ß', "promoter", 'build "er" $ß'
ROLES = """
    CREATE ROLE <owner>;
    CREATE ROLE <promoter> LOGIN CREATEDB;
    CREATE ROLE <builder> LOGIN;
    GRANT <owner>, <builder>, pg_signal_backend TO <promoter>;
"""
LEFT = {
    "objects": """
        SELECT pg_describe_object(d.classid, d.objid, d.objsubid), d.deptype FROM pg_shdepend AS d
         WHERE d.refobjid = '<builder>'::regrole
    """,
    "settings": "SELECT * FROM pg_db_role_setting WHERE setrole = '<builder>'::regrole",
    "memberships": "SELECT * FROM pg_auth_members WHERE member = '<builder>'::regrole",
}


@dataclass(frozen=True)
class Build:
    """A stage whose promoter and build login have names of their own."""

    stage: Stage
    mark: str

    @property
    def prod(self) -> Server:
        return self.stage.prod

    def role(self, name: str) -> str:
        """Return a role's name on the server."""
        return f"{name}_{self.mark}"

    def quoted(self, script: str) -> str:
        """Replace <owner> and the like in a script by the quoted names of the roles."""
        for key, name in (("<owner>", OWNER), ("<promoter>", PROMOTER), ("<builder>", BUILDER)):
            script = script.replace(key, sql.Identifier(self.role(name)).as_string())
        return script

    def in_prod(self, script: str, database: str = "") -> None:
        """Run a script as the superuser, in prod unless another database is named."""
        self.prod.execute(self.quoted(script), database or self.stage.promotion.target().name)

    def as_builder(self, script: str, database: str) -> None:
        """Run a script as the build login, as code of dev would run."""
        url = self.prod.url(database, self.role(BUILDER))
        with psycopg.connect(url, autocommit=True, client_encoding="UTF8") as session:
            session.execute(self.quoted(script).encode())

    def in_dev(self, script: str) -> None:
        """Run a script in dev as the owner of all that is there."""
        source = self.stage.promotion.source().name
        psql(self.stage.dev, source, f"{self.quoted('SET ROLE <owner>;')}\n{script}").check_returncode()

    def alone(self) -> "Build":
        """Return the same lab without a separate login."""
        return self.with_url("")

    def with_url(self, url: str) -> "Build":
        """Return the same lab with another build login."""
        environment = {**self.stage.promotion.environment, BUILD: url}
        return replace(self, stage=replace(self.stage, promotion=from_environment(environment)))

    def left(self) -> dict[str, list[tuple[object, ...]]]:
        """Return all that is still the build login's on the server, queried without code of the product."""
        return {what: found for what, query in LEFT.items() if (found := self.prod.rows(self.quoted(query)))}

    @contextmanager
    def walk(self, **options: object) -> Iterator[Run]:
        """Dump dev and begin a run."""
        self.stage.dump()
        with self.stage.walk(**options) as run:
            yield run

    def promote(self, **options: object) -> Run:
        """Dump dev and promote it."""
        with self.walk(**options) as run:
            promote(run)
        return run


@contextmanager
def open_lab(
    dev: Server, prod: Server, directory: Path, in_dev: str, in_prod: str = "", *, promoter: str = ""
) -> Iterator[Build]:
    """Make dev and prod with these contents, all of it an owner's. Drop the roles at the end.

    `promoter` are attributes that the promoter has besides.
    """
    made = stage(dev, prod, directory, "", in_prod)
    lab = Build(made, uuid4().hex[:6])
    name = made.promotion.target().name
    source = made.promotion.source().name
    dev.execute(lab.quoted(f'CREATE ROLE <owner>; ALTER DATABASE "{source}" OWNER TO <owner>'))
    lab.in_dev(in_dev)
    lab.in_prod(ROLES)
    for each in (PROMOTER, BUILDER):
        prod.let_in(lab.role(each))
    if promoter:
        lab.in_prod(f"ALTER ROLE <promoter> {promoter}")
    lab.in_prod(f'ALTER DATABASE "{name}" OWNER TO <owner>')
    lab.in_prod(
        "DO $do$ DECLARE r regclass; BEGIN FOR r IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'v', 'm')"
        " AND relnamespace = 'public'::regnamespace LOOP"
        " EXECUTE 'ALTER TABLE ' || r || $q$ OWNER TO <owner>$q$; END LOOP; END $do$"
    )
    urls = {
        TARGET: prod.url(name, lab.role(PROMOTER)),
        BUILD: prod.url(name, lab.role(BUILDER)),
    }
    promotion = from_environment({**made.promotion.environment, **urls})
    lab = replace(lab, stage=replace(made, promotion=promotion))
    try:
        yield lab
    finally:
        _drop_roles(lab)


def _drop_roles(lab: Build) -> None:
    """Drop the databases that the lab's promoter has made, then its roles."""
    name = lab.stage.promotion.target().name
    names = {each for each in lab.prod.databases() if each.startswith(name)}
    lab.prod.drop(names)
    with psycopg.connect(lab.prod.url(), autocommit=True) as session:
        for role in (PROMOTER, BUILDER, OWNER):
            session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(lab.role(role))))
    lab.stage.dev.drop({lab.stage.promotion.source().name})
    lab.stage.dev.execute(lab.quoted("DROP ROLE <owner>"))
