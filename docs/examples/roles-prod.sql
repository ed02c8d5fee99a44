-- On prod's server, as a superuser, in prod.
\getenv password PROMOTER_PASSWORD
CREATE ROLE promoter LOGIN CREATEDB PASSWORD :'password';

-- It acts as the owner of prod and of everything in it. Superusers are left out: promoter would become one.
SELECT DISTINCT format('GRANT %I TO promoter', owner.rolname)
  FROM pg_database AS prod
  JOIN pg_shdepend AS owned
    ON owned.dbid = prod.oid OR (owned.classid = 'pg_database'::regclass AND owned.objid = prod.oid)
  JOIN pg_roles AS owner ON owner.oid = owned.refobjid
 WHERE prod.datname = current_database() AND owned.deptype = 'o' AND NOT owner.rolsuper
\gexec

-- It may end the sessions that stand in the way of the swap. Superusers' sessions stay out of its reach.
GRANT pg_signal_backend TO promoter;

-- From PostgreSQL 15, for a prod that is marked: by `pgpromote mark-prod`, and by each swap and rollback after it.
GRANT SET ON PARAMETER pgpromote.environment TO promoter;

-- What dev wrote runs while it is restored: checks, generated columns, index functions, materialized views. It runs as
-- this login, which owns nothing but the new database's objects, and nothing of these once that is proven.
\getenv builder_password BUILDER_PASSWORD
CREATE ROLE builder LOGIN PASSWORD :'builder_password';
GRANT builder TO promoter;
