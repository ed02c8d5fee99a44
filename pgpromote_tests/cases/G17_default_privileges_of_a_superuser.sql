-- Expected: said by `check`, before anything is built, and without advising to grant a superuser to the promoter (run as the roles of docs/howto/roles.md).
--@ expect refused rights
--@ set produser=g17_promoter
--@ set prodowner=x_owner
--@ roles
create role x_owner;
create role g17_promoter login createdb;
grant x_owner, pg_signal_backend to g17_promoter;
--@ dev
create table t (id integer primary key);
--@ prod
DO $$ BEGIN CREATE ROLE x_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE x_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE t (id integer PRIMARY KEY);
ALTER TABLE t OWNER TO x_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT SELECT ON TABLES TO x_app;
