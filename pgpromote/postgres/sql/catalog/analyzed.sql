-- Tables and materialized views to analyze, the largest first, each with its partitions that hold rows. ANALYZE of a
-- partitioned table goes on to its partitions, of a parent to its inheriting children only since PostgreSQL 18. Those
-- of the role "of" alone, or those of all but the role "but"; NULL for any.
WITH RECURSIVE family (root, member) AS (
    SELECT c.oid, c.oid
      FROM pg_catalog.pg_class AS c
     WHERE c.relkind IN ('r', 'm', 'p')
       AND c.relpersistence <> 't'
       AND NOT c.relispartition
       AND (pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 180000
            OR NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid))
    UNION
    SELECT f.root, i.inhrelid
      FROM family AS f
      JOIN pg_catalog.pg_inherits AS i ON i.inhparent = f.member
)
SELECT n.nspname::pg_catalog.text AS schema,
       c.relname::pg_catalog.text AS name,
       c.oid < 16384 AS pinned,
       coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(o.nspname, m.relname) ORDER BY o.nspname, m.relname)
                FILTER (WHERE m.relkind IN ('r', 'm') AND m.oid <> c.oid), '[]') AS leaves
  FROM family AS f
  JOIN pg_catalog.pg_class AS c ON c.oid = f.root
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class AS m ON m.oid = f.member
  JOIN pg_catalog.pg_namespace AS o ON o.oid = m.relnamespace
  JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
 WHERE (%(of)s::pg_catalog.text IS NULL OR r.rolname = %(of)s)
   AND (%(but)s::pg_catalog.text IS NULL OR r.rolname <> %(but)s)
 GROUP BY n.nspname, c.relname, c.oid
 ORDER BY pg_catalog.sum(pg_catalog.pg_relation_size(f.member)) DESC, 1, 2
