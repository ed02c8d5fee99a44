-- Sequences that are owned by a primary key of one column and fill it, with that key's table and column.
SELECT n.nspname::text AS schema,
       s.relname::text AS name,
       c.relname::text AS "table",
       a.attname::text AS "column"
  FROM pg_catalog.pg_depend AS owned
  JOIN pg_catalog.pg_class AS s ON s.oid = owned.objid AND s.relkind = 'S'
  JOIN pg_catalog.pg_class AS c ON c.oid = owned.refobjid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = owned.refobjsubid
  JOIN pg_catalog.pg_constraint AS k
    ON k.conrelid = c.oid AND k.contype = 'p' AND k.conkey = ARRAY[a.attnum]
  JOIN pg_catalog.pg_attrdef AS f ON f.adrelid = c.oid AND f.adnum = a.attnum
  JOIN pg_catalog.pg_depend AS used
    ON used.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
   AND used.objid = f.oid
   AND used.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND used.refobjid = s.oid
 WHERE owned.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND owned.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND owned.deptype = 'a'
 ORDER BY n.nspname, s.relname
