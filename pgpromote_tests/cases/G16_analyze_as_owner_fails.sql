-- Expected: promoted; a table that cannot be analyzed (it cannot in prod either) is a warning that names it.
--@ expect warned statistics
--@ dev
DO $$ BEGIN CREATE ROLE x_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA s;
CREATE FUNCTION s.g(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN lower(t); END';
CREATE FUNCTION s.f(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN s.g(t); END';
CREATE TABLE s.t (id integer PRIMARY KEY, x text);
INSERT INTO s.t VALUES (1, 'A');
CREATE INDEX ON s.t (s.f(x));
ALTER TABLE s.t OWNER TO x_app;
--@ prod
DO $$ BEGIN CREATE ROLE x_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA s;
CREATE FUNCTION s.g(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN lower(t); END';
CREATE FUNCTION s.f(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN s.g(t); END';
CREATE TABLE s.t (id integer PRIMARY KEY, x text);
INSERT INTO s.t VALUES (1, 'A');
CREATE INDEX ON s.t (s.f(x));
ALTER TABLE s.t OWNER TO x_app;
