-- What pg_dump would read in this database and our role may not: tables, sequences, large objects. pg_dump locks
-- every table, asks every sequence, and stops at a table whose row security would hide something. A foreign
-- table's rows and what an extension brought are not dumped, except for tables that it lists as its configuration.
WITH us AS (
    SELECT r.oid, r.rolsuper, r.rolbypassrls FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER
), dumped AS (
    SELECT c.oid, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity, n.oid AS schema,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'S')
       AND n.nspname <> 'information_schema'
       AND n.nspname !~ '^pg_'
       AND NOT EXISTS (
           SELECT
             FROM pg_catalog.pg_depend AS d
             JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.objid = c.oid
              AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
              AND d.deptype = 'e'
              AND NOT coalesce(c.oid = ANY (e.extconfig), false))
)
SELECT d.name AS object
  FROM dumped AS d
 CROSS JOIN us
 WHERE NOT us.rolsuper
   AND (NOT pg_catalog.has_schema_privilege(d.schema, 'USAGE')
        OR NOT CASE d.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(d.oid, 'SELECT')
                              ELSE pg_catalog.has_table_privilege(d.oid, 'SELECT') END
        OR (d.relrowsecurity
            AND NOT us.rolbypassrls
            AND (d.relforcerowsecurity OR NOT pg_catalog.pg_has_role(d.relowner, 'USAGE'))))
 UNION ALL
SELECT 'large objects'
 WHERE EXISTS (
       SELECT
         FROM pg_catalog.pg_largeobject_metadata AS l
        CROSS JOIN us
        WHERE NOT us.rolsuper
          AND NOT pg_catalog.pg_has_role(l.lomowner, 'USAGE')
          AND pg_catalog.current_setting('lo_compat_privileges') = 'off'
          AND NOT EXISTS (
              SELECT
                FROM pg_catalog.aclexplode(l.lomacl) AS a
               WHERE a.privilege_type = 'SELECT'
                 AND CASE a.grantee WHEN 0 THEN true ELSE pg_catalog.pg_has_role(a.grantee, 'USAGE') END))
 ORDER BY 1
