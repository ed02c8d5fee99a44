-- The rights on what a range type brings by itself, its constructors, which pg_dump does not write: the statements
-- that give them to a type that was restored. They belong to the first superuser, whoever makes the type.
WITH constructor AS (
    SELECT pg_catalog.concat(tn.nspname, '.', t.typname) AS range, p.proowner, p.proacl,
           pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, (
               SELECT pg_catalog.string_agg('IN ' || pg_catalog.format_type(a.type, NULL), ', ' ORDER BY a.number)
                 FROM pg_catalog.unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, number))) AS name
      FROM pg_catalog.pg_range AS r
      JOIN pg_catalog.pg_type AS t ON t.oid = r.rngtypid
      JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
      JOIN pg_catalog.pg_depend AS d
        ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (r.rngtypid, r.rngmultitypid)
       AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'i'
      JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE r.rngtypid >= 16384
       AND NOT EXISTS (
           SELECT
             FROM pg_catalog.pg_depend AS e
            WHERE e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND e.objid = r.rngtypid AND e.deptype = 'e')
)
SELECT c.range, step.statement
  FROM constructor AS c
 CROSS JOIN LATERAL (
        SELECT 1 AS number, pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', c.name) AS statement
         UNION ALL
        SELECT 2, pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %s%s', c.name,
                      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END,
                      CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END)
          FROM pg_catalog.aclexplode(coalesce(c.proacl, pg_catalog.acldefault('f', c.proowner))) AS a
          LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
         WHERE a.grantee <> c.proowner
           AND (a.grantee = 0 OR r.oid IS NOT NULL)
       ) AS step
 ORDER BY c.range, c.name, step.number, step.statement
