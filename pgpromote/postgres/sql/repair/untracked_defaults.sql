-- Primary key columns whose default calls nextval() in a way that cannot be followed to one sequence's values:
-- by name at run time ('by_name', PostgreSQL keeps no dependency), or inside an expression ('computed').
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS "table",
       pg_catalog.quote_ident(a.attname) AS "column",
       CASE WHEN e.text ~ '^\(?nextval\(\(''' THEN 'by_name' ELSE 'computed' END AS reason,
       c.oid::pg_catalog.int8 AS oid
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition AND c.relpersistence <> 't'
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
  JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
 CROSS JOIN LATERAL pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS e(text)
 WHERE k.contype = 'p'
   AND c.oid >= 16384
   AND e.text ~ '(^|[^.[:alnum:]_])nextval\('
   AND e.text !~ '^\(?nextval\(''([^'']|'''')+''::regclass\)\)?(::(smallint|integer|bigint|numeric))?$'
 ORDER BY n.nspname, c.relname, a.attnum
