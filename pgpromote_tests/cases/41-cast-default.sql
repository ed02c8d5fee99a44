-- A cast around nextval() does not change its values.
-- plan: bump public.t.id 1 -> 6
CREATE SEQUENCE s;
CREATE TABLE t (id integer PRIMARY KEY DEFAULT nextval('s')::integer);
INSERT INTO t VALUES (5);
