-- Two key columns with sequences of their own are two repairs.
-- plan: bump public.t.a 1 -> 6
-- plan: bump public.t.b 1 -> 8
CREATE TABLE t (a serial, b serial, PRIMARY KEY (a, b));
INSERT INTO t VALUES (5, 7);
