"""Which of an archive's SQL counts as code: what pg_dump writes passes, what somebody forged never does."""

from dataclasses import replace

import pytest

from pgpromote.postgres.checks import dev_code
from pgpromote.postgres.checks.dev_code import Code, Server
from pgpromote.postgres.model import Archive, TocEntry
from pgpromote_tests.unit.archives import archive_of
from pgpromote_tests.unit.plain import MANIFEST

SERVER = Server(
    harmless=frozenset({"lower", "left", "abs", "count", "generate_series", "float8mi", "numeric"}),
    other=frozenset({"lo_export", "query_to_xml", "ts_rewrite", "ts_stat", "now", "nextval"}),
    keywords=frozenset(
        {"check", "and", "or", "not", "as", "on", "when", "then", "case", "coalesce", "values", "select",
         "from", "where", "in", "any", "array", "row", "with", "references", "using", "unique", "join",
         "by", "over", "filter", "range", "include", "key", "varying", "inherits"}
    ),
)  # fmt: skip
FRAME = tuple(
    TocEntry(90 + place, kind, "", kind, "", "pre-data", definition)
    for place, (kind, definition) in enumerate(
        {
            "ENCODING": "SET client_encoding = 'UTF8';\n",
            "STDSTRINGS": "SET standard_conforming_strings = 'on';\n",
            "SEARCHPATH": "SELECT pg_catalog.set_config('search_path', '', false);\n",
        }.items()
    )
)
TABLE = "CREATE TABLE public.t (\n    x integer{}\n);\n"
ORDERED = "CREATE MATERIALIZED VIEW public.m AS\n SELECT"
EVIL = "ALTER ROLE evil SUPERUSER;"
BODY = "CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    "


def entry(kind: str, definition: str = "", copy: str = "", number: int = 1) -> TocEntry:
    has_data = kind in {"TABLE DATA", "BLOBS"}
    return TocEntry(number, kind, "public", "x", "o", "pre-data", definition, copy=copy, has_data=has_data)


def archive(*entries: TocEntry) -> Archive:
    numbered = tuple(replace(one, dump_id=number) for number, one in enumerate(entries, start=1))
    return replace(archive_of(), entries=numbered, frame=FRAME)


