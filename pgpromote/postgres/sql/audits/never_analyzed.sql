-- severity: warning
-- follows dev: no
-- fix: ANALYZE {table};
--
-- A table with rows and without statistics: the planner guesses, and queries that took milliseconds take minutes.
-- A restore brings no statistics by itself. Autovacuum comes later, and never analyzes a partitioned table.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'It holds rows and was never analyzed.' AS message,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table"
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 'p')
   AND c.oid >= 16384  -- the first number a user's object can have
   AND c.relpersistence <> 't'
   AND c.reltuples = -1
   AND CASE c.relkind
       WHEN 'p' THEN EXISTS (SELECT FROM pg_catalog.pg_partition_tree(c.oid) AS p
                              WHERE p.isleaf AND pg_catalog.pg_relation_size(p.relid) > 0)
       ELSE pg_catalog.pg_relation_size(c.oid) > 0
       END
 ORDER BY n.nspname, c.relname
