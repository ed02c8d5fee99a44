-- Tables that cannot be queried without calling what a user wrote: the planner folds the expressions of their
-- indexes and extended statistics, and thereby calls functions in them. An extension's own do not count.
SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name
  FROM (SELECT i.indrelid AS relation, 'pg_catalog.pg_class'::pg_catalog.regclass AS class, i.indexrelid AS object
          FROM pg_catalog.pg_index AS i
         WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
         UNION ALL
        SELECT s.stxrelid, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid
          FROM pg_catalog.pg_statistic_ext AS s
         WHERE s.stxexprs IS NOT NULL) AS expression
  JOIN pg_catalog.pg_depend AS d ON d.classid = expression.class AND d.objid = expression.object
  JOIN pg_catalog.pg_class AS c ON c.oid = expression.relation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                        'pg_catalog.pg_operator'::pg_catalog.regclass,
                        'pg_catalog.pg_type'::pg_catalog.regclass)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                    WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')
 ORDER BY 1, 2
