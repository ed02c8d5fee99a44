"""Random schemas of all object kinds go through, and nothing wrong goes through.

`make test` tries the same 12 every time; `make test-generated` tries new ones on every pair of versions, and
tells the seed with which pytest finds them again.
"""

import os
import random

import pytest

from pgpromote.demo.servers import ServerFailed
from pgpromote_tests import servers
from pgpromote_tests.conftest import StartServer
from pgpromote_tests.generator.explore import explore, reduced
from pgpromote_tests.generator.judge import Judge, Pair, plainly, promoted
from pgpromote_tests.generator.oracle import differences, picture
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
EXAMPLES = int(os.environ.get("PGPROMOTE_GENERATED", "0"))
SEED = int(os.environ.get("PGPROMOTE_GENERATED_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
ALL = ((15, 15), (16, 16), (17, 17), (18, 18), (15, 16), (16, 18))
PAIRS = [(pair, EXAMPLES) for pair in ALL] if EXAMPLES else [(pair, 2) for pair in ALL]
REDUCING_SECONDS = 120 if EXAMPLES else 20


def told(start_server: StartServer, majors: tuple[int, int], examples: int, judge: Judge) -> list[str]:
    """Explore a pair, print the figures, and describe what failed."""
    dev, prod = majors
    pair = Pair.of(start_server(dev, "dev"), start_server(prod, "prod"))
    seed = SEED if EXAMPLES else 100 * dev + prod  # other ones for each pair
    figures = explore(pair, judge, examples, seed)
    print(f"{figures}\n  seed: {seed}")  # noqa: T201 - what -rP shows
    return reduced(pair, judge, figures.failures, REDUCING_SECONDS)


def installed(major: int) -> bool:
    try:
        return servers.binaries(major).is_dir()
    except ServerFailed:
        return False


@pytest.mark.timeout(0)  # the long run lasts as long as it has examples, and then reduces what failed
@pytest.mark.parametrize(("majors", "examples"), PAIRS, ids=str)
def test_a_random_schema_goes_through_as_it_is_or_is_refused_as_plain_pg_restore_would(
    start_server: StartServer, majors: tuple[int, int], examples: int
) -> None:
    assert all(map(installed, majors))
    failures = told(start_server, majors, examples, promoted)
    assert not failures, "\n\n".join(failures)


def test_the_oracle_finds_what_plain_pg_restore_made_equal(start_server: StartServer) -> None:
    failures = told(start_server, (16, 16), 3, plainly)
    assert not failures, "\n\n".join(failures)


ORIGINAL = """
    CREATE TABLE parent (id integer PRIMARY KEY, name text);
    CREATE TABLE child (parent integer CONSTRAINT known REFERENCES parent, note text CHECK (note <> ''));
    CREATE INDEX by_name ON parent (name);
    CREATE SEQUENCE counted;
    CREATE VIEW names AS SELECT name FROM parent WHERE name > 'a';
    CREATE MATERIALIZED VIEW kept AS SELECT name FROM parent;
    CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
    CREATE POLICY mine ON parent USING (name = 'x');
    INSERT INTO parent VALUES (1, 'b');
    INSERT INTO child VALUES (1, 'c');
"""


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO parent VALUES (2, NULL)",
        "UPDATE parent SET name = 'B'",
        "CREATE OR REPLACE VIEW names AS SELECT name FROM parent WHERE name >= 'a'",
        "CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN n + n",
        "ALTER POLICY mine ON parent USING (name = 'y')",
        "ALTER INDEX by_name SET (fillfactor = 50)",
        "SELECT nextval('counted')",
        "ALTER TABLE child DISABLE TRIGGER ALL",
        "COMMENT ON COLUMN child.note IS 'other'",
        "REFRESH MATERIALIZED VIEW kept WITH NO DATA",
        "SELECT lo_from_bytea(77777, 'x')",
    ],
)
def test_the_oracle_finds_a_change(dev: Server, change: str) -> None:
    """Whatever the product says: the oracle is what it is judged by."""
    program = dev.tools().path("pg_dump")
    url, same, changed = (dev.new_url(ORIGINAL + more) for more in ("", "", change))
    assert not differences(picture(url, program), picture(same, program))
    assert differences(picture(url, program), picture(changed, program))