def found(*entries: TocEntry) -> list[Code]:
    return list(dev_code.search(archive(*entries), SERVER))


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("SCHEMA", "CREATE SCHEMA shop;\n"),
        ("SCHEMA", "-- *not* creating schema, since initdb creates it\n\n"),
        ("EXTENSION", "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;\n"),
        ("COMMENT", "COMMENT ON TABLE public.t IS 'it''s; DROP TABLE x -- /* \\';\n"),
        ("COMMENT", """COMMENT ON COLUMN public."a ; b".c IS 'x';\n"""),
        ("TABLE", TABLE.format(",\n    y text DEFAULT 'a' NOT NULL,\n    CONSTRAINT c CHECK ((x > 0))")),
        ("TABLE", TABLE.format(" DEFAULT public.next() NOT NULL,\n    p public.geometry(Point,4326)")),
        ("TABLE", TABLE.format(',\n    y character varying(20) COLLATE pg_catalog."C"')),
        ("TABLE", TABLE.format(",\n    y integer GENERATED ALWAYS AS (abs(x)) STORED")),
        ("TABLE", TABLE.format(",\n    CONSTRAINT c CHECK ((\"left\"(y, 1) = ANY (ARRAY['a'::text])))")),
        ("TABLE", "CREATE TABLE public.t (\n    x integer\n)\nPARTITION BY RANGE (lower(x));\n"),
        (
            "TABLE",
            TABLE.format("") + "ALTER TABLE ONLY public.t ALTER COLUMN x SET STATISTICS 9;\n"
            "ALTER TABLE ONLY public.t FORCE ROW LEVEL SECURITY;\n",
        ),
        ("DEFAULT", "ALTER TABLE ONLY public.t ALTER COLUMN x SET DEFAULT nextval('public.s'::regclass);\n"),
        ("DOMAIN", "CREATE DOMAIN public.d AS character varying(9)\n\tCONSTRAINT c CHECK ((VALUE > 0));\n"),
        ("INDEX", "CREATE INDEX i ON public.t USING gin (lower(x) public.trgm_ops) WHERE (x > 0);\n"),
        ("CONSTRAINT", "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (x);\n"),
        (
            "FK CONSTRAINT",
            "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES public.u(y);\n",
        ),
        ("FUNCTION", BODY + "AS $$ SELECT public.g(); DROP TABLE x $$;\n"),
        ("FUNCTION", BODY + "BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 END;\n SELECT 2;\nEND;\n"),
        ("TRIGGER", "CREATE TRIGGER a BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();\n"),
        ("RULE", "CREATE RULE r AS\n    ON INSERT TO public.t DO ( SELECT public.f();\n SELECT 2;\n);\n"),
        ("VIEW", "CREATE VIEW public.v AS\n SELECT public.f() AS f;\n"),
        ("POLICY", "CREATE POLICY p ON public.t USING (public.f());\n"),
        ("MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW public.m AS\n SELECT count(*) FROM t\n;\n"),
        ("MATERIALIZED VIEW", f"{ORDERED} x IN (1), count(*) OVER (PARTITION BY (x)) FROM t ORDER BY (x);\n"),
        ("MATERIALIZED VIEW", f"{ORDERED} count(*) FILTER (WHERE (x)) FROM (t JOIN (u) USING (x));\n"),
        ("MATERIALIZED VIEW DATA", "REFRESH MATERIALIZED VIEW public.m;\n"),
        ("STATISTICS", "CREATE STATISTICS public.s (mcv) ON lower(x), y FROM public.t;\n"),
        ("SEQUENCE SET", "SELECT pg_catalog.setval('public.s', -5, true);\n"),
        ("ACL", "GRANT SELECT(x) ON TABLE public.t TO a;\nREVOKE ALL ON TABLE public.t FROM PUBLIC;\n"),
        ("TYPE", "CREATE TYPE public.e AS ENUM (\n    'a',\n    'b'\n);\n"),
        ("TYPE", "CREATE TYPE public.r AS RANGE (\n    subtype = integer,\n subtype_diff = float8mi\n);\n"),
        ("TYPE", "CREATE TYPE public.r AS RANGE (subtype = text, subtype_opclass = pg_catalog.x_ops);\n"),
        ("CONSTRAINT", "ALTER TABLE public.t ADD CONSTRAINT c EXCLUDE USING gist (x WITH =, y WITH &&);\n"),
    ],
)  # fmt: skip
def test_what_pg_dump_writes_passes(kind: str, definition: str) -> None:
    assert found(entry(kind, definition)) == []


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("TABLE", TABLE.format(",\n    CONSTRAINT c CHECK (public.f(x))")),
        ("TABLE", TABLE.format(",\n    CONSTRAINT c CHECK (lo_export(x, 'y') > 0)")),
        ("TABLE", TABLE.format(",\n    CONSTRAINT c CHECK (pg_catalog.lo_export(x, 'y') > 0)")),
        ("TABLE", TABLE.format(",\n    CONSTRAINT c CHECK ((x OPERATOR(public.+) 1) > 0)")),
        ("TABLE", TABLE.format(",\n    CONSTRAINT c CHECK ((('a'::text).ts_rewrite) > 0)")),
        ("TABLE", TABLE.format(",\n    CONSTRAINT c CHECK (unknown(x))")),
        ("TABLE", TABLE.format(',\n    CONSTRAINT c CHECK ("by"(x))')),
        ("MATERIALIZED VIEW", f'{ORDERED} "over"(x), "in"(x) FROM t;\n'),
        ("MATERIALIZED VIEW", f"{ORDERED} public.by(x) FROM t;\n"),
        ("TABLE", TABLE.format(",\n    y integer GENERATED ALWAYS AS (public.f(x)) STORED")),
        ("TABLE", TABLE.format(" DEFAULT 1 CHECK (public.f(x))")),
        ("TABLE", TABLE.format(",\n    y public.vector(public.f(1))")),
        ("TABLE", "CREATE TABLE public.t (\n    x integer\n)\nPARTITION BY RANGE (public.f(x));\n"),
        ("TABLE", "CREATE TABLE public.t (x) AS SELECT y FROM public.v;\n"),
        ("TABLE", "CREATE TABLE public.t AS SELECT y FROM public.v;\n"),
        ("TABLE", TABLE.format("") + EVIL),
        ("TABLE", "ALTER TABLE public.v RENAME TO w;\n"),
        ("TABLE", "ALTER TABLE public.t ALTER x SET DATA TYPE integer USING public.f(x);\n"),
        ("DEFAULT", "ALTER TABLE public.t ALTER COLUMN x SET DEFAULT 1, ADD y int DEFAULT public.f();\n"),
        ("SEQUENCE", "ALTER TABLE public.t ADD CONSTRAINT c CHECK (public.f());\n"),
        ("TYPE", 'CREATE TYPE public.r AS RANGE (subtype = integer, "subtype_diff" = public.f);\n'),
        ("TYPE", "CREATE TYPE public.r AS RANGE (subtype_diff = float8mi, canonical = public.f);\n"),
        ("FUNCTION", "CREATE FUNCTION public.f() RETURNS void LANGUAGE 'c' AS '/tmp/evil', 'f';\n"),
        ("MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW m.m AS TABLE x ORDER BY 1 USING OPERATOR(s.<);\n"),
        ("CONSTRAINT", "ALTER TABLE public.t ADD CONSTRAINT c EXCLUDE USING gist (x WITH OPERATOR(s.=));\n"),
        ("TYPE", "CREATE TYPE public.b (INPUT = public.i, OUTPUT = public.o);\n"),
        ("TYPE", "CREATE TYPE public.r AS RANGE (\n    subtype = integer,\n subtype_diff = public.f\n);\n"),
        ("CAST", "CREATE CAST (public.c AS integer) WITH FUNCTION public.f(public.c);\n"),
        ("EVENT TRIGGER", "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION public.f();\n"),
        ("OPERATOR CLASS", "CREATE OPERATOR CLASS public.o DEFAULT FOR TYPE public.c USING btree AS x;\n"),
        ("FUNCTION", "CREATE FUNCTION pg_catalog.lower(public.c) RETURNS text LANGUAGE sql AS 'x';\n"),
        ("FUNCTION", "CREATE FUNCTION \"pg_catalog\".lower(public.c) RETURNS text LANGUAGE sql AS 'x';\n"),
        ("OPERATOR", "CREATE OPERATOR pg_catalog.+ (FUNCTION = public.f, LEFTARG = integer);\n"),
        ("FUNCTION", "CREATE FUNCTION public.f() RETURNS void LANGUAGE c AS '/tmp/evil', 'f';\n"),
        ("FUNCTION", BODY + "AS $$ SELECT 1 $$; " + EVIL),
        ("FUNCTION", BODY + "BEGIN ATOMIC SELECT 1 case; END; " + EVIL + " SELECT 1; END;\n"),
        ("FUNCTION", BODY + "BEGIN ATOMIC SELECT 1; END; " + EVIL),
        ("VIEW", "CREATE VIEW public.v AS SELECT x FROM begin atomic; " + EVIL + " END;\n"),
        ("COMMENT", "COMMENT ON TABLE public.t IS 'x'; " + EVIL),
        ("COMMENT", "COMMENT ON TABLE public.t IS 'x'; SELECT public.f() is 'x';\n"),
        ("ACL", "GRANT postgres TO evil;\n"),
        ("ACL", 'GRANT "a ON b" TO evil;\n'),
        ("ACL", "GRANT SET ON PARAMETER session_preload_libraries TO evil;\n"),
        ("SEQUENCE SET", "SELECT pg_catalog.setval('public.s', 1, public.f());\n"),
        ("SCHEMA", "CREATE SCHEMA s CREATE TABLE t AS SELECT 1;\n"),
        ("MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW public.m AS SELECT rolpassword FROM pg_authid;\n"),
        ("MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW public.m AS SELECT 1 FROM ts_stat('SELECT 1');\n"),
        ("STATISTICS", "CREATE STATISTICS public.s ON public.f(x), y FROM public.t;\n"),
        ("STATISTICS DATA", "SELECT * FROM pg_catalog.pg_restore_relation_stats('a', public.f());\n"),
        ("NOVELTY", "CREATE NOVELTY public.n;\n"),
        ("TABLE", EVIL),
        # How the server reads, and a careless reader would not.
        ("COMMENT", "COMMENT ON TABLE public.t IS E'\\''; " + EVIL + " SELECT '';\n"),
        ("COMMENT", "COMMENT ON TABLE public.t IS E''\n'\\'; " + EVIL + " --';\n"),
        ("COMMENT", "COMMENT ON TABLE public.t IS $a$ $b$ $a$; " + EVIL + " SELECT $b$x$b$;\n"),
        ("COMMENT", "COMMENT ON TABLE public.t IS 'x' /* ; */; " + EVIL),
        ("COMMENT", "COMMENT ON TABLE public.t IS 'x' -- ;\n; " + EVIL),
        ("COMMENT", "COMMENT ON TABLE public.t IS U&'x'; " + EVIL),
        ("TABLE", TABLE.format(',\n    CONSTRAINT c CHECK (U&"l\\006f_export"(x))')),
        ("TABLE", TABLE.format(',\n    CONSTRAINT c CHECK ("check"(x))')),
        ("TABLE", TABLE.format(",\n    CONSTRAINT c CHECK (lower\u212a(x))")),
    ],
)  # fmt: skip
def test_what_pg_dump_would_not_write_or_calls_more_counts_as_code(kind: str, definition: str) -> None:
    assert found(entry(kind, definition))


