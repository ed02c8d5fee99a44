-- The operators and functions that each object of users rests on: those that users or extensions made, because the
-- server keeps no note of its own. `name` is the object's as pg_dump writes it, a part's with its relation's before it.
WITH member AS (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d WHERE d.deptype = 'e'
), relation AS (
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
), object (classid, oid, schema, name) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, r.oid, r.schema, r.name
      FROM relation AS r
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid, r.schema,
           CASE w.rulename WHEN '_RETURN' THEN r.name ELSE pg_catalog.concat(r.name, ' ', w.rulename) END
      FROM pg_catalog.pg_rewrite AS w
      JOIN relation AS r ON r.oid = w.ev_class
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, f.oid, r.schema, pg_catalog.concat(r.name, ' ', a.attname)
      FROM pg_catalog.pg_attrdef AS f
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
      JOIN relation AS r ON r.oid = f.adrelid
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, r.schema, pg_catalog.concat(r.name, ' ', k.conname)
      FROM pg_catalog.pg_constraint AS k
      JOIN relation AS r ON r.oid = k.conrelid
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, n.nspname::text,
           pg_catalog.concat(t.typname, ' ', k.conname)
      FROM pg_catalog.pg_constraint AS k
      JOIN pg_catalog.pg_type AS t ON t.oid = k.contypid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, g.oid, r.schema, pg_catalog.concat(r.name, ' ', g.tgname)
      FROM pg_catalog.pg_trigger AS g
      JOIN relation AS r ON r.oid = g.tgrelid
     WHERE NOT g.tgisinternal
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, r.schema, pg_catalog.concat(r.name, ' ', p.polname)
      FROM pg_catalog.pg_policy AS p
      JOIN relation AS r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, x.oid, n.nspname::text, x.stxname::text
      FROM pg_catalog.pg_statistic_ext AS x
      JOIN pg_catalog.pg_namespace AS n ON n.oid = x.stxnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, n.nspname::text,
           pg_catalog.format('%s(%s)', p.proname, pg_catalog.oidvectortypes(p.proargtypes))
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
)
SELECT pg_catalog.concat(o.schema, '.', o.name) AS name,
       pg_catalog.array_agg(DISTINCT pg_catalog.concat(r.type, ' ', r.identity)) AS rests_on
  FROM pg_catalog.pg_depend AS d
  JOIN object AS o ON o.classid = d.classid AND o.oid = d.objid
 CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.refclassid, d.refobjid, 0) AS r
 WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
   AND d.objid >= 16384
   AND NOT EXISTS (SELECT FROM member AS m WHERE m.classid = d.classid AND m.objid = d.objid)
 GROUP BY o.schema, o.name
 ORDER BY 1
