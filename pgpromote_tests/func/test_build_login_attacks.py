"""What dev wrote runs while prod's next content is built: a separate login keeps it from the server."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pgpromote.postgres.errors import PgpromoteError
from pgpromote.postgres.model import Policy
from pgpromote.run.run import Run
from pgpromote.run.steps import PREPARE, RESTORE
from pgpromote_tests.func.build_lab import PROMOTER, Build, open_lab
from pgpromote_tests.func.command_line import command_line
from pgpromote_tests.func.walks import until
from pgpromote_tests.servers import Server

pytestmark = pytest.mark.long
# Each is tried by the check of a table while its rows are loaded; nothing may come of it.
ATTACKS = {
    "change the promoter's password": "ALTER ROLE <promoter> PASSWORD 'taken'",
    "rename another prod": "ALTER DATABASE <other> RENAME TO <other_away>",
    "close a third": "ALTER DATABASE <third> ALLOW_CONNECTIONS false",
    "let everybody connect": "DO $d$ BEGIN GRANT CONNECT ON DATABASE <third> TO PUBLIC; "
    "IF NOT has_database_privilege('public', '<third>', 'CONNECT') THEN RAISE 'no'; END IF; END $d$",
    "become the promoter": "SET ROLE <promoter>",
    "become the login that began": "DO $d$ BEGIN RESET ROLE; "
    "EXECUTE $a$ALTER ROLE <promoter> PASSWORD 'x'$a$; END $d$",
    "become another session": "SET SESSION AUTHORIZATION <promoter>",
    "become the owner of prod": "SET ROLE <owner>",
    "be given what is the owner's": "GRANT <owner> TO <builder>",
    "get powers": "ALTER ROLE <builder> CREATEDB",
    "take over what is the owner's": "REASSIGN OWNED BY <owner> TO <builder>",
    "rename prod": "ALTER DATABASE <prod> RENAME TO <other_away>",
    "open the new database": "DO $d$ BEGIN "
    "EXECUTE format('GRANT CONNECT ON DATABASE %I TO PUBLIC', current_database()); "
    "IF NOT has_database_privilege('public', current_database(), 'CONNECT') THEN RAISE 'no'; END IF; END $d$",
    "set something for all sessions": "DO $d$ BEGIN EXECUTE "
    "format('ALTER DATABASE %I SET work_mem = 64', current_database()); END $d$",
    "end the promoter's sessions": "DO $d$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE usename = $q$<promoter_name>$q$; END $d$",
    "read a file": "SELECT pg_read_file('PG_VERSION')",
    "run a program": "COPY gate TO PROGRAM 'true'",
    "write a file": "SELECT lo_export(lo_create(0), '/tmp/pgpromote')",
}
# What would happen to a promoter that restores everything itself, by the issue.
ONCE_DONE = (
    "change the promoter's password",
    "rename another prod",
    "close a third",
    "let everybody connect",
    "become the owner of prod",
)
HOSTILE = """
    CREATE FUNCTION attack(what text, command text) RETURNS boolean LANGUAGE plpgsql AS $f$
    DECLARE outcome text := 'done';
    BEGIN
        IF current_setting('port') <> '<port>' THEN RETURN true; END IF;
        BEGIN EXECUTE command; EXCEPTION WHEN OTHERS THEN outcome := SQLSTATE; END;
        BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
        <logging>
        RETURN true;
    END $f$;
    CREATE TABLE gate (what text, command text);
    <rows>
    ALTER TABLE gate ADD CHECK (public.attack(what, command));
"""
LOGGING = """
        CREATE TABLE IF NOT EXISTS public.log (what text, outcome text);
        INSERT INTO public.log VALUES (what, outcome);