VIEWS = (
    entry("VIEW", "CREATE VIEW public.v AS\n SELECT public.f() AS f;\n"),
    entry("VIEW", 'CREATE VIEW public."W w" AS\n SELECT v.f FROM public.v;\n'),
)
READER = "CREATE MATERIALIZED VIEW public.m AS\n SELECT f FROM {}\n WITH NO DATA;\n"


def test_a_view_counts_as_code_only_where_a_materialized_view_reads_it() -> None:
    harmless = entry("MATERIALIZED VIEW", READER.format("public.t"))
    reading = entry("MATERIALIZED VIEW", READER.format('public."W w"'))
    assert found(*VIEWS, harmless) == []
    assert [code.name for code in found(*VIEWS, reading)] == ["VIEW public.x"]


def test_a_rule_about_changes_is_not_met_by_a_reader() -> None:
    table = entry("TABLE", TABLE.format(""))
    rule = entry("RULE", "CREATE RULE r AS\n    ON INSERT TO public.t DO  SELECT public.f() AS f;\n")
    assert found(table, rule, entry("MATERIALIZED VIEW", READER.format("public.t"))) == []


def test_an_empty_statement_is_no_surprise() -> None:
    assert found(entry("SCHEMA", ";\n;\n")) == []
    assert found(entry("TABLE", ";\n"))


