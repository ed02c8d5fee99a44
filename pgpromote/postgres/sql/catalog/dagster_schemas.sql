-- Schemas that hold the tables by which Dagster's own storage is known.
SELECT n.nspname::text
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p')
   AND c.relname IN ('runs', 'run_tags', 'event_logs', 'secondary_indexes')
 GROUP BY n.nspname
HAVING pg_catalog.count(*) = 4
 ORDER BY n.nspname
