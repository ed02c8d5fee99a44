-- What the session's own role is and has on the server, and what the role "promoter" may do with it. Asked in any
-- database: roles and owners are the server's. What it owns in the shadow of another promotion is that one's matter.
WITH us AS (
    SELECT r.* FROM pg_catalog.pg_roles AS r WHERE r.rolname = SESSION_USER
), owned AS (
    SELECT d.dbid, d.classid, d.objid, b.datname::text AS database
      FROM us
      JOIN pg_catalog.pg_shdepend AS d ON d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = us.oid
      LEFT JOIN pg_catalog.pg_database AS b ON b.oid = d.dbid
     WHERE d.deptype = 'o'
)
SELECT us.rolname::text AS "user",
       ARRAY(SELECT p.power
               FROM (VALUES ('SUPERUSER', us.rolsuper), ('CREATEDB', us.rolcreatedb), ('CREATEROLE', us.rolcreaterole),
                            ('REPLICATION', us.rolreplication), ('BYPASSRLS', us.rolbypassrls)) AS p (power, has)
              WHERE p.has) AS powers,
       ARRAY(SELECT r.rolname::text
               FROM pg_catalog.pg_auth_members AS m
               JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid
              WHERE m.member = us.oid
              ORDER BY 1) AS memberships,
       ARRAY(SELECT DISTINCT coalesce('something in the database ' || o.database,
                                      pg_catalog.pg_describe_object(o.classid, o.objid, 0)) AS what
               FROM owned AS o
              WHERE o.database !~ '__shadow_[0-9a-f]{{8}}$' OR o.dbid = 0
              ORDER BY what) AS owned,
       coalesce((SELECT pg_catalog.pg_has_role(p.oid, us.oid, %(become)s) AND pg_catalog.pg_has_role(p.oid, us.oid, 'USAGE')
                   FROM pg_catalog.pg_roles AS p
                  WHERE p.rolname = %(promoter)s), false) AS ours,
       ARRAY(SELECT t.spcname::text
               FROM pg_catalog.pg_tablespace AS t
              WHERE pg_catalog.has_tablespace_privilege(t.oid, 'CREATE')) AS tablespaces
  FROM us
