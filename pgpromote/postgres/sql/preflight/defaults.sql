-- Default privileges of roles as which we may not act, and the statements that take them back; in the shape of
-- access.Defaults. Those for the whole database stand for what the server gives by itself, so what they lack of it
-- is given again. On PostgreSQL 15 "become" is MEMBER.
WITH held AS (
    SELECT d.oid, r.oid AS role, r.rolname, r.rolsuper, n.nspname, k.kind,
           d.defaclacl AS acl,
           CASE d.defaclnamespace WHEN 0 THEN pg_catalog.acldefault(k.acl_code::"char", d.defaclrole) END AS builtin
      FROM pg_catalog.pg_default_acl AS d
      JOIN pg_catalog.pg_roles AS r ON r.oid = d.defaclrole
      LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
      JOIN (VALUES ('r', 'r', 'TABLES'), ('S', 's', 'SEQUENCES'), ('f', 'f', 'ROUTINES'), ('T', 'T', 'TYPES'),
                   ('n', 'n', 'SCHEMAS'), ('L', 'L', 'LARGE OBJECTS')) AS k (code, acl_code, kind)
        ON k.code = d.defaclobjtype::pg_catalog.text
     WHERE NOT pg_catalog.pg_has_role(r.oid, 'USAGE')
       AND NOT pg_catalog.pg_has_role(r.oid, %(become)s)
), changed AS (
    SELECT h.oid, 'REVOKE' AS verb, 'FROM' AS word, x.grantee, x.privilege_type
      FROM held AS h
     CROSS JOIN LATERAL pg_catalog.aclexplode(h.acl) AS x
     WHERE (x.grantee, x.privilege_type) NOT IN (
               SELECT b.grantee, b.privilege_type FROM pg_catalog.aclexplode(h.builtin) AS b)
     UNION ALL
    SELECT h.oid, 'GRANT', 'TO', b.grantee, b.privilege_type
      FROM held AS h
     CROSS JOIN LATERAL pg_catalog.aclexplode(h.builtin) AS b
     WHERE (b.grantee, b.privilege_type) NOT IN (
               SELECT x.grantee, x.privilege_type FROM pg_catalog.aclexplode(h.acl) AS x)
), grouped AS (
    SELECT c.oid, c.verb, c.word, c.grantee,
           pg_catalog.string_agg(c.privilege_type, ', ' ORDER BY c.privilege_type) AS privileges
      FROM changed AS c
     GROUP BY c.oid, c.verb, c.word, c.grantee
)
SELECT h.rolname::pg_catalog.text AS role,
       h.rolsuper AS superuser,
       coalesce(h.nspname::pg_catalog.text, '') AS schema,
       h.kind,
       coalesce(pg_catalog.string_agg(
           'ALTER DEFAULT PRIVILEGES FOR ROLE ' || pg_catalog.quote_ident(h.rolname)
           || coalesce(' IN SCHEMA ' || pg_catalog.quote_ident(h.nspname), '')
           || ' ' || g.verb || ' ' || g.privileges || ' ON ' || h.kind || ' ' || g.word || ' '
           || CASE g.grantee WHEN 0 THEN 'PUBLIC'
                             ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END || ';',
           ' ' ORDER BY g.verb, g.grantee), '') AS undo
  FROM held AS h
  LEFT JOIN grouped AS g ON g.oid = h.oid
 GROUP BY h.oid, h.rolname, h.rolsuper, h.nspname, h.kind
 ORDER BY h.rolname, h.nspname, h.kind
