-- The default privileges, one row per role, schema ("" for the whole database) and kind of object.
-- A row for the whole database replaces what the server gives by itself ("builtin"); one for a schema adds to it.
SELECT r.rolname::text AS role,
       COALESCE(pg_catalog.quote_ident(n.nspname), '') AS schema,
       k.kind,
       COALESCE(own.grants, '[]') AS grants,
       COALESCE(builtin.grants, '[]') AS builtin
  FROM pg_catalog.pg_default_acl AS d
  JOIN pg_catalog.pg_roles AS r ON r.oid = d.defaclrole
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
  JOIN (VALUES ('r', 'r', 'TABLES'), ('S', 's', 'SEQUENCES'), ('f', 'f', 'ROUTINES'), ('T', 'T', 'TYPES'),
               ('n', 'n', 'SCHEMAS'), ('L', 'L', 'LARGE OBJECTS')) AS k (code, acl_code, kind)
    ON k.code = d.defaclobjtype::text
 CROSS JOIN LATERAL (
        SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                   pg_catalog.pg_get_userbyid(x.grantor),
                   CASE x.grantee WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(x.grantee) END,
                   x.privilege_type, x.is_grantable, ''))::text AS grants
          FROM pg_catalog.aclexplode(d.defaclacl) AS x
       ) AS own
 CROSS JOIN LATERAL (
        SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                   pg_catalog.pg_get_userbyid(x.grantor),
                   CASE x.grantee WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(x.grantee) END,
                   x.privilege_type, x.is_grantable, ''))::text AS grants
          FROM pg_catalog.aclexplode(pg_catalog.acldefault(k.acl_code::"char", d.defaclrole)) AS x
         WHERE d.defaclnamespace = 0
       ) AS builtin
 ORDER BY r.rolname, n.nspname, k.kind
