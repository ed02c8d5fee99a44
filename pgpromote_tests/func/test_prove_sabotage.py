"""Whatever is lost, changed or added after a restore, the proof names it."""

from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pgpromote.demo import auction
from pgpromote.postgres.archives import objects
from pgpromote.postgres.archives.description import Description, describe
from pgpromote.postgres.model import Severity
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.func.kitchen import Promoted, promote, script
from pgpromote_tests.func.proofs import rewriting
from pgpromote_tests.servers import Server


@dataclass(frozen=True)
class Whole:
    """A whole promotion, which copies are made of and changed; and how its server writes definitions."""

    promoted: Promoted
    rewritten: Description

    def told_after(self, change: str) -> list[str]:
        """Change a copy of the restored database, and prove its objects."""
        done, archive = self.promoted, self.promoted.clearance.archive
        assert archive.listed
        copy = copy_of(done)
        with psycopg.connect(done.prod.url(copy.name), autocommit=True) as session:
            session.execute("SET search_path = public; SET allow_system_table_mods = on")
            session.execute(change.encode())
        found = describe(
            copy, [done.prod.tools()], archive.pg_dump_version, "test", settings=dict(done.clearance.settings)
        )
        wanted = Description(archive.entries, done.manifest.rests_on)
        with connect(copy) as session:
            findings = [
                *objects.compare(
                    archive,
                    wanted,
                    found,
                    lambda *_: self.rewritten,
                    whole=True,
                    identities=done.repaired.identities,
                ),
                *objects.not_working(session, archive, whole=True, populated=True),
            ]
        done.prod.drop({copy.name})
        return [finding.message for finding in findings if finding.severity is Severity.ERROR]


def copy_of(done: Promoted) -> Database:
    """Copy the restored database."""
    name = f"{done.target.name}_copy_{next(done.prod.numbers)}"
    query = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with psycopg.connect(done.prod.url(), autocommit=True) as session:
        session.execute(query.format(sql.Identifier(name), sql.Identifier(done.target.name)))
    return done.target.at(name)


def whole_of(url: str, dev: Server, prod: Server, path: Path) -> Whole:
    done = promote(url, dev, prod, path)
    archive = done.clearance.archive
    assert archive.listed
    return Whole(done, rewriting(prod, done.target, dict(done.clearance.settings))(archive, archive.entries))


@pytest.fixture(scope="module")
def whole(dev: Server, prod: Server, major: int, samples: Path) -> Whole:
    return whole_of(dev.new_url(script(major)), dev, prod, samples / f"whole{major}.dump")