"""
TOLD = "        RAISE LOG 'tried by %', quote_ident(session_user);"
# Whatever else calls dev's code while the database is built.
EVERYWHERE = """
    CREATE FUNCTION every(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $f$
    BEGIN PERFORM public.attack('', command) FROM unnest(ARRAY[<commands>]) AS command; RETURN n; END $f$;
    CREATE FUNCTION once(n integer) RETURNS integer LANGUAGE sql AS 'SELECT public.every(n)';
    CREATE DOMAIN small AS integer CHECK (public.every(VALUE) >= 0);
    CREATE TABLE used (id integer PRIMARY KEY, n small, m integer GENERATED ALWAYS AS (every(id)) STORED);
    INSERT INTO used SELECT n, n FROM generate_series(1, 3) AS n;
    CREATE INDEX used_key ON used (public.every(id)) WHERE public.every(id) > 0;
    CREATE INDEX folded_key ON used ((id + public.every(1))) WHERE id < public.every(9);
    CREATE STATISTICS folded_spread ON (id + public.every(1)), n FROM used;
    ALTER TABLE used ADD CHECK (id + public.every(1) > 0);
    CREATE TABLE checked (id serial PRIMARY KEY, CHECK (id + public.every(1) > 0));
    INSERT INTO checked DEFAULT VALUES;
    CREATE TABLE folded (id integer) PARTITION BY RANGE ((id + public.every(1)));
    CREATE TABLE folded_1 PARTITION OF folded FOR VALUES FROM (public.every(0)) TO (public.every(10));
    INSERT INTO folded VALUES (1);
    CREATE STATISTICS used_spread ON public.every(id), n FROM used;
    CREATE TABLE parts (id integer) PARTITION BY RANGE (public.every(id));
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); INSERT INTO parts VALUES (1), (2);
    CREATE MATERIALIZED VIEW seen AS SELECT public.once(id) AS id FROM used;
    CREATE INDEX seen_key ON seen (public.every(id));
    CREATE TABLE hidden (id integer PRIMARY KEY); INSERT INTO hidden VALUES (1);
    ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
    CREATE POLICY see ON hidden USING (public.every(id) > 0);
    -- Reads back otherwise, so it is restored once more into an empty database.
    CREATE TABLE noted (id serial, note varchar(9) CHECK (note IN ('a', 'b') AND public.every(1) = 1),
        PRIMARY KEY (id)) PARTITION BY HASH (id);
    CREATE TABLE noted_1 PARTITION OF noted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE INDEX noted_key ON noted ((id + public.every(1))); INSERT INTO noted (note) VALUES ('a');
    CREATE VIEW looked AS SELECT public.once(id) AS id FROM used;
