-- severity: warning
-- follows dev: no
-- fix: ANALYZE {table};
--
-- A table with rows and without statistics: the planner guesses, and queries that took milliseconds take minutes.
-- A restore brings no statistics by itself. Autovacuum comes later, and never analyzes a partitioned table.
--
-- Asked of the statistics themselves: CREATE INDEX counts a table's rows as well, and leaves it at that. They show
-- to us only what we may read; of other tables we see whether their rows were ever counted.
WITH analyzed AS MATERIALIZED (
    SELECT DISTINCT s.schemaname, s.tablename
      FROM pg_catalog.pg_stats AS s
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'It holds rows and was never analyzed.' AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table"
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN analyzed AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
 WHERE c.relkind IN ('r', 'm', 'p')
   AND c.oid >= 16384  -- the first number a user's object can have
   AND c.relpersistence <> 't'
   AND (c.reltuples = -1
        OR (c.reltuples > 0
            AND s.tablename IS NULL
            AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
            AND NOT pg_catalog.row_security_active(c.oid)))
   -- Not all columns are looked at: some were left out by hand, virtual ones since PostgreSQL 18.
   AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                  AND coalesce(a.attstattarget, -1) <> 0 AND a.attgenerated <> 'v')
   AND CASE c.relkind
       WHEN 'p' THEN EXISTS (SELECT FROM pg_catalog.pg_partition_tree(c.oid) AS p
                              WHERE p.isleaf AND pg_catalog.pg_relation_size(p.relid) > 0)
       ELSE pg_catalog.pg_relation_size(c.oid) > 0
       END
 ORDER BY n.nspname, c.relname
