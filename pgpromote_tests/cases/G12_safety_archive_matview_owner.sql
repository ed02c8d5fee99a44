-- Expected: restore in place works, and `pgpromote rollback` afterwards brings prod back. The view's owner may no longer read its source.
--@ expect promoted
--@ set rollback=yes
--@ set restore=--strategy clean --yes
--@ dev
DO $$ BEGIN CREATE ROLE x_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE t (id integer PRIMARY KEY);
INSERT INTO t VALUES (1);
CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
ALTER MATERIALIZED VIEW m OWNER TO x_app;
--@ prod
DO $$ BEGIN CREATE ROLE x_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE t (id integer PRIMARY KEY);
INSERT INTO t VALUES (1);
CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
ALTER MATERIALIZED VIEW m OWNER TO x_app;
