"""What a reset takes outside its schema: the plan against what DROP SCHEMA … CASCADE really does."""

import pytest

from pgpromote.postgres import reset
from pgpromote.postgres.errors import Refused
from pgpromote.postgres.model import Severity
from pgpromote.postgres.server import Session, connect, rows
from pgpromote_tests.servers import Server

KITCHEN_SINK = """
CREATE EXTENSION vector SCHEMA public;
CREATE SCHEMA other;
CREATE TYPE public.mood AS ENUM ('low', 'high');
CREATE TYPE public.point3 AS (x int, y int, z int);
CREATE DOMAIN public.email AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE public.span AS RANGE (subtype = int);
CREATE COLLATION public.plain FROM "C";
CREATE FUNCTION public.double(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
CREATE FUNCTION public.yes() RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION public.same(int, int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2';
CREATE FUNCTION public.add(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + $2';
CREATE FUNCTION public.mood_to_int(public.mood) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION public.fdw_check(text[], oid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE TEXT SEARCH DICTIONARY public.dict (TEMPLATE = simple);
CREATE TABLE public.parent (id serial PRIMARY KEY, m public.mood);
CREATE TABLE public.parted (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE public.parted_in PARTITION OF public.parted DEFAULT;
CREATE TABLE public.ident (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);
CREATE VIEW public.inner_view AS SELECT id FROM public.parent;
CREATE TYPE other.pair AS (a int, m public.mood);
CREATE DOMAIN other.mail AS public.email;
CREATE DOMAIN other.checked AS int CONSTRAINT checked_ok CHECK (public.double(VALUE) > 0);
CREATE TYPE other.moods AS RANGE (subtype = public.mood);
CREATE TABLE other.keep (
    id int PRIMARY KEY, e public.vector(3), m public.mood NOT NULL DEFAULT 'low', ms public.mood[],
    p public.point3, r public.span, mail other.mail, mr other.moods, pr other.pair, ck other.checked,
    d int DEFAULT public.double(1), c int CONSTRAINT c_check CHECK (public.double(c) > 0),
    g int GENERATED ALWAYS AS (public.double(id)) STORED, plain text COLLATE public.plain,
    fk int CONSTRAINT keep_fk REFERENCES public.parent, n int DEFAULT nextval('public.parent_id_seq'),
    safe text NOT NULL, CONSTRAINT keep_unique UNIQUE (safe, m)
);
CREATE INDEX keep_expr ON other.keep (public.double(id));
CREATE INDEX keep_part ON other.keep (id) WHERE public.double(id) > 1;
CREATE INDEX keep_near ON other.keep USING hnsw (e public.vector_l2_ops);
CREATE INDEX keep_safe ON other.keep (safe);
CREATE TRIGGER keep_touch BEFORE UPDATE ON other.keep FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE POLICY keep_policy ON other.keep USING (public.yes());
CREATE RULE keep_rule AS ON UPDATE TO other.keep DO ALSO DELETE FROM public.parent;
CREATE STATISTICS other.keep_stats ON m, id FROM other.keep;
CREATE STATISTICS other.inside_stats ON id, m FROM public.parent;
CREATE STATISTICS public.outside_stats ON id, safe FROM other.keep;
CREATE TABLE other.typed OF public.point3;
CREATE TABLE other.child (extra serial) INHERITS (public.parent);
CREATE TABLE other.partition PARTITION OF public.parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE other.by_mood (m public.mood, v int) PARTITION BY LIST (m);
CREATE TABLE other.by_mood_low PARTITION OF other.by_mood FOR VALUES IN ('low');
CREATE TABLE other.root (id int, m public.mood, w int) PARTITION BY RANGE (id);
CREATE TABLE other.root_1 PARTITION OF other.root FOR VALUES FROM (1) TO (9);
CREATE TABLE public.root_2 PARTITION OF other.root FOR VALUES FROM (10) TO (19);
CREATE INDEX root_expr ON other.root (public.double(w));
ALTER TABLE other.root ADD CONSTRAINT root_fk FOREIGN KEY (w) REFERENCES public.parent;
CREATE TRIGGER root_touch BEFORE UPDATE ON other.root FOR EACH ROW EXECUTE FUNCTION public.touch();
CREATE VIEW other.watch AS SELECT id FROM public.parent;
CREATE VIEW other.watch_watch AS SELECT id FROM other.watch;
CREATE MATERIALIZED VIEW other.frozen AS SELECT id FROM public.parent;
CREATE INDEX frozen_id ON other.frozen (id);
CREATE FUNCTION other.takes(public.mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION other.modern() RETURNS bigint LANGUAGE sql
    BEGIN ATOMIC SELECT count(*) FROM public.parent; END;
CREATE PROCEDURE other.proc(public.email) LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION other.on_extension() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION other.on_extension() DEPENDS ON EXTENSION vector;
CREATE AGGREGATE other.total (int) (SFUNC = public.add, STYPE = int);
CREATE OPERATOR other.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = public.same);
CREATE OPERATOR FAMILY other.family USING btree;
CREATE OPERATOR CLASS other.ops FOR TYPE int USING btree FAMILY other.family
    AS FUNCTION 1 public.add(int, int);
CREATE OPERATOR FAMILY other.loose USING btree;
ALTER OPERATOR FAMILY other.loose USING btree ADD FUNCTION 1 (int, int) public.add(int, int);
CREATE CAST (public.mood AS int) WITH FUNCTION public.mood_to_int(public.mood);
CREATE TEXT SEARCH CONFIGURATION other.config (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION other.config ALTER MAPPING FOR word WITH public.dict;
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE FOREIGN DATA WRAPPER checked_wrapper VALIDATOR public.fdw_check;
CREATE SERVER remote FOREIGN DATA WRAPPER wrapper;
CREATE SERVER checked_remote FOREIGN DATA WRAPPER checked_wrapper;
CREATE USER MAPPING FOR PUBLIC SERVER checked_remote;
CREATE FOREIGN TABLE other.far (id int, m public.mood) SERVER remote;
CREATE FOREIGN TABLE other.gone (id int) SERVER checked_remote;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
CREATE PUBLICATION by_schema FOR TABLES IN SCHEMA public;
CREATE PUBLICATION by_table FOR TABLE ONLY public.parent, other.keep;
CREATE PUBLICATION by_column FOR TABLE other.root_1 (id, m);
CREATE EVENT TRIGGER watch_ddl ON ddl_command_end EXECUTE FUNCTION public.on_ddl();
INSERT INTO other.keep (id, e, safe) VALUES (1, '[1,2,3]', 'still here');
"""

