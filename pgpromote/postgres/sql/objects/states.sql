-- What does not work, of which pg_dump says nothing: kind, schema and name as it writes them, and what is so.
WITH RECURSIVE relation AS (
    SELECT c.oid, c.relkind, c.relispopulated, n.nspname::text AS schema, c.relname::text AS name
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
), unfinished (oid) AS (
    -- Indexes of partitioned tables that lack the index of a partition, and those above them: invalid on dev as well.
    SELECT i.indexrelid
      FROM pg_catalog.pg_index AS i
      JOIN pg_catalog.pg_inherits AS h ON h.inhparent = i.indrelid
     WHERE NOT i.indisvalid
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS a
                         JOIN pg_catalog.pg_index AS x ON x.indexrelid = a.inhrelid
                        WHERE a.inhparent = i.indexrelid AND x.indrelid = h.inhrelid)
    UNION
    SELECT a.inhparent
      FROM unfinished AS u
      JOIN pg_catalog.pg_inherits AS a ON a.inhrelid = u.oid
), root (oid, root) AS (
    -- The constraint that an archive names, above those that partitions have because of it.
    SELECT k.oid, k.oid FROM pg_catalog.pg_constraint AS k WHERE k.conparentid = 0
    UNION ALL
    SELECT k.oid, r.root FROM root AS r JOIN pg_catalog.pg_constraint AS k ON k.conparentid = r.oid
)
SELECT CASE WHEN k.oid IS NULL THEN 'INDEX' ELSE 'CONSTRAINT' END AS kind, r.schema,
       CASE WHEN k.oid IS NULL THEN r.name ELSE pg_catalog.concat(t.name, ' ', k.conname) END AS name,
       CASE WHEN i.indisready THEN 'not valid' ELSE 'not ready' END AS state
  FROM pg_catalog.pg_index AS i
  JOIN relation AS r ON r.oid = i.indexrelid
  JOIN relation AS t ON t.oid = i.indrelid
  LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
 WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
   AND i.indexrelid NOT IN (SELECT u.oid FROM unfinished AS u)
UNION ALL
SELECT DISTINCT CASE k.contype WHEN 'f' THEN 'FK CONSTRAINT' ELSE 'CONSTRAINT' END, r.schema,
       pg_catalog.concat(r.name, ' ', k.conname), 'not checked, because its triggers are off'
  FROM pg_catalog.pg_trigger AS g
  JOIN root AS o ON o.oid = g.tgconstraint
  JOIN pg_catalog.pg_constraint AS k ON k.oid = o.root
  JOIN relation AS r ON r.oid = k.conrelid
 WHERE g.tgisinternal
   AND g.tgenabled <> 'O'
UNION ALL
SELECT 'MATERIALIZED VIEW', r.schema, r.name, 'not filled'
  FROM relation AS r
 WHERE r.relkind = 'm'
   AND NOT r.relispopulated
 ORDER BY 1, 2, 3
