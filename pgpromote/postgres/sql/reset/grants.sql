-- The REVOKEs and GRANTs that turn the ACL of a new schema into the present one, in an order that works:
-- who has the right from the owner comes before those who have it from him.
-- "lost_grantor" is the giver whose place the owner takes: we cannot act for him, or he may no longer give (depth is NULL).
WITH RECURSIVE schema AS (
    SELECT n.nspname, n.nspowner, n.nspacl
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname = %(schema)s
), wanted AS (
    SELECT a.grantor, a.grantee, a.privilege_type, a.is_grantable
      FROM schema AS s
     CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(s.nspacl, pg_catalog.acldefault('n', s.nspowner))) AS a
), given AS (
    -- ALTER DEFAULT PRIVILEGES ... ON SCHEMAS of the owner also reaches the new schema
    SELECT a.grantor, a.grantee, a.privilege_type, a.is_grantable
      FROM schema AS s
      LEFT JOIN pg_catalog.pg_default_acl AS d
             ON d.defaclrole = s.nspowner AND d.defaclnamespace = 0 AND d.defaclobjtype = 'n'
     CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(d.defaclacl, pg_catalog.acldefault('n', s.nspowner))) AS a
), chain AS (
    SELECT w.grantor, w.grantee, w.privilege_type, w.is_grantable, 0 AS depth
      FROM wanted AS w
     WHERE w.grantor = (SELECT s.nspowner FROM schema AS s)
     UNION ALL
    SELECT w.grantor, w.grantee, w.privilege_type, w.is_grantable, c.depth + 1
      FROM wanted AS w
      JOIN chain AS c ON c.grantee = w.grantor AND c.privilege_type = w.privilege_type AND c.is_grantable
     WHERE w.grantor <> (SELECT s.nspowner FROM schema AS s)
), missing AS (
    SELECT * FROM wanted EXCEPT SELECT * FROM given
), surplus AS (
    SELECT * FROM given EXCEPT SELECT * FROM wanted
), change AS (
    SELECT 'REVOKE' AS verb, -1 AS depth, x.grantor, x.grantee, x.privilege_type, x.is_grantable
      FROM surplus AS x
     UNION ALL
    SELECT 'GRANT', pg_catalog.max(c.depth), m.grantor, m.grantee, m.privilege_type, m.is_grantable
      FROM missing AS m
      LEFT JOIN chain AS c USING (grantor, grantee, privilege_type, is_grantable)
     GROUP BY m.grantor, m.grantee, m.privilege_type, m.is_grantable
), named AS (
    SELECT c.*,
           s.nspname,
           g.rolname AS grantor_name,
           CASE WHEN c.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END AS grantee_name,
           c.grantor = s.nspowner AS by_owner,
           c.grantor <> s.nspowner
               AND c.depth IS NOT NULL
               AND pg_catalog.pg_has_role(SESSION_USER, c.grantor, %(become)s) AS by_grantor
      FROM change AS c
     CROSS JOIN schema AS s
      JOIN pg_catalog.pg_roles AS g ON g.oid = c.grantor
      LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = c.grantee
     WHERE c.grantee = 0 OR r.oid IS NOT NULL
)
SELECT step.sql,
       step.why,
       CASE WHEN NOT n.by_owner AND NOT n.by_grantor THEN n.grantor_name::text END AS lost_grantor
  FROM named AS n
 CROSS JOIN LATERAL (
        VALUES (1, CASE WHEN n.by_grantor THEN pg_catalog.format('SET LOCAL ROLE %%I', n.grantor_name) END,
                'the next right was given by this role'),
               (2, CASE n.verb
                     WHEN 'GRANT' THEN pg_catalog.format('GRANT %%s ON SCHEMA %%I TO %%s%%s', n.privilege_type, n.nspname,
                                           n.grantee_name, CASE WHEN n.is_grantable THEN ' WITH GRANT OPTION' END)
                     ELSE pg_catalog.format('REVOKE %%s ON SCHEMA %%I FROM %%s', n.privilege_type, n.nspname, n.grantee_name)
                   END,
                CASE n.verb WHEN 'GRANT' THEN 'the same right as before' ELSE 'a new schema gives a right that this one did not' END),
               (3, CASE WHEN n.by_grantor THEN pg_catalog.format('SET LOCAL ROLE %%I', CURRENT_USER) END,
                'go on as ourselves')
       ) AS step (number, sql, why)
 WHERE step.sql IS NOT NULL
 ORDER BY n.depth, n.grantor_name, n.grantee_name, n.privilege_type, n.is_grantable, step.number
