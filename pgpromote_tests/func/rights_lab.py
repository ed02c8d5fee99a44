"""A database with every kind of right in it, another one to carry them to, and the server's own verdict.

The matrix comes from has_*_privilege() and the owner columns: it shares no code or query with the product.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from pgpromote.postgres import tools
from pgpromote.postgres.apply import apply
from pgpromote.postgres.model import Finding, Severity
from pgpromote.postgres.rights import carry
from pgpromote.postgres.rights.carry import Rights
from pgpromote.postgres.server import Database, connect
from pgpromote_tests.servers import Server

ROLES = ("owner", "app_rw", "app_ro", "auditor", "staff", 'Odd "Role" {x} 100%', "nobody")

# <owner> and the like stand for role names, which are unique on the server.
SINK = """
GRANT <staff> TO <app_ro>;
CREATE SCHEMA shop AUTHORIZATION <owner>;
CREATE SCHEMA "od.d ""schema"" {x} 100%" AUTHORIZATION <odd>;
GRANT USAGE ON SCHEMA shop TO <app_rw>, <staff>, <auditor> WITH GRANT OPTION;
GRANT CREATE ON SCHEMA "od.d ""schema"" {x} 100%" TO <app_rw>;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO <app_rw>;

CREATE TABLE shop.orders (id bigserial PRIMARY KEY, total numeric, "card no." text, note text);
CREATE TABLE shop.items (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
CREATE TABLE "od.d ""schema"" {x} 100%"."T 1" (id integer);
CREATE TABLE shop.events (day date, id integer) PARTITION BY RANGE (day);
CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE public.lone (id integer);
CREATE SEQUENCE shop.numbers;
CREATE VIEW shop.totals AS SELECT sum(total) AS total FROM shop.orders;
CREATE VIEW shop.mine WITH (security_invoker = true) AS SELECT id FROM shop.orders;
CREATE MATERIALIZED VIEW shop.report AS SELECT 1 AS one;
ALTER TABLE shop.orders OWNER TO <owner>;
ALTER TABLE shop.items OWNER TO <owner>;
ALTER TABLE shop.events OWNER TO <owner>;
ALTER TABLE shop.events_2026 OWNER TO <app_rw>;
ALTER TABLE "od.d ""schema"" {x} 100%"."T 1" OWNER TO <odd>;
ALTER VIEW shop.totals OWNER TO <owner>;
ALTER MATERIALIZED VIEW shop.report OWNER TO <staff>;
ALTER SEQUENCE shop.numbers OWNER TO <owner>;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.orders, shop.items TO <app_rw>;
GRANT SELECT ON shop.items TO PUBLIC;
GRANT SELECT (id, total), UPDATE (note) ON shop.orders TO <staff>;
GRANT SELECT ("card no.") ON shop.orders TO <auditor> WITH GRANT OPTION;
GRANT SELECT, REFERENCES ON shop.items TO <auditor> WITH GRANT OPTION;
SET ROLE <auditor>; GRANT SELECT ON shop.items TO <app_ro> WITH GRANT OPTION;
GRANT SELECT ("card no.") ON shop.orders TO <nobody>; RESET ROLE;
GRANT USAGE ON SCHEMA shop TO <app_ro>;
SET ROLE <app_ro>; GRANT SELECT ON shop.items TO <odd>; RESET ROLE;
REVOKE DELETE, TRUNCATE ON shop.orders FROM <owner>;
GRANT SELECT ON shop.events_2026 TO <app_ro>;
GRANT SELECT, INSERT ON "od.d ""schema"" {x} 100%"."T 1" TO <app_rw>;
GRANT SELECT ON shop.totals, shop.mine, shop.report TO <app_ro>;
GRANT USAGE ON SEQUENCE shop.orders_id_seq, shop.numbers TO <app_rw>;
GRANT SELECT ON SEQUENCE shop.numbers TO PUBLIC;

CREATE FUNCTION shop.secret(integer, text) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE FUNCTION shop.open(VARIADIC integer[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE shop.work(IN a integer, OUT b integer) LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE shop.work(IN a integer, IN b integer) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE shop.total_of(integer) (sfunc = int4pl, stype = integer);
CREATE AGGREGATE shop.counted(*) (sfunc = int8inc, stype = bigint, initcond = '0');
ALTER ROUTINE shop.secret(integer, text) OWNER TO <owner>;
ALTER ROUTINE shop.total_of(integer) OWNER TO <staff>;
REVOKE EXECUTE ON FUNCTION shop.secret(integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.secret(integer, text) TO <app_rw>;
REVOKE EXECUTE ON ROUTINE shop.work(IN integer, IN integer) FROM PUBLIC;
GRANT EXECUTE ON ROUTINE shop.counted() TO <auditor> WITH GRANT OPTION;

CREATE TYPE shop.mood AS ENUM ('good', 'bad');
CREATE TYPE shop.pair AS (a integer, b integer);
CREATE TYPE shop.span AS RANGE (subtype = float8);
CREATE DOMAIN shop.email AS text;
ALTER TYPE shop.mood OWNER TO <owner>;
ALTER TYPE shop.span OWNER TO <staff>;
REVOKE USAGE ON TYPE shop.mood FROM PUBLIC;
REVOKE USAGE ON DOMAIN shop.email FROM PUBLIC;
GRANT USAGE ON DOMAIN shop.email TO <app_rw>;
REVOKE USAGE ON TYPE shop.items FROM PUBLIC;

CREATE OPERATOR shop.### (leftarg = integer, rightarg = integer, function = int4pl);
ALTER OPERATOR shop.### (integer, integer) OWNER TO <owner>;
CREATE OPERATOR CLASS shop.ints FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer);
ALTER OPERATOR CLASS shop.ints USING hash OWNER TO <owner>;
ALTER OPERATOR FAMILY shop.ints USING hash OWNER TO <owner>;
CREATE COLLATION shop.plain (locale = 'C');
ALTER COLLATION shop.plain OWNER TO <staff>;
CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION shop.words OWNER TO <staff>;
CREATE TEXT SEARCH DICTIONARY shop.book (TEMPLATE = simple);
ALTER TEXT SEARCH DICTIONARY shop.book OWNER TO <owner>;
CREATE STATISTICS shop.both ON id, total FROM shop.orders;
ALTER STATISTICS shop.both OWNER TO <owner>;
CREATE CONVERSION shop.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
ALTER CONVERSION shop.latin OWNER TO <owner>;

CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER far FOREIGN DATA WRAPPER wrapper;
GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO <owner> WITH GRANT OPTION;
ALTER SERVER far OWNER TO <owner>;
GRANT USAGE ON FOREIGN SERVER far TO <app_rw>;
CREATE FOREIGN TABLE shop.remote (id integer) SERVER far;
GRANT SELECT ON shop.remote TO <auditor>;
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql TO <owner>;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO <auditor>;
GRANT SELECT ON pg_catalog.pg_authid TO <auditor>;
SELECT lo_create(4711);
ALTER LARGE OBJECT 4711 OWNER TO <owner>;
GRANT SELECT ON LARGE OBJECT 4711 TO <app_ro>;
GRANT UPDATE ON LARGE OBJECT 4711 TO <auditor> WITH GRANT OPTION;

ALTER DEFAULT PRIVILEGES FOR ROLE <owner> IN SCHEMA shop GRANT SELECT ON TABLES TO <app_ro>;
ALTER DEFAULT PRIVILEGES FOR ROLE <owner> IN SCHEMA shop
    GRANT USAGE ON SEQUENCES TO <app_rw> WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE <owner> REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE <odd> GRANT INSERT ON TABLES TO <app_rw>;
ALTER DEFAULT PRIVILEGES FOR ROLE <odd> REVOKE USAGE ON TYPES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE <odd> GRANT USAGE ON SCHEMAS TO <staff>;
"""

MATRIX = """
WITH who AS (
    SELECT rolname::text AS role FROM pg_roles WHERE rolname LIKE '%%' || %(mark)s UNION ALL SELECT 'public'
), asked AS (
    SELECT p, g, p || g AS privilege
      FROM unnest(%(privileges)s::text[]) AS p, unnest(ARRAY['', ' WITH GRANT OPTION']) AS g
), relation AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relowner
      FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
       AND c.relnamespace <> 'pg_toast'::regnamespace
)
SELECT 'schema', n.nspname::text, role, privilege, has_schema_privilege(role, n.oid, privilege)
  FROM pg_namespace n, who, asked WHERE p IN ('USAGE', 'CREATE') AND n.nspname NOT LIKE 'pg_t%%'
UNION ALL
SELECT 'table', r.name, role, privilege, has_table_privilege(role, r.oid, privilege)
  FROM relation r, who, asked WHERE r.relkind <> 'S'
   AND p IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')
UNION ALL
SELECT 'column', r.name || '.' || a.attname, role, privilege,
       has_column_privilege(role, r.oid, a.attnum, privilege)
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0, who, asked
 WHERE r.oid >= 16384 AND r.relkind <> 'S' AND p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
UNION ALL
SELECT 'sequence', r.name, role, privilege, has_sequence_privilege(role, r.oid, privilege)
  FROM relation r, who, asked WHERE r.relkind = 'S' AND p IN ('SELECT', 'USAGE', 'UPDATE')
UNION ALL
SELECT 'function', f.oid::regprocedure::text, role, privilege, has_function_privilege(role, f.oid, privilege)
  FROM pg_proc f, who, asked WHERE p = 'EXECUTE'
UNION ALL
SELECT 'type', t.oid::regtype::text, role, privilege, has_type_privilege(role, t.oid, privilege)
  FROM pg_type t, who, asked WHERE p = 'USAGE' AND t.typnamespace <> 'pg_toast'::regnamespace
UNION ALL
SELECT 'language', l.lanname, role, privilege, has_language_privilege(role, l.oid, privilege)
  FROM pg_language l, who, asked WHERE p = 'USAGE'
UNION ALL
SELECT 'wrapper', w.fdwname, role, privilege, has_foreign_data_wrapper_privilege(role, w.oid, privilege)
  FROM pg_foreign_data_wrapper w, who, asked WHERE p = 'USAGE'
UNION ALL
SELECT 'server', s.srvname, role, privilege, has_server_privilege(role, s.oid, privilege)
  FROM pg_foreign_server s, who, asked WHERE p = 'USAGE'
UNION ALL
SELECT 'large object', m.oid::text, m.lomowner::regrole::text, a.acl, true
  FROM pg_largeobject_metadata m
 CROSS JOIN LATERAL (SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM unnest(m.lomacl) x) AS a (acl)
UNION ALL SELECT 'owner', n.nspname, n.nspowner::regrole::text, '', true FROM pg_namespace n
UNION ALL SELECT 'owner', r.name, r.relowner::regrole::text, '', true FROM relation r
UNION ALL SELECT 'owner', f.oid::regprocedure::text, f.proowner::regrole::text, f.prosecdef::text, true
            FROM pg_proc f
UNION ALL SELECT 'owner', t.oid::regtype::text, t.typowner::regrole::text, '', true FROM pg_type t
           WHERE t.typnamespace <> 'pg_toast'::regnamespace
UNION ALL SELECT 'owner', o.oid::regoperator::text, o.oprowner::regrole::text, '', true FROM pg_operator o
UNION ALL SELECT 'owner', 'class ' || o.opcname, o.opcowner::regrole::text, '', true FROM pg_opclass o
UNION ALL SELECT 'owner', 'family ' || o.opfname, o.opfowner::regrole::text, '', true FROM pg_opfamily o
UNION ALL SELECT 'owner', 'collation ' || c.collname, c.collowner::regrole::text, '', true FROM pg_collation c
UNION ALL SELECT 'owner', 'config ' || c.cfgname, c.cfgowner::regrole::text, '', true FROM pg_ts_config c
UNION ALL SELECT 'owner', 'dictionary ' || d.dictname, d.dictowner::regrole::text, '', true FROM pg_ts_dict d
UNION ALL SELECT 'owner', 'statistics ' || s.stxname, s.stxowner::regrole::text, '', true
            FROM pg_statistic_ext s
UNION ALL SELECT 'owner', 'conversion ' || c.conname, c.conowner::regrole::text, '', true FROM pg_conversion c
UNION ALL SELECT 'owner', 'server ' || s.srvname, s.srvowner::regrole::text, '', true FROM pg_foreign_server s
UNION ALL SELECT 'default', d.defaclnamespace::regnamespace::text, d.defaclrole::regrole::text,
                 d.defaclobjtype::text || x::text, true FROM pg_default_acl d, unnest(d.defaclacl) x
"""
PRIVILEGES = [
    *("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    *("USAGE", "CREATE", "EXECUTE"),
]

Matrix = set[tuple[object, ...]]


@dataclass(frozen=True)
class Lab:
    """An old database `prod`, a database `new` to give its rights to, and roles of their own."""

    server: Server
    prod: Database
    new: Database

    @property
    def mark(self) -> str:
        return f"__{self.prod.name}"

    def named(self, script: str) -> str:
        """Replace `<owner>` and the like in a script by the lab's role names."""
        for role in ROLES:
            name = (role + self.mark).replace('"', '""')
            script = script.replace("<odd>" if role.startswith("Odd") else f"<{role}>", f'"{name}"')
        return script

    def role(self, name: str) -> str:
        return next(role for role in ROLES if role.startswith(name)) + self.mark

    def run(self, database: Database, script: str) -> None:
        self.server.execute(self.named(script), database.name)

    def restore(self, login: Database | None = None) -> None:
        """Fill the new database with the old one's objects, without owners and grants."""
        programs = self.server.tools()
        with tempfile.NamedTemporaryFile(suffix=".dump") as archive:
            for program, source, options in (
                ("pg_dump", self.prod, ("--format=custom", f"--file={archive.name}")),
                (
                    "pg_restore",
                    login or self.new,
                    ("--exit-on-error", "--no-owner", "--no-privileges", archive.name),
                ),
            ):
                command = [programs.path(program), f"--dbname={source.argument()}", *options]
                done = tools.run(command, source.environment("test"))
                assert done.returncode == 0, done.lines

    def capture(self, database: Database) -> Rights:
        with connect(database) as session:
            return carry.capture(session)

    def carry_over(self, login: Database | None = None) -> int:
        """Apply the plan to the new database; return the number of statements."""
        wanted = self.capture(self.prod)
        with connect(login or self.new) as session:
            statements = carry.plan(session, wanted)
            apply(session, statements)
        return len(statements)

    def findings(self) -> list[Finding]:
        return carry.compare(self.capture(self.prod), self.capture(self.new))

    def errors(self) -> list[tuple[str, str, str]]:
        """Return the proof's errors with role names as in scripts."""
        return [
            (f.rule, f.object, f.message.replace(self.mark, ""))
            for f in self.findings()
            if f.severity is Severity.ERROR
        ]

    def matrix(self, database: Database) -> Matrix:
        privileges = [*PRIVILEGES, *(["MAINTAIN"] if self.server.major >= 17 else [])]
        with connect(database) as session:
            rows = session.execute(MATRIX.encode(), {"mark": self.mark, "privileges": privileges})
            return {row[:4] for row in rows if row[4]}


@contextmanager
def open_lab(server: Server) -> Iterator[Lab]:
    """Create both databases and the roles; drop them all at the end."""
    prod, new = server.new_database(), server.new_database()
    lab = Lab(server, prod, new)
    roles = [sql.Identifier(role + lab.mark) for role in ROLES]
    with psycopg.connect(server.url(), autocommit=True) as session:
        for role in roles:
            session.execute(sql.SQL("CREATE ROLE {}").format(role))
        yield lab
        for database in (prod, new):
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))
        for role in roles:
            session.execute(sql.SQL("DROP ROLE {}").format(role))
