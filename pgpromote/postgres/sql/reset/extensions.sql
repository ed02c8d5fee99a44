-- The extensions that the reset takes, how to create each again, and whether we can.
-- "version" is the one to create: the present one while the server still offers it.
SELECT e.oid::bigint AS oid,
       e.extname::text AS name,
       e.extversion AS present_version,
       v.version,
       COALESCE(r.rolsuper OR v.trusted OR NOT v.superuser, false) AS creatable,
       pg_catalog.pg_has_role(e.extowner, 'USAGE') AS owned,
       pg_catalog.pg_get_userbyid(e.extowner)::text AS owner,
       CURRENT_USER::text AS new_owner,
       ARRAY(SELECT d.refobjid::bigint
               FROM pg_catalog.pg_depend AS d
              WHERE d.classid = e.tableoid
                AND d.objid = e.oid
                AND d.refclassid = e.tableoid
                AND d.refobjid = ANY (%(extensions)s::oid[])
              ORDER BY d.refobjid) AS requires,
       (SELECT pg_catalog.count(*)
          FROM pg_catalog.pg_depend AS d
          JOIN (SELECT c.tableoid, c.oid, c.relacl FROM pg_catalog.pg_class AS c
                 UNION ALL
                SELECT p.tableoid, p.oid, p.proacl FROM pg_catalog.pg_proc AS p
                 UNION ALL
                SELECT t.tableoid, t.oid, t.typacl FROM pg_catalog.pg_type AS t
                 UNION ALL
                SELECT n.tableoid, n.oid, n.nspacl FROM pg_catalog.pg_namespace AS n
                 UNION ALL
                SELECT l.tableoid, l.oid, l.lanacl FROM pg_catalog.pg_language AS l
                 UNION ALL
                SELECT f.tableoid, f.oid, f.fdwacl FROM pg_catalog.pg_foreign_data_wrapper AS f
                 UNION ALL
                SELECT s.tableoid, s.oid, s.srvacl FROM pg_catalog.pg_foreign_server AS s
               ) AS o (classid, objid, acl) ON o.classid = d.classid AND o.objid = d.objid
          LEFT JOIN pg_catalog.pg_init_privs AS i ON i.classoid = o.classid AND i.objoid = o.objid AND i.objsubid = 0
         WHERE d.refclassid = e.tableoid
           AND d.refobjid = e.oid
           AND d.deptype = 'e'
           AND o.acl IS DISTINCT FROM i.initprivs) AS changed_grants,
       pg_catalog.format('CREATE EXTENSION %%I SCHEMA %%I VERSION %%L', e.extname, n.nspname, v.version) AS sql
  FROM pg_catalog.pg_extension AS e
  JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
  JOIN pg_catalog.pg_roles AS r ON r.rolname = CURRENT_USER
  LEFT JOIN pg_catalog.pg_available_extensions AS a ON a.name = e.extname
  LEFT JOIN LATERAL (
        SELECT w.version, w.superuser, w.trusted
          FROM pg_catalog.pg_available_extension_versions AS w
         WHERE w.name = e.extname
           AND w.version IN (e.extversion, a.default_version)
         ORDER BY w.version = e.extversion DESC
         LIMIT 1
       ) AS v ON true
 WHERE e.oid = ANY (%(extensions)s::oid[])
 ORDER BY e.extname