LOST_DATA = """
composite type column other.pair.m
sequence other.child_extra_seq
table column other.keep.e
table column other.keep.g
table column other.keep.m
table column other.keep.mail
table column other.keep.mr
table column other.keep.ms
table column other.keep.p
table column other.keep.plain
table column other.keep.r
table column other.root.m
table column other.root_1.m
table other.by_mood
table other.by_mood_low
table other.child
table other.partition
table other.typed
"""
LOST_DEFINITIONS = """
aggregate other.total(integer)
cast (public.mood AS integer)
default value for other.keep.d
default value for other.keep.n
domain constraint checked_ok on other.checked
event trigger watch_ddl
foreign table column other.far.m
foreign table other.gone
foreign-data wrapper checked_wrapper
function of access method function 1 (integer, integer) of other.loose USING btree
function other.modern()
function other.on_extension()
function other.takes(public.mood)
index other.keep_expr
index other.keep_near
index other.keep_part
index other.root_expr
materialized view other.frozen
operator class other.ops USING btree
operator other.===(integer,integer)
policy keep_policy on other.keep
procedure other.proc(public.email)
publication relation other.root_1 in publication by_column
publication relation public.parent in publication by_table
rule keep_rule on other.keep
server checked_remote
statistics object other.inside_stats
statistics object other.keep_stats
table constraint c_check on other.keep
table constraint keep_fk on other.keep
table constraint keep_unique on other.keep
table constraint root_fk on other.root
text search configuration other.config
trigger keep_touch on other.keep
trigger root_touch on other.root
type other.mail
type other.moods
user mapping public on server checked_remote
view other.watch
view other.watch_watch
"""
RECREATED = """
default privileges of postgres on tables to PUBLIC
extension vector
publication by_schema
"""

# An extension elsewhere that owns a table inside: the table takes the whole extension along.
MEMBER_INSIDE = """
CREATE SCHEMA extensions;
CREATE EXTENSION vector SCHEMA extensions;
CREATE TABLE public.member (id int PRIMARY KEY);
ALTER EXTENSION vector ADD TABLE public.member;
CREATE TABLE public.docs (e extensions.vector(2));
CREATE SCHEMA other;
CREATE TABLE other.docs (e extensions.vector(2));
"""
# Nothing refers to the schema from outside, though it refers to the outside.
SELF_CONTAINED = """
CREATE SCHEMA other;
CREATE TYPE other.mood AS ENUM ('low');
CREATE TABLE other.base (id int PRIMARY KEY);
CREATE SEQUENCE other.numbers;
CREATE TABLE public.t (
    id int PRIMARY KEY DEFAULT nextval('other.numbers'), m other.mood, b int REFERENCES other.base
);
CREATE VIEW public.v AS SELECT * FROM other.base;
CREATE TABLE public.heir () INHERITS (other.base);
"""


def objects(session: Session) -> dict[tuple[object, object], object]:
    """Name every object of the database that has an OID; enum labels are no objects of their own."""
    catalogs = session.execute("""
        SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
         WHERE a.attname = 'oid' AND a.attnum > 0 AND c.relnamespace = 'pg_catalog'::regnamespace
           AND c.relkind = 'r' AND NOT c.relisshared AND c.relname <> 'pg_enum'
    """).fetchall()
    union = " UNION ALL ".join(
        f"SELECT tableoid AS classid, oid AS objid FROM {name}" for (name,) in catalogs
    )
    query = (
        f"SELECT classid::bigint, objid::bigint, pg_describe_object(classid, objid, 0) FROM ({union}) AS u"
    )
    return {(classid, objid): name for classid, objid, name in session.execute(query.encode())}


