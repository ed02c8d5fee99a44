-- Indexes and partition keys that call a function which a user wrote, without a search_path of its own: what it finds
-- depends on who calls. One row for each table with rows; a partition's index goes by the name of its root's.
WITH written AS (
    SELECT p.oid, p.oid::pg_catalog.regprocedure::text AS name
      FROM pg_catalog.pg_proc AS p
     -- below 16384 is what every server is made with
     WHERE p.oid >= 16384
       AND NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proconfig) AS s (setting) WHERE s.setting LIKE 'search\_path=%')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                        WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                          AND e.objid = p.oid AND e.deptype = 'e')
), caller AS (
    SELECT d.objid AS relation, pg_catalog.array_agg(DISTINCT w.name ORDER BY w.name) AS functions
      FROM pg_catalog.pg_depend AS d
      LEFT JOIN pg_catalog.pg_operator AS o
        ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
      JOIN written AS w
        ON w.oid = CASE WHEN d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid ELSE o.oprcode END
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
     GROUP BY d.objid
), key (kind, relation, "table", functions, expressions, predicate) AS (
    SELECT 'index', coalesce(pg_catalog.pg_partition_root(i.indexrelid)::pg_catalog.oid, i.indexrelid), i.indrelid, c.functions,
           pg_catalog.pg_get_expr(i.indexprs, i.indrelid), pg_catalog.pg_get_expr(i.indpred, i.indrelid)
      FROM caller AS c
      JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.relation
     UNION ALL
    SELECT 'partition key of', p.partrelid, t.relid, c.functions, pg_catalog.pg_get_expr(p.partexprs, p.partrelid), NULL
      FROM caller AS c
      JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = c.relation
     CROSS JOIN LATERAL pg_catalog.pg_partition_tree(p.partrelid) AS t
     WHERE p.partexprs IS NOT NULL
)
SELECT k.kind, pg_catalog.format('%s.%s', rn.nspname, r.relname) AS name,
       n.nspname::text AS schema, t.relname::text AS "table", o.rolname::text AS owner, o.rolname::text AS caller,
       k.functions, coalesce(k.expressions, 'NULL') AS expressions, coalesce(k.predicate, 'true') AS predicate
  FROM key AS k
  JOIN pg_catalog.pg_class AS r ON r.oid = k.relation
  JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
  JOIN pg_catalog.pg_class AS t ON t.oid = k."table" AND (t.relkind = 'r' OR t.relkind = 'm' AND t.relispopulated)
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = t.relowner
 ORDER BY 1, 2, 3, 4
