"""Runs that tests walk step by step, with a fault or the act of another person between two steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pgpromote.postgres import dump
from pgpromote.promotion import Promotion
from pgpromote.run.options import Options
from pgpromote.run.run import Run, start
from pgpromote.run.state import State
from pgpromote.run.steps import STEPS, Step, promote
from pgpromote_tests import runs
from pgpromote_tests.runs import SHOP, contents_of
from pgpromote_tests.servers import Server

DEV = (
    SHOP
    + """
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER keeper BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION keep();
    CREATE INDEX order_notes ON orders (note);
    CREATE SEQUENCE loose; SELECT setval('loose', 40);
"""
)
PROD = """
    CREATE TABLE customers (id integer PRIMARY KEY, name text); INSERT INTO customers VALUES (7, 'old');
    GRANT SELECT ON customers TO reader_of_runs;
"""
# A constraint that its rows break: no restore of them can succeed.
BROKEN_CHECK = """
    ALTER TABLE orders ADD CONSTRAINT low CHECK (id < 10) NOT VALID;
    UPDATE pg_constraint SET convalidated = true WHERE conname = 'low';
"""


@dataclass(frozen=True)
class Stage:
    """A dev, a prod with old content, and their promotion."""

    dev: Server
    prod: Server
    promotion: Promotion

    def dump(self) -> None:
        """Dump dev as pgpromote does."""
        made, store = self.promotion, self.promotion.store
        dump.dump(made.source(), made.archive_path, made.tools(), "test", store=store)

    def beside(self) -> list[str]:
        """Return the databases beside prod."""
        pattern = self.promotion.target().name.replace("_", "\\_") + "\\_\\_%"
        named = self.prod.rows(f"SELECT datname FROM pg_database WHERE datname LIKE '{pattern}' ORDER BY 1")
        return [str(name) for (name,) in named]

    def contents(self) -> list[str]:
        """Dump all of prod, definitions, rights and rows, as lines."""
        return contents_of(self.prod, self.prod.url(self.promotion.target().name))

    def in_dev(self, script: str) -> None:
        self.dev.execute(script, self.promotion.source().name)

    def in_prod(self, script: str) -> None:
        self.prod.execute(script, self.promotion.target().name)

    @contextmanager
    def walk(self, **options: object) -> Iterator[Run]:
        """Begin a run, in the lock, with these options."""
        with start(self.promotion, "test", Options(**options)) as run:  # type: ignore[arg-type]
            yield run

    def promote(self, **options: object) -> None:
        """Dump dev and promote it."""
        self.dump()
        with self.walk(**options) as run:
            promote(run)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Check that the block leaves prod unchanged and no database beside it."""
        before = self.contents(), self.beside()
        yield
        assert (self.contents(), self.beside()) == before


def stage(dev: Server, prod: Server, directory: Path, in_dev: str, in_prod: str) -> Stage:
    """Make a dev and a prod with these contents."""
    promotion = runs.promotion(dev.new_url(in_dev), prod.new_url(in_prod), directory, dev)
    return Stage(dev, prod, promotion)


def shop(dev: Server, prod: Server, directory: Path) -> Stage:
    """Make a dev with a whole shop, and a prod of few old rows that a reader may read."""
    prod.execute("DO $$ BEGIN CREATE ROLE reader_of_runs; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    return stage(dev, prod, directory, DEV, PROD)


Change = Callable[[Run], None]


def until(run: Run, last: Step) -> State:
    """Walk the steps that were not walked yet, up to and with this one."""
    walked = {each.name for each in run.state.steps}
    return promote(run, tuple(each for each in STEPS[: STEPS.index(last) + 1] if each.name not in walked))
