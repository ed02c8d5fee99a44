-- Defaults that call nextval() of a name that is looked up at run time: the call is in the expression, and the server
-- keeps no dependency on a sequence. In the shape of sequence_names._Default.
SELECT d.adrelid::pg_catalog.int8 AS "table",
       d.adnum::pg_catalog.int4 AS attnum,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression
  FROM pg_catalog.pg_attrdef AS d
  JOIN pg_catalog.pg_class AS c ON c.oid = d.adrelid
 WHERE c.relkind IN ('r', 'p')
   AND c.relpersistence <> 't'
   AND c.oid >= 16384
   AND d.adbin::pg_catalog.text LIKE
       '%:funcid ' || 'pg_catalog.nextval(pg_catalog.regclass)'::pg_catalog.regprocedure::pg_catalog.oid || ' %'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS p
                     JOIN pg_catalog.pg_class AS s ON s.oid = p.refobjid AND s.relkind = 'S'
                    WHERE p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                      AND p.objid = d.oid
                      AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
 ORDER BY d.adrelid, d.adnum
