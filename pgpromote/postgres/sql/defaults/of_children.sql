-- Columns of inheriting tables and partitions that have a default, be it NULL.
SELECT n.nspname::text AS schema, c.relname::text AS "table", a.attname::text AS "column"
  FROM pg_catalog.pg_attrdef AS d
  JOIN pg_catalog.pg_class AS c ON c.oid = d.adrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = ''
 WHERE d.adrelid IN (SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i)
   AND c.relkind IN ('r', 'p')
 ORDER BY 1, 2, 3
