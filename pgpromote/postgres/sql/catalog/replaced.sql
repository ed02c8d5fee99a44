-- Objects of prod that the restore replaces: the statement that makes room for each, and its owner.
-- The statement is NULL where an object of another sort has the name, which no restore may take.
-- CASCADE is safe only together with dependents.sql, which finds whatever else it would take.
-- Parameters: kinds, schemas and names of the archive's entries, as three parallel lists.
WITH wanted (kind, schema, name) AS (
    SELECT DISTINCT entry.kind, entry.schema, entry.name
      FROM ROWS FROM (
               pg_catalog.unnest(%(kinds)s::text[]),
               pg_catalog.unnest(%(schemas)s::text[]),
               pg_catalog.unnest(%(names)s::text[])
           ) AS entry (kind, schema, name)
), relation AS (
    SELECT n.nspname, c.relname, c.oid, c.relowner, c.relkind
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN wanted AS w ON w.schema = n.nspname AND w.name = c.relname
     WHERE w.kind IN ('TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE')
), object (classid, objid, owner, sort, identity) AS (
    SELECT 'pg_catalog.pg_class'::regclass, r.oid, r.relowner,
           CASE r.relkind
               WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' WHEN 'f' THEN 'FOREIGN TABLE'
               WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
           END,
           pg_catalog.format('%%I.%%I', r.nspname, r.relname)
      FROM relation AS r
     -- an identity's sequence goes with its table
     WHERE NOT EXISTS (
           SELECT
             FROM pg_catalog.pg_depend AS d
             JOIN relation AS its_table ON its_table.oid = d.refobjid
            WHERE r.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid
              AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'i')
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, t.typowner,
           CASE WHEN t.typrelid = 0 OR c.relkind = 'c' THEN 'TYPE' END,
           pg_catalog.format('%%I.%%I', n.nspname, t.typname)
      FROM pg_catalog.pg_type AS t
      JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
      JOIN wanted AS w ON w.schema = n.nspname AND w.name = t.typname AND w.kind IN ('TYPE', 'DOMAIN')
      LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, p.proowner, 'ROUTINE',
           pg_catalog.format('%%I.%%I(%%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
      JOIN wanted AS w ON w.schema = n.nspname AND w.kind IN ('FUNCTION', 'PROCEDURE', 'AGGREGATE')
       AND w.name = pg_catalog.format('%%s(%%s)', p.proname,
               CASE WHEN p.prokind = 'a' AND p.pronargs = 0 THEN '*'
                    ELSE pg_catalog.oidvectortypes(p.proargtypes) END)
    UNION ALL
    -- pg_restore drops the schemas itself, once they are empty
    SELECT 'pg_catalog.pg_namespace'::regclass, n.oid, n.nspowner, 'SCHEMA', pg_catalog.format('%%I', n.nspname)
      FROM pg_catalog.pg_namespace AS n
      JOIN wanted AS w ON w.kind = 'SCHEMA' AND w.name = n.nspname
     WHERE n.nspname <> 'public'
)
SELECT o.identity,
       owner.rolname::text AS owner,
       pg_catalog.pg_has_role(owner.oid, 'USAGE') AS ours,
       CASE WHEN o.sort = 'SCHEMA' THEN ''
            WHEN o.sort IS NOT NULL AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS d
                 WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e')
            THEN pg_catalog.format('DROP %%s IF EXISTS %%s CASCADE', o.sort, o.identity)
       END AS statement,
       pg_catalog.pg_describe_object(o.classid, o.objid, 0) AS description
  FROM object AS o
  JOIN pg_catalog.pg_roles AS owner ON owner.oid = o.owner
 ORDER BY o.identity
