-- Primary key columns whose default cannot be followed to one sequence's values: it looks a sequence up by a name at
-- run time that leads to none or to several ('by_name'), it is an expression around nextval() ('computed'), what a
-- session last took from a sequence ('currval'), or what a user's function gives to a number ('function').
WITH RECURSIVE numbers AS (
    SELECT t.oid
      FROM pg_catalog.pg_type AS t
     WHERE t.oid IN ('pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype,
                     'pg_catalog.int8'::pg_catalog.regtype, 'pg_catalog.numeric'::pg_catalog.regtype)
     UNION ALL
    SELECT d.oid
      FROM numbers AS n
      JOIN pg_catalog.pg_type AS d ON d.typbasetype = n.oid
)
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS "table",
       pg_catalog.quote_ident(a.attname) AS "column",
       r.reason,
       c.oid::pg_catalog.int8 AS oid
  FROM pg_catalog.pg_constraint AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition AND c.relpersistence <> 't'
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
  JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
 CROSS JOIN LATERAL pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS e(text)
 CROSS JOIN LATERAL (SELECT CASE
       WHEN e.text ~ '^\(?nextval\(''([^'']|'''')+''::regclass\)\)?(::(smallint|integer|bigint|numeric))?$' THEN ''
       WHEN e.text ~ '^\(?nextval\(\(''' THEN 'by_name'
       WHEN e.text ~ '(^|[^.[:alnum:]_])nextval\(' THEN 'computed'
       WHEN e.text ~ '(^|[^.[:alnum:]_])(currval|lastval)\(' THEN 'currval'
       WHEN a.atttypid IN (SELECT m.oid FROM numbers AS m)
        AND EXISTS (SELECT FROM pg_catalog.pg_depend AS p
                     WHERE p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                       AND p.objid = d.oid
                       AND p.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass) THEN 'function'
       ELSE ''
        END AS reason) AS r
 WHERE k.contype = 'p'
   AND c.oid >= 16384
   AND r.reason <> ''
   -- Those whose sequence `sequence_names` has found.
   AND NOT EXISTS (SELECT
                     FROM ROWS FROM (pg_catalog.unnest(%(tables)s::pg_catalog.oid[]),
                                     pg_catalog.unnest(%(attnums)s::pg_catalog.int4[])) AS f ("table", attnum)
                    WHERE f."table" = c.oid AND f.attnum = a.attnum)
 ORDER BY n.nspname, c.relname, a.attnum
