-- Expected: after the swap every table with rows has statistics (rows in pg_statistic); the audit never_analyzed sees those without. Before 18, ANALYZE of a parent leaves inheriting children out.
--@ expect promoted
--@ versions 16-16 18-18
--@ dev
CREATE TABLE parent (a integer);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT generate_series(1, 1000);
CREATE INDEX ON child (a);  -- sets reltuples, so that the audit never_analyzed no longer sees it
--@ check
select count(*) from pg_stats where schemaname = 'public' and tablename = 'child'
--@ answers
1
