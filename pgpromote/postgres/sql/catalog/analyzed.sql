-- Tables and materialized views to analyze, the largest first. ANALYZE of a parent analyzes its children, too.
WITH RECURSIVE family (root, member) AS (
    SELECT c.oid, c.oid
      FROM pg_catalog.pg_class AS c
     WHERE c.relkind IN ('r', 'm', 'p')
       AND c.relpersistence <> 't'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid)
    UNION
    SELECT f.root, i.inhrelid
      FROM family AS f
      JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.member
)
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM family AS f
  JOIN pg_catalog.pg_class AS c ON c.oid = f.root
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 GROUP BY n.nspname, c.relname
 ORDER BY pg_catalog.sum(pg_catalog.pg_relation_size(f.member)) DESC, 1, 2
