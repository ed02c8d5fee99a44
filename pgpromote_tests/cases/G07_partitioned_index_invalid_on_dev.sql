-- Expected: promoted. The index of the partitioned table is invalid on dev as well (two levels, one partition without it).
--@ expect promoted
--@ dev
CREATE TABLE a (id integer) PARTITION BY RANGE (id);
CREATE TABLE b PARTITION OF a FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
CREATE TABLE c PARTITION OF b FOR VALUES FROM (0) TO (5);
CREATE INDEX a_i ON ONLY a (id);
CREATE INDEX b_i ON ONLY b (id);
ALTER INDEX a_i ATTACH PARTITION b_i;
