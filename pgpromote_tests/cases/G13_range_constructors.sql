-- Expected: after a restore in place and a rollback, constructors of range types are as closed to PUBLIC as before (pg_dump cannot carry that).
--@ expect promoted
--@ set rollback=yes
--@ set restore=--strategy clean --yes
--@ dev
CREATE TYPE span AS RANGE (subtype = integer);
CREATE TABLE t (id integer PRIMARY KEY);
--@ prod
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE TYPE span AS RANGE (subtype = integer);
CREATE TABLE t (id integer PRIMARY KEY);
