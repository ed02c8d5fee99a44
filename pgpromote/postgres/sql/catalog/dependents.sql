-- Objects that only prod has and that depend on one the restore replaces: they would be lost with it.
-- Parameters: those of brought.sql; reset_schema, which is dropped before with everything in it ('' for none). What
-- hangs on that schema is the reset's own business.
WITH RECURSIVE named (kind, classid, objid, schema, name) AS (
    {named}
), brought (kind, classid, objid, schema, name) AS (
    {brought}
), partition AS (
    SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f')
), replaced (classid, objid, by_reset) AS (
    SELECT b.classid, b.objid, false FROM brought AS b
    UNION
    SELECT n.classid::oid, n.objid, true
      FROM named AS n
     WHERE n.schema = nullif(%(reset_schema)s, '')
    UNION
    -- nobody misses what only stands for an operator
    SELECT n.classid::oid, n.objid, true
      FROM named AS n
     WHERE n.kind = 'shell operator'
    UNION
    -- what belongs to a replaced object goes with it: row types, identity sequences, constraints, indexes;
    -- a partition holds rows of its own, and goes unseen only where the archive has it, too
    SELECT d.classid, d.objid, r.by_reset
      FROM replaced AS r
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = r.classid AND d.refobjid = r.objid
      LEFT JOIN partition AS p ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.oid = d.objid
     WHERE d.deptype IN ('i', 'a', 'P', 'S')
       AND p.oid IS NULL
)
SELECT DISTINCT ON (dependent)
       CASE WHEN query.oid IS NULL THEN pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
            ELSE pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, query.ev_class, 0)
       END AS dependent,
       pg_catalog.pg_describe_object(r.classid, r.objid, 0) AS needed
  FROM replaced AS r
  JOIN pg_catalog.pg_depend AS d ON d.refclassid = r.classid AND d.refobjid = r.objid
  LEFT JOIN partition AS p ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.oid = d.objid
  LEFT JOIN pg_catalog.pg_rewrite AS query
    ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND query.oid = d.objid AND query.rulename = '_RETURN'
 WHERE (d.deptype = 'n' OR p.oid IS NOT NULL)
   AND NOT r.by_reset
   -- Not by NOT EXISTS: the server takes the recursive list for short, and would search it once for every row.
   AND (d.classid, d.objid) NOT IN (SELECT also.classid, also.objid FROM replaced AS also)
 -- of a table and its index, the table is named
 ORDER BY dependent, needed DESC