def test_a_rule_that_makes_a_view_counts_as_that_view() -> None:
    empty = entry("VIEW", "CREATE VIEW public.v AS\n SELECT NULL::integer AS f;\n")
    rule = entry("RULE", "CREATE OR REPLACE VIEW public.v AS\n SELECT public.f() AS f;\n")
    assert found(empty, rule) == []
    assert [c.name for c in found(empty, rule, entry("MATERIALIZED VIEW", READER.format("public.v")))] == [
        "RULE public.x"
    ]


@pytest.mark.parametrize(
    ("copy", "code"),
    [
        ("COPY public.t (x, y) FROM stdin;\n", False),
        ("COPY public.t FROM stdin;\n", False),
        ("COPY public.t (x) FROM stdin;\n", True),
        ("COPY public.t (x, y) FROM PROGRAM 'id';\n", True),
        ("COPY pg_catalog.pg_auth_members (roleid) FROM stdin;\n", True),
        ("COPY public.t (x, y) FROM stdin; " + EVIL, True),
        ("", True),
    ],
)
@pytest.mark.parametrize("child", [False, True])
def test_rows_are_rows_and_no_default_is_computed_for_them(copy: str, code: bool, child: bool) -> None:
    made = [
        entry(
            "TABLE",
            TABLE.format(",\n    y integer DEFAULT public.f()").replace("t (", "p (" if child else "t ("),
        )
    ]
    if child:
        made.append(entry("TABLE", "CREATE TABLE public.t (\n)\nINHERITS (public.p);\n"))
    assert bool(found(*made, entry("TABLE DATA", "", copy))) == code


