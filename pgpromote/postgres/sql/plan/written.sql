-- What pg_dump writes within the definition of a table: the names of its own columns and of its check constraints.
WITH relation AS (
    SELECT c.oid, n.nspname, c.relname, c.relispartition
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'f')
       AND c.reloftype = 0
       AND c.relpersistence <> 't'
       AND n.nspname NOT LIKE 'pg\_%'
       AND n.nspname <> 'information_schema'
       AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'COLUMN' AS kind, r.nspname::text AS schema, r.relname::text AS "table",
       pg_catalog.array_agg(a.attname::text ORDER BY a.attname::text) AS names
  FROM relation AS r
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid
 WHERE a.attnum > 0
   AND NOT a.attisdropped
   AND (a.attislocal OR r.relispartition)
 GROUP BY r.oid, r.nspname, r.relname
 UNION ALL
SELECT 'CHECK CONSTRAINT', r.nspname, r.relname, pg_catalog.array_agg(k.conname::text ORDER BY k.conname::text)
  FROM relation AS r
  JOIN pg_catalog.pg_constraint AS k ON k.conrelid = r.oid
 WHERE k.contype = 'c'
   AND k.conislocal
 GROUP BY r.oid, r.nspname, r.relname
 ORDER BY 2, 3, 1 DESC