"""
STATE = {
    "databases": "SELECT datname, datdba::regrole::text, datallowconn,"
    " ARRAY(SELECT a::text FROM unnest(coalesce(datacl, acldefault('d', datdba))) AS a ORDER BY 1)"
    " FROM pg_database WHERE datname NOT LIKE '%\\_\\_%' ORDER BY 1",
    "roles": "SELECT rolname, rolpassword, rolsuper, rolcreatedb, rolcreaterole FROM pg_authid ORDER BY 1",
    "members": "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members ORDER BY 1, 2",
}


@contextmanager
def attacked(
    dev: Server,
    prod: Server,
    directory: Path,
    more: str = "",
    *,
    logging: str = LOGGING,
    attacks: Collection[str] = ATTACKS,
    promoter: str = "",
) -> Iterator[Build]:
    """Make a dev whose code attacks prod's server, and a prod with two others beside it, all one owner's."""
    with open_lab(dev, prod, directory, "", promoter=promoter) as lab:
        names = {"<prod>": lab.stage.promotion.target().name, "<other_away>": f"away_{lab.mark}"}
        names |= {"<promoter_name>": lab.role(PROMOTER)}
        names |= {f"<{each}>": f"{each}_{lab.mark}" for each in ("other", "third")}
        for each in ("<other>", "<third>"):
            prod.new_url(name=names[each])
            lab.in_prod(f"ALTER DATABASE {names[each]} OWNER TO <owner>")
            lab.in_prod(f"REVOKE CONNECT ON DATABASE {names[each]} FROM PUBLIC")
        commands = {what: lab.quoted(named(ATTACKS[what], names)) for what in attacks}
        rows = (f"INSERT INTO gate VALUES ($w${what}$w$, $c${text}$c$);" for what, text in commands.items())
        script = HOSTILE.replace("<rows>", "\n".join(rows)).replace("<logging>", logging)
        script = script.replace("<port>", str(prod.cluster.port))
        array = ", ".join(f"$c${text}$c$" for text in commands.values())
        try:
            lab.in_dev(script + more.replace("<commands>", array))
            yield lab
        finally:
            made = {names[each] for each in ("<other>", "<third>", "<other_away>")}
            prod.drop(made & prod.databases())


def named(text: str, names: Mapping[str, str]) -> str:
    """Put names where a text has <name> and the like."""
    for key, name in names.items():
        text = text.replace(key, name)
    return text


def outcomes(prod: Server, run: Run) -> dict[str, str]:
    """Read what came of each attack: done, or the error."""
    found = prod.rows("SELECT what, outcome FROM log", run.database.name)
    return {str(what): str(outcome) for what, outcome in found}


def state_of(prod: Server) -> dict[str, list[tuple[object, ...]]]:
    """Read what an attack could have changed on the whole server."""
    return {what: prod.rows(query) for what, query in STATE.items()}


def test_code_that_rows_call_can_do_nothing_to_the_server(dev: Server, prod: Server, tmp_path: Path) -> None:
    with attacked(dev, prod, tmp_path) as lab:
        before = state_of(prod)
        with lab.walk() as run:
            until(run, RESTORE)
            log = outcomes(prod, run)

        assert log.keys() == ATTACKS.keys()
        assert {what for what, outcome in log.items() if outcome == "done"} == set()
        assert state_of(prod) == before


def test_the_same_code_does_all_of_it_where_the_promoter_restores_itself(
    dev: Server, prod: Server, tmp_path: Path
) -> None:
    with attacked(dev, prod, tmp_path, attacks=ONCE_DONE) as lab, lab.alone().walk() as run:
        until(run, PREPARE)
        with suppress(PgpromoteError):  # its password is another one now
            until(run, RESTORE)
        log = outcomes(prod, run)
        prod.let_in(lab.role(PROMOTER))

        assert log == dict.fromkeys(ONCE_DONE, "done")


@pytest.mark.parametrize("rights", list(Policy))
def test_code_in_every_place_can_do_nothing_up_to_the_swap(
    dev: Server, prod: Server, tmp_path: Path, rights: Policy
) -> None:
    with attacked(dev, prod, tmp_path, EVERYWHERE, logging="") as lab:
        before = state_of(prod)

        run = lab.promote(rights=rights)

        assert run.state.cut_over
        assert state_of(prod) == before
        assert lab.left() == {}


@pytest.mark.parametrize("powers", ["", "SUPERUSER"])
def test_code_that_has_become_prod_is_never_run_by_the_promoter(
    dev: Server, prod: Server, tmp_path: Path, powers: str
) -> None:
    log = prod.cluster.directory / "server.log"
    with attacked(dev, prod, tmp_path, EVERYWHERE, logging=TOLD, promoter=powers) as lab:
        # With it the planner folds checks, too, of any table.
        name = lab.stage.promotion.target().name
        lab.in_prod(f"ALTER DATABASE {name} SET constraint_exclusion = on")
        lab.promote()
        before, begun = state_of(prod), log.stat().st_size
        commands = command_line(tmp_path, dev, "", prod, "").having(**lab.stage.promotion.environment)

        for command in ("audit", "plan", "repair", "restore", "rollback"):
            result = commands.run(command, *(["--yes"] if command in {"restore", "rollback"} else []))
            assert result.returncode == 0, result.text

        assert state_of(prod) == before
        tried = {
            line.rpartition("tried by ")[2]
            for line in log.read_text()[begun:].splitlines()
            if " tried by " in line
        }
        assert tried == {lab.quoted("<builder>")}


def test_what_is_not_read_for_that_is_told_with_what_to_do(dev: Server, prod: Server, tmp_path: Path) -> None:
    with open_lab(dev, prod, tmp_path, TREES) as lab:
        lab.promote()
        commands = command_line(tmp_path, dev, "", prod, "").having(**lab.stage.promotion.environment)
        left = {each["table"]: each["message"] for each in commands.run("repair", "--json").json()["skipped"]}
        assert {name for name, told in left.items() if "as the promoter" in told} == set(CALLING)
        assert commands.having(BUILD_DATABASE_URL="").run("repair", "--json").json()["skipped"] == []


CALLING = ("public.by_index", "public.by_domain", "public.by_spread", '"Bäume".by_key', "public.by_child")
TREES = """
    CREATE FUNCTION once(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n; END';
    CREATE DOMAIN small AS integer CHECK (once(VALUE) < 9); CREATE SCHEMA "Bäume";
    CREATE TABLE by_index (id serial PRIMARY KEY); CREATE INDEX ON by_index (id) WHERE id > once(1);
    CREATE TABLE by_domain (id serial PRIMARY KEY); CREATE INDEX ON by_domain ((id::small));
    CREATE TABLE by_spread (id serial PRIMARY KEY);
    CREATE STATISTICS spread ON (id + once(1)), (id + 2) FROM by_spread;
    CREATE TABLE "Bäume".by_key (id serial) PARTITION BY RANGE ((id + once(1)));
    CREATE TABLE "Bäume".by_key_1 PARTITION OF "Bäume".by_key (PRIMARY KEY (id)) DEFAULT;
    CREATE TABLE by_child (id serial PRIMARY KEY);
    CREATE TABLE child (CHECK (id > once(1))) INHERITS (by_child);
    CREATE TABLE plain (id serial PRIMARY KEY, name text); CREATE INDEX ON plain (lower(name)) WHERE id > 0;
"""