def test_each_session_begins_as_pg_dump_writes_it() -> None:
    whole = archive()
    assert list(dev_code.search(whole, SERVER)) == []
    for place, one in enumerate(FRAME):
        others = FRAME[:place] + FRAME[place + 1 :]
        forged = replace(one, definition=one.definition + EVIL)
        assert list(dev_code.search(replace(whole, frame=others), SERVER)), one.kind
        assert list(dev_code.search(replace(whole, frame=(*others, forged)), SERVER)), one.kind
        assert list(dev_code.search(replace(whole, frame=(*FRAME, one)), SERVER)), one.kind


def test_data_where_none_belongs_counts_as_code() -> None:
    schema = entry("SCHEMA", "CREATE SCHEMA s;\n")
    assert found(schema) == []
    assert found(replace(schema, has_data=True))
    assert found(replace(schema, copy="COPY public.t FROM PROGRAM 'id';"))


def test_rows_that_are_said_to_need_a_trigger_would_fire_it() -> None:
    trigger = entry("TRIGGER", "CREATE TRIGGER a BEFORE INSERT ON public.t EXECUTE FUNCTION public.f();\n")
    rows = entry("TABLE DATA", "", "COPY public.t (x) FROM stdin;\n")
    comment = replace(entry("COMMENT", "COMMENT ON TABLE public.t IS 'x';\n"), dependencies=(1,))
    assert found(trigger, rows) == []
    assert found(trigger, replace(rows, dependencies=(1,)))
    assert found(trigger, comment, replace(rows, dependencies=(2,)))


def test_a_drop_statement_that_gives_an_owner_is_one_statement() -> None:
    made = entry("VIEW", "CREATE VIEW public.v AS SELECT 1;\n")
    assert found(replace(made, drop='DROP VIEW public."a;b;c";\n')) == []
    assert found(replace(made, drop=f"DROP VIEW public.v; {EVIL}\n"))
    assert found(replace(made, drop="DROP VIEW public.v OWNER TO a; DO 'x' --"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("GRANT EXECUTE ON ROUTINE public.r(IN integer, IN integer) TO PUBLIC WITH GRANT OPTION", False),
        ("REVOKE ALL ON ROUTINE public.r(IN integer) FROM PUBLIC", False),
        ("REVOKE ALL ON ROUTINE public.r(IN integer) FROM PUBLIC; " + EVIL, True),
        ("GRANT postgres TO evil", True),
        (EVIL, True),
    ],
)
def test_a_manifest_gives_ranges_their_rights_and_no_more(text: str, code: bool) -> None:
    forged = replace(MANIFEST, range_rights={"public.r": [text]})
    assert bool(list(dev_code.in_manifest(forged))) == code
