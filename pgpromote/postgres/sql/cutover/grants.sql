-- Give the incoming database the ACL of the outgoing one; both have the same owner by now. Where they differ,
-- everything is revoked first (every chain of grants begins at the owner, so CASCADE takes them all), then
-- granted in an order that works: who has a right from the owner comes before those who have it from him.
-- Where we cannot act for the grantor, or he may no longer give, the owner gives the same right.
WITH RECURSIVE acl AS (
    SELECT d.oid, d.datname, d.datdba, a.grantor, a.grantee, a.privilege_type, a.is_grantable
      FROM pg_catalog.pg_database AS d
     CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS a
     WHERE d.oid IN (%(outgoing)s, %(incoming)s)
), wanted AS (
    SELECT a.grantor, a.grantee, a.privilege_type, a.is_grantable FROM acl AS a WHERE a.oid = %(outgoing)s
), present AS (
    SELECT a.grantor, a.grantee, a.privilege_type, a.is_grantable FROM acl AS a WHERE a.oid = %(incoming)s
), incoming AS (
    SELECT d.datname, d.datdba
      FROM pg_catalog.pg_database AS d
     WHERE d.oid = %(incoming)s
       AND (EXISTS (SELECT * FROM wanted EXCEPT SELECT * FROM present)
            OR EXISTS (SELECT * FROM present EXCEPT SELECT * FROM wanted))
), chain AS (
    SELECT w.*, 0 AS depth
      FROM wanted AS w
     WHERE w.grantor = (SELECT i.datdba FROM incoming AS i)
     UNION
    SELECT w.*, c.depth + 1
      FROM wanted AS w
      JOIN chain AS c ON c.grantee = w.grantor AND c.privilege_type = w.privilege_type AND c.is_grantable
     WHERE w.grantor <> (SELECT i.datdba FROM incoming AS i)
), change AS (
    SELECT DISTINCT 'REVOKE' AS verb, -1 AS depth, NULL::oid AS grantor, p.grantee, 'ALL' AS privilege_type, false AS is_grantable
      FROM present AS p
     UNION ALL
    SELECT 'GRANT', coalesce(pg_catalog.max(c.depth), 0), w.grantor, w.grantee, w.privilege_type, w.is_grantable
      FROM wanted AS w
      LEFT JOIN chain AS c USING (grantor, grantee, privilege_type, is_grantable)
     GROUP BY w.grantor, w.grantee, w.privilege_type, w.is_grantable
), named AS (
    SELECT c.verb, c.depth, c.privilege_type, c.is_grantable, i.datname, g.rolname AS grantor_name,
           CASE WHEN c.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END AS grantee_name,
           c.depth > 0 AND pg_catalog.pg_has_role(SESSION_USER, c.grantor, %(become)s) AS by_grantor
      FROM change AS c
     CROSS JOIN incoming AS i
      LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = c.grantor
      LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = c.grantee
     WHERE c.grantee = 0 OR r.oid IS NOT NULL
)
SELECT step.sql, step.why
  FROM named AS n
 CROSS JOIN LATERAL (
        VALUES (1, CASE WHEN n.by_grantor THEN pg_catalog.format('SET LOCAL ROLE %%I', n.grantor_name) END,
                'the next right was given by this role'),
               (2, CASE n.verb
                     WHEN 'GRANT' THEN pg_catalog.format('GRANT %%s ON DATABASE %%I TO %%s%%s', n.privilege_type, n.datname,
                                           n.grantee_name, CASE WHEN n.is_grantable THEN ' WITH GRANT OPTION' END)
                     ELSE pg_catalog.format('REVOKE %%s ON DATABASE %%I FROM %%s CASCADE', n.privilege_type, n.datname,
                                           n.grantee_name)
                   END,
                CASE n.verb WHEN 'GRANT' THEN 'the same right as before' ELSE 'the rights are given anew' END),
               (3, CASE WHEN n.by_grantor THEN pg_catalog.format('SET LOCAL ROLE %%I', CURRENT_USER) END,
                'go on as ourselves')
       ) AS step (number, sql, why)
 WHERE step.sql IS NOT NULL
 ORDER BY n.depth, n.grantor_name, n.grantee_name, n.privilege_type, n.is_grantable, step.number