# Each change, and what is told.
CHANGES = {
    "an index": ("DROP INDEX parts_k", "INDEX public.parts_1_k_idx of the archive is not there"),
    "an invalid index": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'parts_1_k_idx'::regclass",
        "INDEX public.parts_1_k_idx",
    ),
    "an index of a partitioned table": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'parts_k'::regclass",
        "INDEX public.parts_k is not valid.",
    ),
    "the index of a key": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_pkey'::regclass",
        "CONSTRAINT public.t t_pkey is not valid.",
    ),
    "an index that writers pass by": (
        "UPDATE pg_index SET indisready = false WHERE indexrelid = 't_pkey'::regclass",
        "CONSTRAINT public.t t_pkey is not ready.",
    ),
    "an option of an index": (
        "ALTER INDEX parts_1_k_idx SET (fillfactor = 70)",
        "INDEX public.parts_1_k_idx is not as on dev. Dev: CREATE INDEX",
    ),
    "the method of an index": (
        "DROP INDEX packed; CREATE INDEX packed ON refs USING hash (note)",
        "Here: CREATE INDEX packed ON public.refs USING hash (note);",
    ),
    "the condition of an index": (
        "DROP INDEX packed; CREATE INDEX packed ON refs (note) WHERE u > 2",
        "INDEX public.packed is not as on dev.",
    ),
    "how much is remembered of an index": (
        "ALTER INDEX expressed ALTER COLUMN 1 SET STATISTICS 100",
        "INDEX public.expressed is not as on dev.",
    ),
    "a check": (
        'ALTER TABLE t DROP CONSTRAINT "my, check"',
        "TABLE public.t is not as on dev. Dev: CONSTRAINT",
    ),
    "a check not validated": (
        "UPDATE pg_constraint SET convalidated = false WHERE conname = 't_v_check'",
        "CHECK CONSTRAINT public.t t_v_check is there, and the archive has none.",
    ),
    "a check's condition": (
        'ALTER TABLE t DROP CONSTRAINT "my, check", ADD CONSTRAINT "my, check" CHECK (id > 1) NO INHERIT',
        'Here: CONSTRAINT "my, check" CHECK ((id > 1)) NO INHERIT',
    ),
    "a check of a domain": (
        "ALTER DOMAIN positive DROP CONSTRAINT above",
        "DOMAIN public.positive is not as on dev.",
    ),
    "a domain's default": ("ALTER DOMAIN positive SET DEFAULT 4", "DOMAIN public.positive is not as on dev."),
    "a foreign key not validated": (
        (
            "ALTER TABLE refs DROP CONSTRAINT refs_t_id_fkey;"
            "ALTER TABLE refs ADD CONSTRAINT refs_t_id_fkey FOREIGN KEY (t_id) REFERENCES t NOT VALID"
        ),
        "FK CONSTRAINT public.refs refs_t_id_fkey is not as on dev.",
    ),
    "what a foreign key does": (
        (
            "ALTER TABLE refs DROP CONSTRAINT refs_t_id_fkey;"
            "ALTER TABLE refs ADD CONSTRAINT refs_t_id_fkey FOREIGN KEY (t_id) REFERENCES t ON DELETE CASCADE"
        ),
        "REFERENCES public.t(id) ON DELETE CASCADE;",
    ),
    "all triggers": (
        "ALTER TABLE refs DISABLE TRIGGER ALL",
        "FK CONSTRAINT public.refs refs_t_id_fkey is not checked, because its triggers are off.",
    ),
    "all triggers of the other side": (
        "ALTER TABLE t DISABLE TRIGGER ALL",
        "FK CONSTRAINT public.refs refs_t_id_fkey is not checked, because its triggers are off.",
    ),
    "all triggers of a partition": (
        "ALTER TABLE parts_1 DISABLE TRIGGER ALL",
        "FK CONSTRAINT public.refs refs_part_id_fkey is not checked, because its triggers are off.",
    ),
    "the trigger of a deferrable key": (
        "ALTER TABLE refs DISABLE TRIGGER ALL",
        "CONSTRAINT public.refs refs_u_key is not checked, because its triggers are off.",
    ),
    "a trigger": ("ALTER TABLE parts DISABLE TRIGGER watch", "TRIGGER public.parts watch is not as on dev."),
    "when a trigger fires": (
        (
            "DROP TRIGGER always ON refs; CREATE TRIGGER always BEFORE INSERT OR UPDATE ON refs FOR EACH ROW "
            "EXECUTE FUNCTION changed(); ALTER TABLE refs ENABLE ALWAYS TRIGGER always"
        ),
        "TRIGGER public.refs always is not as on dev.",
    ),
    "a trigger of a partition": (
        "ALTER TABLE parts_2_1 DISABLE TRIGGER watch",
        "TRIGGER public.parts_2_1 watch is there, and the archive has none.",
    ),
    "a trigger that dev had disabled on one partition": (
        "ALTER TABLE parts_2_1 ENABLE TRIGGER other",
        "TRIGGER public.parts_2_1 other of the archive is not there.",
    ),
    "a trigger for replicas too": (
        "ALTER TABLE refs ENABLE TRIGGER always",
        "TRIGGER public.refs always is not as on dev.",
    ),
    "a rule": ("ALTER TABLE refs ENABLE RULE quiet", "RULE public.refs quiet is not as on dev."),
    "a rule's command": (
        "CREATE OR REPLACE RULE quiet AS ON UPDATE TO refs DO INSTEAD NOTHING",
        "RULE public.refs quiet is not as on dev.",
    ),
    "a default": (
        "ALTER TABLE refs ALTER note DROP DEFAULT",
        "TABLE public.refs is not as on dev. Dev: note",
    ),
    "another default": ("ALTER TABLE refs ALTER note SET DEFAULT 'x'", "Here: note text DEFAULT 'x'::text"),
    "the default of a serial": (
        "ALTER TABLE refs ALTER id DROP DEFAULT",
        "DEFAULT public.refs id of the archive is not there.",
    ),
    "a generated column": ("ALTER TABLE t ALTER twice DROP EXPRESSION", "TABLE public.t is not as on dev."),
    "NOT NULL": ("ALTER TABLE t ALTER v DROP NOT NULL", "TABLE public.t is not as on dev."),
    "NOT NULL of a typed table": (
        "ALTER TABLE typed ALTER a DROP NOT NULL",
        "TABLE public.typed is not as on dev.",
    ),
    "a type": ("ALTER TABLE refs ALTER u TYPE bigint", "TABLE public.refs is not as on dev."),
    "a type's length": (
        "ALTER TABLE t ALTER price TYPE numeric(12, 2)",
        " Here: price numeric(12,2), ",
    ),
    "a column": ('ALTER TABLE t DROP "o\'d, "" CHECK ("', "TABLE public.t is not as on dev."),
    "a column's storage": ("ALTER TABLE refs ALTER note SET STORAGE EXTERNAL", "TABLE public.refs is not as"),
    "a column's statistics": (
        "ALTER TABLE refs ALTER note SET STATISTICS 7",
        "TABLE public.refs is not as on",
    ),
    "a label of an enum": ('ALTER TYPE "odd DEFAULT ""type"" x" ADD VALUE \'b\'', "TYPE public.odd DEFAULT"),
    "a column of a type": (
        "ALTER TYPE pair ADD ATTRIBUTE c int CASCADE",
        "TYPE public.pair is not as on dev.",
    ),
    "an option of a table": ("ALTER TABLE refs SET (fillfactor = 90)", "TABLE public.refs is not as on dev."),
    "what replicas see": ("ALTER TABLE refs REPLICA IDENTITY FULL", "TABLE public.refs is not as on dev."),
    "row security": (
        "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
        "ROW SECURITY public.t of the archive is not there.",
    ),
    "row security for the owner": (
        "ALTER TABLE t NO FORCE ROW LEVEL SECURITY",
        "TABLE public.t is not as on dev.",
    ),
    "row security for another owner": (
        "ALTER TABLE refs FORCE ROW LEVEL SECURITY",
        "TABLE public.refs is not as on dev.",
    ),
    "a policy for everybody": ("ALTER POLICY few ON t TO PUBLIC", "POLICY public.t few is not as on dev."),
    "a policy's condition": (
        "ALTER POLICY few ON t USING (id > 0)",
        "Here: CREATE POLICY few ON public.t AS",
    ),
    "a permissive policy": (
        "DROP POLICY few ON t; CREATE POLICY few ON t TO pg_monitor USING (true)",
        "POLICY public.t few is not as on dev.",
    ),
    "a table that is lost in a crash": (
        "ALTER TABLE nothing SET UNLOGGED",
        "TABLE public.nothing is not as on dev. Dev: CREATE TABLE public.nothing ( Here: CREATE UNLOGGED",
    ),
    "a partition": (
        "ALTER TABLE parts DETACH PARTITION parts_1",
        "TABLE ATTACH public.parts_1 of the archive is not there.",
    ),
    "a partition of another table": (
        (
            "ALTER TABLE parts_2 DETACH PARTITION parts_2_1; ALTER TABLE parts_2_1 DROP k;"
            "ALTER TABLE others ATTACH PARTITION parts_2_1 DEFAULT"
        ),
        "TABLE ATTACH public.parts_2_1 is not as on dev.",
    ),
    "a partition's bounds": (
        (
            "ALTER TABLE parts DETACH PARTITION parts_1;"
            "ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM (1) TO (9)"
        ),
        "Here: ALTER TABLE ONLY public.parts ATTACH PARTITION public.parts_1 FOR VALUES FROM (1) TO (9);",
    ),
    "a sequence's step": ("ALTER SEQUENCE small INCREMENT 1", "SEQUENCE public.small is not as on dev."),
    "an identity's end": (
        "ALTER TABLE identities ALTER id SET NO CYCLE",
        "SEQUENCE public.identities_id_seq is not as on dev.",
    ),
    "a sequence's owner": (
        "ALTER SEQUENCE refs_id_seq OWNED BY t.id",
        "SEQUENCE OWNED BY public.refs_id_seq is not as on dev.",
    ),
    "a sequence without an owner": (
        "ALTER SEQUENCE refs_id_seq OWNED BY NONE",
        "SEQUENCE OWNED BY public.refs_id_seq of the archive is not there.",
    ),
    "a materialized view": (
        "REFRESH MATERIALIZED VIEW filled WITH NO DATA",
        "MATERIALIZED VIEW public.filled is not filled.",
    ),
    "a view's text": (
        "CREATE OR REPLACE VIEW v AS SELECT id, count(*) + 1 AS count FROM t GROUP BY id",
        "VIEW public.v is not as on dev.",
    ),
    "a view's option": ("ALTER VIEW v SET (security_barrier)", "VIEW public.v is not as on dev."),
    "a function's body": (
        ("CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"),
        "FUNCTION public.changed() is not as on dev. Dev: AS $$BEGIN RETURN NEW; END$$;",
    ),
    "how a function runs": (
        "ALTER FUNCTION changed() SECURITY DEFINER",
        "FUNCTION public.changed() is not as",
    ),
    "a comment": ("COMMENT ON TABLE refs IS 'other'", "COMMENT public.TABLE refs is not as on dev."),
    "a lost comment": (
        "COMMENT ON TABLE refs IS NULL",
        "COMMENT public.TABLE refs of the archive is not there.",
    ),
    "another operator behind a view": (
        (
            "CREATE FUNCTION mine(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';"
            "CREATE OPERATOR = (LEFTARG = int, RIGHTARG = int, FUNCTION = mine);"
            # The operator is found before the server's own, and the text of the view stays the same.
            "SET search_path = public, pg_catalog;"
            "CREATE OR REPLACE VIEW joined AS SELECT id FROM t JOIN identities USING (id)"
        ),
        "public.joined works otherwise than on dev. Here it uses operator public.=(integer,integer).",
    ),
}
# What is there besides.
ADDED = {
    "a table": ("CREATE TABLE mine (a int)", "TABLE public.mine"),
    "an index": ("CREATE INDEX mine ON refs (u)", "INDEX public.mine"),
    "a trigger": (
        "CREATE TRIGGER mine AFTER DELETE ON refs FOR EACH ROW EXECUTE FUNCTION changed()",
        "TRIGGER public.refs mine",
    ),
    "a policy": ("CREATE POLICY mine ON t USING (true)", "POLICY public.t mine"),
    "a rule": ("CREATE RULE mine AS ON DELETE TO refs DO NOTHING", "RULE public.refs mine"),
    "a view": ("CREATE VIEW mine AS SELECT 1 AS one", "VIEW public.mine"),
    "a function": ("CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "FUNCTION public.mine()"),
    "a function of that name": (
        "CREATE FUNCTION changed(text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "FUNCTION public.changed(text)",
    ),
    "a schema": ("CREATE SCHEMA mine", "SCHEMA mine"),
    "a type": ("CREATE TYPE mine AS ENUM ('a')", "TYPE public.mine"),
    "a sequence": ("CREATE SEQUENCE mine", "SEQUENCE public.mine"),
    "a comment": ("COMMENT ON COLUMN refs.u IS 'mine'", "COMMENT public.COLUMN refs.u"),
    "an identity": (
        "ALTER TABLE parent ALTER id ADD GENERATED BY DEFAULT AS IDENTITY",
        "SEQUENCE public.parent_id_seq",
    ),
    "a foreign key": (
        "ALTER TABLE refs ADD CONSTRAINT mine FOREIGN KEY (u) REFERENCES t NOT VALID",
        "FK CONSTRAINT public.refs mine",
    ),
    "statistics": ("CREATE STATISTICS mine ON t_id, u FROM refs", "STATISTICS public.mine"),
    "an event trigger": (
        (
            "CREATE FUNCTION told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
            "CREATE EVENT TRIGGER mine ON sql_drop EXECUTE FUNCTION told()"
        ),
        "EVENT TRIGGER mine",
    ),
    "a publication": ("CREATE PUBLICATION mine FOR TABLE refs", "PUBLICATION mine"),
    "a long name": (
        f"CREATE TABLE {'t' * 60} (a int CONSTRAINT {'c' * 63} UNIQUE)",
        f"CONSTRAINT public.{'t' * 60} {'c' * 63}",
    ),
}


@pytest.mark.versions(15, 16, 17, 18)
def test_a_whole_promotion_has_nothing_missing(whole: Whole) -> None:
    assert {finding.severity for finding in whole.promoted.findings()} <= {Severity.INFO}
    assert whole.told_after("SELECT") == []


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
@pytest.mark.versions(18)
def test_what_is_lost_or_changed_or_does_not_work_is_named(whole: Whole, change: str, told: str) -> None:
    messages = whole.told_after(change)
    assert any(told in message for message in messages), messages


@pytest.mark.parametrize(("change", "added"), ADDED.values(), ids=ADDED)
@pytest.mark.versions(15)
def test_what_is_there_besides_is_named(whole: Whole, change: str, added: str) -> None:
    messages = whole.told_after(change)
    assert f"{added} is there, and the archive has none." in messages, messages


LOST_FROM_THE_AUCTION = {
    "DROP VIEW public.open_auctions CASCADE": "VIEW public.open_auctions",
    "ALTER TABLE public.reviews DROP CONSTRAINT reviews_pkey": "CONSTRAINT public.reviews reviews_pkey",
    'DROP TRIGGER number_invoice ON "BackOffice".invoices': "TRIGGER BackOffice.invoices number_invoice",
    "DROP POLICY messages_of_one_user ON public.messages": "POLICY public.messages messages_of_one_user",
    "DROP RULE countries_stay ON public.countries": "RULE public.countries countries_stay",
    "DROP STATISTICS public.auctions_category_state": "STATISTICS public.auctions_category_state",
}


def test_what_is_lost_from_the_auction_is_named(dev: Server, prod: Server, tmp_path: Path) -> None:
    url = dev.new_url()
    auction.build(url)
    whole = whole_of(url, dev, prod, tmp_path / "dev.dump")
    assert whole.promoted.findings() == ()
    for change, lost in LOST_FROM_THE_AUCTION.items():
        assert f"{lost} of the archive is not there." in whole.told_after(change)
