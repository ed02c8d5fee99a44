-- The schema itself, and what we may do with it. On PostgreSQL 15 "become" is MEMBER, later SET.
SELECT pg_catalog.quote_ident(n.nspname) AS identity,
       pg_catalog.pg_get_userbyid(n.nspowner)::text AS owner,
       pg_catalog.pg_has_role(n.nspowner, 'USAGE') AS owned,
       pg_catalog.pg_has_role(n.nspowner, %(become)s) AS can_become_owner,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS can_create,
       (SELECT e.extname::text
          FROM pg_catalog.pg_depend AS d
          JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
         WHERE d.classid = n.tableoid
           AND d.objid = n.oid
           AND d.refclassid = e.tableoid
           AND d.deptype = 'e') AS extension
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname = %(schema)s
