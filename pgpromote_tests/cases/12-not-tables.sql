-- Views, materialized views and foreign tables have no primary keys; a view's default is not a key's.
-- plan: bump public.t.id 1 -> 6
-- then: INSERT INTO v (note) VALUES ('x') RETURNING id => 6
CREATE TABLE t (id serial PRIMARY KEY, note text);
INSERT INTO t VALUES (5);
CREATE VIEW v AS SELECT * FROM t;
ALTER VIEW v ALTER COLUMN id SET DEFAULT nextval('t_id_seq');
CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
CREATE UNIQUE INDEX ON m (id);
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE f (id integer NOT NULL DEFAULT nextval('t_id_seq')) SERVER nowhere;
