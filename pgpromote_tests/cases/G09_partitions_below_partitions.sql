-- Expected: after the swap the leaves have statistics of their own, and the roots of both levels have those of all rows.
--@ expect promoted
--@ versions 16-16 18-18
--@ dev
CREATE TABLE measured (at date, sensor integer, value numeric) PARTITION BY RANGE (at);
CREATE TABLE measured_2025 PARTITION OF measured FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (sensor);
CREATE TABLE measured_2025_0 PARTITION OF measured_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE measured_2025_1 PARTITION OF measured_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE measured_rest PARTITION OF measured DEFAULT;
INSERT INTO measured SELECT '2025-01-01'::date + n % 300, n, n / 7.0 FROM generate_series(1, 2000) n;
INSERT INTO measured SELECT '2020-01-01', n, 1 FROM generate_series(1, 100) n;
CREATE INDEX ON measured (value);
--@ check
SELECT string_agg(DISTINCT tablename || ' ' || inherited, ', ' ORDER BY tablename || ' ' || inherited) FROM pg_stats WHERE schemaname = 'public'
--@ answers
measured true, measured_2025 true, measured_2025_0 false, measured_2025_1 false, measured_rest false