def columns(session: Session) -> dict[tuple[object, object], object]:
    query = """
        SELECT attrelid::bigint, attnum, pg_describe_object('pg_class'::regclass, attrelid, attnum)
          FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
    """
    return {(relid, number): name for relid, number, name in session.execute(query)}


def truth(session: Session) -> tuple[set[object], set[object]]:
    """Name the objects, and the columns of surviving relations, that DROP SCHEMA really removes."""
    with session.transaction(force_rollback=True):
        before, columns_before = objects(session), columns(session)
        session.execute("DROP SCHEMA public CASCADE")
        after, columns_after = objects(session), columns(session)
    relations = {objid for _, objid in after}
    return (
        {name for key, name in before.items() if key not in after},
        {name for key, name in columns_before.items() if key not in columns_after and key[0] in relations},
    )


def walked(session: Session) -> tuple[set[object], set[object]]:
    """Name the same as the plan's query foresees them."""
    found = rows(session, reset._Taken, "reset/taken", {"schema": "public", **reset.NOTHING})
    taken = [(each.classid, each.objid, each.objsubid) for each in found]
    whole = {(row[0], row[1]) for row in taken if row[2] == 0}

    def describe(row: tuple[object, ...]) -> object:
        found = session.execute("SELECT pg_describe_object(%s::bigint::oid, %s::bigint::oid, %s)", row[:3])
        return found.fetchall()[0][0]

    return (
        {describe(row) for row in taken if row[2] == 0} | {"schema public"},
        {describe(row) for row in taken if row[2] != 0 and (row[0], row[1]) not in whole},
    )


@pytest.mark.parametrize("script", [KITCHEN_SINK, MEMBER_INSIDE, SELF_CONTAINED, ""])
@pytest.mark.versions(16, 18)
def test_the_plan_sees_exactly_what_the_cascade_takes(prod: Server, script: str) -> None:
    with connect(prod.new_database(script)) as session:
        really, foreseen = truth(session), walked(session)

    assert foreseen == really


def found(plan: reset.Reset, severity: Severity) -> list[str]:
    return sorted(finding.object for finding in plan.outside if finding.severity is severity)


def test_what_is_lost_outside_is_named_with_what_it_costs(prod: Server) -> None:
    with connect(prod.new_database(KITCHEN_SINK)) as session:
        plan = reset.plan(session, "public")

    assert found(plan, Severity.ERROR) == LOST_DATA.strip().split("\n")
    assert found(plan, Severity.WARNING) == LOST_DEFINITIONS.strip().split("\n")
    assert found(plan, Severity.INFO) == RECREATED.strip().split("\n")


def test_what_is_inside_is_counted_per_type(prod: Server) -> None:
    with connect(prod.new_database(KITCHEN_SINK)) as session:
        plan = reset.plan(session, "public")

    assert plan.inside == {
        "collation": 1,
        "function": 8,
        "sequence": 1,
        "statistics object": 1,
        "table": 5,
        "text search dictionary": 1,
        "type": 4,
        "view": 1,
    }


def test_an_extension_with_a_member_inside_is_taken_from_its_own_schema_and_comes_back(prod: Server) -> None:
    with connect(prod.new_database(MEMBER_INSIDE)) as session:
        plan = reset.plan(session, "public")

    assert found(plan, Severity.ERROR) == ["table column other.docs.e"]
    assert found(plan, Severity.INFO) == ["extension vector"]
    assert any("CREATE EXTENSION vector SCHEMA extensions" in statement.sql for statement in plan.statements)


def test_a_schema_that_nothing_outside_refers_to_takes_nothing_outside(prod: Server) -> None:
    with connect(prod.new_database(SELF_CONTAINED)) as session:
        assert reset.plan(session, "public").outside == ()


def test_data_outside_is_not_destroyed_unless_allowed(prod: Server) -> None:
    database = prod.new_database(KITCHEN_SINK)
    ran: list[object] = []

    with connect(database) as session, pytest.raises(Refused) as refused:
        reset.reset(session, "public", on_statement=ran.append)

    assert ran == []
    assert {finding.rule for finding in refused.value.findings} == {"reset_outside_data"}
    assert "other.keep.e" in str(refused.value)
    assert prod.rows("SELECT e::text FROM other.keep", database.name) == [("[1,2,3]",)]


def test_allowed_data_loss_keeps_the_rest_outside(prod: Server) -> None:
    database = prod.new_database(KITCHEN_SINK)

    with connect(database) as session:
        reset.reset(session, "public", allow_data_loss_outside=True)

    assert prod.rows("SELECT id, safe FROM other.keep", database.name) == [(1, "still here")]
    assert prod.rows("SELECT extversion FROM pg_extension WHERE extname = 'vector'", database.name)
    assert (
        prod.rows("SELECT schemaname FROM pg_publication_tables WHERE pubname = 'by_schema'", database.name)
        == []
    )
    assert prod.rows("SELECT count(*) FROM pg_publication_namespace", database.name) == [(1,)]
