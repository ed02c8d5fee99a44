-- Materialized views whose query calls what may read any table, directly or through views: a function that a user wrote,
-- or one of an extension or of the server's own that runs a query which it is given. No dependency tells what they read.
WITH RECURSIVE reader AS (
    SELECT p.oid
      FROM pg_catalog.pg_proc AS p
      LEFT JOIN pg_catalog.pg_depend AS e
        ON e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e'
     -- below 16384 is what every server is made with
     WHERE CASE WHEN p.oid < 16384 THEN p.proname::text ~ '_to_xml' OR p.proname IN ('ts_stat', 'ts_rewrite')
                WHEN e.objid IS NOT NULL THEN p.proretset AND p.provolatile <> 'i'
                ELSE true
           END
), reading (view, class, object) AS (
    SELECT w.ev_class, d.refclassid, CASE WHEN o.oid IS NULL THEN d.refobjid ELSE o.oprcode END
      FROM pg_catalog.pg_rewrite AS w
      JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class AND c.relkind IN ('v', 'm')
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
      LEFT JOIN pg_catalog.pg_operator AS o
        ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
     WHERE d.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
                            'pg_catalog.pg_operator'::pg_catalog.regclass)
), calling (view) AS (
    SELECT g.view
      FROM reading AS g
      JOIN reader AS r ON r.oid = g.object
     WHERE g.class <> 'pg_catalog.pg_class'::pg_catalog.regclass
     UNION
    SELECT g.view
      FROM calling AS c
      JOIN reading AS g ON g.object = c.view AND g.class = 'pg_catalog.pg_class'::pg_catalog.regclass
)
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM calling AS g
  JOIN pg_catalog.pg_class AS c ON c.oid = g.view AND c.relkind = 'm'
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 ORDER BY n.nspname, c.relname
