-- What hangs on a table does not hinder the repair: replica identity, publication, view, type, dropped column.
-- plan: add public.t.id 6
-- plan: add public.typed.id 6
-- then: INSERT INTO t DEFAULT VALUES RETURNING id => 6
-- then: INSERT INTO typed DEFAULT VALUES RETURNING id => 6
CREATE TABLE t (gone text, id integer PRIMARY KEY, note text);
INSERT INTO t VALUES ('x', 5, 'y');
ALTER TABLE t DROP COLUMN gone;
ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey;
CREATE PUBLICATION p FOR TABLE t;
CREATE VIEW v AS SELECT * FROM t;
CREATE TYPE row_type AS (id integer, note text);
CREATE TABLE typed OF row_type (PRIMARY KEY (id));
INSERT INTO typed VALUES (5);
