-- Partitions take their values from the parent's sequence; they are read with it.
-- plan: bump public.t.id 1 -> 56
-- then: INSERT INTO t_low DEFAULT VALUES RETURNING id => 56
CREATE TABLE t (id serial PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (1) TO (100);
CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (100) TO (200);
INSERT INTO t VALUES (55);
