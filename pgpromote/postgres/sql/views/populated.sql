-- Materialized views that hold what a refresh has put there.
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm'
   AND c.relispopulated
 ORDER BY n.nspname, c.relname
