-- The sequences behind the identity columns of these tables.
SELECT d.refobjid::pg_catalog.int8 AS "table",
       pg_catalog.quote_ident(a.attname) AS "column",
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name
  FROM pg_catalog.pg_depend AS d
  JOIN pg_catalog.pg_class AS c ON c.oid = d.objid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refobjid = ANY (%(tables)s::pg_catalog.oid[])
   AND d.deptype = 'i'
 ORDER BY d.refobjid, d.refobjsubid
