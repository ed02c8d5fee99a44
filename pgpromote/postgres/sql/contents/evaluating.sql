-- Tables that cannot be queried without calling what a user wrote: the planner folds the expressions of their
-- indexes and extended statistics, and thereby calls functions in them. An extension's own do not count. The
-- partitions of a tree are all of them or none, because what they hold may have to be added up.
WITH evaluating (relation) AS (
    SELECT expression.relation
      FROM (SELECT i.indrelid AS relation, 'pg_catalog.pg_class'::pg_catalog.regclass AS class, i.indexrelid AS object
              FROM pg_catalog.pg_index AS i
             WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
             UNION ALL
            SELECT s.stxrelid, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid
              FROM pg_catalog.pg_statistic_ext AS s
             WHERE s.stxexprs IS NOT NULL) AS expression
      JOIN pg_catalog.pg_depend AS d ON d.classid = expression.class AND d.objid = expression.object
     WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                            'pg_catalog.pg_operator'::pg_catalog.regclass,
                            'pg_catalog.pg_type'::pg_catalog.regclass)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                        WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')
)
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM (SELECT e.relation FROM evaluating AS e
         UNION
        SELECT p.relid
          FROM (SELECT DISTINCT pg_catalog.pg_partition_root(e.relation) AS root FROM evaluating AS e) AS tree
         CROSS JOIN LATERAL pg_catalog.pg_partition_tree(tree.root) AS p
         WHERE p.isleaf) AS found
  JOIN pg_catalog.pg_class AS c ON c.oid = found.relation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 ORDER BY n.nspname, c.relname
