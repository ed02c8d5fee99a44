"""Whatever a database or a role has set for its applications, a promotion brings the same and is proven."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from psycopg.sql import SQL, Identifier, Literal

from pgpromote.postgres.databases import cutover, shadow
from pgpromote.postgres.databases.lock import promotion_lock
from pgpromote.postgres.model import Severity
from pgpromote.postgres.place import Place
from pgpromote.postgres.server import SESSION_SETTINGS, connect, parse_url
from pgpromote.postgres.strategy import CLEAN
from pgpromote.run.steps import promote
from pgpromote_tests import runs
from pgpromote_tests.func.walks import Stage
from pgpromote_tests.servers import Server

# Each is something that somebody sets for good reasons, or by mistake.
HOSTILE = {
    "quote_all_identifiers": "on", "standard_conforming_strings": "off", "backslash_quote": "off",
    "array_nulls": "off", "transform_null_equals": "on", "bytea_output": "escape", "xmlbinary": "hex",
    "xmloption": "document", "check_function_bodies": "on", "row_security": "off", "search_path": "hidden",
    "default_transaction_read_only": "on", "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on", "default_tablespace": "", "client_encoding": "SQL_ASCII",
    "statement_timeout": "1ms", "lock_timeout": "1ms", "idle_in_transaction_session_timeout": "1ms",
    "idle_session_timeout": "1ms", "DateStyle": "SQL, DMY", "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kathmandu", "extra_float_digits": "-15", "lc_monetary": "C", "jit_above_cost": "0",
    "default_text_search_config": "simple", "client_min_messages": "error", "exit_on_error": "on",
    "enable_seqscan": "off", "gin_fuzzy_search_limit": "1", "plpgsql.extra_errors": "all",
    "session_replication_role": "replica", "max_parallel_workers_per_gather": "0",
    "default_toast_compression": "pglz", "synchronize_seqscans": "off",
}  # fmt: skip
# As short as a login may last: only then can a session set its own.
SINCE_17 = {
    "transaction_timeout": "200ms",
    "event_triggers": "off",
    "restrict_nonsystem_relation_kind": "view",
}
CONTENT = r"""
    CREATE SCHEMA hidden;
    CREATE TABLE "or""ders" (
        id serial PRIMARY KEY, note text DEFAULT E'a\\b''c' CHECK (note <> E'\\'), list text[], price money,
        raw bytea DEFAULT '\x00ff5c', span interval DEFAULT '-1 day +02:03', day date DEFAULT '2001-02-03',
        moment timestamptz DEFAULT '2001-02-03 04:05:06+00', rate float8 DEFAULT 0.1::float8 + 0.2);
    INSERT INTO "or""ders" (list, price) VALUES ('{NULL,"NULL",a}', 12.34::numeric::money);
    INSERT INTO "or""ders" (note, list) SELECT E'tab\t\\n ' || n, ARRAY[NULL, 'ß']
      FROM generate_series(1, 9) AS n;
    CREATE VIEW nothing AS SELECT * FROM "or""ders" WHERE note = NULL;
    CREATE VIEW bytes AS SELECT id FROM "or""ders" WHERE raw = '\x5c27'::bytea AND span > '-1 day'::interval;
    CREATE MATERIALIZED VIEW days AS SELECT day, count(*) FROM "or""ders" GROUP BY day;
    CREATE FUNCTION quoted() RETURNS text LANGUAGE sql AS $$ SELECT 'a\b' $$;
    CREATE INDEX lower_note ON "or""ders" (lower(note)) WHERE note <> E'\\';
"""
ASKED = """
    SELECT id, note, list, price::numeric, raw, span, day, moment, rate, quoted() FROM "or""ders" ORDER BY id
"""


def settings(server: Server) -> Mapping[str, str]:
    return HOSTILE | (SINCE_17 if server.major >= 17 else {})


def make_hostile(server: Server, what: str, name: str) -> None:
    """Let a database or a role set everything."""
    query = SQL("ALTER {} {} SET {} = {};")
    server.execute(
        "".join(
            query.format(SQL(what), Identifier(name), Identifier(*key.split(".")), Literal(value)).as_string()
            for key, value in settings(server).items()
        )
    )


def hostile_role(server: Server, kind: str = "SUPERUSER") -> str:
    name = f"hostile_{next(server.numbers)}"
    server.execute(f"CREATE ROLE {name} {kind} LOGIN PASSWORD {Literal(server.cluster.password).as_string()}")
    make_hostile(server, "ROLE", name)
    return name


@pytest.mark.parametrize("options", [{}, {"strategy": CLEAN}], ids=["swap", "clean"])
@pytest.mark.parametrize("where", ["dev", "prod", "role of dev", "role of prod"])
@pytest.mark.versions(15, 17)
def test_a_promotion_brings_the_same_whatever_others_have_set(
    dev: Server, prod: Server, tmp_path: Path, where: str, options: dict[str, str]
) -> None:
    dev_url, prod_url = dev.new_url(CONTENT), prod.new_url("CREATE TABLE old (a int);")
    source, target = (parse_url(url, "URL").name for url in (dev_url, prod_url))
    if where == "dev":
        make_hostile(dev, "DATABASE", source)
    elif where == "prod":
        make_hostile(prod, "DATABASE", target)
    elif where == "role of dev":
        dev_url = dev.url(source, hostile_role(dev))
    else:
        prod_url = prod.url(target, hostile_role(prod))
    shop = Stage(dev, prod, runs.promotion(dev_url, prod_url, tmp_path, dev))

    shop.dump()
    with shop.walk(**options) as run:
        promote(run)

    assert run.state.proof
    assert [f for f in run.state.proof.findings if f.severity is not Severity.INFO] == []
    for server, name in ((dev, source), (prod, target)):
        server.execute(f"ALTER DATABASE {name} RESET ALL")
    assert prod.rows(ASKED, target) == dev.rows(ASKED, source)


@pytest.mark.parametrize("what", ["DATABASE", "ROLE"])
@pytest.mark.versions(15, 16, 17, 18)
def test_our_sessions_have_settings_of_their_own(dev: Server, what: str) -> None:
    name = parse_url(dev.new_url(), "URL").name
    role = hostile_role(dev) if what == "ROLE" else "postgres"
    if what == "DATABASE":
        make_hostile(dev, "DATABASE", name)
    wanted = {**SESSION_SETTINGS, **({"transaction_timeout": "0"} if dev.major >= 17 else {})}
    with connect(parse_url(dev.url(name, role), "URL")) as session:
        found = {
            key: (session.execute("SELECT pg_catalog.current_setting(%s)", [key]).fetchone() or [""])[0]
            for key in wanted
        }
    assert found == wanted


def test_the_lock_and_the_swap_of_a_plain_owner_do_not_mind_what_others_have_set(prod: Server) -> None:
    owner = hostile_role(prod, "NOSUPERUSER CREATEDB")
    name = parse_url(prod.new_url("CREATE TABLE old (a int);"), "URL").name
    prod.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    target = parse_url(prod.url(name, owner), "URL")

    with promotion_lock(Place(target, "p")) as lock:
        made = shadow.create(Place(target, "p"))
        lock.check()
        previous = cutover.swap(Place(target, "p"), made.name, lock=lock).previous
        lock.check()

    assert {name, previous} <= prod.databases()
    assert made.name not in prod.databases()
