-- A partition that counts by itself would clash with the parent: 16 gives the same number twice, 18 refuses.
-- skip: public.logs.id partition_default
CREATE TABLE logs (id integer, day integer, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (1) TO (10);
CREATE SEQUENCE logs_1_numbers;
ALTER TABLE logs_1 ALTER COLUMN id SET DEFAULT nextval('logs_1_numbers');
