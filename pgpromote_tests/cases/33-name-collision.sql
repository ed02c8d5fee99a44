-- The name that an identity's sequence usually gets is taken.
-- plan: add public.t.id 6
-- then: INSERT INTO t DEFAULT VALUES RETURNING id => 6
-- then: SELECT pg_get_serial_sequence('t', 'id') => public.t_id_seq1
CREATE TABLE t (id integer PRIMARY KEY);
CREATE TABLE t_id_seq (x integer);
INSERT INTO t VALUES (5);
