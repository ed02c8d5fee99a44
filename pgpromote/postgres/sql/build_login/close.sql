-- The statements that take from the role "builder" every right on this database and on what an extension brought.
SELECT pg_catalog.format('REVOKE ALL ON %%s FROM %%I', o.target, b.name) AS sql,
       'the build login has nothing more to do here' AS why
  FROM (VALUES (%(builder)s)) AS b (name)
  JOIN pg_catalog.pg_roles AS r ON r.rolname = b.name
 CROSS JOIN LATERAL (
        SELECT 1, pg_catalog.format('DATABASE %%I', pg_catalog.current_database())
         UNION ALL
        SELECT 2, CASE WHEN d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                       THEN pg_catalog.format('SCHEMA %%s', i.identity)
                       ELSE pg_catalog.format('%%s %%s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, i.identity)
                  END
          FROM pg_catalog.pg_shdepend AS d
          JOIN pg_catalog.pg_depend AS e ON e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e'
          LEFT JOIN pg_catalog.pg_class AS c ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objid
         CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) AS i
         WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid AND d.deptype = 'a'
           AND d.dbid = (SELECT n.oid FROM pg_catalog.pg_database AS n WHERE n.datname = pg_catalog.current_database())
           AND (c.oid IS NOT NULL OR d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass)
       ) AS o (place, target)
 ORDER BY o.place, o.target
