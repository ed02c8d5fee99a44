-- The default privileges in the schema, one row per role, kind of object and grantee.
-- "ours": the server lets us change the role's default privileges.
SELECT r.rolname::text AS role,
       pg_catalog.pg_has_role(r.oid, 'USAGE') AS ours,
       k.kind,
       t.grantee,
       pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I IN SCHEMA %%I GRANT %%s ON %%s TO %%s%%s',
                         r.rolname, n.nspname,
                         pg_catalog.string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), k.kind, t.grantee,
                         CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END) AS sql
  FROM pg_catalog.pg_default_acl AS d
  JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
  JOIN pg_catalog.pg_roles AS r ON r.oid = d.defaclrole
  JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('T', 'TYPES')) AS k (code, kind)
    ON k.code = d.defaclobjtype::text
 CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
  JOIN (SELECT 0::oid, 'PUBLIC'
         UNION ALL
        SELECT g.oid, pg_catalog.quote_ident(g.rolname) FROM pg_catalog.pg_roles AS g) AS t (oid, grantee)
    ON t.oid = a.grantee
 WHERE n.nspname = %(schema)s
 GROUP BY n.nspname, r.oid, r.rolname, k.kind, t.grantee, a.is_grantable
 ORDER BY r.rolname, k.kind, t.grantee, a.is_grantable
